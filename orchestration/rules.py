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

import csv
import hashlib
import io
import json
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from datetime import date
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import yaml

from orchestration.settings import (
    DBT_PROJECT_DIR,
    SEEDS_DIR,
    SettingsError,
    currency_codes,
    load_settings,
    nearest,
)

OPTIONS = "options"
# Where the rows of a table come from: shipped; shipped and of the company, of which the company's
# win; of the company instead of the shipped ones; of the company, where none are shipped; nowhere.
ORIGINS = ("default", "extended", "replaced", "own", "none")
_TOLD = 20  # problems that are told at once
_OPTION_VALUES = {"attribution_path": ("exposure", "unique", "remove_direct")}
# Whole numbers beyond these are slips of the pen; the unit is the last word of the option's name.
_OPTION_LIMITS = {"days": 36_500, "minutes": 525_600, "seconds": 31_536_000}
_COUNT_LIMIT = 9_999
_MAY_BE_ZERO = {
    "session_maximum_minutes", "engaged_session_seconds", "engaged_gap_seconds",
    "engaged_page_views", "renewal_grace_days", "channel_lookback_days", "minimum_answers",
    "pain_prior_journeys",
}  # fmt: skip

Row = dict[str, str | None]


class RulesError(SettingsError):
    """Rules cannot be used; the message names file, line, what is wrong and the remedy."""


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


@dataclass(frozen=True)
class RuleTable:
    """
    One rule table as `seeds/_seeds.yml` describes it.

    `is_own`: it ships empty. `version_of`: columns whose values versions of one rule share; with
    them only one version can begin on a day. `is_dropped_when_unknown`: shipped rows that refer to
    what the company's rules no longer hold do not hold either.
    """

    name: str
    description: str
    columns: dict[str, str]  # name → type
    meanings: dict[str, str]
    key: tuple[str, ...]
    optional: frozenset[str]
    values: dict[str, tuple[str, ...]]
    references: tuple[Reference, ...]
    positive: frozenset[str]  # numbers above 0
    version_of: tuple[str, ...]
    is_own: bool
    is_dropped_when_unknown: bool

    @property
    def shipped(self) -> Path:
        """The file of its default rows."""
        return SEEDS_DIR / f"{self.name}.csv"

    def key_of(self, row: Row) -> tuple[str | None, ...]:
        """Of two rows with an equal key only one can hold."""
        return tuple(row[name] for name in self.key)


@dataclass(frozen=True)
class RuleSet:
    """The rows of one rule table that hold, and where they come from (one of `ORIGINS`)."""

    table: RuleTable
    rows: tuple[Row, ...]
    origin: str
    own_row_count: int = 0
    file_name: str | None = None  # of the company's file, below the home

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
    for seed in yaml.safe_load((SEEDS_DIR / "_seeds.yml").read_text("utf-8"))["seeds"]:
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
            version_of=tuple(meta.get("version_of", ())),
            is_own=bool(meta.get("own", False)),
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
    project = yaml.safe_load((DBT_PROJECT_DIR / "dbt_project.yml").read_text("utf-8"))
    return dict(project["vars"])


@lru_cache
def defaults() -> Rules:
    """The rules of a home that has none of its own."""
    return load(None)


def load(home: Path | None) -> Rules:
    """The rules that hold in a home. Raises `RulesError` that lists what cannot be used."""
    problems: list[str] = []
    files: dict[str, Path] = {}
    options: dict[str, Any] = {}
    for path in _files(home, problems):
        name = path.name.split(".")[0]
        if name in files:
            problems.append(f"{_shown(path)}: {files[name].name} is there, too; leave one of them")
        files[name] = path
        if name == OPTIONS:
            options = _options(path, problems.append)
    sets = {
        name: _rule_set(table, files.get(name), problems.append) for name, table in tables().items()
    }
    if not problems:
        for name, rule_set in sets.items():
            if rule_set.table.is_dropped_when_unknown and rule_set.origin == "default":
                lost = [row for _, rows in _unknown(rule_set, sets) for row in rows]
                rows = tuple(row for row in rule_set.rows if row not in lost)
                sets[name] = replace(rule_set, rows=rows)
        for rule_set in sets.values():
            problems += _versions_of_one_day(rule_set)
            problems += _unknown_references(rule_set, sets)
    if problems:
        more = [f"… and {len(problems) - _TOLD} more"] if len(problems) > _TOLD else []
        raise RulesError("\n".join([*problems[:_TOLD], *more]))
    return Rules(sets, options)


