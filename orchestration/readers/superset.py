"""
The Superset dashboard as code: database, datasets, charts and dashboard in one importable file.

Table and column names, both labels and descriptions come from the dbt project's YAML, and the
charts from `CHARTS`. The file names the release by its constant path, so a new release is seen with
the next query. The database is opened read-only, without access to any other file, and locked.
"""

from __future__ import annotations

import json
import uuid
import zipfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from orchestration.base.release import DATABASE, SCHEMA
from orchestration.building.project import ensure_manifest
from orchestration.readers.dictionary import marts
from orchestration.rules.tables import CANONICAL_STAGE_MODEL
from orchestration.settings import Settings, load_settings

DATABASE_NAME = "journey"
NAMESPACE = uuid.UUID("7c1f2a52-6d0e-4a49-9a5e-3b1a5d0f7e11")  # so that an import replaces the last
CONNECT = {
    "read_only": True,
    "config": {
        "enable_external_access": "false",
        "autoinstall_known_extensions": "false",
        "autoload_known_extensions": "false",
        "memory_limit": "2GB",
        "threads": "1",
        "lock_configuration": "true",
    },
}


@dataclass(frozen=True)
class Chart:
    """
    One chart: a dataset, a picture, what it measures and what it is split by.

    `metrics` are SQL aggregates; `columns` are split by, or shown as they are where there is no
    metric; `where` compares a column with one value. `width` is of twelve columns.
    """

    name: str
    label: str
    dataset: str
    picture: str
    metrics: tuple[str, ...] = ()
    columns: tuple[str, ...] = ()
    where: dict[str, str] = field(default_factory=dict)
    width: int = 6
    height: int = 50
    extra: dict[str, Any] = field(default_factory=dict)


CHARTS = (
    Chart("revenue", "純入金額 / Revenue", "kpi_monthly", "echarts_timeseries_bar",
          ("sum(kpi_value)",), (), {"kpi": "revenue", "dimension": "all"},
          extra={"x_axis": "month_start_date", "time_grain_sqla": "P1M"}),
    Chart("conversions", "成約数(チャネル別) / Conversions by channel", "kpi_monthly",
          "echarts_timeseries_line", ("sum(kpi_value)",), ("dimension_value",),
          {"kpi": "conversions", "dimension": "channel"},
          extra={"x_axis": "month_start_date", "time_grain_sqla": "P1M"}),
    Chart("kpis", "KPI一覧 / KPIs", "kpi_monthly", "pivot_table_v2", ("max(kpi_value)",),
          (), {"dimension": "all"}, 12,
          extra={"groupbyRows": ["kpi"], "groupbyColumns": ["month_start_date"],
           "time_grain_sqla": "P1M", "aggregateFunction": "Maximum"}),
    Chart("funnel", "ファネル / Funnel", "kpi_funnel_monthly", "funnel", ("sum(reached_count)",),
          ("stage",), {"stage_model": CANONICAL_STAGE_MODEL, "dimension": "all"}),
    Chart("nps", "NPS", "kpi_feedback_monthly",
          "echarts_timeseries_line", ("max(metric_value)",), (),
          {"metric": "nps", "stage": "all", "persona": "all", "touchpoint_type": "all"},
          extra={"x_axis": "month_start_date", "time_grain_sqla": "P1M"}),
    Chart("cohorts", "コホート継続率 / Retention", "kpi_cohorts_monthly", "heatmap_v2",
          ("max(ordering_rate)",), ("month_number_since",), {},
          extra={"x_axis": "cohort_month_date", "groupby": "month_number_since",
                 "sort_x_axis": "alpha_asc", "sort_y_axis": "alpha_asc"}),
    Chart("value", "価値ステージ別売上 / Revenue by value stage", "kpi_value_journey",
          "echarts_timeseries_bar", ("sum(paid_amount_reporting)",), ("persona",), {},
          extra={"x_axis": "value_stage"}),
    Chart("pains", "課題の優先度 / Pain points", "kpi_pain_points", "table", (),
          ("priority_rank", "stage", "touchpoint_type", "dropoff_rank", "dissatisfaction_rank",
           "at_stake_amount_reporting", "dropoff_rate", "dissatisfaction_rate",
           "priority_score"), {"persona": "all"}),
    Chart("attribution", "手法による幅 / Spread of methods", "kpi_attribution_spread", "table", (),
          ("channel", "lowest_credit", "lowest_method", "highest_credit", "highest_method",
           "is_rank_method_dependent"), {"conversion_type": "first_order"}),
    Chart("release", "リリース / Release", "release_info", "table", (),
          ("release_id", "as_of_at", "passed_check_count", "warned_check_count",
           "web_data_through_at", "crm_data_through_at", "survey_data_through_at"), {}, 12,
          height=20),
)  # fmt: skip


