"""
The Superset dashboards as code: database, datasets, charts and dashboards in one importable file.

One dashboard in Japanese and one in English (`superset_charts`), and every mart as a dataset with
both labels and its description, which come from the dbt project's YAML. The file names the release
by its constant path, so a new release is seen with the next query. The database is opened
read-only, without access to any other file, and locked.
"""

from __future__ import annotations

import json
import uuid
import zipfile
from pathlib import Path
from typing import Any

import yaml

from orchestration.base.release import DATABASE, SCHEMA
from orchestration.building.project import ensure_manifest
from orchestration.readers.dictionary import marts
from orchestration.readers.superset_charts import (
    CHARTS,
    DATASETS,
    FILTERS,
    LANGUAGES,
    NOT_BY,
    Chart,
    Dataset,
    Metric,
    Words,
)
from orchestration.settings import Settings, load_settings

DATABASE_NAME = "journey"
ONE_METRIC = ("funnel", "sankey_v2", "heatmap_v2")
CATEGORY_VALUE_AND_PERCENT = 5  # what a label of Superset's funnel says
TITLE: Words = ("カスタマージャーニー", "Customer journey")
SYNTHETIC: Words = ("(合成サンプル)", " (synthetic sample)")
TOP = "journey_superset"  # folder in the file
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


def identity(kind: str, name: str) -> str:
    """Constant identifier of a part, by which Superset finds it again."""
    return str(uuid.uuid5(NAMESPACE, f"{kind}/{name}"))


def metric(one: Metric, language: int, currency: str) -> dict[str, Any]:
    """A metric of a chart's own, with its label and format."""
    label = one.label[language]
    if one.is_money:
        label += f" ({currency})"
    return {
        "expressionType": "SQL",
        "sqlExpression": one.sql,
        "label": label,
        "optionName": f"metric_{uuid.uuid5(NAMESPACE, one.sql + label).hex[:12]}",
        "hasCustomLabel": True,
    }


def parameters(chart: Chart, language: int, currency: str) -> dict[str, Any]:
    """Form data of a chart, as the picture's plugin reads it."""
    filters: list[dict[str, Any]] = []
    if day := DATASETS[chart.dataset].day:
        filters.append(
            {"expressionType": "SIMPLE", "clause": "WHERE", "subject": day,
             "operator": "TEMPORAL_RANGE", "comparator": "No filter"}
        )  # fmt: skip
    if chart.where:
        filters.append(
            {"expressionType": "SQL", "clause": "WHERE", "sqlExpression": chart.where,
             "filterOptionName": f"filter_{uuid.uuid5(NAMESPACE, chart.where).hex[:12]}"}
        )  # fmt: skip
    metrics = [metric(one, language, currency) for one in chart.metrics]
    columns = list(chart.columns)
    form: dict[str, Any] = {
        "viz_type": chart.picture,
        "adhoc_filters": filters,
        "groupby": columns,
        "metrics": metrics,
        "row_limit": 10000,
        "color_scheme": "supersetColors",
        "rich_tooltip": True,
        "show_legend": len(metrics) > 1 or bool(columns or chart.beside),
        "legendOrientation": "top",
    }
    if chart.metrics:
        shown = chart.metrics[0].form
        form |= {"number_format": shown, "y_axis_format": shown, "value_format": shown}
    if chart.picture in ONE_METRIC:
        form |= {"metric": metrics[0]}
    if chart.picture == "echarts_timeseries_bar":
        form |= {"y_axis_title": metrics[0]["label"] if len(metrics) == 1 else "",
                 "y_axis_title_margin": 80, "y_axis_title_position": "Left"}  # fmt: skip
    if chart.picture == "table":
        form |= {
            "query_mode": "aggregate" if metrics else "raw",
            "groupby": columns if metrics else [],
            "all_columns": [] if metrics else columns,
            "column_config": {
                made["label"]: {"d3NumberFormat": one.form}
                for one, made in zip(chart.metrics, metrics, strict=True)
            },
            "show_cell_bars": False,
            "page_length": 13,
            "order_desc": True,
        }
        if chart.order:
            by = Metric(("順", "Order"), chart.order)
            form["timeseries_limit_metric"] = metric(by, language, currency)
    if chart.picture == "funnel":
        form |= {
            "sort_by_metric": False,
            "order_by_cols": [json.dumps([column, True]) for column in columns],
            "sort": "none",
            "label_type": CATEGORY_VALUE_AND_PERCENT,
            "percent_calculation_type": "first_step",
            "show_legend": False,
        }
    if chart.picture == "sankey_v2":
        form |= {"source": columns[0], "target": columns[1], "groupby": []}
    if chart.picture == "pivot_table_v2":
        form |= {
            "groupbyRows": columns[:1],
            "groupbyColumns": columns[1:],
            "aggregateFunction": "Sum",
            "rowTotals": True,
            "valueFormat": chart.metrics[0].form,
        }
    if chart.picture == "mixed_timeseries":
        form |= {
            "metrics_b": [metric(one, language, currency) for one in chart.beside],
            "groupby": [], "groupby_b": [], "adhoc_filters_b": filters,
            "seriesType": "bar", "seriesTypeB": "line", "markerEnabledB": True,
        }  # fmt: skip
    return form | chart.extra


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


