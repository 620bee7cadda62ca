"""
The dashboards in a real Superset: imported, queried through its own API, before and after a flip.

Not among `make test`, because Superset takes 700 MB: `make test-superset`.
"""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import time
import urllib.error
import urllib.request
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckdb
import pytest

from orchestration.base.release import DATABASE
from orchestration.publishing.releasing import flip
from orchestration.readers import superset
from orchestration.readers.superset_charts import CHARTS, DATASETS, FILTERS, LANGUAGES, Metric
from orchestration.settings import load_settings
from tests.conftest import ROOT

SUPERSET = ROOT / ".venv-superset" / "bin" / "superset"
CONFIG = """
SECRET_KEY = "of a test that throws everything away"
SQLALCHEMY_DATABASE_URI = "sqlite:///{folder}/superset.db?check_same_thread=false"
WTF_CSRF_ENABLED = False
TALISMAN_ENABLED = False
PREVENT_UNSAFE_DB_CONNECTIONS = False  # lets Superset open files
"""


class Server:
    """A running Superset and its API."""

    def __init__(self, port: int) -> None:
        self.base = f"http://127.0.0.1:{port}/api/v1"
        self.token = ""

    def call(self, path: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
        request = urllib.request.Request(
            self.base + path,
            data=None if body is None else json.dumps(body).encode(),
            headers={"Content-Type": "application/json"}
            | ({"Authorization": f"Bearer {self.token}"} if self.token else {}),
        )
        with urllib.request.urlopen(request, timeout=60) as answer:
            return dict(json.load(answer))

    def answer(self, dataset: int, **query: Any) -> dict[str, Any]:
        answer = self.call(
            "/chart/data",
            {
                "datasource": {"id": dataset, "type": "table"},
                "queries": [{"row_limit": 10000, **query}],
                "result_format": "json",
                "result_type": "full",
                "force": True,
            },
        )
        (result,) = answer["result"]
        assert not result["error"] and not result["rejected_filters"], result
        return dict(result)

    def rows(self, dataset: int, **query: Any) -> list[dict[str, Any]]:
        return list(self.answer(dataset, **query)["data"])


def number(sql: str) -> dict[str, Any]:
    return superset.metric(Metric((sql, sql), sql), 0, "")


def queries(form: dict[str, Any]) -> list[dict[str, Any]]:
    """What the page asks for a chart, by what was imported of it."""
    columns: list[str] = []
    for name in ("x_axis", "groupby", "groupbyRows", "groupbyColumns", "all_columns", "source",
                 "target"):  # fmt: skip
        value = form.get(name) or []
        columns += [value] if isinstance(value, str) else value
    query: dict[str, Any] = {
        "columns": list(dict.fromkeys(columns)),
        "filters": [],
        "extras": {
            "where": " and ".join(
                f"({one['sqlExpression']})"
                for one in form["adhoc_filters"]
                if one["expressionType"] == "SQL"
            )
        },
    }
    if "timeseries_limit_metric" in form:
        query["orderby"] = [[form["timeseries_limit_metric"], False]]
    if "order_by_cols" in form:
        query["orderby"] = [json.loads(one) for one in form["order_by_cols"]]
    return [
        query | {"metrics": metrics}
        for metrics in (form.get("metrics", []), form.get("metrics_b"))
        if metrics is not None
    ]


@pytest.fixture(scope="module")
def home(sample_home: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two releases: that of the sample, and one in which every numerator is doubled."""
    home = tmp_path_factory.mktemp("superset")
    for name in ("first", "second"):
        folder = home / "published" / "releases" / name
        folder.mkdir(parents=True)
        shutil.copy(sample_home / "published" / "current" / DATABASE, folder)
        (folder / DATABASE).chmod(0o644)
    with duckdb.connect(str(home / "published" / "releases" / "second" / DATABASE)) as second:
        second.execute("update marts.kpi_sums_daily set numerator = 2 * numerator")
        second.execute("update marts.release_info set release_id = 'second'")
    flip(home / "published", "first")
    return home


@pytest.fixture(scope="module")
def server(home: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Superset with nothing in it but our dashboards."""
    if not SUPERSET.exists():
        pytest.skip("Superset is not installed: `make test-superset` installs it")
    folder = tmp_path_factory.mktemp("server")
    (folder / "superset_config.py").write_text(CONFIG.format(folder=folder), "utf-8")
    environment = os.environ | {
        "SUPERSET_CONFIG_PATH": str(folder / "superset_config.py"),
        "SUPERSET_HOME": str(folder),
        "FLASK_APP": "superset",
    }

    def run(*arguments: str) -> None:
        done = subprocess.run(
            [str(SUPERSET), *arguments],
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]

    run("db", "upgrade")
    run("fab", "create-admin", "--username", "admin", "--firstname", "a", "--lastname", "b",
        "--email", "a@example.com", "--password", "admin")  # fmt: skip
    run("init")
    bundle = superset.write_for(load_settings(home))
    run("import-dashboards", "--path", str(bundle), "--username", "admin")
    with zipfile.ZipFile(bundle) as opened:
        opened.extractall(folder)
    chart = folder / superset.TOP / "charts" / "cvr_en.yaml"
    chart.write_text(chart.read_text("utf-8").replace("Conversion rate", "Rate"), "utf-8")
    # Again: no second copy, and what has changed is replaced.
    run("import-directory", "--overwrite", str(folder / superset.TOP))
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with (folder / "log").open("w") as log:
        process = subprocess.Popen(
            [str(SUPERSET), "run", "-h", "127.0.0.1", "-p", str(port)],
            env=environment, stdout=log, stderr=log,
        )  # fmt: skip
    server = Server(port)
    for _ in range(120):
        try:
            server.token = server.call(
                "/security/login",
                {"username": "admin", "password": "admin", "provider": "db", "refresh": True},
            )["access_token"]
            break
        except (urllib.error.URLError, ConnectionError):
            time.sleep(1)
    try:
        yield server
    finally:
        process.terminate()
        process.wait()


@pytest.fixture(scope="module")
def datasets(server: Server) -> dict[str, int]:
    pages = [server.call(f"/dataset/?q=(page:{page},page_size:100)")["result"] for page in range(3)]
    assert not pages[-1]
    return {row["table_name"]: row["id"] for rows in pages for row in rows}


@pytest.fixture(scope="module")
def charts(server: Server) -> dict[str, dict[str, Any]]:
    """Every chart by its name in the bundle: identifier, dataset and form data."""
    uuids = {
        superset.identity("chart", f"{chart.name}.{code}"): f"{chart.name}.{code}"
        for chart in CHARTS
        for code in LANGUAGES
    }
    found = {}
    for row in server.call("/chart/?q=(page_size:100)")["result"]:
        form = json.loads(row["params"])
        name = uuids[row["uuid"]]
        found[name] = {"id": row["id"], "dataset": row["datasource_id"], "form": form,
                       "title": row["slice_name"]}  # fmt: skip
    return found


def asked(home: Path, sql: str) -> list[tuple[Any, ...]]:
    path = home / "published" / "current" / DATABASE
    with duckdb.connect(str(path.resolve()), read_only=True) as release:
        return release.execute(sql).fetchall()


def test_every_mart_is_a_dataset_with_both_labels(
    server: Server, datasets: dict[str, int], home: Path
) -> None:
    marts = asked(home, "select table_name from duckdb_tables() where schema_name = 'marts'")
    ours = {
        f"{one.label[language]} ({code})"
        for one in DATASETS.values()
        for language, code in enumerate(LANGUAGES)
    }
    assert set(datasets) == {name for (name,) in marts} | ours
    columns = server.call(f"/dataset/{datasets['kpi_monthly']}")["result"]["columns"]
    labels = {column["column_name"]: column["verbose_name"] for column in columns}
    assert labels["month_start_date"] == "月初日 / Month"


def test_a_later_import_replaces_and_adds_no_copy(charts: dict[str, dict[str, Any]]) -> None:
    assert len(charts) == len(CHARTS) * len(LANGUAGES)
    assert charts["cvr.en"]["title"] == "Rate against target"


@pytest.mark.parametrize("code", LANGUAGES)
def test_every_chart_returns_rows_with_every_filter_that_can_split_it(
    server: Server, charts: dict[str, dict[str, Any]], home: Path, code: str
) -> None:
    language = LANGUAGES.index(code)
    ((persona, channel),) = asked(
        home,
        f"select dim_labels.name_{code}, dim_channels.name_{code} "
        "from marts.dim_labels, marts.dim_channels "
        "where code_type = 'persona' and code = 'business' and channel = 'email'",
    )
    values = {"persona": persona, "channel": channel}
    for chart in CHARTS:
        imported = charts[f"{chart.name}.{code}"]
        day = DATASETS[chart.dataset].day
        filters: list[list[dict[str, Any]]] = [[]]
        filters += [
            [{"col": name, "op": "IN", "val": [value]}]
            for name, value in values.items()
            if name not in chart.not_by
        ]
        if "period" not in chart.not_by:
            filters.append([{"col": day, "op": "TEMPORAL_RANGE", "val": "2026-01-01 : 2026-07-01"}])
        for query in queries(imported["form"]):
            is_target = query["metrics"] == imported["form"].get("metrics_b")
            whole = server.answer(imported["dataset"], **query)
            assert whole["data"], chart.name
            for one in filters[1:]:
                part = server.answer(imported["dataset"], **query | {"filters": one})
                assert part["data"] != whole["data"], (chart.name, one)
                assert part["data"] or is_target, (chart.name, one)
        assert chart.label[language] in imported["title"] or chart.name == "cvr"


@pytest.mark.parametrize("code", LANGUAGES)
def test_native_filters_are_in_front_of_the_charts_they_can_split(
    server: Server, charts: dict[str, dict[str, Any]], datasets: dict[str, int], code: str
) -> None:
    dashboard = server.call(f"/dashboard/journey-{code}")["result"]
    found = {
        one["id"].removeprefix("NATIVE_FILTER-"): one
        for one in json.loads(dashboard["json_metadata"])["native_filter_configuration"]
    }
    assert set(found) == set(FILTERS)
    for name, one in found.items():
        outside = {charts[f"{c.name}.{code}"]["id"] for c in CHARTS if name in c.not_by}
        assert set(one["scope"]["excluded"]) == outside
        for target in one["targets"]:
            if target:
                assert target["column"]["name"] == name
                assert target["datasetId"] in datasets.values()
                rows = server.rows(target["datasetId"], columns=[name], metrics=[])
                assert len(rows) > 2 and not any(row[name] in ("(not set)", None) for row in rows)


def test_filters_change_a_number_to_what_sql_gives(
    server: Server, charts: dict[str, dict[str, Any]], home: Path
) -> None:
    def told(chart: str, filters: list[dict[str, Any]], split: str) -> dict[str, float]:
        (query, *_) = queries(charts[chart]["form"])
        rows = server.rows(charts[chart]["dataset"], **query | {"filters": filters})
        label = query["metrics"][0]["label"]
        return {row[split]: row[label] for row in rows if row[label] is not None}

    moves = """
        select dim_stages.stage_rank || ' ' || name_en, count(distinct person_id)
        from marts.fct_stage_model_transitions
        inner join marts.dim_persons using (person_id)
        inner join marts.dim_stages
            on to_stage = stage and dim_stages.stage_model = 'six'
        where fct_stage_model_transitions.stage_model = 'six' and {} group by all order by 1
    """
    business = [{"col": "persona", "op": "IN", "val": ["Business"]}]
    email = [{"col": "channel", "op": "IN", "val": ["Email"]}]
    spring = [{"col": "occurred_date", "op": "TEMPORAL_RANGE", "val": "2026-03-01 : 2026-06-01"}]
    everybody = told("reached.en", [], "reached_stage")
    for filters, condition in (
        ([], "true"),
        (business, "dim_persons.persona = 'business'"),
        (email, "first_channel = 'email'"),
        (spring, "occurred_date >= '2026-03-01' and occurred_date < '2026-06-01'"),
        (business + email + spring, "dim_persons.persona = 'business' and first_channel = 'email' "
         "and occurred_date >= '2026-03-01' and occurred_date < '2026-06-01'"),
    ):  # fmt: skip
        reached = told("reached.en", filters, "reached_stage")
        expected = dict(asked(home, moves.format(condition)))
        assert reached == expected and list(reached) == sorted(reached)  # stages in their order
        assert (reached == everybody) is (not filters)

    sums = "select sum(numerator) from marts.kpi_sums_daily where kpi = '{}' and {}"
    for kpi, filters, condition in (
        ("revenue", business, "persona = 'business'"),
        ("revenue", email, "channel = 'email'"),
        ("revenue", [spring[0] | {"col": "kpi_date"}],
         "kpi_date >= '2026-03-01' and kpi_date < '2026-06-01'"),
    ):  # fmt: skip
        ((expected_sum,),) = asked(home, sums.format(kpi, condition))
        revenue = told(f"{kpi}.en", filters, "kpi_date")
        assert sum(revenue.values()) == pytest.approx(float(expected_sum), rel=1e-12)


def test_the_api_returns_the_release_before_and_after_a_flip_without_restart(
    server: Server, charts: dict[str, dict[str, Any]], datasets: dict[str, int], home: Path
) -> None:
    def both() -> tuple[dict[Any, float], dict[Any, float]]:
        rows = server.rows(
            charts["targets.en"]["dataset"],
            columns=["kpi_code", "month"],
            metrics=[number("sum(numerator)")],
            filters=[],
        )
        told = {
            (row["kpi_code"], row["month"]): row["sum(numerator)"]
            for row in rows
            if row["sum(numerator)"] is not None
        }
        expected = {
            (kpi, month): float(value)
            for kpi, month, value in asked(
                home,
                "select kpi, strftime(kpi_date, '%Y-%m'), sum(numerator) "
                "from marts.kpi_sums_daily group by all having sum(numerator) is not null",
            )
        }
        return told, expected

    first, expected = both()
    assert len(first) > 500 and first == pytest.approx(expected, rel=1e-12)
    flip(home / "published", "second")
    second, doubled = both()
    assert second == pytest.approx(doubled, rel=1e-12)
    assert second == pytest.approx({key: 2 * value for key, value in first.items()}, rel=1e-12)
    (release,) = server.rows(datasets["release_info"], columns=["release_id"], metrics=[])
    assert release["release_id"] == "second"


def test_superset_can_read_no_other_file(server: Server, datasets: dict[str, int]) -> None:
    database = server.call("/database/?q=(page_size:10)")["result"][0]["id"]
    for statement in ("select * from read_csv('/etc/passwd')", "attach '/tmp/x.duckdb' as x",
                      "set enable_external_access = true"):  # fmt: skip
        with pytest.raises(urllib.error.HTTPError):
            server.call("/sqllab/execute/", {"database_id": database, "sql": statement})
