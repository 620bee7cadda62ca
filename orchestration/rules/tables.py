"""What rule tables and options there are (`seeds/_seeds.yml`, dbt_project.yml), and what holds."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any

from orchestration.base import files
from orchestration.settings import DBT_PROJECT_DIR, SEEDS_DIR

OPTIONS = "options"

# The stage model whose stages the signals name, as in the macro of that name.
CANONICAL_STAGE_MODEL = "six"

Row = dict[str, str | None]
Key = tuple[str | None, ...]


@dataclass(frozen=True)
class Reference:
    """
    Values that another rule table has to know.

    `columns` are found in `named` of the table `to`; of its rows only those with the values `where`
    count, and only rows with the values `when` are looked at. Rows with an empty value are not.
    """

    columns: tuple[str, ...]
    to: str
    named: tuple[str, ...]
    where: tuple[tuple[str, str], ...] = ()
    when: tuple[tuple[str, str], ...] = ()

    def value_of(self, row: Row) -> Key | None:
        """What a row refers to; None when it refers to nothing."""
        if any(row[name] != value for name, value in self.when):
            return None
        value = tuple(row[name] for name in self.columns)
        return None if None in value else value


@dataclass(frozen=True)
class RuleTable:
    """
    One rule table as `seeds/_seeds.yml` describes it.

    `is_own`: it ships empty. `is_fixed`: models are made for the keys that ship; a company may
    change their rows, and adds none. `version_of`: columns whose values versions of one rule share;
    with them only one version can begin on a day. `is_dropped_when_unknown`: shipped rows that
    refer to what the company's rules no longer hold do not hold either.
    """

    name: str
    description: str
    columns: dict[str, str]  # name → type
    meanings: dict[str, str]
    key: tuple[str, ...]
    optional: frozenset[str]
    values: dict[str, tuple[str, ...]]
    references: tuple[Reference, ...]
    positive: frozenset[str]  # numbers above 0; others are not below it
    signed: frozenset[str]  # numbers that may lie below 0
    version_of: tuple[str, ...]
    is_own: bool
    is_fixed: bool
    is_dropped_when_unknown: bool

    @property
    def shipped(self) -> Path:
        """The file of its default rows."""
        return SEEDS_DIR / f"{self.name}.csv"

    def key_of(self, row: Row) -> Key:
        """Of two rows with an equal key only one can hold."""
        return tuple(row[name] for name in self.key)


@dataclass(frozen=True)
class RuleSet:
    """
    The rows of one rule table that hold, and where they come from (one of `home.ORIGINS`).

    `file_name` is that of the company's file, below the home; `shipped` has the keys of the default
    rows, whether or not they hold; `lines` has the line there of each of
    its rows, by key.
    """

    table: RuleTable
    rows: tuple[Row, ...]
    origin: str
    file_name: str | None = None
    shipped: frozenset[Key] = frozenset()
    lines: Mapping[Key, int] = field(default_factory=dict, compare=False)

    @property
    def own_row_count(self) -> int:
        """Rows that the company wrote."""
        return len(self.lines)

    def place_of(self, row: Row) -> str:
        """File and line of a row; of a shipped one the file only."""
        line = self.lines.get(self.table.key_of(row))
        return f"{self.file_name}, line {line}" if line else f"seeds/{self.table.name}.csv"

    @cached_property
    def content_hash(self) -> str:
        """SHA-256 of the rows, in any order."""
        rows = sorted(json.dumps(row, sort_keys=True, ensure_ascii=False) for row in self.rows)
        return hashlib.sha256("\n".join(rows).encode()).hexdigest()


@dataclass(frozen=True)
class Rules:
    """All rules of a home; `options` are those that the company set."""

    sets: dict[str, RuleSet]
    options: dict[str, Any] = field(default_factory=dict)

    def rows(self, name: str) -> tuple[Row, ...]:
        """The rows of a rule table, as texts; an empty cell is None."""
        return self.sets[name].rows

    @property
    def are_own(self) -> bool:
        """Whether the company has any say in them."""
        return bool(self.options) or any(
            one.origin not in ("default", "none") for one in self.sets.values()
        )

    @property
    def digest(self) -> str:
        """Hash of all that they say."""
        hashes = {name: rule_set.content_hash for name, rule_set in self.sets.items()}
        text = json.dumps([hashes, self.options], sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()

    @property
    def dbt_arguments(self) -> list[str]:
        """Arguments of dbt that hand it the options."""
        return ["--vars", json.dumps(self.options)] if self.options else []


@lru_cache
def tables() -> dict[str, RuleTable]:
    """All rule tables by name."""
    found: dict[str, RuleTable] = {}
    metas: dict[str, dict[str, Any]] = {}
    for seed in files.read_yaml(SEEDS_DIR / "_seeds.yml")["seeds"]:
        config, meta = seed["config"], seed["config"]["meta"]
        metas[seed["name"]] = meta
        found[seed["name"]] = RuleTable(
            name=seed["name"],
            description=" ".join(seed["description"].split()),
            columns=dict(config["column_types"]),
            meanings={c["name"]: " ".join(c["description"].split()) for c in seed["columns"]},
            key=tuple(meta["key"]),
            optional=frozenset(meta.get("optional", ())),
            values={name: tuple(values) for name, values in meta.get("values", {}).items()},
            references=(),
            positive=frozenset(meta.get("positive", ())),
            signed=frozenset(meta.get("signed", ())),
            version_of=tuple(meta.get("version_of", ())),
            is_own=bool(meta.get("own", False)),
            is_fixed=bool(meta.get("fixed", False)),
            is_dropped_when_unknown=bool(meta.get("drop_when_unknown", False)),
        )
    return {
        name: replace(table, references=tuple(_references(metas[name], found)))
        for name, table in found.items()
    }


def _references(meta: dict[str, Any], known: dict[str, RuleTable]) -> Iterator[Reference]:
    """`references: {column: table}`, and those with conditions or of several columns as a list."""
    for column, to in meta.get("references", {}).items():
        key = known[to].key
        yield Reference((column,), to, (column if column in key else key[0],))
    for entry in meta.get("conditional_references", ()):
        columns = tuple(entry["columns"])
        yield Reference(
            columns,
            entry["to"],
            tuple(entry.get("named", columns)),
            tuple(entry.get("where", {}).items()),
            tuple(entry.get("when", {}).items()),
        )


@lru_cache
def default_options() -> dict[str, Any]:
    """The options of the models and their defaults."""
    project = files.read_yaml(DBT_PROJECT_DIR / "dbt_project.yml")
    return dict(project["vars"])
