"""
Adapters: map somebody's export onto the raw contracts.

An adapter is a folder `adapters/<name>/` with one DuckDB `SELECT` per contract table,
`<source>__<table>.sql`, over the relations that `adapter.toml` names. Their columns are text, but
for those that it declares to be times, days, amounts, flags or ids (`Input`): these are read here,
by `loading/spelling.py`, so that no SELECT has to know how an export spells them; what several
adapters need is a macro of `adapters/macros.sql`, what several SELECTs of one need a view of its
`views.sql`. `journey import <name> <dir>` writes
one CSV per table into the landing zone; the same input gives the same bytes, so importing twice
changes nothing.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import tomllib
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, fields, replace
from itertools import islice
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
from duckdb.func import FunctionNullHandling

from orchestration.base import command, files
from orchestration.base.locking import single_writer
from orchestration.loading import ledger, privacy, reading, spelling
from orchestration.loading.contract import load_contract, normalise_header
from orchestration.loading.spelling import Spelling, SpellingError
from orchestration.rules import home as home_rules
from orchestration.settings import (
    ADAPTER_CHOICES,
    DEFAULTS,
    ROOT,
    SAMPLE_DIR,
    SAMPLE_RULES,
    Settings,
    choice_problem,
    load_settings,
    unknown,
)

ADAPTERS_DIR = ROOT / "adapters"
OF_FILES = ("_file", "_path")  # columns of every relation
UNIT = "(?P<unit>"  # of a header, in a pattern of `aliases`
SAMPLE_MARK = "This home holds the shipped synthetic sample. Nobody in it exists.\n"
ANOTHER_HOME = "set JOURNEY_HOME to a new folder for your data, or empty this one with `make clean`"


class ImportFailed(ValueError):
    """The export cannot be mapped; the message names file, column and remedy."""


def adapters() -> list[str]:
    """Names of the shipped adapters."""
    return sorted(path.parent.name for path in ADAPTERS_DIR.glob("*/adapter.toml"))


@dataclass(frozen=True)
class Input:
    """
    One relation of an adapter and the files it is read from.

    Columns are named as their headers, in snake_case: `Created date (UTC)` is `created_date_utc`;
    a file may write the names in other capitals. `files` is a name or pattern below the folder of
    the export; several files follow each other, matched by column name. `columns` are those that
    the SELECTs use: one that no file has is null, unless it is `required`; `_file` is the name of
    the file without its endings, or the part of it that the group `name` of the pattern `file_name`
    matches; `_path` tells files apart.

    Of `header_rows`, the first names the columns and the second, where there is one, is the
    question's text. With `keep`, every other column is a question: the relation has one row per
    answer, with the columns kept, `_row`, `question`, `question_text` and `answer`. With `records`,
    the files are JSON or Parquet, and the relation has `json`, one row per record; with
    `records = "whole"`, one row per value of the file: a page of an API keeps what stands beside
    its records.

    Up to `preamble` rows may stand before the header, which is the first row that has all columns
    of `required`. `aliases` names a column by a pattern of its headers, in other languages or
    versions of the tool; what the pattern's group `unit` matches (the currency of `Amount spent
    (USD)`) is the column `<name>_unit`.

    `times` (timestamptz), `days` (date), `amounts` (decimal), `flags` (boolean) and `ids` (text;
    null where it is all zeros) are columns that are read as such; they need not be repeated in
    `columns`. `time_zone` is that of times without an offset, `date_order` (`day_first` or
    `month_first`) and `decimal_mark` (`.` or `,`) say what the values leave open; what the pattern
    `nothing` matches (`--`, the word of a row of totals) is no value.
    """

    files: str
    columns: tuple[str, ...] = ()
    required: tuple[str, ...] = ()
    keep: tuple[str, ...] = ()
    times: tuple[str, ...] = ()
    days: tuple[str, ...] = ()
    amounts: tuple[str, ...] = ()
    flags: tuple[str, ...] = ()
    ids: tuple[str, ...] = ()
    time_zone: str | None = None
    date_order: str | None = None
    decimal_mark: str | None = None
    nothing: str | None = None
    file_name: str | None = None
    header_rows: int = 1
    preamble: int = 0
    aliases: Mapping[str, str] = field(default_factory=dict)
    records: bool | str = False
    optional: bool = False

    @property
    def types(self) -> dict[str, str]:
        """Name of each column that is no plain text, and what it is."""
        return {
            column_name(header): kind for kind in _TYPES for header in getattr(self, f"{kind}s")
        }

    @property
    def names(self) -> list[str]:
        """Names of all columns that the adapter knows, in order."""
        typed = [name for kind in _TYPES for name in getattr(self, f"{kind}s")]
        known = (*self.columns, *self.required, *self.keep, *typed)
        return list(dict.fromkeys(column_name(name) for name in known))


# What a column can be: its type in DuckDB and in Arrow.
_TYPES: dict[str, tuple[str, pa.DataType]] = {
    "time": ("timestamptz", pa.timestamp("us", "UTC")),
    "day": ("date", pa.date32()),
    "amount": ("decimal(24, 6)", pa.decimal128(24, 6)),
    "flag": ("boolean", pa.bool_()),
    "id": ("varchar", pa.string()),
}


@dataclass(frozen=True)
class Adapter:
    """What `adapter.toml` says."""

    name: str
    inputs: dict[str, Input]
    home: dict[str, str]  # settings of a home that has none yet
    file_by_file: str | None  # the input that is mapped file by file
    choices: dict[str, str]  # what holds for all inputs, see ADAPTER_CHOICES


def read_adapter(adapter: str, own: Mapping[str, str] | None = None) -> Adapter:
    """
    An adapter; `own` is what the home says otherwise (`[adapters.<name>]` in `journey.toml`).

    Raises `ImportFailed` with file, key and remedy when a key is unknown or its value unusable.
    """
    if adapter not in adapters():
        raise ImportFailed(f"no adapter {adapter!r}; there are: {', '.join(adapters())}")
    return parse_adapter(ADAPTERS_DIR / adapter / "adapter.toml", own or {})


def parse_adapter(path: Path, own: Mapping[str, str]) -> Adapter:
    """The adapter that a file describes; see `read_adapter`."""
    try:
        config = tomllib.loads(path.read_text("utf-8"))
    except tomllib.TOMLDecodeError as error:
        raise ImportFailed(f"{path}: not valid TOML ({error}); correct it") from None
    _refuse_unknown(path, "", config, ("title", "file_by_file", "home", "inputs", *ADAPTER_CHOICES))
    _refuse_unknown(path, "home.", config.get("home", {}), tuple(DEFAULTS))
    choices = {key: config[key] for key in ADAPTER_CHOICES if key in config} | dict(own)
    inputs = {}
    for relation, entry in config.get("inputs", {}).items():
        where = f"inputs.{relation}."
        values = {"files": entry} if isinstance(entry, str) else dict(entry)
        _refuse_unknown(path, where, values, tuple(one.name for one in fields(Input)))
        for key in ADAPTER_CHOICES:
            if key in own or (key not in values and key in choices):
                values[key] = choices[key]
            if key in values and (problem := choice_problem(key, values[key])):
                raise ImportFailed(f"{path}: {where}{key} {problem}; correct it")
        for one in fields(Input):
            value = values.get(one.name, one.default)
            wanted = "a list" if one.default == () else "one value"
            wanted = "a table" if one.name == "aliases" else wanted
            given = "a list" if isinstance(value, list) else "one value"
            given = "a table" if isinstance(value, dict) else given
            if given != wanted and one.name in values:
                raise ImportFailed(f"{path}: {where}{one.name} must be {wanted}; correct it")
        lists: dict[str, Any] = {
            key: tuple(v) if isinstance(v, list) else v for key, v in values.items()
        }
        if "files" not in lists:
            raise ImportFailed(f"{path}: {where}files is missing; name the file or a pattern")
        inputs[relation] = Input(**lists)
    if config.get("file_by_file") not in (None, *inputs):
        raise ImportFailed(f"{path}: file_by_file names no input; there are: {', '.join(inputs)}")
    return Adapter(
        path.parent.name, inputs, config.get("home", {}), config.get("file_by_file"), choices
    )


def _refuse_unknown(path: Path, where: str, found: object, known: tuple[str, ...]) -> None:
    if not isinstance(found, dict):
        raise ImportFailed(f"{path}: {where.rstrip('.')} must be a table; correct it")
    for key in found:
        if key not in known:
            raise ImportFailed(f"{path}: {unknown(key, 'key', known, where)}")


def import_export(adapter: str, source_dir: Path, settings: Settings) -> dict[str, int]:
    """
    Write the contract files of an export into the landing zone; returns rows per table.

    Raises `ImportFailed`; then the landing zone is as it was.
    """
    described = read_adapter(adapter, settings.adapters.get(adapter))
    inputs, file_by_file = described.inputs, described.file_by_file
    if settings.is_sample:
        raise ImportFailed(
            f"{settings.home} holds the synthetic sample, and sample and real data are never "
            f"mixed: {ANOTHER_HOME}"
        )
    found = {relation: _matching(source_dir, entry) for relation, entry in inputs.items()}
    if not any(found.values()):
        patterns = ", ".join(entry.files for entry in inputs.values())
        raise ImportFailed(
            f"{source_dir}: no file {patterns} is there; FROM must name the folder that holds them"
        )
    runs: list[tuple[str, dict[str, list[Path]]]] = [(adapter, found)]
    if file_by_file:
        runs = [
            (f"{adapter}-{file_stem(path)}", {**found, file_by_file: [path]})
            for path in found[file_by_file]
        ]
    staging = settings.landing / f"_import_{adapter}"
    shutil.rmtree(staging, ignore_errors=True)
    counts: dict[str, int] = {}
    try:
        for name, files in runs:
            for label, count in _map(described, files, staging, name, settings).items():
                counts[label] = counts.get(label, 0) + count
        for path in sorted(staging.rglob("*.csv")):
            final = settings.landing / path.relative_to(staging)
            final.parent.mkdir(parents=True, exist_ok=True)
            if not final.exists() or final.read_bytes() != path.read_bytes():
                os.replace(path, final)
    finally:
        shutil.rmtree(staging, ignore_errors=True)
    home_config = settings.home / "journey.toml"
    if not home_config.exists():
        lines = [f'{key} = "{value}"' for key, value in described.home.items()]
        home_config.write_text("\n".join(lines) + "\n", "utf-8")
    if copied := copy_rules(ADAPTERS_DIR / adapter / "rules", settings):
        print(
            f"{copied} files of rules were put into {settings.home / 'rules'}; they are yours now"
        )
    return counts


def _matching(source_dir: Path, entry: Input) -> list[Path]:
    """The files of an input; raises `ImportFailed` when there are none and there must be."""
    found = sorted(path for path in source_dir.glob(entry.files) if path.is_file())
    if not found and not entry.optional:
        raise ImportFailed(
            f"{source_dir / entry.files}: file is missing; FROM must name the folder that holds it"
        )
    return found


def _map(
    adapter: Adapter,
    files: dict[str, list[Path]],
    staging: Path,
    name: str,
    settings: Settings,
) -> dict[str, int]:
    """Run an adapter's SELECTs on its inputs; writes `<staging>/<label>/<name>.csv`."""
    tables = load_contract()
    counts: dict[str, int] = {}
    with duckdb.connect(config={"python_enable_replacements": "false"}) as connection:
        connection.execute("set TimeZone = 'UTC'")
        connection.execute((ADAPTERS_DIR / "macros.sql").read_text("utf-8"))
        remedy = f"[adapters.{adapter.name}] in {settings.home / 'journey.toml'}"
        for relation, entry in adapter.inputs.items():
            zone = entry.time_zone or settings.business_timezone
            entry = replace(entry, time_zone=zone)
            _open_input(connection, relation, entry, files[relation], remedy)
        zone = adapter.choices.get("time_zone", settings.business_timezone)
        orders = (adapter.choices.get(key) for key in ("date_order", "decimal_mark"))
        problems = _add_functions(connection, Spelling(zone, *orders))
        if (views := ADAPTERS_DIR / adapter.name / "views.sql").exists():
            connection.execute(views.read_text("utf-8"))
        for query_path in sorted((ADAPTERS_DIR / adapter.name).glob("*__*.sql")):
            label = query_path.stem.replace("__", "/")
            if label not in tables:
                raise ImportFailed(f"{query_path.name}: there is no contract table {label}")
            target = staging / label / f"{name}.csv"
            target.parent.mkdir(parents=True, exist_ok=True)
            try:
                connection.execute(f"create temp table mapped as {query_path.read_text('utf-8')}")
                row = connection.execute(
                    f"copy ({_written(connection)}) to "
                    f"'{str(target).replace(chr(39), chr(39) * 2)}' "
                    "(format csv, header, force_quote *)"
                ).fetchone()
                connection.execute("drop table mapped")
            except duckdb.Error as error:
                if problems:
                    raise ImportFailed(f"{query_path.name}: {problems[0]}; {remedy}") from None
                raise ImportFailed(_unmapped(query_path, error)) from None
            counts[label] = int(row[0]) if row else 0
            if not counts[label]:
                target.unlink()  # an empty file would be refused, rightly
    return counts


def _written(connection: duckdb.DuckDBPyConnection) -> str:
    """The SELECT that writes what was mapped: times as `2026-01-05 00:00:00Z`."""
    columns = connection.execute("describe mapped").fetchall()
    texts = [
        f"replace(\"{_doubled(name)}\"::varchar, '+00', 'Z') as \"{_doubled(name)}\""
        for name, kind, *_ in columns
        if kind == "TIMESTAMP WITH TIME ZONE"
    ]
    replaced = f"replace ({', '.join(texts)})" if texts else ""
    return f"select * {replaced} from mapped"


def _add_functions(connection: duckdb.DuckDBPyConnection, spelled: Spelling) -> list[str]:
    """
    Give SELECTs the functions of `spelling.py`, for what no column of an input declares.

    Returns a list that will hold why one of them failed.
    """
    problems: list[str] = []

    def function(name: str, read: Callable[[str], object], kind: str) -> None:
        def call(text: str | None) -> Any:
            try:
                return None if text is None else read(text)
            except SpellingError as error:
                problems.append(f"{spelling.shown(text or '')} {error}")
                raise

        connection.create_function(
            name, call, ["VARCHAR"], kind, null_handling=FunctionNullHandling.SPECIAL
        )

    # DuckDB takes a Python datetime as a local one; in UTC, as this connection is, they are equal.
    function("instant_", lambda t: spelling.instant(t, spelled).replace(tzinfo=None), "TIMESTAMP")
    connection.execute("create macro instant(text) as (instant_(text) at time zone 'UTC')")
    function("calendar_day", lambda text: spelling.day(text, spelled), "DATE")
    function("amount", lambda text: spelling.amount(text, spelled), "DECIMAL(24, 6)")
    function("flag", spelling.flag, "BOOLEAN")
    function("score_of", spelling.score, "INTEGER")
    function("words_of", spelling.words, "VARCHAR")
    codes = ", ".join(f"'{code}'" for code in spelling.THREE_DECIMALS)
    connection.execute(
        "create macro money(amount, currency_code) as case "
        f"when upper(currency_code) in ({codes}) then round(amount, 3)::decimal(38, 3)::varchar "
        "else round(amount, 2)::decimal(38, 2)::varchar end"
    )
    return problems


def _unmapped(query_path: Path, error: duckdb.Error) -> str:
    """Why a SELECT failed; DuckDB's own words may repeat a value of the export."""
    column = re.search(r'(?:Referenced column|column named) "(\w+)"', str(error))
    if column:  # a name of the SELECT, not of the export
        return f"{query_path.name}: column {column[1]} is in no file of the export; export it too"
    if isinstance(error, duckdb.BinderException | duckdb.CatalogException | duckdb.ParserException):
        return f"{query_path.name}: no SELECT over the relations of adapter.toml; mend it"
    return (
        f"{query_path.name}: a value of the export is not of the type that the SELECT converts it "
        "to; export it as the adapter's folder says, or mend the SELECT"
    )


def _open_input(
    connection: duckdb.DuckDBPyConnection,
    relation: str,
    entry: Input,
    paths: list[Path],
    remedy: str = "adapter.toml",
) -> None:
    """Create the relation of an input. Nothing is guessed; a malformed row stops the import."""
    if entry.records:
        connection.execute(f"create table {relation} (json json, _file varchar, _path varchar)")
        for path in paths:
            with _readable(path):
                texts = _records(path, is_whole=entry.records == "whole")
                records = pa.table({"json": pa.array(texts, pa.string())})
            _insert(connection, relation, _named(records, path, entry))
        return
    names = [*entry.names, *OF_FILES]
    names += [f"{column}_unit" for column, pattern in entry.aliases.items() if UNIT in pattern]
    if entry.keep:
        names += ["_row", "question", "question_text", "answer"]
    parts: list[pa.Table] = []
    for path in paths:
        with _readable(path):
            part = _melted(path, entry) if entry.keep else _table(path, entry)
        part = _named(_typed(part, path, entry, remedy), path, entry)
        names += [name for name in part.column_names if name not in names]
        parts.append(part)
    if parts:
        have = dict.fromkeys(name for part in parts for name in part.column_names)
        _refuse_missing(paths[0], entry, [name for name in have if name not in OF_FILES])
    kinds = entry.types
    body = ", ".join(
        f'"{_doubled(name)}" {_TYPES[kinds[name]][0] if name in kinds else "varchar"}'
        for name in names
    )
    connection.execute(f"create table {relation} ({body})")
    for part in parts:
        _insert(connection, relation, part)


def _named(rows: pa.Table, path: Path, entry: Input) -> pa.Table:
    """Rows with the file that they come from."""
    for column, text in (("_file", file_stem(path, entry.file_name)), ("_path", str(path))):
        rows = rows.append_column(column, pa.array([text] * rows.num_rows, pa.string()))
    return rows


def _refuse_missing(path: Path, entry: Input, have: Iterable[str]) -> None:
    """Raise `ImportFailed` when a required column is not among those of the files."""
    found = list(have)
    missing = [name for name in entry.required if column_name(name) not in found]
    if not missing:
        return
    labels = [
        privacy.header_label(position, name, name in entry.names)
        for position, name in enumerate(found)
    ]
    raise ImportFailed(
        f"{reading.shown(path)}: column {', '.join(missing)} is missing (found: "
        f"{', '.join(labels)[:300]}); export it too"
    )


def _typed(part: pa.Table, path: Path, entry: Input, remedy: str) -> pa.Table:
    """
    The rows of a file with the columns that the adapter declares read as what they are.

    What one value leaves open, all values of the file decide. Raises `ImportFailed` with the file,
    row, column and value that cannot be read.
    """
    kinds = {name: kind for name, kind in entry.types.items() if name in part.column_names}
    nothing = re.compile(entry.nothing or "")
    texts = {
        name: [
            None if text is None or nothing.fullmatch(text.strip()) or not text.strip() else text
            for text in part[name].to_pylist()
        ]
        for name in kinds
    }
    choices = {}
    for key, of, declared, show in (
        ("date_order", ("time", "day"), entry.date_order, spelling.order_of),
        ("decimal_mark", ("amount",), entry.decimal_mark, spelling.mark_of),
    ):
        columns = {name: texts[name] for name, kind in kinds.items() if kind in of}
        try:
            choices[key] = spelling.agreed(show, columns, declared)
        except SpellingError as error:
            raise ImportFailed(
                f"{reading.shown(path)}: {error}; set {key} under {remedy} to what the whole file "
                "is written in, or export it again"
            ) from None
    spelled = Spelling(entry.time_zone or "UTC", **choices)
    read: dict[str, Callable[[str], object]] = {
        "time": lambda text: spelling.instant(text, spelled),
        "day": lambda text: spelling.day(text, spelled),
        "amount": lambda text: spelling.amount(text, spelled),
        "flag": spelling.flag,
        "id": spelling.lookup,
    }
    for name, kind in kinds.items():
        values, convert = [], read[kind]
        for row, text in enumerate(texts[name], start=1):
            try:
                values.append(None if text is None else convert(text))
            except SpellingError as error:
                raise ImportFailed(
                    f"{reading.shown(path)}, row {row}, column {name}: "
                    f"{spelling.shown(text or '')} {error}; repair the export"
                ) from None
        column = pa.array(values, _TYPES[kind][1])
        part = part.set_column(part.column_names.index(name), name, column)
    return part


@contextmanager
def _readable(path: Path) -> Iterator[None]:
    """Whatever goes wrong while a file is read stops the import under its name."""
    try:
        yield
    except ImportFailed:
        raise
    except Exception as error:
        reject = reading.reject_for(error)
        raise ImportFailed(f"{path}: {reject.message}; {reject.remedy}") from error


def _insert(connection: duckdb.DuckDBPyConnection, relation: str, rows: pa.Table) -> None:
    connection.register("arriving", rows)
    connection.execute(f"insert into {relation} by name select * from arriving")
    connection.unregister("arriving")


def _lines(path: Path, delimiter: str | None = None) -> Iterator[tuple[int, list[str | None]]]:
    """Rows of a CSV file or of the first sheet of a workbook, with their line."""
    if path.suffix == ".xlsx":
        for line, values in reading.sheet_rows(path):
            if reading.CELL_ERROR in values:
                raise ImportFailed(
                    f"{path}, line {line}: a cell shows an error, or a formula whose value was "
                    "not saved; repair it in Excel and save"
                )
            yield line, [reading.text_of(value) for value in values]
        return
    for line, cells in reading.plain_csv(path, delimiter):
        if cells is None:
            raise ImportFailed(
                f"{reading.shown(path)}, line {line}: the quoting breaks; repair the export"
            )
        if cells:
            yield line, [cell or None for cell in cells]


def _column(text: str | None, entry: Input) -> tuple[str, str | None]:
    """The column that a header names, and its unit, where an alias finds one in the header."""
    header = (text or "").lstrip("\ufeff").strip()
    for column, pattern in entry.aliases.items():
        if found := re.fullmatch(pattern, header, re.IGNORECASE):
            return column, found.groupdict().get("unit")
    return header if entry.keep else _known(header, entry), None


def _known(header: str, entry: Input) -> str:
    """The column of a header, as the adapter spells it, whatever capitals the file has."""
    known = {name.replace("_", ""): name for name in entry.names}
    name = column_name(header)
    return known.get(name.replace("_", ""), name)


def _header(path: Path, entry: Input, lines: Iterator[tuple[int, list[str | None]]]
            ) -> list[list[str]]:  # fmt: skip
    rows = [[text or "" for text in next(lines, (0, []))[1]] for _ in range(entry.header_rows)]
    rows = [row + [""] * (len(rows[0]) - len(row)) for row in rows]
    names = [_column(text, entry)[0] for text in rows[0]]
    # Below a question, the second row names its choices; the question stands over the first only.
    for position, name in enumerate(names):
        if not name and position and len(rows) > 1:
            names[position] = f"{names[position - 1].split(' / ')[0]} / {rows[1][position]}"
    twice = [
        str(n + 1) for n, name in enumerate(names) if names.count(name) > 1 and name in entry.names
    ]
    if twice and not entry.keep:
        raise ImportFailed(
            f"{reading.shown(path)}: columns {', '.join(twice)} have a header that stands "
            "more than once; rename them"
        )
    seen: dict[str, int] = {}
    for position, name in enumerate(names):  # two questions of one text are two questions
        seen[name] = seen.get(name, 0) + 1
        is_first = seen[name] == 1 and bool(name or entry.keep)
        names[position] = name if is_first else f"{name} ({seen[name]})"
    return [names, *rows[1:]]


def _below_preamble(
    path: Path, entry: Input
) -> tuple[dict[str, str], Iterator[tuple[int, list[str | None]]]]:
    """Units that the header names, by column, and all rows from the header on."""
    required = {column_name(name) for name in entry.required}
    # A preamble does not show the delimiter: it is the one that gives the header its columns.
    delimiters = reading.DELIMITERS if entry.preamble and path.suffix != ".xlsx" else (None,)
    found = []
    for delimiter in delimiters:
        head = islice(_lines(path, delimiter), entry.preamble + 1)
        for at, (_, cells) in enumerate(head):
            columns = dict(_column(text, entry) for text in cells)
            matched = len(required & {*map(column_name, columns)})
            found.append((matched, -at, delimiter, columns))
    matched, at, delimiter, columns = max(
        found, key=lambda header: header[:2], default=(0, 0, None, {})
    )
    if entry.preamble:
        _refuse_missing(path, entry, map(column_name, columns))
    units = {column: unit for column, unit in columns.items() if unit}
    return units, islice(_lines(path, delimiter), -at, None)


def _rows(
    path: Path, entry: Input
) -> tuple[list[list[str]], list[list[str | None]], dict[str, str]]:
    """Header rows and rows of a file, all rows as wide as the header, and units by column."""
    units, lines = _below_preamble(path, entry)
    header = _header(path, entry, lines)
    width = len(header[0])
    rows = []
    for line, cells in lines:
        if (len(cells) < width and path.suffix != ".xlsx") or any(cells[width:]):
            raise ImportFailed(
                f"{reading.shown(path)}, line {line}: {len(cells)} columns where the header has "
                f"{width}; repair the export"
            )
        rows.append((cells + [None] * width)[:width])
    return header, rows, units


def _parquet(path: Path, texts: str) -> pa.Table:
    """Texts of the `records` of a Parquet file, times in UTC; `texts` is what is selected."""
    with duckdb.connect(config={"python_enable_replacements": "false"}) as connection:
        connection.execute("set TimeZone = 'UTC'")
        relation, _, _ = reading.parquet_relation(path)
        return connection.execute(f"select {texts} from {relation} as records").to_arrow_table()


def _table(path: Path, entry: Input) -> pa.Table:
    if path.suffix == ".parquet":
        texts = _parquet(path, "columns(*)::varchar")
        return texts.rename_columns([_known(name, entry) for name in texts.column_names])
    header, rows, units = _rows(path, entry)
    columns = [pa.array([row[n] for row in rows], pa.string()) for n in range(len(header[0]))]
    columns += [pa.array([unit] * len(rows), pa.string()) for unit in units.values()]
    return pa.table(columns, names=[*header[0], *(f"{column}_unit" for column in units)])


def _melted(path: Path, entry: Input) -> pa.Table:
    """One row per answer: the kept columns, and the question, its text and the answer."""
    header, rows, _ = _rows(path, entry)
    names = header[0]
    texts = [text or name for text, name in zip([*header, names][1], names, strict=False)]
    kept = [n for n, name in enumerate(names) if column_name(name) in entry.names]
    questions = [n for n in range(len(names)) if n not in kept]
    long = [
        [*(row[n] for n in kept), str(number), names[q], texts[q], row[q]]
        for number, row in enumerate(rows, start=1)
        for q in questions
        if row[q] is not None
    ]
    columns = [
        *(column_name(names[n]) for n in kept),
        "_row",
        "question",
        "question_text",
        "answer",
    ]
    return pa.table(
        [pa.array([row[n] for row in long], pa.string()) for n in range(len(columns))],
        names=columns,
    )


def _records(path: Path, is_whole: bool) -> list[str]:
    """Records of a JSON or Parquet file as JSON texts."""
    if path.suffix == ".parquet":
        return list(_parquet(path, "to_json(records)::varchar").column(0).to_pylist())
    try:
        return reading.json_texts(path, is_whole)
    except ValueError as error:
        where = f", line {error.lineno}" if isinstance(error, json.JSONDecodeError) else ""
        raise ImportFailed(f"{reading.shown(path)}{where}: no JSON; export it again") from None


def column_name(header: str) -> str:
    """The name of a header's column: snake_case, letters of any script, digits and underscores."""
    name = re.sub(r"[\W_]+", "_", normalise_header(header.replace("#", "number")))
    return name.rstrip("_") if header.startswith("_") else name.strip("_")


def file_stem(path: Path, pattern: str | None = None) -> str:
    """The name of a file without its endings; of it, the group `name` where the pattern matches."""
    stem = re.sub(r"(?i)(\.(csv|tsv|txt|jsonl?|parquet|xlsx|gz|zst))+$", "", path.name)
    stem = re.sub(r" \(\d+\)$", "", stem)  # a copy, as browsers name it
    found = re.fullmatch(pattern, stem) if pattern else None
    return found["name"] if found else stem


def _doubled(name: str) -> str:
    return name.replace('"', '""')


def fill_with_sample(settings: Settings, connection: duckdb.DuckDBPyConnection) -> bool:
    """
    Copy the shipped sample and its rules into a home in which nothing was ever loaded.

    Returns whether it did. Raises `ImportFailed` when other files lie beside the sample.
    """
    shipped = {p.relative_to(SAMPLE_DIR) for p in SAMPLE_DIR.rglob("*") if p.is_file()}
    present = {
        path.relative_to(settings.landing)
        for path in reading.files_below(settings.landing)
        if not path.name.startswith(".")
    }
    strangers = sorted(reading.shown(path) for path in present - shipped)
    if settings.is_sample and strangers:
        raise ImportFailed(
            f"{settings.landing} holds the synthetic sample and also {', '.join(strangers[:5])}; "
            f"sample and real data are never mixed: {ANOTHER_HOME}"
        )
    # A home that is marked as the sample's, and in which nothing is loaded, was killed here.
    if was_ever_loaded(settings, connection) or (present and not settings.is_sample):
        return False
    if not settings.is_sample and has_own_rules(settings):
        return False  # it was made for somebody's own data
    files.write_whole(settings.sample_mark, SAMPLE_MARK)
    copy_rules(SAMPLE_RULES, settings)
    shutil.copytree(SAMPLE_DIR, settings.landing, dirs_exist_ok=True)
    return True


def was_ever_loaded(settings: Settings, connection: duckdb.DuckDBPyConnection) -> bool:
    """Whether any file ever was, also a refused one, by all that a run leaves."""
    ledger.create(connection, [])
    return bool(
        ledger.count(connection, "ops.files")
        or settings.journal.exists()
        or any((settings.published / "releases").iterdir())
        or any(settings.warehouse.parent.glob("damaged-*"))
    )


def has_own_rules(settings: Settings) -> bool:
    """Whether the home has rules of its own, right or wrong; templates without a row are none."""
    try:
        return home_rules.load(settings.home).are_own
    except home_rules.RulesError:
        return True


def copy_rules(source: Path, settings: Settings) -> int:
    """
    Copy a folder of rules into a home that has none; returns how many files it copied.

    Templates that nobody filled in make room.
    """
    if not source.is_dir() or has_own_rules(settings):
        return 0
    folder = settings.home / "rules"
    folder.mkdir(mode=0o700, exist_ok=True)
    paths = sorted(path for path in source.iterdir() if path.is_file())
    for path in paths:
        shutil.copyfile(path, folder / path.name)
    return len(paths)


def run(adapter: str, source_dir: Path) -> None:
    """Map an export into the landing zone of the home, and say how many rows it gave."""
    with command.failing_on(ImportFailed):
        settings = load_settings()
        settings.prepare()
        with single_writer(settings.home):  # no run loads one half of an export
            counts = import_export(adapter, source_dir.expanduser(), settings)
    for label, count in counts.items():
        print(f"  {label:<28}{count:>10,} rows")
    print(f"written to {settings.landing}; next: journey nightly")