def _files(home: Path | None, problems: list[str]) -> Iterator[Path]:
    """The files of `<home>/rules/`; others than rules are a problem."""
    folder = home / "rules" if home else None
    if folder is None or not (folder.exists() or folder.is_symlink()):
        return
    try:
        paths = sorted(folder.iterdir())
    except OSError as error:
        problems.append(
            f"{folder}: it is no folder that can be read ({error.strerror}); correct it"
        )
        return
    for path in paths:
        if path.name.startswith((".", "_")) or path.name.lower().startswith("readme"):
            continue
        name, _, rest = path.name.partition(".")
        endings = ("csv", "yml", "yaml")
        allowed = endings[1:] if name == OPTIONS else [*endings, *(f"replace.{e}" for e in endings)]
        if name not in tables() and name != OPTIONS:
            near = nearest(name, [*tables(), OPTIONS])
            problems.append(
                f"{_shown(path)}: there is no rule table {name}"
                + (f"; did you mean {near}?" if near else f"; there are: {', '.join(tables())}")
            )
        elif rest not in allowed or not path.is_file():
            problems.append(f"{_shown(path)}: it has to be a file {name}.{' or .'.join(allowed)}")
        else:
            yield path


def _rule_set(table: RuleTable, path: Path | None, report: Callable[[str], None]) -> RuleSet:
    shipped = tuple(row for _, row in _csv(table, table.shipped, report))
    if path is None:
        return RuleSet(table, shipped, "default" if shipped else "none")
    read = _csv if path.suffix == ".csv" else _yaml
    own: dict[tuple[str | None, ...], tuple[int, Row]] = {}
    for line, row in read(table, path, report):
        for problem in _wrong_values(table, row):
            report(f"{_shown(path)}, line {line}: {problem}")
        before, first = own.setdefault(table.key_of(row), (line, row))
        if first is not row:
            what = ", ".join(f"{name} {row[name]}" for name in table.key)
            report(
                f"{_shown(path)}, line {line}: {what} stands in line {before} already; two rules "
                "hold at once. Remedy: remove one"
                + (", or let it begin later by valid_from" if "valid_from" in table.key else "")
            )
    mine = tuple(row for _, row in own.values())
    file_name = f"rules/{path.name}"
    if ".replace." in path.name:
        return RuleSet(table, mine, "replaced", len(mine), file_name)
    rest = tuple(row for row in shipped if table.key_of(row) not in own)
    origins = ("extended", "own") if mine else ("default", "none")
    return RuleSet(table, rest + mine, origins[not shipped], len(mine), file_name)


def _csv(table: RuleTable, path: Path, report: Callable[[str], None]) -> Iterator[tuple[int, Row]]:
    """Line number and row of each rule; lines that begin with `#` are comments."""
    text = _text(path, report)
    if text is None:
        return
    # Comments become empty lines, so that the numbers stay.
    lines = ["" if line.startswith("#") else line for line in text.splitlines(keepends=True)]
    reader = csv.reader(io.StringIO("".join(line or "\n" for line in lines)), strict=True)
    header: list[str] | None = None
    try:
        for cells in reader:
            if not any(cell.strip() for cell in cells):
                continue
            if header is None:
                header = [cell.strip() for cell in cells]
                if not _header_is_right(table, path, header, reader.line_num, report):
                    return
                continue
            if len(cells) != len(header):
                report(
                    f"{_shown(path)}, line {reader.line_num}: {len(cells)} cells where the header "
                    f"has {len(header)}; put quotes around a text with a comma"
                )
                continue
            given = {name: cell.strip() or None for name, cell in zip(header, cells, strict=True)}
            yield reader.line_num, {name: given.get(name) for name in table.columns}
    except csv.Error as error:
        report(f"{_shown(path)}, line {reader.line_num}: {error}; repair the quotes")