def identity(kind: str, name: str) -> str:
    """Constant identifier of a part, by which Superset finds it again."""
    return str(uuid.uuid5(NAMESPACE, f"{kind}/{name}"))


def metric(expression: str) -> dict[str, Any]:
    """A metric of a chart's own, labelled by its SQL."""
    return {
        "expressionType": "SQL",
        "sqlExpression": expression,
        "label": expression,
        "optionName": f"metric_{uuid.uuid5(NAMESPACE, expression).hex[:12]}",
        "hasCustomLabel": True,
    }


def parameters(chart: Chart) -> dict[str, Any]:
    """Form data of a chart, as the picture's plugin reads it."""
    filters = [
        {"expressionType": "SIMPLE", "clause": "WHERE", "subject": column, "operator": "==",
         "comparator": value, "operatorId": "EQUALS"}
        for column, value in chart.where.items()
    ]  # fmt: skip
    form: dict[str, Any] = {
        "viz_type": chart.picture,
        "adhoc_filters": filters,
        "groupby": list(chart.columns),
        "metrics": [metric(expression) for expression in chart.metrics],
        "row_limit": 10000,
        "time_range": "No filter",
        **chart.extra,
    }
    if chart.picture in ("funnel", "heatmap_v2"):
        form["metric"] = metric(chart.metrics[0])
        form["sort_by_metric"] = True
    if not chart.metrics:
        form |= {"query_mode": "raw", "all_columns": list(chart.columns), "groupby": []}
    return form


def dataset(table: dict[str, Any]) -> dict[str, Any]:
    """A mart with the labels and descriptions that its YAML gives."""
    times = [c["name"] for c in table["columns"] if c["type"] in ("date", "timestamp")]
    return {
        "table_name": table["name"],
        "main_dttm_col": times[0] if times else None,
        "description": f"{table['ja']} / {table['en']}: {table['description']}",
        "schema": SCHEMA,
        "sql": None,
        "uuid": identity("dataset", table["name"]),
        "metrics": [
            {"metric_name": "count", "verbose_name": "件数 / Rows", "expression": "count(*)"}
        ],
        "columns": [
            {
                "column_name": column["name"],
                "verbose_name": f"{column['ja']} / {column['en']}",
                "description": column["description"],
                "type": column["type"].upper(),
                "is_dttm": column["type"] in ("date", "timestamp"),
                "groupby": True,
                "filterable": True,
                "is_active": True,
            }
            for column in table["columns"]
        ],
        "version": "1.0.0",
        "database_uuid": identity("database", DATABASE_NAME),
    }


