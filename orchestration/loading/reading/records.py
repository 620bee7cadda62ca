"""Formats that name their columns record by record, and JSON."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from datetime import date, datetime, time
from functools import lru_cache
from pathlib import Path
from typing import Any

from orchestration.loading.contract import Table, normalise_header
from orchestration.loading.reading.files import RejectedFile
from orchestration.loading.reading.rows import BATCH_ROWS, Opened, Row, match_header
from orchestration.loading.reading.text import decompressed, inspect, text_lines

MAXIMUM_DEPTH = 100  # of nested JSON values


def json_texts(path: Path, is_whole: bool = False) -> list[str]:
    """
    Records of a JSON file as texts: one a line, an array, or an API's `{"data": [...]}`.

    With `is_whole`, the pages of an API stay whole.
    """
    with decompressed(path) as stream:
        text = stream.read().decode(inspect(path).encoding)
    try:
        whole = json.loads(text, parse_float=str, parse_int=str)
    except ValueError:
        whole = [
            json.loads(line, parse_float=str, parse_int=str)
            for line in text.split("\n")  # other line ends may stand inside a text
            if line.strip()
        ]
    if isinstance(whole, dict):
        is_page = isinstance(whole.get("data"), list) and not is_whole
        whole = whole["data"] if is_page else [whole]
    return [json.dumps(record, ensure_ascii=False) for record in whole]


class _CellError:
    """What an Excel cell holds that has no value: an error, or a formula that was not computed."""


CELL_ERROR = _CellError()
# A line and its values by name, or the reason why it has none.
Record = tuple[int, dict[str, Any] | str]


def read_records(records: Callable[[], Iterator[Record]], table: Table) -> Opened:
    """
    Rows of a format that names its columns record by record.

    The columns are those of the first `BATCH_ROWS` records; a later record may bring new ones.
    """
    header: dict[str, None] = {}
    seen = 0
    for _, record in records():
        header.update(dict.fromkeys(record if isinstance(record, dict) else ()))
        seen += 1
        if seen >= BATCH_ROWS:
            break
    if not seen:
        raise RejectedFile("F_EMPTY", "the file has no rows", "export it again")
    if not header:
        raise RejectedFile(
            "F_FORMAT",
            f"none of the first {seen:,} lines is a JSON object",
            "export one object a line, without brackets around them",
        )
    matched = match_header(list(header), table)

    positions = {column.name: position for position, column in enumerate(table.columns)}

    @lru_cache(maxsize=1 << 10)  # most records of a file have the same keys
    def places(keys: tuple[str, ...]) -> tuple[list[tuple[str, int | str]], bool]:
        """Each key with the position of its column, or its new name; whether two mean the same."""
        names = [normalise_header(key) for key in keys]
        means = [positions[c] if (c := table.header_names.get(n)) else n for n in names]
        return list(zip(keys, means, strict=True)), len(set(means)) < len(means)

    def rows() -> Iterator[Row]:
        for number, (line, record) in enumerate(records(), start=1):
            values: list[str | None] = [None] * len(positions)
            extra: dict[str, str] = {}
            if isinstance(record, str):
                yield Row(number, line, values, extra, record)
                continue
            meant, is_ambiguous = places(tuple(record))
            reason = "R_STRUCTURE_EXTRA_COLS" if is_ambiguous else None
            for key, place in meant:
                value = record[key]
                if isinstance(place, int):
                    if value is CELL_ERROR:
                        reason = "R_CELL_ERROR"
                    else:
                        values[place] = value if isinstance(value, str) else text_of(value)
                elif value is not None and value is not CELL_ERROR:
                    extra[place] = text_of(value) or ""
            yield Row(number, line, values, extra, reason)

    return Opened(list(matched.known.values()), matched.new, matched.renamed, rows)


def text_of(value: Any) -> str | None:
    """The text of a typed value, as the contract's casts expect it."""
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, datetime):
        # A day of Excel is a datetime; midnight and its day are one time to the casts.
        is_day = value.time() == time() and value.tzinfo is None
        return value.date().isoformat() if is_day else value.isoformat(sep=" ")
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    if isinstance(value, dict | list):
        return json.dumps(value, ensure_ascii=False, sort_keys=True)
    return str(value)


def json_records(path: Path) -> Iterator[Record]:
    """Records of a JSON Lines file; a line that is no object says so."""
    # Numbers stay the text that was written: no float ever touches an amount. That is also why no
    # faster parser does it: DuckDB's, Arrow's and their kind keep the number and lose its text.
    decode = json.JSONDecoder(
        object_pairs_hook=_unique_keys,
        parse_float=str,
        parse_int=str,
        parse_constant=_no_constant,
    ).decode
    encoding = inspect(path).encoding
    with text_lines(path, encoding, newline="\n") as lines:
        for line_number, line in enumerate(lines, start=1):
            if not line.strip():
                continue
            try:
                record = decode(line)
                if "\\u" in line:  # half a surrogate pair is no text
                    json.dumps(record, ensure_ascii=False).encode()
                if line.count("[") + line.count("{") > MAXIMUM_DEPTH:
                    _refuse_depth(record, MAXIMUM_DEPTH)
            except (ValueError, RecursionError):
                record = None
            yield line_number, record if isinstance(record, dict) else "R_JSON_INVALID"


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is no JSON")


def _refuse_depth(value: Any, left: int) -> None:
    """How deep Python can parse depends on who calls; how deep a value may be does not."""
    if isinstance(value, dict | list):
        if not left:
            raise ValueError("nested too deeply")
        for part in value.values() if isinstance(value, dict) else value:
            _refuse_depth(part, left - 1)


def _unique_keys(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """A JSON object; refused when a key stands twice, since one of its values would be lost."""
    if len(found := dict(pairs)) < len(pairs):
        raise ValueError("a key stands twice")
    return found
