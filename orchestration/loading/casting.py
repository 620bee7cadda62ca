"""
Typed casts with reasons: the SQL that turns a text column into its contract type.

Nothing is rounded, guessed or cut: a text that is not exactly a value of its type is a reason to
quarantine the row. The order of the checks is the order of the columns in the contract.
"""

from __future__ import annotations

import csv
from dataclasses import dataclass
from functools import lru_cache

from orchestration.loading import privacy
from orchestration.loading.contract import Column, Table
from orchestration.settings import SEEDS_DIR

MAXIMUM_TEXT = 100_000
_OFFSET = r"[T ]\d{1,2}:\d{2}.*(Z|z|[+-]\d{2}(:?\d{2})?)$"
_TIMESTAMP = (
    r"\d{4}-\d{1,2}-\d{1,2}([T ]\d{1,2}:\d{2}(:\d{2}([.,]\d{1,9})?)?)? ?"
    r"(UTC|Z|z|[+-]\d{2}(:?\d{2})?)?"
)
_CONTROL = r"[\x00-\x08\x0B\x0C\x0E-\x1F]"


@dataclass(frozen=True)
class Check:
    """A condition (SQL, true when the row is wrong) with its stable reason and its column."""

    condition: str
    reason: str
    column: str


def text_expression(column: Column) -> str:
    """The trimmed text of a column, null when empty."""
    return f"nullif(trim(\"{column.name}\"), '')"


def typed_expression(column: Column, table: Table) -> str:
    """SQL of the typed value; null where the text is no value of the type."""
    text = text_expression(column)
    if column.pii in ("email", "phone"):
        return privacy.hash_expression(column.pii, text)
    if column.pii == "text":
        text = privacy.mask_expression(text)
    scale = column.decimal_scale
    if scale is not None:
        exact = f"regexp_full_match({text}, '[+-]?\\d{{1,15}}(\\.\\d{{0,{scale}}}0*)?')"
        return f"case when {exact} then try_cast({text} as {column.data_type}) end"
    if column.data_type in ("integer", "bigint"):
        # NFKC digits arrive from Japanese survey tools; 9.6 is no whole number, 9.0 is one.
        whole = f"regexp_full_match({text}, '[+-]?\\d{{1,18}}(\\.0+)?')"
        return (
            f"case when {whole} then try_cast(regexp_replace({text}, '\\.0+$', '') "
            f"as {column.data_type}) end"
        )
    if column.data_type == "date":
        plain = f"replace({text}, '/', '-')"
        return (
            f"case when regexp_full_match({plain}, '\\d{{4}}-\\d{{1,2}}-\\d{{1,2}}') "
            f"then try_cast({plain} as date) end"
        )
    if column.data_type == "timestamp":
        plain = f"regexp_replace({text}, '^(\\d{{4}})/(\\d{{1,2}})/', '\\1-\\2-')"
        plain = f"regexp_replace({plain}, ' ?UTC$', 'Z')"
        return (
            f"case when not regexp_full_match({plain}, '{_TIMESTAMP}') then null "
            f"when regexp_matches({plain}, '{_OFFSET}') "
            f"then try_cast({plain} as timestamptz) at time zone 'UTC' "
            f"else (try_cast({plain} as timestamp) at time zone '{table.time_zone}') "
            "at time zone 'UTC' end"
        )
    if column.data_type == "json":
        return f"case when json_valid({text}) then {text} end"
    return text


def checks(table: Table, future_limit: str) -> list[Check]:
    """
    All row checks of a table over `<name>` (text) and `typed.<name>`, in order.

    `future_limit` is a timestamp literal: nothing can have happened after it.
    """
    found: list[Check] = []
    for column in table.columns:
        text, typed = f'source."{column.name}"', f'typed."{column.name}"'
        empty = f"nullif(trim({text}), '') is null"

        def check(condition: str, reason: str, name: str = column.name) -> None:
            found.append(Check(condition, reason, name))

        check(f"regexp_matches({text}, '{_CONTROL}')", "R_NUL_OR_CONTROL")
        check(f"length({text}) > {MAXIMUM_TEXT}", "R_TEXT_TOO_LONG")
        if column.name in table.key:
            check(empty, "R_KEY_NULL")
        elif column.required:
            check(empty, "R_REQUIRED_NULL")
        if column.scale_seed:
            check(
                f"not {empty} and not regexp_full_match(trim({text}), '[+-]?\\d{{1,18}}(\\.0+)?') "
                f"and regexp_full_match(trim({text}), '[+-]?\\d+\\.\\d+')",
                "R_SCORE_NOT_INTEGER",
            )
        if column.data_type != "varchar":
            check(f"not {empty} and {typed} is null", "R_CAST")
        if column.data_type == "timestamp":
            check(f"{typed} < timestamp '1970-01-01'", "R_TS_BEFORE_EPOCH")
            if column.name == table.time_column:
                check(f"{typed} > timestamp '{future_limit}'", "R_TS_FUTURE")
        if column.accepted_values:
            values = ", ".join(f"'{value}'" for value in column.accepted_values)
            check(f"{typed} not in ({values})", "R_ENUM_UNKNOWN")
        if column.currency:
            check(f"not regexp_full_match({typed}, '[A-Z]{{3}}')", "R_CURRENCY_UNKNOWN")
        if column.minimum is not None:
            check(f"{typed} < {column.minimum}", "R_AMOUNT_SIGN")
        if column.scale_seed:
            for row in scales(column.scale_seed):
                where = f"typed.survey_id = '{row[0]}' and typed.question_id = '{row[1]}'"
                check(
                    f"{where} and {typed} not between {int(row[2])} and {int(row[3])}",
                    "R_SCORE_RANGE",
                )
    return found


@lru_cache
def scales(seed: str) -> list[tuple[str, str, str, str]]:
    """Scale of each scored question, from its seed: survey, question, minimum, maximum."""
    with (SEEDS_DIR / f"{seed}.csv").open(encoding="utf-8", newline="") as stream:
        return [
            (row["survey_id"], row["question_id"], row["scale_minimum"], row["scale_maximum"])
            for row in csv.DictReader(stream)
            if row["scale_minimum"]
        ]