def _yaml(table: RuleTable, path: Path, report: Callable[[str], None]) -> Iterator[tuple[int, Row]]:
    """Line number and row of each rule of a YAML list of mappings; values as they are written."""
    text = _text(path, report)
    if text is None:
        return
    try:
        root = yaml.compose(text, yaml.SafeLoader)
    except (yaml.YAMLError, RecursionError) as error:
        report(f"{_shown(path)}: not valid YAML ({' '.join(str(error).split())}); correct it")
        return
    if root is None:
        return
    entries = root.value if isinstance(root, yaml.SequenceNode) else [root]
    for entry in entries:
        line = entry.start_mark.line + 1
        if not isinstance(root, yaml.SequenceNode) or not isinstance(entry, yaml.MappingNode):
            report(f"{_shown(path)}, line {line}: rules are a list, `- name: value` per row")
            return
        row: Row = {}
        for name, value in entry.value:
            if not isinstance(name, yaml.ScalarNode) or not isinstance(value, yaml.ScalarNode):
                told = name.value if isinstance(name, yaml.ScalarNode) else "a column"
                report(f"{_shown(path)}, line {line}: {told} has to be a single value")
                return
            if name.value in row:
                report(f"{_shown(path)}, line {line}: {name.value} stands there twice; remove one")
                return
            is_null = value.tag.endswith(":null") and not value.style
            row[name.value] = None if is_null else value.value.strip() or None
        if _header_is_right(table, path, list(row), line, report):
            yield line, {name: row.get(name) for name in table.columns}


def _text(path: Path, report: Callable[[str], None]) -> str | None:
    try:
        return path.read_text("utf-8-sig")
    except UnicodeDecodeError:
        report(f"{_shown(path)}: it is no UTF-8 text; save it as UTF-8")
    except OSError as error:
        report(f"{_shown(path)}: it cannot be read ({error.strerror})")
    return None


def _header_is_right(
    table: RuleTable,
    path: Path,
    header: list[str],
    line: int,
    report: Callable[[str], None],
) -> bool:
    where = f"{_shown(path)}, line {line}"
    if len(header) == 1 and len(table.columns) > 1 and re.search("[;\t]", header[0]):
        report(f"{where}: columns are separated by commas; save it so")
        return False
    wrong = [name for name in header if name not in table.columns]
    for name in wrong:
        near = nearest(name, table.columns)
        report(
            f"{where}: {table.name} has no column {name!r}; "
            + (f"did you mean {near}? " if near else "")
            + f"Its columns: {', '.join(table.columns)}"
        )
    twice = {name for name in header if header.count(name) > 1}
    missing = [n for n in table.columns if n not in header and n not in table.optional]
    if twice:
        report(f"{where}: column {', '.join(sorted(twice))} stands there twice; remove one")
    if missing:
        report(f"{where}: column {', '.join(missing)} is missing; add it")
    return not (wrong or twice or missing)


_NUMBER = re.compile(r"[+-]?([0-9]+)(?:\.([0-9]+))?")