def layout() -> dict[str, Any]:
    """Positions on the dashboard: rows of twelve columns, in the order of `CHARTS`."""
    position: dict[str, Any] = {
        "DASHBOARD_VERSION_KEY": "v2",
        "ROOT_ID": {"type": "ROOT", "id": "ROOT_ID", "children": ["GRID_ID"]},
        "GRID_ID": {"type": "GRID", "id": "GRID_ID", "children": [], "parents": ["ROOT_ID"]},
    }
    free, row = 0, ""
    for chart in CHARTS:
        if chart.width > free:
            row, free = f"ROW-{chart.name}", 12
            position["GRID_ID"]["children"].append(row)
            position[row] = {
                "type": "ROW", "id": row, "children": [], "parents": ["ROOT_ID", "GRID_ID"],
                "meta": {"background": "BACKGROUND_TRANSPARENT"},
            }  # fmt: skip
        free -= chart.width
        key = f"CHART-{chart.name}"
        position[row]["children"].append(key)
        position[key] = {
            "type": "CHART", "id": key, "children": [],
            "parents": ["ROOT_ID", "GRID_ID", row],
            "meta": {"width": chart.width, "height": chart.height, "sliceName": chart.label,
                     "uuid": identity("chart", chart.name), "chartId": 0},
        }  # fmt: skip
    return position


TITLE = "カスタマージャーニー / Customer journey"
SYNTHETIC = "(合成サンプル / synthetic sample)"


def files(release: Path, manifest: dict[str, Any], is_synthetic: bool) -> dict[str, dict[str, Any]]:
    """Every file of the bundle by its path; `release` is the constant path of the DuckDB file."""
    tables = {table["name"]: table for table in marts(manifest)}
    found: dict[str, dict[str, Any]] = {
        "metadata.yaml": {
            "version": "1.0.0", "type": "Dashboard", "timestamp": "2026-01-01T00:00:00+00:00",
        },
        f"databases/{DATABASE_NAME}.yaml": {
            "database_name": DATABASE_NAME,
            "sqlalchemy_uri": f"duckdb:///{release}",
            "expose_in_sqllab": True,
            "allow_run_async": False,
            "allow_ctas": False,
            "allow_cvas": False,
            "allow_dml": False,
            "extra": {"engine_params": {"connect_args": CONNECT}},
            "uuid": identity("database", DATABASE_NAME),
            "version": "1.0.0",
        },
    }  # fmt: skip
    for name, table in tables.items():
        found[f"datasets/{DATABASE_NAME}/{name}.yaml"] = dataset(table)
    for chart in CHARTS:
        found[f"charts/{chart.name}.yaml"] = {
            "slice_name": chart.label,
            "viz_type": chart.picture,
            "params": parameters(chart),
            "uuid": identity("chart", chart.name),
            "version": "1.0.0",
            "dataset_uuid": identity("dataset", chart.dataset),
        }
    found["dashboards/journey.yaml"] = {
        "dashboard_title": TITLE + (SYNTHETIC if is_synthetic else ""),
        "slug": "journey",
        "uuid": identity("dashboard", "journey"),
        "position": layout(),
        "metadata": {"color_scheme": "supersetColors", "refresh_frequency": 0},
        "published": True,
        "version": "1.0.0",
    }
    return found


def write(path: Path, release: Path, manifest: dict[str, Any], is_synthetic: bool) -> Path:
    """Write the importable file; the same project and path give the same bytes."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as bundle:
        for name, content in sorted(files(release, manifest, is_synthetic).items()):
            entry = zipfile.ZipInfo(f"journey/{name}", date_time=(2026, 1, 1, 0, 0, 0))
            entry.compress_type = zipfile.ZIP_DEFLATED
            bundle.writestr(entry, yaml.safe_dump(content, sort_keys=False, allow_unicode=True))
    return path


def write_for(settings: Settings) -> Path:
    """The file for the releases of a home."""
    manifest = json.loads(ensure_manifest(settings.environment()).read_text("utf-8"))
    release = settings.published / "current" / DATABASE  # the link, not what it points at today
    path = settings.home / "work" / "superset_journey.zip"
    return write(path, release, manifest, settings.is_sample)


def run() -> None:
    """Write the dashboard, and say how it is imported."""
    path = write_for(load_settings())
    print(f"written to {path}; import it in Superset (Dashboards, Import), or:")
    print(f"  superset import-dashboards --path {path} --username <you>")
