"""The semantic layer: the catalogue's YAML, and `mf query` on the release beside the KPI marts."""

from __future__ import annotations

import csv
import math
import re
from pathlib import Path

import pytest

from orchestration.developing import semantic_layer
from orchestration.readers.metrics import LIBRARIES
from tests.conftest import read_release, run_journey


def test_the_yaml_says_what_the_catalogue_says() -> None:
    assert semantic_layer.TARGET.read_text("utf-8") == semantic_layer.text(), "run `make semantic`"


def test_formulas_with_factor_and_least_denominator() -> None:
    kpi = {
        "kpi": "nps", "name_ja": "推奨度", "name_en": "NPS", "stage": "advocacy",
        "owner_department": "cx", "numerator_measure": "up", "denominator_measure": "all",
        "multiplier": "100", "minimum_denominator": "5",
    }  # fmt: skip
    (upper, lower, metric) = semantic_layer.metrics(kpi)
    assert (upper["name"], lower["name"]) == ("nps_numerator", "nps_denominator")
    assert metric["type_params"]["expr"] == (
        "100 * (case when nps_denominator >= 5 "
        "then coalesce(nps_numerator, 0)::double / nps_denominator end)"
    )


@pytest.mark.parametrize(
    ("grain", "slice_name", "mart", "date_column"),
    [
        ("month", None, "kpi_monthly", "month_start_date"),
        ("day", None, "kpi_daily", "kpi_date"),
        ("week", "channel", "kpi_weekly", "week_start_date"),
    ],
)
def test_mf_returns_the_numbers_of_the_kpi_marts(
    sample_home: Path, copied: Path, grain: str, slice_name: str | None, mart: str, date_column: str
) -> None:
    kpis = [kpi["kpi"] for kpi in semantic_layer.catalogue()]
    grouping = f"metric_time__{grain}"
    if slice_name:
        grouping += f",kpi_measure__{slice_name}"
    sheet = copied / f"{grain}-{slice_name}.csv"
    told = run_journey(
        "metrics", "query", "--metrics", ",".join(kpis),
        "--group-by", grouping, "--csv", str(sheet), home=copied,
    )  # fmt: skip
    assert told.returncode == 0, told.stdout + told.stderr
    found: dict[tuple[str, str, str], float] = {}
    with sheet.open(encoding="utf-8", newline="") as stream:
        for row in csv.DictReader(stream):
            value = row[f"kpi_measure__{slice_name}"] if slice_name else "all"
            for kpi in kpis:
                if row[kpi] not in ("", "nan", "None"):
                    found[kpi, row[f"metric_time__{grain}"][:10], value] = float(row[kpi])
    with read_release(sample_home) as release:
        expected = {
            (kpi, date, value): number
            for kpi, date, value, number in release.execute(
                f"select kpi, {date_column}::varchar, dimension_value, kpi_value from marts.{mart} "
                "where dimension = $1 and kpi_value is not null",
                [slice_name or "all"],
            ).fetchall()
            if kpi in kpis
        }
    assert len(expected) > 300 and len({kpi for kpi, _, _ in expected}) > 20
    assert expected.keys() <= found.keys()
    # Of a numerator that no source delivers the mart knows nothing, and MetricFlow says 0.
    assert {found[key] for key in found.keys() - expected.keys()} <= {0.0}
    wrong = {
        key: (found[key], number)
        for key, number in expected.items()
        # The mart rounds to six digits.
        if not math.isclose(found[key], number, rel_tol=1e-12, abs_tol=0.51e-6)
    }
    assert wrong == {}


@pytest.fixture(scope="module")
def copied(sample_home: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home of its own that has the sample's release; skips without MetricFlow."""
    if not LIBRARIES.exists():
        pytest.skip("MetricFlow is not installed: `make metricflow` and `make test` install it")
    home = tmp_path_factory.mktemp("metrics")
    (home / "published").symlink_to(sample_home / "published")
    return home


def test_without_a_release_it_says_so(copied: Path, tmp_path: Path) -> None:
    told = run_journey("metrics", "list", "metrics", home=tmp_path)
    assert told.returncode == 1 and "journey nightly" in told.stderr


def test_the_parts_of_a_metric_are_not_listed(copied: Path) -> None:
    told = run_journey("metrics", "list", "metrics", "--show-all-dimensions", home=copied)
    assert told.returncode == 0, told.stdout + told.stderr
    listed = set(re.findall(r"• (\w+)", told.stdout))
    assert listed == {kpi["kpi"] for kpi in semantic_layer.catalogue()}, told.stdout
