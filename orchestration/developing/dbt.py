"""dbt by hand on the warehouse of a home, as `journey build` runs it."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

from orchestration.base import command
from orchestration.base.database import open_warehouse
from orchestration.base.locking import single_writer
from orchestration.loading import ledger
from orchestration.loading.contract import load_contract
from orchestration.rules import home as home_rules
from orchestration.rules import store as rule_store
from orchestration.settings import DBT, DBT_PROJECT_DIR, load_settings


def run(arguments: list[str]) -> int:
    """Run dbt as of the end of the last business day in the loaded data."""
    from orchestration.dagster_shell.run_context import last_business_day_end

    settings = load_settings()
    settings.prepare()
    rules = home_rules.load(settings.home)
    with single_writer(settings.home):
        tables = list(load_contract().values())
        with open_warehouse(settings) as connection:
            ledger.create(connection, tables)
            rule_store.apply(connection, rules)
            ledger.forget_build(connection)  # a part built by hand is nothing to rest on
            try:
                as_of_at = last_business_day_end(connection, settings.business_timezone)
            except ValueError:
                as_of_at = "2000-01-01 00:00:00"  # nothing loaded: dbt runs on empty tables
        environment = {**os.environ, **settings.environment(as_of_at)}
        return subprocess.run(
            [
                *DBT,
                "--log-level-file",
                "warn",
                *arguments,
                *rules.dbt_arguments,
                *(["--full-refresh"] if arguments[0] in ("build", "run", "seed") else []),
                "--project-dir",
                str(DBT_PROJECT_DIR),
                "--profiles-dir",
                str(DBT_PROJECT_DIR),
                "--target-path",
                str(settings.dbt_target),
                "--log-path",
                str(settings.dbt_target),
            ],
            env=environment,
            check=False,
        ).returncode


def write_documentation(folder: Path) -> None:
    """Dbt's own documentation of models and columns, as one page in a folder."""
    if run(["docs", "generate", "--static"]) != 0:
        raise command.Failed("dbt could not write its documentation; its messages are above")
    folder.mkdir(parents=True, exist_ok=True)
    page = folder / "index.html"
    shutil.copy(load_settings().dbt_target / "static_index.html", page)
    print(f"written to {page}")
