"""
The files of an export as relations of DuckDB.

Columns are text, but for those that the adapter declares to be times, days, amounts, flags or ids:
these are read here, by `loading/spelling.py`, so that no SELECT has to know how an export spells
them. Nothing is guessed: what cannot be read stops the import under the name of its file.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import cache, partial
from itertools import islice
from pathlib import Path
from zoneinfo import available_timezones

import duckdb
import pyarrow as pa

from orchestration.loading import privacy, reading, spelling
from orchestration.loading.adapters import TYPES, ImportFailed, Input, column_name
from orchestration.loading.spelling import Spelling, SpellingError

OF_FILES = ("_file", "_path")  # columns of every relation
UNIT = "(?P<unit>"  # of a header, in a pattern of `aliases`
_TIME_ZONE = re.compile(r'"timeZone" ?: ?"([^"]*)"')


def open_input(
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
                _refuse_other_records(path, entry, texts)
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
            part, zone = _melted(path, entry) if entry.keep else (_table(path, entry), None)
        _refuse_missing(path, entry, part.column_names)
        _refuse_shortened(path, entry, part)
        told = replace(entry, time_zone=zone or entry.time_zone)
        part = _named(_typed(part, path, told, remedy), path, entry)
        names += [name for name in part.column_names if name not in names]
        parts.append(part)
    kinds = entry.types
    body = ", ".join(
        f'"{doubled(name)}" {TYPES[kinds[name]][0] if name in kinds else "varchar"}'
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
    """Raise `ImportFailed` when a required column is not among those of a file."""
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
        f"{', '.join(labels)[:300]}); export it too, under a header that the adapter's page names"
    )


def _refuse_shortened(path: Path, entry: Input, part: pa.Table) -> None:
    """Raise `ImportFailed` for an id such as `1.18E+11`: others were shortened to the same."""
    for name in entry.names:
        if name not in part.column_names or not re.fullmatch(r"(.+_)?ids?", name):
            continue
        for row, text in enumerate(part[name].to_pylist(), start=1):
            if text and privacy.SHORTENED.fullmatch(text.strip()):
                raise ImportFailed(
                    f"{reading.shown(path)}, row {row}, column {name}: {spelling.shown(text)} is "
                    "what a spreadsheet makes of a long number, so ids are lost; export it again "
                    "and do not save it in a spreadsheet"
                )


def _refuse_other_records(path: Path, entry: Input, texts: list[str]) -> None:
    """Raise `ImportFailed` when no record of a file has the required keys, at whatever depth."""
    missing = [key for key in entry.required if not any(f'"{key}"' in text for text in texts)]
    if texts and missing:
        raise ImportFailed(
            f"{reading.shown(path)}: key {', '.join(missing)} is in none of its {len(texts)} "
            "records; export what the adapter's page names"
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
    words = {column_name(header): meant for header, meant in entry.words.items()}
    for name, kind in kinds.items():
        values = []
        convert = cache(partial(spelling.word, words=words[name])) if kind == "word" else read[kind]
        again = "export it again in English" if kind == "word" else "repair the export"
        for row, text in enumerate(texts[name], start=1):
            try:
                values.append(None if text is None else convert(text))
            except SpellingError as error:
                raise ImportFailed(
                    f"{reading.shown(path)}, row {row}, column {name}: "
                    f"{spelling.shown(text or '')} {error}; {again}"
                ) from None
        column = pa.array(values, TYPES[kind][1])
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
        relation, _, _ = reading.parquet_relation(path, is_zone_declared=True)
        return connection.execute(f"select {texts} from {relation} as records").to_arrow_table()


def _table(path: Path, entry: Input) -> pa.Table:
    if path.suffix == ".parquet":
        texts = _parquet(path, "columns(*)::varchar")
        return texts.rename_columns([_known(name, entry) for name in texts.column_names])
    header, rows, units = _rows(path, entry)
    columns = [pa.array([row[n] for row in rows], pa.string()) for n in range(len(header[0]))]
    columns += [pa.array([unit] * len(rows), pa.string()) for unit in units.values()]
    return pa.table(columns, names=[*header[0], *(f"{column}_unit" for column in units)])


def _told_zone(path: Path, header: list[list[str]]) -> str | None:
    """The zone that a third header row says: `{"ImportId":"startDate","timeZone":"Asia/Tokyo"}`."""
    told = {zone for row in header[2:] for text in row for zone in _TIME_ZONE.findall(text)}
    zones = {"UTC" if zone == "Z" else zone for zone in told}
    if len(zones) > 1 or not zones <= available_timezones():
        raise ImportFailed(
            f"{reading.shown(path)}: the header names the time zone "
            f"{' and '.join(sorted(zones))[:80]}; export it again in one zone"
        )
    return next(iter(zones), None)


def _melted(path: Path, entry: Input) -> tuple[pa.Table, str | None]:
    """
    One row per answer: the kept columns, and the question, its text and the answer.

    Beside them the time zone, where the header tells it.
    """
    header, rows, _ = _rows(path, entry)
    zone = _told_zone(path, header)
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
    table = pa.table(
        [pa.array([row[n] for row in long], pa.string()) for n in range(len(columns))],
        names=columns,
    )
    return table, zone


def _records(path: Path, is_whole: bool) -> list[str]:
    """Records of a JSON or Parquet file as JSON texts."""
    if path.suffix == ".parquet":
        return list(_parquet(path, "to_json(records)::varchar").column(0).to_pylist())
    try:
        return reading.json_texts(path, is_whole)
    except ValueError as error:
        where = f", line {error.lineno}" if isinstance(error, json.JSONDecodeError) else ""
        raise ImportFailed(f"{reading.shown(path)}{where}: no JSON; export it again") from None


def file_stem(path: Path, pattern: str | None = None) -> str:
    """The name of a file without its endings; of it, the group `name` where the pattern matches."""
    stem = re.sub(r"(?i)(\.(csv|tsv|txt|jsonl?|parquet|xlsx|gz|zst))+$", "", path.name)
    stem = re.sub(r" \(\d+\)$", "", stem)  # a copy, as browsers name it
    found = re.fullmatch(pattern, stem) if pattern else None
    return found["name"] if found else stem


def doubled(name: str) -> str:
    """A name as it stands in quotes."""
    return name.replace('"', '""')