def virtual(source: Dataset, language: int, currency: str) -> dict[str, Any]:
    """A dataset of the charts in one language."""
    return {
        "table_name": f"{source.label[language]} ({LANGUAGES[language]})",
        "main_dttm_col": source.day,
        "schema": SCHEMA,
        "sql": source.sql(language, currency),
        "uuid": identity("dataset", f"{source.name}.{LANGUAGES[language]}"),
        "metrics": [],
        "columns": [
            {"column_name": name, "verbose_name": labels[language], "type": kind.upper(),
             "is_dttm": kind == "date", "groupby": True, "filterable": True, "is_active": True}
            for name, (kind, *labels) in source.columns.items()
        ],
        "version": "1.0.0",
        "database_uuid": identity("database", DATABASE_NAME),
    }  # fmt: skip


def title(chart: Chart, language: int) -> str:
    """The label of a chart, and which of the filters it does not follow."""
    if not chart.not_by:
        return chart.label[language]
    names = [FILTERS[name][0][language].lower() for name in chart.not_by]
    what = ("・", ", ")[language].join(names)
    return f"{chart.label[language]} ({NOT_BY[language].format(what=what)})"


def native_filters(language: int) -> list[dict[str, Any]]:
    """Persona, channel and period; each in front of the charts that it can split."""
    found = []
    for name, (label, description) in FILTERS.items():
        source = identity("dataset", f"moves.{LANGUAGES[language]}")
        is_period = name == "period"
        found.append(
            {"id": f"NATIVE_FILTER-{name}", "type": "NATIVE_FILTER", "name": label[language],
             "description": description[language], "cascadeParentIds": [],
             "filterType": "filter_time" if is_period else "filter_select",
             "targets": [{} if is_period
                         else {"column": {"name": name}, "datasetUuid": source}],
             "controlValues": {"multiSelect": True, "enableEmptyFilter": False},
             "defaultDataMask": {"extraFormData": {}, "filterState": {}, "ownState": {}},
             "scope": {"rootPath": ["ROOT_ID"],
                       "excluded": [number for number, chart in enumerate(CHARTS, 1)
                                    if name in chart.not_by]}}
        )  # fmt: skip
    return found


def layout(language: int) -> dict[str, Any]:
    """Positions on the dashboard: rows of twelve columns, in the order of `CHARTS`."""
    position: dict[str, Any] = {
        "DASHBOARD_VERSION_KEY": "v2",
        "ROOT_ID": {"type": "ROOT", "id": "ROOT_ID", "children": ["GRID_ID"]},
        "GRID_ID": {"type": "GRID", "id": "GRID_ID", "children": [], "parents": ["ROOT_ID"]},
    }
    free, row = 0, ""
    for number, chart in enumerate(CHARTS, 1):
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
            "meta": {"width": chart.width, "height": chart.height,
                     "sliceName": title(chart, language), "chartId": number,
                     "uuid": identity("chart", f"{chart.name}.{LANGUAGES[language]}")},
        }  # fmt: skip
    return position


def files(
    release: Path, manifest: dict[str, Any], currency: str, is_synthetic: bool
) -> dict[str, dict[str, Any]]:
    """Every file of the bundle by its path; `release` is the constant path of the DuckDB file."""
    tables = {table["name"]: table for table in marts(manifest)}
    found: dict[str, dict[str, Any]] = {
        "metadata.yaml": {
            "version": "1.0.0", "timestamp": "2026-01-01T00:00:00+00:00",
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
    for language, code in enumerate(LANGUAGES):
        for source in DATASETS.values():
            made = virtual(source, language, currency)
            found[f"datasets/{DATABASE_NAME}/{source.name}_{code}.yaml"] = made
        for chart in CHARTS:
            found[f"charts/{chart.name}_{code}.yaml"] = {
                "slice_name": title(chart, language),
                "viz_type": chart.picture,
                "params": parameters(chart, language, currency),
                "uuid": identity("chart", f"{chart.name}.{code}"),
                "version": "1.0.0",
                "dataset_uuid": identity("dataset", f"{chart.dataset}.{code}"),
            }
        found[f"dashboards/journey_{code}.yaml"] = {
            "dashboard_title": TITLE[language] + (SYNTHETIC[language] if is_synthetic else ""),
            "slug": f"journey-{code}",
            "uuid": identity("dashboard", f"journey.{code}"),
            "position": layout(language),
            "metadata": {
                "refresh_frequency": 0,
                "native_filter_configuration": native_filters(language),
            },
            "published": True,
            "version": "1.0.0",
        }
    return found


def write(
    path: Path, release: Path, manifest: dict[str, Any], currency: str, is_synthetic: bool
) -> Path:
    """Write the importable file; the same project and path give the same bytes."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as bundle:
        for name, content in sorted(files(release, manifest, currency, is_synthetic).items()):
            entry = zipfile.ZipInfo(f"{TOP}/{name}", date_time=(2026, 1, 1, 0, 0, 0))
            entry.compress_type = zipfile.ZIP_DEFLATED
            bundle.writestr(entry, yaml.safe_dump(content, sort_keys=False, allow_unicode=True))
    return path


def write_for(settings: Settings) -> Path:
    """The file for the releases of a home."""
    manifest = json.loads(ensure_manifest(settings.environment()).read_text("utf-8"))
    release = settings.published / "current" / DATABASE  # the link, not what it points at today
    path = settings.home / "work" / "superset_journey.zip"
    return write(path, release, manifest, settings.reporting_currency, settings.is_sample)


def run() -> None:
    """Write the dashboard, and say how it is imported."""
    path = write_for(load_settings())
    print(
        f"written to {path}; import it in Superset (Dashboards, Import). Later ones replace it by"
    )
    folder = path.parent
    print(f"  unzip -o {path} -d {folder} && superset import-directory --overwrite {folder / TOP}")
