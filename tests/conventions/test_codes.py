"""Every stable code has a test that shows it and a line in the runbook that says what to do."""

from __future__ import annotations

import csv
import re
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
CODE = re.compile(r"\b[FR]_[A-Z]+(?:_[A-Z]+)*\b")


def codes_in(*folders: str) -> set[str]:
    return {
        code
        for folder in folders
        for path in (ROOT / folder).rglob("*.py")
        if path != Path(__file__)
        for code in CODE.findall(path.read_text("utf-8"))
    }


@pytest.mark.parametrize("code", sorted(codes_in("orchestration")))
def test_a_code_is_documented_and_tested(code: str) -> None:
    assert f"`{code}`" in (ROOT / "docs" / "runbook.md").read_text("utf-8")
    assert code in codes_in("tests")


def test_the_runbook_knows_no_code_that_is_gone() -> None:
    runbook = set(CODE.findall((ROOT / "docs" / "runbook.md").read_text("utf-8")))
    assert runbook <= codes_in("orchestration")


def test_kinds_of_drift_are_documented_and_tested() -> None:
    source = (ROOT / "orchestration" / "loading" / "drift.py").read_text("utf-8")
    kinds = set(re.findall(r'Finding\(\s*"([a-z_]+)"', source))
    kinds |= set(re.findall(r'"(new_value|changed_[a-z]+)"', source))
    assert len(kinds) == 11
    runbook = (ROOT / "docs" / "runbook.md").read_text("utf-8")
    tests = (ROOT / "tests" / "unit" / "test_drift.py").read_text("utf-8")
    for kind in kinds:
        assert f"`{kind}`" in runbook and f'"{kind}"' in tests, kind


def test_every_kpi_of_the_catalogue_is_a_column_of_the_wide_mart() -> None:
    with (ROOT / "seeds" / "kpi_definitions.csv").open(encoding="utf-8") as rows:
        catalogue = {row["kpi"]: row for row in csv.DictReader(rows)}
    models = yaml.safe_load(
        (ROOT / "dbt_project/models/marts/kpis/_kpis__models.yml").read_text("utf-8")
    )["models"]
    (wide,) = [model for model in models if model["name"] == "kpi_monthly_wide"]
    labels = {
        column["name"].removeprefix("kpi_"): (
            column["config"]["meta"]["label_ja"],
            column["config"]["meta"]["label_en"],
        )
        for column in wide["columns"]
        if column["data_type"].startswith("decimal")
    }
    assert set(labels) == set(catalogue)
    for kpi, row in catalogue.items():
        assert labels[kpi] == (row["name_ja"], row["name_en"]), kpi
