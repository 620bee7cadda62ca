"""
The rules of a home: the trade's defaults, shipped in `seeds/`, and the company's own.

`<home>/rules/` holds one file per rule table that the company has a say in:

- `<table>.csv` or `.yml` adds rows; a row with the key of a default one takes its place;
- `<table>.replace.csv` or `.replace.yml` takes the place of all default rows;
- `options.yml` sets the options of the models, the `vars` of dbt_project.yml.

What the tables and their columns are stands in `seeds/_seeds.yml`. Everything is checked before a
run loads anything. Then the rows go into the schema `rules` of the warehouse, from where the seeds
of dbt are made, and into the contract (`loading/contract.py`).
"""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import Any

from orchestration.rules import checks, conditions, files, funnels
from orchestration.rules.files import Report
from orchestration.rules.tables import OPTIONS, Key, Row, Rules, RuleSet, RuleTable, tables
from orchestration.settings import SettingsError

# Where the rows of a table come from: shipped; shipped and of the company, of which the company's
# win; of the company instead of the shipped ones; of the company, where none are shipped; nowhere.
ORIGINS = ("default", "extended", "replaced", "own", "none")
_SHOWN = 20  # problems that are shown at once


class RulesError(SettingsError):
    """Rules cannot be used; the message names file, line, what is wrong and the remedy."""


@lru_cache
def defaults() -> Rules:
    """The rules of a home that has none of its own."""
    return load(None)


def load(home: Path | None) -> Rules:
    """The rules that hold in a home. Raises `RulesError` that lists what cannot be used."""
    problems: list[str] = []
    paths: dict[str, Path] = {}
    options: dict[str, Any] = {}
    for path in files.found(home, problems.append):
        name = path.name.split(".")[0]
        if name in paths:
            problems.append(f"{files.shown(path)}: {paths[name].name} is there, too; leave one")
        paths[name] = path
        if name == OPTIONS:
            options = files.read_options(path, problems.append)
    sets = {
        name: _rule_set(table, paths.get(name), problems.append) for name, table in tables().items()
    }
    if not problems:
        for name, rule_set in sets.items():
            if rule_set.table.is_dropped_when_unknown and rule_set.origin == "default":
                lost = [row for _, row in checks.unknown(rule_set, sets)]
                rows = tuple(row for row in rule_set.rows if row not in lost)
                sets[name] = replace(rule_set, rows=rows)
        for rule_set in sets.values():
            problems += checks.versions_of_one_day(rule_set)
            problems += checks.unknown_references(rule_set, sets)
    if not problems:
        problems += checks.disordered_stages(sets["stages"], sets["stage_mappings"])
        problems += checks.wrong_maps(sets["journey_map_steps"], sets["stages"])
        problems += checks.uncounted_measures(sets["kpi_measures"], sets["conversion_types"])
        problems += conditions.wrong_own_segments(sets)
        problems += conditions.wrong_conditions(sets)
        problems += conditions.wrong_actions(sets)
        problems += conditions.wrong_lists(sets)
        problems += funnels.wrong_event_funnels(sets)
    if problems:
        more = [f"… and {len(problems) - _SHOWN} more"] if len(problems) > _SHOWN else []
        raise RulesError("\n".join([*problems[:_SHOWN], *more]))
    return Rules(sets, options)


def _rule_set(table: RuleTable, path: Path | None, report: Report) -> RuleSet:
    shipped = tuple(row for _, row in files.read(table, table.shipped, report))
    if path is None:
        return RuleSet(table, shipped, "default" if shipped else "none")
    keys = frozenset(table.key_of(row) for row in shipped)
    own: dict[Key, tuple[int, Row]] = {}
    for line, row in files.read(table, path, report):
        key, where = table.key_of(row), f"{files.shown(path)}, line {line}"
        for problem in checks.wrong_values(table, row):
            report(f"{where}: {problem}")
        before, first = own.setdefault(key, (line, row))
        if first is not row:
            report(
                f"{where}: {_named(table, row)} stands in line {before} already; two rules hold at "
                "once. Remedy: remove one"
                + (", or let it begin later by valid_from" if "valid_from" in table.key else "")
            )
        if table.is_fixed and key not in keys:
            report(
                f"{where}: {_named(table, row)} is nothing that the models compute. Remedy: remove "
                f"it; a row of {table.name} can be changed, and a new one needs a model"
            )
    mine = {key: row for key, (_, row) in own.items()}
    lines = {key: line for key, (line, _) in own.items()}
    file_name = f"rules/{path.name}"
    if ".replace." in path.name:
        if not mine and shipped and not files.is_empty_list(path):
            report(
                f"{file_name}: it holds no row, and would take away the {len(shipped)} shipped "
                f"ones. Remedy: write the rows that hold, or remove it; for none at all, write [] "
                f"into rules/{table.name}.replace.yml"
            )
        return RuleSet(table, tuple(mine.values()), "replaced", file_name, keys, lines)
    rest = tuple(row for row in shipped if table.key_of(row) not in own)
    origins = ("extended", "own") if mine else ("default", "none")
    rows = (*rest, *mine.values())
    return RuleSet(table, rows, origins[not shipped], file_name, keys, lines)


def _named(table: RuleTable, row: Row) -> str:
    return ", ".join(f"{name} {(row[name] or '')[:60]}" for name in table.key)
