"""Expected lifetime value: parameters and futures of simulated customers, and of real ones."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from tests.conftest import ROOT, python_model

LIFETIME = python_model("int_customers_valued")


def summary(days: pd.DataFrame, cutoff: float, horizon: int) -> pd.DataFrame:
    """Customers as the model wants them, of order days (`person_id`, `day`, `amount`)."""
    known = days[days["day"] <= cutoff].copy()
    known["first"] = known.groupby("person_id")["day"].transform("min")
    repeats = known[known["day"] > known["first"]].groupby("person_id")["amount"]
    found = known.groupby("person_id").agg(
        repeat_count=("day", lambda d: len(d) - 1), last=("day", "max"), first=("day", "min")
    )
    found["recency_days"] = found["last"] - found["first"]
    found["age_days"] = cutoff - found["first"]
    found["repeat_amount"] = repeats.mean().reindex(found.index).fillna(0.0)
    later = days[(days["day"] > cutoff) & (days["day"] <= cutoff + horizon)]
    by_person = later.groupby("person_id")["amount"]
    found["actual_count"] = by_person.size().reindex(found.index).fillna(0)
    found["actual_amount"] = by_person.sum().reindex(found.index).fillna(0)
    return found.assign(sample="now", horizon_days=horizon).reset_index()


@pytest.fixture(scope="module")
def simulated() -> pd.DataFrame:
    """Order days of 6,000 customers over two years, by the models' own story."""
    generator = np.random.default_rng(3)
    r, alpha, a, b = 0.8, 6.0, 1.5, 4.0
    p, q, v = 6.0, 4.0, 15.0
    rows = []
    for person in range(6000):
        rate = generator.gamma(r, 1 / alpha)
        leaves = generator.beta(a, b)
        level = generator.gamma(q, 1 / v)
        day = first = float(generator.integers(0, 90))
        while day < 730:
            rows.append((f"p{person:05}", np.floor(day), generator.gamma(p, 1 / level)))
            if day > first and generator.random() < leaves:
                break
            day += max(1.0, generator.exponential(1 / rate) * 7)
    return pd.DataFrame(rows, columns=["person_id", "day", "amount"])


def test_finds_the_parameters_of_simulated_customers(simulated: pd.DataFrame) -> None:
    customers = summary(simulated, 365, 180)
    r, alpha, a, b = LIFETIME.fit_orders(customers)
    assert r / alpha == pytest.approx(0.8 / 6.0, rel=0.15)
    assert a / (a + b) == pytest.approx(1.5 / 5.5, rel=0.2)
    p, q, v = LIFETIME.fit_spend(customers[customers["repeat_count"] > 0])
    assert p * v / (q - 1) == pytest.approx(6.0 * 15.0 / 3.0, rel=0.1)


def test_foresees_what_simulated_customers_spend(simulated: pd.DataFrame) -> None:
    customers = summary(simulated, 365, 180)
    customers = customers.assign(sample="backtest")
    found = LIFETIME.value_customers(customers).merge(customers, on="person_id")
    assert found["expected_orders"].sum() == pytest.approx(found["actual_count"].sum(), rel=0.1)
    assert found["expected_amount"].sum() == pytest.approx(found["actual_amount"].sum(), rel=0.1)
    # Those of whom more is expected do order more.
    ordered = found.sort_values("expected_orders")
    tenths = np.array_split(ordered["actual_count"].to_numpy(), 10)
    assert tenths[-1].mean() > 5 * tenths[0].mean()


def test_a_new_customer_is_worth_the_average_rate() -> None:
    """With one order today, E = (a + b - 1) / (a - 1) (1 - (alpha / (alpha + t))^r 2F1(...))."""
    customers = pd.DataFrame({"repeat_count": [0], "recency_days": [0], "age_days": [0]})
    found = LIFETIME.expected_orders(np.array([0.243, 4.414, 0.793, 2.426]), customers, 39 * 7)
    # By hand with the published parameters of CDNOW, integrated numerically over rate and chance.
    generator = np.random.default_rng(5)
    rates = generator.gamma(0.243, 1 / 4.414, 400_000)
    leaves = generator.beta(0.793, 2.426, 400_000)
    integrated = ((1 - np.exp(-leaves * rates * 39)) / leaves).mean()
    assert found[0] == pytest.approx(integrated, rel=0.02)


def test_too_few_customers_get_no_value() -> None:
    customers = pd.DataFrame(
        {"sample": "now", "person_id": ["a"], "repeat_count": [3], "recency_days": [9],
         "age_days": [10], "repeat_amount": [5.0], "horizon_days": [180]}
    )  # fmt: skip
    found = LIFETIME.value_customers(customers)
    assert list(found.columns) == LIFETIME.COLUMNS
    assert found["model_fitness"].tolist() == ["too_few_customers"]
    assert found[["expected_orders", "expected_amount"]].isna().all(axis=None)
    assert LIFETIME.value_customers(customers[:0]).empty


