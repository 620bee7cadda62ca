"""The Superset dashboards' datasets and charts as SQL on a release, without Superset itself."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest

from orchestration.readers.superset_charts import (
    CHARTS,
    DATASETS,
    FILTERS,
    LANGUAGES,
    VALUE_SQL,
    Chart,
)
from tests.conftest import read_release

CURRENCY = "JPY"
LABELS = ("persona", "channel", "stage", "from_stage", "to_stage", "touchpoint", "value_stage",
          "unit", "kpi", "series")  # fmt: skip


@pytest.fixture(scope="module")
def release(sample_home: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    with read_release(sample_home) as connection:
        yield connection


def splits(chart: Chart) -> list[str]:
    """Every column that a chart is split by."""
    further = [chart.extra[name] for name in ("x_axis", "groupby") if name in chart.extra]
    return list(dict.fromkeys([*chart.columns, *further]))


@pytest.mark.parametrize("language", range(len(LANGUAGES)), ids=LANGUAGES)
@pytest.mark.parametrize("name", DATASETS)
def test_a_dataset_has_its_columns_and_labels_in_the_place_of_codes(
    release: duckdb.DuckDBPyConnection, name: str, language: int
) -> None:
    columns = DATASETS[name].columns
    query = DATASETS[name].sql(language, CURRENCY)
    described = {row[0] for row in release.execute(f"describe {query}").fetchall()}
    assert described == set(columns)
    labels = [column for column in LABELS if column in columns]
    lists = "".join(f", list(distinct {column}) filter ({column} is not null)" for column in labels)
    ((count, *row),) = release.execute(f"select count(*){lists} from ({query})").fetchall()
    assert count
    codes = {
        code
        for (code,) in release.execute(
            "select code from marts.dim_labels where code_type in ('persona', 'touchpoint_type', "
            "'value_stage') union select channel from marts.dim_channels "
            "union select stage from marts.dim_stages union select '(not set)' union select 'all'"
        ).fetchall()
    }
    for column, told in zip(labels, row, strict=True):
        assert told and not set(told) & (codes - {"SMS"}), column
        assert not any("<" in value for value in told), column
        assert column not in ("persona", "channel") or len(told) > 2, column


@pytest.mark.parametrize("chart", CHARTS, ids=[chart.name for chart in CHARTS])
def test_a_chart_says_which_filters_cannot_split_it(
    chart: Chart,
) -> None:
    source = DATASETS[chart.dataset]
    can = {name for name in ("persona", "channel") if name in source.columns}
    can |= {"period"} if source.day else set()
    if chart.name == "nps":  # an answer of a survey has no channel
        can -= {"channel"}
    assert set(chart.not_by) == set(FILTERS) - can


@pytest.mark.parametrize("chart", CHARTS, ids=[chart.name for chart in CHARTS])
def test_both_languages_of_a_chart_have_the_same_numbers(
    release: duckdb.DuckDBPyConnection, chart: Chart
) -> None:
    numbers = []
    for language in range(len(LANGUAGES)):
        metrics = ", ".join(metric.sql for metric in (*chart.metrics, *chart.beside)) or "1"
        rows = release.execute(
            f"select {', '.join(splits(chart))}, {metrics} "
            f"from ({DATASETS[chart.dataset].sql(language, CURRENCY)}) "
            f"where {chart.where or 'true'} group by all"
        ).fetchall()
        assert rows and any(value is not None for value in rows[0])
        # A mean depends on the order of its rows in the last digit.
        told = [[round(v, 9) if isinstance(v, float) else v for v in row] for row in rows]
        numbers.append(sorted(str(row[len(splits(chart)) :]) for row in told))
    assert numbers[0] == numbers[1]


def test_kpis_by_month_are_those_of_the_mart(release: duckdb.DuckDBPyConnection) -> None:
    """Values, targets and whether they were met, of every KPI that days add up to."""
    (targets,) = (chart for chart in CHARTS if chart.name == "targets")
    met = targets.metrics[-1].sql
    told = {
        (kpi, month): values
        for kpi, month, *values in release.execute(
            f"select kpi_code, month, {VALUE_SQL}, max(target), {met} "
            f"from ({DATASETS['kpis'].sql(1, CURRENCY)}) group by all"
        ).fetchall()
    }
    expected = {
        (kpi, month): values
        for kpi, month, *values in release.execute(
            """
            select kpi, strftime(month_start_date, '%Y-%m'), kpi_value, target,
                case
                    when gap_to_target is null then null
                    when case direction when 'up' then 1 else -1 end * gap_to_target >= 0 then '○'
                    else '×'
                end
            from marts.kpi_monthly
            inner join marts.dim_kpis using (kpi)
            where dimension = 'all'
                and kpi in (select kpi from marts.kpi_sums_daily)
            """
        ).fetchall()
    }
    assert len(expected) > 1000 and set(told) <= set(expected)
    for key, (value, target, is_met) in expected.items():
        if key in told:
            assert told[key][0] == (value and pytest.approx(float(value), abs=1e-6)), key
            assert told[key][1:] == [target, is_met], key
        else:
            assert not value, key
