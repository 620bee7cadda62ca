"""
dbt without `make`: what plain `dbt build`, or an editor, needs to know of the home it works on.

dbt-duckdb loads this plugin of the target `by_hand` before it opens the warehouse, so commands that
open none (`dbt parse`, `dbt ls`) never come here. It refuses what `journey build` would do
otherwise: a home without data, one that a run writes to, and settings that plain dbt cannot see.
"""

from __future__ import annotations

import os
from typing import Any

from dbt.adapters.duckdb.plugins import BasePlugin
from dbt.flags import get_flags
from dbt_common.exceptions import DbtRuntimeError

from orchestration.base import command, locking
from orchestration.base.database import open_warehouse
from orchestration.loading import ledger
from orchestration.loading.contract import load_contract
from orchestration.rules import home as home_rules
from orchestration.rules import store as rule_store
from orchestration.rules.tables import OPTIONS
from orchestration.settings import DEFAULTS, load_settings

# What the models read; `threads` and the like change no row.
READ_BY_MODELS = ("business_timezone", "reporting_currency", "consent_policy")
WRITING = ("build", "run", "seed", "retry", "clone", "run-operation", "snapshot")


class Plugin(BasePlugin):
    """Prepares the home for dbt, or says in one line why dbt should not work on it."""

    def initialize(self, plugin_config: dict[str, Any]) -> None:
        """Check the home; raises `DbtRuntimeError` with the remedy when it is not fit."""
        try:
            prepare(str(get_flags().WHICH))
        except DbtRuntimeError:
            raise
        except Exception as error:
            raise DbtRuntimeError(command.in_one_line(error)) from None


def prepare(dbt_command: str) -> None:
    """
    Make a home fit for a command of dbt.

    Raises `DbtRuntimeError` when nothing is loaded or a run is going on, `SettingsError` when the
    settings are wrong, and `BlockingIOError` when another program has the warehouse open.
    """
    settings = load_settings()
    for name in READ_BY_MODELS:
        variable = f"JOURNEY_{name.upper()}"
        value = str(getattr(settings, name))
        if value != os.environ.get(variable, "").strip() and value != DEFAULTS[name]:
            raise DbtRuntimeError(
                f"{settings.sources[name]} sets {name}, which dbt alone does not read: "
                f"use `journey build`, or set {variable} = {value}"
            )
    rules = home_rules.load(settings.home)
    if rules.options:
        raise DbtRuntimeError(
            f"rules/{OPTIONS}.yml sets {', '.join(rules.options)}, which dbt alone does "
            "not read: use `journey build`"
        )
    if holder := locking.holder(settings.home):
        raise DbtRuntimeError(f"a run is going on (process {holder}); wait until it ends")
    settings.prepare()
    if dbt_command == "debug":
        return
    with locking.single_writer(settings.home), open_warehouse(settings) as connection:
        ledger.create(connection, list(load_contract().values()))
        if not ledger.count(connection, "ops.files where status = 'loaded'"):
            raise DbtRuntimeError(
                f"nothing is loaded yet in {settings.home}; run `journey nightly`"
            )
        rule_store.apply(connection, rules)
        if dbt_command in WRITING:
            ledger.forget_build(connection)  # a part built by hand is nothing to rest on