def both(days: pd.DataFrame, cutoff: float, horizon: int) -> pd.DataFrame:
    """The sample of now at the cutoff, and that of the back-test one horizon earlier."""
    earlier = summary(days, cutoff - horizon, horizon).assign(sample="backtest")
    return pd.concat([summary(days, cutoff, horizon), earlier], ignore_index=True)


def fitness(customers: pd.DataFrame) -> dict[str, set[str]]:
    found = LIFETIME.value_customers(customers)
    unfit = found[(found["sample"] == "now") & (found["model_fitness"] != "fit")]
    assert unfit[["expected_orders", "expected_amount"]].isna().all(axis=None)
    return {name: set(rows["model_fitness"]) for name, rows in found.groupby("sample")}


def test_what_is_expected_says_whether_it_is_fit_to_use(simulated: pd.DataFrame) -> None:
    customers = both(simulated, 545, 180)
    assert fitness(customers) == {"backtest": {"fit"}, "now": {"fit"}}
    # Everybody stopped buying when the back-test begins, or spends a third: what is expected now,
    # by the habits of then, is of no use.
    ended = customers.assign(actual_count=0, actual_amount=0.0)
    assert fitness(ended) == {"backtest": {"backtest_missed"}, "now": {"backtest_missed"}}
    thrifty = customers.assign(actual_amount=customers["actual_amount"] / 3)
    assert fitness(thrifty) == {"backtest": {"backtest_missed"}, "now": {"backtest_missed"}}
    assert fitness(customers[customers["sample"] == "now"]) == {"now": {"not_backtested"}}
    # Everybody comes back on each seventh day: no difference between customers can be found.
    clocks = pd.DataFrame(
        [(f"p{n:03}", float(day), 10.0) for n in range(200) for day in range(n % 7, 730, 7)],
        columns=["person_id", "day", "amount"],
    )
    found = fitness(both(clocks, 545, 180))
    assert found == {"backtest": {"degenerate_parameters"}, "now": {"degenerate_parameters"}}


def test_every_processor_expects_the_same(simulated: pd.DataFrame, tmp_path: Path) -> None:
    """
    The numerical library sums in another order on another processor, which a flat likelihood shows:
    260 customers, of whom nobody is more likely to leave than another.
    """
    customers = both(simulated[simulated["person_id"] < "p00260"], 545, 180)
    customers.to_pickle(tmp_path / "customers.pickle")
    program = (
        "import pandas; from tests.unit.test_lifetime_value import LIFETIME as it;"
        f"c = pandas.read_pickle({str(tmp_path / 'customers.pickle')!r});"
        "print(it.value_customers(c).to_csv());"
        "print([it.fit_orders(c[c['sample'] == n]) for n in ('now', 'backtest')])"
    )
    answers = {
        subprocess.run(
            [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True,
            env=os.environ | {"OPENBLAS_CORETYPE": kind},
        ).stdout
        for kind in ("Prescott", "Haswell")
    }  # fmt: skip
    assert len(answers) == 1
    assert ",fit," in answers.pop()


def test_foresees_what_real_customers_spent_afterwards(shared_data: Path) -> None:
    """UCI Online Retail: the model knows the first three fifths, and is asked about the rest."""
    files = sorted((shared_data / "online_retail").glob("*.csv.gz"))
    lines = pd.concat([pd.read_csv(f, dtype=str, encoding="utf-8-sig") for f in files])
    lines.columns = [name.strip().replace(" ", "") for name in lines.columns]
    lines = lines[lines["CustomerID"].notna() & ~lines["InvoiceNo"].str.startswith("C")]
    amount = lines["Quantity"].astype(float) * lines["UnitPrice"].astype(float)
    day = pd.to_datetime(lines["InvoiceDate"]).dt.normalize()
    days = pd.DataFrame(
        {
            "person_id": lines["CustomerID"],
            "day": (day - day.min()).dt.days.astype(float),
            "amount": amount,
        }
    )
    days = days[days["amount"] > 0].groupby(["person_id", "day"], as_index=False)["amount"].sum()
    cutoff = 0.6 * days["day"].max()
    customers = summary(days, cutoff, int(days["day"].max() - cutoff)).assign(sample="backtest")
    found = LIFETIME.value_customers(customers).merge(customers, on="person_id")
    assert len(found) > 1000
    assert found["expected_orders"].sum() == pytest.approx(found["actual_count"].sum(), rel=0.2)
    assert found["expected_amount"].sum() == pytest.approx(found["actual_amount"].sum(), rel=0.25)