def _wrong_values(table: RuleTable, row: Row) -> Iterator[str]:
    """What is wrong with each value of a row, and the remedy."""
    for name, data_type in table.columns.items():
        value = row[name]
        if value is None:
            if name not in table.optional:
                yield f"{name} is empty; fill it in ({table.meanings[name]})"
            continue
        told = f"{name} = {value[:60]!r}"
        if name in table.values and value not in table.values[name]:
            yield f"{told} is not one of {', '.join(table.values[name])}"
        elif data_type == "date":
            if not re.fullmatch("[0-9]{4}-[0-9]{2}-[0-9]{2}", value) or not _is_day(value):
                yield f"{told} is no day; write it as YYYY-MM-DD"
        elif data_type == "boolean":
            if value.lower() not in ("true", "false"):
                yield f"{told} is neither true nor false"
        elif data_type != "varchar":
            number = _NUMBER.fullmatch(value)
            precision, scale = _digits(data_type)
            if not number or len(number[1]) > precision - scale:
                yield f"{told} is no number; write it plainly, as 1200{'.5' if scale else ''}"
            elif len(number[2] or "") > scale:
                yield f"{told} has more than {scale} digits after the point"
            elif name in table.positive and float(value) <= 0:
                yield f"{told} is not above 0"
        elif name.endswith("currency_code") and value not in currency_codes():
            yield f"{told} is no ISO 4217 code such as JPY"
        elif name.endswith("pattern") and (problem := _pattern_problem(value)):
            yield f"{told} is no pattern of DuckDB (RE2): {problem}"
    first, last = row.get("start_date"), row.get("end_date")
    if first and last and first > last:
        yield f"end_date {last} lies before start_date {first}"
    if (
        (low := row.get("scale_minimum"))
        and (high := row.get("scale_maximum"))
        and not any(_wrong_number(value) for value in (low, high))
        and float(low) >= float(high)
    ):
        yield f"scale_minimum {low} is not below scale_maximum {high}"


def _wrong_number(value: str) -> bool:
    return _NUMBER.fullmatch(value) is None


def _is_day(value: str) -> bool:
    try:
        date.fromisoformat(value)
    except ValueError:
        return False
    return True


def _digits(data_type: str) -> tuple[int, int]:
    """Digits in all and after the point that a number type holds."""
    if match := re.fullmatch(r"decimal\((\d+),\s*(\d+)\)", data_type):
        return int(match[1]), int(match[2])
    return {"integer": (9, 0), "bigint": (18, 0)}.get(data_type, (33, 18))


def _pattern_problem(pattern: str) -> str | None:
    try:
        duckdb.execute("select regexp_full_match('', ?)", [pattern]).fetchall()
    except duckdb.Error as error:
        return str(error).splitlines()[0]
    return None


def _versions_of_one_day(rule_set: RuleSet) -> Iterator[str]:
    """Versions of one rule that begin on the same day, so that neither is the newer one."""
    table = rule_set.table
    seen: dict[tuple[str | None, ...], Row] = {}
    for row in rule_set.rows if table.version_of else ():
        other = seen.setdefault((*(row[name] for name in table.version_of), row["valid_from"]), row)
        if other is not row:
            what = ", ".join(f"{name} {row[name]}" for name in table.version_of)
            yield (
                f"{rule_set.file_name or f'seeds/{table.name}.csv'}: two versions of {what} begin "
                f"on {row['valid_from']}. Remedy: let one begin later, or remove it"
            )


def _unknown(rule_set: RuleSet, sets: dict[str, RuleSet]) -> Iterator[tuple[Reference, list[Row]]]:
    """Each reference of a rule table, and the rows whose values lead nowhere."""
    for reference in rule_set.table.references:
        known = {
            tuple(row[name] for name in reference.named)
            for row in sets[reference.to].rows
            if all(row[name] == value for name, value in reference.where)
        }
        yield (
            reference,
            [
                row
                for row in rule_set.rows
                if all(row[name] == value for name, value in reference.when)
                and all(row[name] is not None for name in reference.columns)
                and tuple(row[name] for name in reference.columns) not in known
            ],
        )


