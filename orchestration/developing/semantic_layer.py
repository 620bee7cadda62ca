"""
Write the semantic layer from the KPI catalogue.

`seeds/kpi_definitions.csv` is the only home of a KPI's formula; this writes the MetricFlow YAML
that says the same, `dbt_project/models/marts/kpis/_kpis__semantic_models.yml`. A test compares the
two.
"""

from __future__ import annotations

import csv
from typing import Any

import yaml

from orchestration.settings import DBT_PROJECT_DIR, SEEDS_DIR

CATALOGUE = SEEDS_DIR / "kpi_definitions.csv"
MEASURES = SEEDS_DIR / "kpi_measures.csv"
TARGET = DBT_PROJECT_DIR / "models" / "marts" / "kpis" / "_kpis__semantic_models.yml"
HEAD = "# Written by `make semantic` from seeds/kpi_definitions.csv; edit the seed.\n"
DIMENSIONS = ("channel", "persona", "device_type", "measure")


def measures_that(trait: str) -> set[str]:
    """Measures of which the seed says so."""
    with MEASURES.open(encoding="utf-8", newline="") as stream:
        return {row["measure"] for row in csv.DictReader(stream) if row[trait] == "true"}


def catalogue() -> list[dict[str, str]]:
    """KPIs, each by its newest version; uniques of a period are no sums of days, which it knows."""
    uniques = measures_that("is_distinct")
    newest: dict[str, dict[str, str]] = {}
    with CATALOGUE.open(encoding="utf-8", newline="") as stream:
        for row in sorted(csv.DictReader(stream), key=lambda row: row["valid_from"]):
            newest[row["kpi"]] = row
    return [
        kpi
        for _, kpi in sorted(newest.items())
        if not uniques & {kpi["numerator_measure"], kpi["denominator_measure"]}
    ]


def quantity(measure: str) -> str:
    """Name of the semantic measure that sums a measure of the catalogue."""
    return f"{measure}_quantity"


def semantic_model(kpis: list[dict[str, str]]) -> dict[str, Any]:
    """One measure per numerator and denominator, over the finest sums."""
    names = {kpi[side] for kpi in kpis for side in ("numerator_measure", "denominator_measure")}
    return {
        "name": "kpi_measures",
        "model": "ref('fct_kpi_measures')",
        "description": "Numerators and denominators of KPIs by day, channel, persona and device.",
        "defaults": {"agg_time_dimension": "kpi_date"},
        "entities": [{"name": "kpi_measure", "type": "primary", "expr": "kpi_measure_id"}],
        "dimensions": [
            {"name": "kpi_date", "type": "time", "type_params": {"time_granularity": "day"}},
            *({"name": name, "type": "categorical"} for name in DIMENSIONS),
        ],
        "measures": [
            {
                "name": quantity(name),
                "agg": "sum",
                "expr": f"case when measure = '{name}' then quantity end",
            }
            for name in sorted(names - {""})
        ],
    }


def metrics(kpi: dict[str, str]) -> list[dict[str, Any]]:
    """The metric of a KPI, and the parts that it needs."""
    numerator, denominator = kpi["numerator_measure"], kpi["denominator_measure"]
    head = {
        "label": f"{kpi['name_ja']} / {kpi['name_en']}",
        "description": f"{kpi['name_en']}; stage {kpi['stage']}, owner {kpi['owner_department']}.",
    }

    def simple(name: str, measure: str, head: dict[str, Any]) -> dict[str, Any]:
        return {
            "name": name,
            **head,
            "type": "simple",
            "type_params": {"measure": quantity(measure)},
        }

    def part(side: str) -> dict[str, Any]:
        # Of the KPI's metric, and listed nowhere: see orchestration/readers/metrics.py.
        return {"label": f"{kpi['name_en']}: {side}", "config": {"meta": {"is_part": True}}}

    if not denominator:
        return [simple(kpi["kpi"], numerator, head)]
    factor = float(kpi["multiplier"] or 1)
    least = kpi["minimum_denominator"]
    if least in ("", "0"):
        condition = "{numerator} / nullif({denominator}, 0)"
    else:
        condition = f"case when {{denominator}} >= {least} then {{numerator}} / {{denominator}} end"
    upper, lower = f"{kpi['kpi']}_numerator", f"{kpi['kpi']}_denominator"
    absent_is_unknown = numerator in measures_that("is_unknown_when_absent")
    value = f"{upper}::double" if absent_is_unknown else f"coalesce({upper}, 0)::double"
    expression = condition.format(numerator=value, denominator=lower)
    return [
        simple(upper, numerator, part("numerator")),
        simple(lower, denominator, part("denominator")),
        {
            "name": kpi["kpi"],
            **head,
            "type": "derived",
            "type_params": {
                "expr": expression if factor == 1 else f"{factor:g} * ({expression})",
                "metrics": [{"name": upper}, {"name": lower}],
            },
        },
    ]


def text() -> str:
    """The YAML as it should stand in the project."""
    kpis = catalogue()
    body = {
        "semantic_models": [semantic_model(kpis)],
        "metrics": [metric for kpi in kpis for metric in metrics(kpi)],
    }
    return HEAD + yaml.safe_dump(body, sort_keys=False, allow_unicode=True, width=100)


if __name__ == "__main__":
    TARGET.write_text(text(), "utf-8")
    print(f"written to {TARGET}")
