"""
Adapters: what a folder `adapters/<name>/` says about the export of a tool.

`adapter.toml` names the files of each relation and how their columns are to be read (`Input`), one
`<source>__<table>.sql` per contract table selects over the relations.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

import pyarrow as pa

from orchestration.loading.contract import normalise_header
from orchestration.settings import ADAPTER_CHOICES, DEFAULTS, ROOT, choice_problem, unknown

ADAPTERS_DIR = ROOT / "adapters"


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
    the SELECTs use: one that no file has is null. A file without a column that is `required` (of
    records, a key) is refused; `_file` is the name of
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
    `columns`. So do `words`, columns of few words: of each, a table of words, each with the pattern
    of what exports say for it, in any language; the column holds the word, and a file that says
    something else is refused. `time_zone` is that of times without an offset, `date_order`
    (`day_first` or `month_first`) and `decimal_mark` (`.` or `,`) say what the values leave open;
    what the pattern `nothing` matches (`--`, the word of a row of totals) is no value.
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
    words: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
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
        return {column_name(header): kind for kind in TYPES for header in getattr(self, f"{kind}s")}

    @property
    def names(self) -> list[str]:
        """Names of all columns that the adapter knows, in order."""
        typed = [name for kind in TYPES for name in getattr(self, f"{kind}s")]
        known = (*self.columns, *self.required, *self.keep, *typed)
        return list(dict.fromkeys(column_name(name) for name in known))


# What a column can be: its type in DuckDB and in Arrow.
TYPES: dict[str, tuple[str, pa.DataType]] = {
    "time": ("timestamptz", pa.timestamp("us", "UTC")),
    "day": ("date", pa.date32()),
    "amount": ("decimal(24, 6)", pa.decimal128(24, 6)),
    "flag": ("boolean", pa.bool_()),
    "id": ("varchar", pa.string()),
    "word": ("varchar", pa.string()),
}
_TABLES = ("aliases", "words")


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
            wanted = "a table" if one.name in _TABLES else wanted
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


def column_name(header: str) -> str:
    """The name of a header's column: snake_case, letters of any script, digits and underscores."""
    name = re.sub(r"[\W_]+", "_", normalise_header(header.replace("#", "number")))
    return name.rstrip("_") if header.startswith("_") else name.strip("_")
