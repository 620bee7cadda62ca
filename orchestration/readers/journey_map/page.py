"""
Write the journey map of a release: a self-contained HTML page without any script.

The page may load nothing (content security policy `default-src 'none'`), so it can be mailed and
archived; the language is switched by the style sheet.
"""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
from markupsafe import Markup

from orchestration.base.rendering import templates
from orchestration.readers.journey_map import drawing
from orchestration.readers.journey_map.reading import FEW, SMALLEST, Content, Label, Row, few, read

NOTHING = "–"


def number(value: Any, digits: int = 0) -> str:
    """A number with thousands separators, or a dash for null."""
    if value is None:
        return NOTHING
    return value if isinstance(value, str) else f"{value:,.{digits}f}"


def percent(value: float | Decimal | None, digits: int = 0) -> str:
    """A share as a percentage, or a dash for null."""
    return NOTHING if value is None else f"{value * 100:.{digits}f}%"


def points(value: float | Decimal | None) -> str:
    """A change of a share in percentage points, signed."""
    return NOTHING if value is None else f"{value * 100:+.1f}"


def day(value: date | datetime | None) -> str:
    """A date, ISO 8601."""
    return NOTHING if value is None else value.strftime("%Y-%m-%d")


def kpi_value(row: Row, key: str) -> str:
    """A value of a KPI in its unit; one of too few cases is not shown."""
    value = row[key]
    if row["denominator"] is not None and 0 < row["denominator"] < SMALLEST:
        return FEW
    if value is None:
        return NOTHING
    if row["unit"] in ("share", "rate"):
        return percent(value, 1)
    return number(value, 0 if row["unit"] in ("count", "amount") else 1)


def gap(row: Row) -> Markup:
    """How far a KPI is from its target, signed, in its unit (shares in points); a dash for null."""
    value = row["gap_to_target"]
    if value is None:
        return Markup(NOTHING)
    if row["unit"] in ("share", "rate"):
        text = points(value)
    else:
        text = f"{value:+,.{0 if row['unit'] in ('count', 'amount') else 1}f}"
    is_good = value >= 0 if row["direction"] == "up" else value <= 0
    return Markup('<span class="{}">{}</span>').format("good" if is_good else "warn", text)


def label(row: Row) -> Label:
    """The label of a row that has one."""
    return Label(row["name_ja"], row["name_en"])


def conversion(stage: Row) -> float | None:
    """Share of the journeys that reached the stage and went on; None for too few."""
    reached = stage["reached"] or 0
    return stage["went_on"] / reached if reached >= SMALLEST else None


def tree(kpis: list[Row]) -> list[Row]:
    """KPIs that have a value, each with its children; a child of an empty one moves up."""
    by_name = {row["kpi"]: row for row in kpis}
    shown = {row["kpi"] for row in kpis if row["kpi_value"] is not None}
    children: dict[str | None, list[Row]] = {}
    for row in kpis:
        if row["kpi"] not in shown:
            continue
        parent = row["parent_kpi"]
        seen = {row["kpi"]}
        while parent is not None and parent not in shown:
            seen.add(parent)
            parent = by_name[parent]["parent_kpi"] if parent in by_name else None
            if parent in seen:
                parent = None
        children.setdefault(parent, []).append(row)

    def grow(parent: str | None) -> list[Row]:
        return [{**row, "children": grow(row["kpi"])} for row in children.get(parent, [])]

    return grow(None)


def pictures(content: Content) -> dict[str, Markup]:
    """Every picture of the page, by block."""
    stages = content.stages
    funnel = [
        (
            label(stage),
            float(stage["reached"] or 0),
            number(few(stage["reached"]))
            + (f" → {percent(conversion(stage))}" if stage is not stages[-1] else ""),
            float(stage["dropped"] or 0),
        )
        for stage in stages
        if stage["reached"]
    ]
    cells = {
        (row["cohort_month_date"].strftime("%Y-%m"), row["month_number_since"]): row[
            "ordering_rate"
        ]
        for row in content.cohorts
    }
    sizes = {
        row["cohort_month_date"].strftime("%Y-%m"): row["cohort_customer_count"]
        for row in content.cohorts
    }
    value = [
        (label(row), max(float(row["paid"]), 0.0), number(row["paid"]), float(row["at_risk"]))
        for row in content.value_stages
    ]
    spread = [
        (
            label(row),
            float(row["lowest_credit"]),
            float(row["highest_credit"]),
            row["is_rank_method_dependent"],
            f"{number(row['lowest_credit'], 1)} – {number(row['highest_credit'], 1)}",
        )
        for row in content.channels
    ]
    return {
        "satisfaction": drawing.satisfaction(Label("満足度", "Satisfaction"), stages),
        "funnel": drawing.bars(Label("ファネル", "Funnel"), funnel),
        "flows": drawing.flows(Label("ステージ遷移", "Moves"), stages, content.transitions),
        "cohorts": drawing.heat_map(Label("コホート継続率", "Retention"), cells, sizes),
        "value": drawing.bars(Label("価値ステージ別売上", "Revenue by value stage"), value),
        "spread": drawing.ranges(Label("手法による幅", "Spread of methods"), spread),
    }


def render(connection: duckdb.DuckDBPyConnection, schema: str = "marts") -> str:
    """The page of the release that `connection` has open, as HTML text."""
    content = read(connection, schema)
    environment = templates(Path(__file__).parent)
    environment.filters.update(number=number, percent=percent, points=points, day=day, few=few)
    currency = content.release["reporting_currency_code"]
    return environment.get_template("page.html.j2").render(
        content=content,
        release=content.release,
        pictures=pictures(content),
        stages=[{**stage, "conversion": conversion(stage)} for stage in content.stages],
        tree=tree(content.kpis),
        kpi_month=content.kpis[0]["month_start_date"] if content.kpis else None,
        kpi_value=kpi_value,
        gap=gap,
        attainment=drawing.attainment,
        currency=currency,
        language="ja" if currency == "JPY" else "en",
        smallest=SMALLEST,
    )