def _unknown_references(rule_set: RuleSet, sets: dict[str, RuleSet]) -> Iterator[str]:
    """Values that the rule table that they refer to does not know."""
    for reference, rows in _unknown(rule_set, sets):
        values = {" ".join(str(row[name]) for name in reference.columns) for row in rows}
        if not values:
            continue
        own = rule_set.file_name or f"seeds/{rule_set.table.name}.csv"
        theirs = sets[reference.to].file_name or f"rules/{reference.to}.csv"
        where = "".join(f", {name} {value}" for name, value in reference.where)
        yield (
            f"{own}: {', '.join(reference.columns)} {', '.join(map(repr, sorted(values)[:5]))} is "
            f"unknown to {reference.to}{where}. Remedy: correct it, or add it to {theirs}"
            + ("" if rule_set.file_name else f"; or give rules/{rule_set.table.name}.replace.csv")
        )


def _options(path: Path, report: Callable[[str], None]) -> dict[str, Any]:
    text = _text(path, report) or ""
    try:
        given = yaml.safe_load(text) or {}
    except (yaml.YAMLError, RecursionError, ValueError) as error:  # ValueError: 2026-02-30
        report(f"{_shown(path)}: not valid YAML ({' '.join(str(error).split())}); correct it")
        return {}
    if not isinstance(given, dict):
        report(f"{_shown(path)}: options are `name: value`, one per line")
        return {}
    for name, value in given.items():
        if name not in default_options():
            near = nearest(str(name), default_options())
            report(
                f"{_shown(path)}: {name} is no option"
                + (f"; did you mean {near}?" if near else "")
                + f" There are: {', '.join(default_options())}"
            )
            continue
        default = default_options()[name]
        allowed = _OPTION_VALUES.get(name)
        low = 0 if name in _MAY_BE_ZERO else 1
        high = _OPTION_LIMITS.get(name.rpartition("_")[2], _COUNT_LIMIT)
        if type(value) is not type(default):
            kind = {bool: "true or false", int: "a whole number"}.get(type(default), "a text")
            report(f"{_shown(path)}: {name} = {value!r} has to be {kind}, as {default!r}")
        elif type(value) is int and not low <= value <= high:
            report(f"{_shown(path)}: {name} = {value!r} has to be from {low} to {high}")
        elif allowed and value not in allowed:
            report(f"{_shown(path)}: {name} = {value!r} is not one of {', '.join(allowed)}")
    return {name: value for name, value in given.items() if value != default_options().get(name)}


def _shown(path: Path) -> str:
    return f"{path.parent.name}/{path.name}"


# ---- In the warehouse ----------------------------------------------------------------------------


def apply(connection: duckdb.DuckDBPyConnection, rules: Rules) -> None:
    """Write the rules into the warehouse, unless they are there: `rules.<table>`, `ops.rules`."""
    if _applied(connection) == rules.digest:
        return
    connection.execute("begin")
    connection.execute("drop schema if exists rules cascade")
    connection.execute("create schema rules")
    for name, rule_set in rules.sets.items():
        types = rule_set.table.columns
        rows = {column: [row[column] for row in rule_set.rows] for column in types}
        connection.register(
            "rule_rows", pa.table(rows, pa.schema([(column, pa.string()) for column in types]))
        )
        casts = ", ".join(
            f'"{column}"::{data_type} as "{column}"' for column, data_type in types.items()
        )
        connection.execute(f'create table rules."{name}" as select {casts} from rule_rows')
        connection.unregister("rule_rows")
    connection.execute("create schema if not exists ops")
    connection.execute(
        "create or replace table ops.rules (rule_table varchar, origin varchar, file_name varchar, "
        "row_count integer, own_row_count integer, content_hash varchar, digest varchar)"
    )
    options = json.dumps(rules.options, sort_keys=True)
    connection.executemany(
        "insert into ops.rules values (?, ?, ?, ?, ?, ?, ?)",
        [
            [name, one.origin, one.file_name, len(one.rows), one.own_row_count, one.content_hash,
             rules.digest]
            for name, one in rules.sets.items()
        ] + [
            [OPTIONS, "extended" if rules.options else "default",
             f"rules/{OPTIONS}.yml" if rules.options else None,
             len(default_options()), len(rules.options),
             hashlib.sha256(options.encode()).hexdigest(), rules.digest]
        ],
    )  # fmt: skip
    connection.execute("commit")


