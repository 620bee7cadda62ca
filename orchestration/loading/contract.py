"""
The contract of the raw tables, read from the dbt source YAML, which is its only home.

What the rules of a home say about values (scales of scores, parameters of addresses that are kept,
invalid identifiers, limits of a load) hangs on the tables and columns that it is about.

A table is an *event* (never changes; of two versions the earliest counts) or an *entity* (changes;
the newest version counts). Column properties stand in `config.meta`.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass, fields
from datetime import UTC, date, datetime, time
from functools import cached_property, lru_cache
from itertools import zip_longest
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from orchestration.base import files
from orchestration.rules import home as home_rules
from orchestration.rules.tables import Row, Rules
from orchestration.settings import DBT_PROJECT_DIR, DEFAULTS

PII_KINDS = ("email", "phone", "id", "text", "email_text", "url", "properties", "free_text")
IDENTIFIERS = ("contact", "user", "visitor", "email", "phone")
FROM_RULES = ("scales", "invalid_patterns", "url_parameters", "allowed_keys")
DATA_TYPE = re.compile(r"^(varchar|timestamp|date|integer|bigint|json|decimal\((\d+),\s*(\d+)\))$")


class ContractError(ValueError):
    """The source YAML cannot be used; the message names file, table and column."""


@dataclass(frozen=True)
class Thresholds:
    """The limits of a source from a day on; see `seeds/_seeds.yml`."""

    reject_rate_warn: float
    reject_rate_fail: float
    reject_rate_minimum_rows: float
    type_drift_rate: float
    type_drift_minimum_rows: float
    filled_rate: float
    row_count_factor: float
    scale_factor: float
    score_scale_factor: float
    late_days: float
    earliest_day: str
    ahead_hours: float


@dataclass(frozen=True)
class Scale:
    """The scale of a scored question, from an instant (UTC, included) to another."""

    survey_id: str
    question_id: str
    minimum: int
    maximum: int
    valid_from: str
    valid_to: str


@dataclass(frozen=True)
class Column:
    """
    One contract column.

    `pii` says how personal data is kept away (`privacy.py`): `email`, `phone` and `id` are
    keyed-hashed; `text`, `email_text` and `url` masked; `properties` and `free_text` hashed but
    for what is allowed. `identifier` says whom the value identifies, and `erase` what an erasure
    request does: `row` removes the row, `clear` only the value. The time column of a table may lie
    before the `earliest_day` of its source (`any_past`: a customer since 1985) or ahead of the load
    (`any_future`: a subscription that starts next month). An amount that is computed, not paid, may
    have decimals in a currency without any (`any_fraction`: what a click cost in yen). A label
    that is longer than its `maximum_length` is somebody's text. Where the column is empty, that
    named by `otherwise` stands for it.
    """

    name: str
    data_type: str
    required: bool = False
    otherwise: str | None = None
    pii: str | None = None
    identifier: str | None = None
    erase: str = "row"
    allowed_keys: tuple[str, ...] = ()  # whose values are kept, of properties
    aliases: tuple[str, ...] = ()
    accepted_values: tuple[str, ...] = ()
    minimum: int | None = None
    maximum_length: int | None = None
    currency: bool = False
    any_past: bool = False
    any_future: bool = False
    any_fraction: bool = False
    scale_seed: str | None = None
    scales: tuple[Scale, ...] = ()  # of the questions that the rules know, in order of time
    invalid_patterns: tuple[tuple[str, str], ...] = ()  # rule and pattern, of e-mail and phone
    url_parameters: tuple[str, ...] = ()  # whose values are kept, of an address of a page

    @property
    def decimal_scale(self) -> int | None:
        """Digits after the point of a decimal column, else None."""
        match = DATA_TYPE.match(self.data_type)
        return int(match.group(3)) if match and match.group(3) else None

    @property
    def is_hashed(self) -> bool:
        """Whether the clear value is nowhere in the warehouse, only its keyed hash."""
        return self.pii in ("email", "phone", "id", "free_text", "properties")

    @property
    def is_id(self) -> bool:
        """Whether the value names a person or a thing."""
        return self.identifier is not None or self.name.endswith("_id")

    @property
    def is_clear(self) -> bool:
        """Whether any text is kept as it stands, so that it is searched for personal data."""
        is_listed = bool(self.accepted_values or self.currency)
        return self.pii is None and self.data_type == "varchar" and not is_listed


@dataclass(frozen=True)
class Table:
    """One raw table: `raw_<source>.<name>` in the warehouse, `<source>/<name>/` in landing."""

    source: str
    name: str
    kind: str
    key: tuple[str, ...]
    time_zone: str | None
    columns: tuple[Column, ...]
    time_column: str | None = None
    version_column: str | None = None
    versions_are_read: bool = False  # also of those that a newer one replaced
    description: str = ""
    thresholds: tuple[Row, ...] = ()  # rows of load_thresholds

    def limits(self, day: date) -> Thresholds:
        """The limits of its source that hold on a day."""
        return limits(self.thresholds, self.source, day)

    @property
    def relation(self) -> str:
        """Quoted name of the raw table in the warehouse."""
        return f'"raw_{self.source}"."{self.name}"'

    @property
    def content_hash(self) -> str:
        """SQL: MD5 of everything that a row says, whatever file it came in."""
        columns = ", ".join(f'"{column.name}"' for column in self.columns)
        return f"md5(row({columns}, _extra)::varchar)"

    @property
    def label(self) -> str:
        """`<source>/<name>`, as in the landing zone."""
        return f"{self.source}/{self.name}"

    @property
    def identifiers(self) -> list[Column]:
        """Columns whose value identifies a person."""
        return [column for column in self.columns if column.identifier]

    @property
    def required(self) -> list[str]:
        """Names of the columns without which a file is refused."""
        return [column.name for column in self.columns if column.required]

    @cached_property
    def header_names(self) -> dict[str, str]:
        """Normalised header text → contract column, aliases included."""
        names: dict[str, str] = {}
        for column in self.columns:
            for text in (column.name, *column.aliases):
                names[normalise_header(text)] = column.name
        return names


@lru_cache(maxsize=1 << 15)  # the keys of a JSON record are names, too: the same ones row by row
def normalise_header(text: str) -> str:
    """`clientId`, `Client ID` and `client_id` are one name: NFKC, snake_case, lower case."""
    text = unicodedata.normalize("NFKC", text).strip().lstrip("\ufeff")
    text = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", text)
    return re.sub(r"[\s\-.]+", "_", text).lower()


def load_contract(
    rules: Rules | None = None,
    staging: Path = DBT_PROJECT_DIR / "models" / "staging",
    business_timezone: str = DEFAULTS["business_timezone"],
) -> dict[str, Table]:
    """
    All raw tables by label, in file order, under the rules of a home, by default the shipped ones.

    Times of a source whose `time_zone` is `business`, and the days of rules, are those of
    `business_timezone`.

    Raises `ContractError` on an unusable entry.
    """
    rules = rules or home_rules.defaults()
    tables: dict[str, Table] = {}
    for path in sorted(staging.glob("*/_*__sources.yml")):
        for source in files.read_yaml(path)["sources"]:
            if not source["name"].startswith("raw_"):
                continue
            # Without a zone, a timestamp without an offset is nobody's time: R_NAIVE_TIMESTAMP.
            zone = source["config"]["meta"].get("time_zone")
            zone = business_timezone if zone == "business" else zone
            for entry in source["tables"]:
                table = _table(
                    path, source["name"].removeprefix("raw_"), zone, entry, rules, business_timezone
                )
                tables[table.label] = table
    return tables


def limits(thresholds: Iterable[Row], source: str, day: date) -> Thresholds:
    """The limits of a source on a day, those of `*` where it has none of its own."""
    rows = [
        row
        for row in thresholds
        if row["source"] in (source, "*") and str(row["valid_from"]) <= day.isoformat()
    ]
    newest = max(rows, key=lambda row: (row["source"] == source, str(row["valid_from"])))
    numbers = [f.name for f in fields(Thresholds) if f.name != "earliest_day"]
    return Thresholds(
        earliest_day=str(newest["earliest_day"]),
        **{name: float(newest[name] or 0) for name in numbers},
    )


def _scales(rows: Iterable[Row], zone: str) -> tuple[Scale, ...]:
    """Scales of all scored questions, in order of time."""

    def begins(row: Row) -> str:
        local = datetime.combine(date.fromisoformat(str(row["valid_from"])), time(), ZoneInfo(zone))
        return f"{local.astimezone(UTC):%Y-%m-%d %H:%M:%S}"

    scored = [row for row in rows if row["scale_minimum"] and row["scale_maximum"]]
    scored.sort(key=lambda row: [str(row[name]) for name in ("survey_id", "question_id",
                                                             "valid_from")])  # fmt: skip
    found = []
    for row, later in zip_longest(scored, scored[1:]):
        same = later and all(row[name] == later[name] for name in ("survey_id", "question_id"))
        found.append(
            Scale(
                str(row["survey_id"]),
                str(row["question_id"]),
                int(row["scale_minimum"] or 0),
                int(row["scale_maximum"] or 0),
                begins(row),
                begins(later) if later and same else "9999-12-31",
            )
        )
    return tuple(found)


def _table(
    path: Path,
    source: str,
    zone: str | None,
    entry: dict[str, Any],
    rules: Rules,
    business_timezone: str,
) -> Table:
    where = f"{path.name}: table {entry['name']}"
    meta = entry.get("config", {}).get("meta", {})
    if meta.get("kind") not in ("event", "entity"):
        raise ContractError(f"{where}: config.meta.kind must be event or entity")
    columns = tuple(_column(where, column, rules, business_timezone) for column in entry["columns"])
    names = {column.name for column in columns}
    for role in ("time_column", "version_column"):
        if meta.get(role) and meta[role] not in names:
            raise ContractError(f"{where}: {role} {meta[role]} is not among its columns")
    if not meta.get("key") or not set(meta["key"]) <= names:
        raise ContractError(f"{where}: config.meta.key must name columns of the table")
    if meta["kind"] == "event" and not meta.get("time_column"):
        raise ContractError(f"{where}: an event table needs config.meta.time_column")
    return Table(
        source=source,
        name=entry["name"],
        kind=meta["kind"],
        key=tuple(meta["key"]),
        time_zone=zone,
        columns=columns,
        time_column=meta.get("time_column"),
        version_column=meta.get("version_column"),
        versions_are_read=bool(meta.get("versions_are_read", False)),
        description=entry.get("description", ""),
        thresholds=rules.rows("load_thresholds"),
    )


def _column(where: str, entry: dict[str, Any], rules: Rules, zone: str) -> Column:
    if not DATA_TYPE.match(str(entry.get("data_type", ""))):
        raise ContractError(
            f"{where}, column {entry['name']}: data_type {entry.get('data_type')!r} is not one of "
            "varchar, timestamp, date, integer, bigint, json, decimal(p,s)"
        )
    meta = dict(entry.get("config", {}).get("meta", {}))
    known = {field.name for field in fields(Column)} - {"name", "data_type", *FROM_RULES}
    if unknown := set(meta) - known:
        raise ContractError(f"{where}, column {entry['name']}: unknown meta {sorted(unknown)}")
    for key, allowed in (
        ("pii", PII_KINDS),
        ("identifier", IDENTIFIERS),
        ("erase", ("row", "clear")),
    ):
        if meta.get(key) is not None and meta[key] not in allowed:
            raise ContractError(
                f"{where}, column {entry['name']}: {key} {meta[key]!r} is not one of "
                f"{', '.join(allowed)}"
            )
    if entry["data_type"] == "json" and meta.get("pii") != "properties":
        raise ContractError(f"{where}, column {entry['name']}: a json column needs pii: properties")
    return Column(
        name=entry["name"],
        data_type=entry["data_type"],
        required=bool(meta.get("required", False)),
        otherwise=meta.get("otherwise"),
        pii=meta.get("pii"),
        identifier=meta.get("identifier"),
        erase=meta.get("erase", "row"),
        allowed_keys=tuple(str(row["event_property"]) for row in rules.rows("event_properties"))
        if meta.get("pii") == "properties"
        else (),
        aliases=tuple(meta.get("aliases", ())),
        accepted_values=tuple(meta.get("accepted_values", ())),
        minimum=meta.get("minimum"),
        maximum_length=meta.get("maximum_length"),
        currency=bool(meta.get("currency", False)),
        any_past=bool(meta.get("any_past", False)),
        any_future=bool(meta.get("any_future", False)),
        any_fraction=bool(meta.get("any_fraction", False)),
        scale_seed=meta.get("scale_seed"),
        scales=_scales(rules.rows(meta["scale_seed"]), zone) if meta.get("scale_seed") else (),
        invalid_patterns=tuple(
            (str(row["invalid_rule_id"]), row["pattern"])
            for row in rules.rows("identifier_invalid_values")
            if row["identifier_type"] == meta.get("pii") and row["pattern"]
        ),
        url_parameters=tuple(str(row["url_parameter"]) for row in rules.rows("url_parameters"))
        if meta.get("pii") == "url"
        else (),
    )


def technical_columns(table: Table) -> list[tuple[str, str]]:
    """Columns that the loader adds to a raw table: name and type."""
    columns = [("_extra", "varchar"), ("_file_id", "varchar"), ("_row_number", "bigint")]
    if table.kind == "entity":  # what ranks the versions of an entity
        columns += [
            ("_content_hash", "varchar"),
            ("_extracted_on", "date"),
            ("_load_sequence", "bigint"),
        ]
    return columns
