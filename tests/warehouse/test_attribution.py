"""The credits' own SQL on published conversion paths: first, last and linear to six digits."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from orchestration.developing.compiled import Project

SCALE = 1_000_000_000  # amounts are cents: billionths keep nine digits


@pytest.fixture(scope="module")
def credits(project: Project, shared_data: Path) -> pd.DataFrame:
    """Sums per method and channel; each aggregated path stands as one conversion of its weight."""
    paths = pd.read_csv(shared_data / "attribution" / "path_data.csv")
    paths = paths[paths["total_conversions"] > 0].reset_index(drop=True)
    assert paths["total_conversions"].sum() == 19_785
    weights = pd.DataFrame(
        {
            "conversion_id": paths.index.astype(str),
            "paid_amount": (paths["total_conversions"] * SCALE).astype("int64"),
            "paid_amount_reporting": (paths["total_conversion_value"] * SCALE).round(),
        }
    )
    assert len(weights) > 5_000
    touches = paths["path"].str.split(" > ").explode().reset_index()
    touches.columns = ["conversion_id", "channel"]
    by_path = touches.groupby("conversion_id")
    touches["touch_number"] = by_path.cumcount() + 1
    touches["touch_count"] = by_path["channel"].transform("size")
    touches["in_channel"] = touches.groupby(["conversion_id", "channel"])["channel"].transform(
        "size"
    )
    model = next(model for model in project.models if model.name == "fct_attribution_credits")
    with project.connect() as connection:
        connection.execute("""
            create table intermediate.int_conversions_unioned as
            select conversion_id, 'first_order' as conversion_type, 'p' as person_id,
                true as is_conversion, 'JPY' as currency_code,
                paid_amount::decimal(18, 2) as paid_amount,
                paid_amount_reporting::decimal(18, 2) as paid_amount_reporting,
                timestamp '2026-01-01' as occurred_at
            from weights
        """)
        connection.execute("""
            create table intermediate.int_conversion_touches_matched as
            select conversion_id::varchar as conversion_id, 'first_order' as conversion_type,
                conversion_id || '-' || touch_number as touchpoint_id, channel,
                null::varchar as campaign, 0.0::double as days_before, true as is_in_path,
                touch_number::integer as touch_number, touch_count::integer as touch_count,
                in_channel::integer as channel_touch_count
            from touches
        """)
        for name, columns in {
            "int_attribution_markov_valued": "removal_effect double",
            "int_attribution_shapley_valued": "rate_share double",
        }.items():
            connection.execute(
                f"create table intermediate.{name} "
                f"(conversion_type varchar, channel varchar, {columns})"
            )
        sql = model.full.replace("2001-02-03 04:05:06", "2026-12-31 00:00:00")
        return connection.execute(
            f"select method, channel, sum(paid_amount)::double / {SCALE} as conversions, "
            f"sum(paid_amount_reporting)::double / {SCALE} as amount from ({sql}) group by all"
        ).df()


@pytest.mark.parametrize("method", ["first", "last", "linear"])
def test_equals_the_published_results(
    credits: pd.DataFrame, shared_data: Path, method: str
) -> None:
    expected = pd.read_csv(
        shared_data / "attribution" / "expected_first_last_linear.csv", index_col=0
    )
    found = credits[credits["method"] == method].set_index("channel").loc[expected.index]
    # The published linear results are rounded to four digits.
    digits = 5e-5 if method == "linear" else 1e-6
    np.testing.assert_allclose(found["conversions"], expected[method], atol=digits, rtol=1e-9)
    if f"{method}_value" in expected:
        np.testing.assert_allclose(found["amount"], expected[f"{method}_value"], atol=5e-5)


def test_every_method_gives_away_everything(credits: pd.DataFrame) -> None:
    totals = credits.groupby("method")[["conversions", "amount"]].sum()
    assert len(totals) == 9
    np.testing.assert_allclose(totals["conversions"], 19_785, rtol=1e-12)
    np.testing.assert_allclose(totals["amount"], 74_802.97, rtol=1e-6)