def _applied(connection: duckdb.DuckDBPyConnection) -> str | None:
    """The digest of the rules that are in the warehouse."""
    found = connection.execute(
        "select count(*) from duckdb_tables() where database_name = current_database() "
        "and (schema_name = 'rules' or schema_name = 'ops' and table_name = 'rules')"
    ).fetchone()
    if found != (len(tables()) + 1,):
        return None
    row = connection.execute("select max(digest) from ops.rules").fetchone()
    return str(row[0]) if row else None


# ---- For people ----------------------------------------------------------------------------------


def template(table: RuleTable) -> str:
    """A file for rules of one's own: the table's meaning, columns and default rows as comments."""
    lines = [table.description, ""]
    for name, data_type in table.columns.items():
        notes = [data_type]
        notes += ["part of the key"] if name in table.key else []
        notes += ["may be empty"] if name in table.optional else []
        notes += ["one of " + ", ".join(table.values[name])] if name in table.values else []
        notes += sorted({f"of {r.to}" for r in table.references if name in r.columns})
        lines.append(f"{name} ({'; '.join(notes)}): {table.meanings[name]}")
    default = table.shipped.read_text("utf-8").splitlines()
    if len(default) > 1:
        lines += [
            "",
            "A row with the key of one of the defaults takes its place. To do without all of them,",
            f"name this file {table.name}.replace.csv. The defaults:",
        ]
        lines += default[1:]
    return "".join(f"# {line}".rstrip() + "\n" for line in lines) + default[0] + "\n"


def options_template() -> str:
    """A file for options of one's own, with the defaults and their meaning as comments."""
    text = (DBT_PROJECT_DIR / "dbt_project.yml").read_text("utf-8")
    block = text.split("\nvars:\n")[1].split("\n\n")[0]
    lines = [line.strip() for line in block.splitlines()]
    return "# Options of the models; the defaults:\n" + "".join(
        (line if line.startswith("#") else f"# {line}") + "\n" for line in lines
    )


def run_init() -> None:
    """Write templates beside the rules that are there, and list which rules hold."""
    settings = load_settings()
    settings.prepare()
    folder = settings.home / "rules"
    folder.mkdir(mode=0o700, exist_ok=True)
    present = {path.name.split(".")[0] for path in folder.iterdir()}
    written = [name for name in (*tables(), OPTIONS) if name not in present]
    for name in written:
        if name == OPTIONS:
            (folder / f"{name}.yml").write_text(options_template(), "utf-8")
        else:
            (folder / f"{name}.csv").write_text(template(tables()[name]), "utf-8")
    print(f"{len(written)} templates written to {folder}")
    run()
    print("\nedit them; the next `journey nightly` checks and uses them")


def run() -> None:
    """List which rules hold, and where they come from."""
    settings = load_settings()
    rules = load(settings.home)
    print(f"rules of {settings.home}\n")
    print("\n".join(_listed(rules)))


def _listed(rules: Rules) -> Iterable[str]:
    yield f"{'rule table':<28}{'rows':>6}{'own':>6}  where from"
    words = {
        "default": "shipped", "extended": "shipped, with yours on top", "own": "yours",
        "replaced": "yours, instead of the shipped ones", "none": "empty: the company's to fill in",
    }  # fmt: skip
    for name, one in rules.sets.items():
        yield f"{name:<28}{len(one.rows):>6}{one.own_row_count:>6}  {words[one.origin]}"
    yield f"{OPTIONS:<28}{len(default_options()):>6}{len(rules.options):>6}  " + (
        words["extended"] if rules.options else words["default"]
    )
