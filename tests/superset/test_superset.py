"""
The dashboard in a real Superset: imported, queried through its own API, before and after a flip.

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
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckdb
import pytest

from orchestration.base.release import DATABASE
from orchestration.publishing.releasing import flip
from orchestration.readers import superset
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

    def rows(self, dataset: int, **query: Any) -> list[dict[str, Any]]:
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
        return list(answer["result"][0]["data"])


@pytest.fixture(scope="module")
def home(sample_home: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two releases: that of the sample, and one in which every KPI is doubled."""
    home = tmp_path_factory.mktemp("superset")
    for name in ("first", "second"):
        folder = home / "published" / "releases" / name
        folder.mkdir(parents=True)
        shutil.copy(sample_home / "published" / "current" / DATABASE, folder)
        (folder / DATABASE).chmod(0o644)
    with duckdb.connect(str(home / "published" / "releases" / "second" / DATABASE)) as second:
        second.execute("update marts.kpi_monthly set kpi_value = 2 * kpi_value")
        second.execute("update marts.release_info set release_id = 'second'")
    flip(home / "published", "first")
    return home


@pytest.fixture(scope="module")
def server(home: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Superset with nothing in it but our dashboard."""
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
    run("import-dashboards", "--path", str(bundle), "--username", "admin")  # again: no second copy
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
    found = server.call("/dataset/?q=(page_size:200)")["result"]
    return {row["table_name"]: row["id"] for row in found}


def test_every_mart_is_a_dataset_with_both_labels(
    server: Server, datasets: dict[str, int], home: Path
) -> None:
    with duckdb.connect(str(home / "published" / "current" / DATABASE), read_only=True) as release:
        tables = release.execute(
            "select table_name from duckdb_tables() where schema_name = 'marts'"
        ).fetchall()
    assert set(datasets) == {name for (name,) in tables}
    columns = server.call(f"/dataset/{datasets['kpi_monthly']}")["result"]["columns"]
    labels = {column["column_name"]: column["verbose_name"] for column in columns}
    assert labels["month_start_date"] == "月初日 / Month"


def test_every_chart_of_the_dashboard_returns_rows(
    server: Server, datasets: dict[str, int]
) -> None:
    charts = server.call("/dashboard/journey/charts")["result"]
    assert {chart["slice_name"] for chart in charts} == {c.label for c in superset.CHARTS}
    for chart in superset.CHARTS:
        columns = list(chart.columns)
        for name in ("x_axis", "groupbyRows", "groupbyColumns"):
            value = chart.extra.get(name, [])
            columns += [value] if isinstance(value, str) else value
        assert server.rows(
            datasets[chart.dataset],
            columns=columns,
            metrics=[superset.metric(expression) for expression in chart.metrics],
            filters=[{"col": c, "op": "==", "val": v} for c, v in chart.where.items()],
        ), chart.name


def test_the_api_returns_the_release_before_and_after_a_flip_without_restart(
    server: Server, datasets: dict[str, int], home: Path
) -> None:
    def both() -> tuple[dict[Any, float], dict[Any, float]]:
        rows = server.rows(
            datasets["kpi_monthly"],
            columns=["kpi", "month_start_date"],
            metrics=[superset.metric("sum(kpi_value)")],
            filters=[{"col": "dimension", "op": "==", "val": "all"}],
        )
        told = {
            (row["kpi"], row["month_start_date"]): row["sum(kpi_value)"]
            for row in rows
            if row["sum(kpi_value)"] is not None
        }
        path = home / "published" / "current" / DATABASE
        with duckdb.connect(str(path.resolve()), read_only=True) as release:
            expected = {
                (kpi, month): float(value)
                for kpi, month, value in release.execute(
                    "select kpi, epoch_ms(month_start_date), kpi_value from marts.kpi_monthly "
                    "where dimension = 'all' and kpi_value is not null"
                ).fetchall()
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
