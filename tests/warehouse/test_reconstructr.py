"""The session oracle: the authors' count on 10,000 real readers."""

from __future__ import annotations

from pathlib import Path

import duckdb

from orchestration.loading import loader
from orchestration.loading.contract import load_contract
from orchestration.settings import load_settings
from tests.conftest import RULES, run_journey


def test_sessions_equal_the_published_count(shared_data: Path, tmp_path: Path) -> None:
    source = str(shared_data / "reconstructr")
    imported = run_journey("import", "reconstructr", source, home=tmp_path)
    assert imported.returncode == 0, imported.stderr
    settings = load_settings(tmp_path)
    with duckdb.connect(str(settings.warehouse)) as connection:
        table = load_contract(RULES)["web/events"]
        loader.load_table(connection, table, settings.landing, pepper=None)
    built = run_journey(
        *("dbt", "build", "--select", "+fct_sessions"),
        *("--indirect-selection", "cautious", "--exclude-resource-type", "unit_test"),
        home=tmp_path,
    )
    assert built.returncode == 0, built.stdout[-3000:]
    with duckdb.connect(str(settings.warehouse)) as connection:
        found = connection.execute(
            "select count(*), sum(event_count), count(distinct visitor_id) from marts.fct_sessions"
        ).fetchone()
    # 22,224 where a gap of exactly 30:00 stays in the session.
    assert found == (22224, 63524, 10000)
