"""
Typed casts with reasons: the SQL that turns a text column into its contract type.

Nothing is rounded, guessed or cut: a text that is not exactly a value of its type is a reason to
quarantine the row; capitals of currencies and listed values say nothing. The order of the checks is
the order of the columns in the contract. A column `x` is the text as it stands in the file, `x~`
the clean text, `x$` the typed value.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from orchestration.loading import privacy, spelling
from orchestration.loading.contract import Column, Table

MAXIMUM_TEXT = 100_000
_DATE = r"\d{4}-\d{1,2}-\d{1,2}"
_TIME = r"[T ]\d{1,2}:\d{2}(:\d{2}(\.\d{1,9})?)?"
_WITH_OFFSET = rf"{_DATE}{_TIME} ?(Z|[+-](0\d|1[0-5])(:?[0-5]\d)?)"
_LOCAL = rf"{_DATE}({_TIME})?"
# What nearly all timestamps look like and needs no spelling.
_PLAIN = r"\d{4}-\d{2}-\d{2}[T ]\d{2}:\d{2}:\d{2}(\.\d{1,9})?(Z|[+-](0\d|1[0-5]):[0-5]\d)"
_WHOLE = r"[+-]?\d{1,18}(\.0+)?"
_CONTROL = r"[\x00-\x08\x0B\x0C\x0E-\x1F]"


@dataclass(frozen=True)
class Check:
    """A condition (SQL, true when the row is wrong) with its stable reason and its column."""

    condition: str
    reason: str
    column: str


def typed_rows(table: Table, source: str, personal: Collection[str] | None = None) -> str:
    """
    A relation with every column of `source`, its clean text `x~` and its typed value `x$`.

    Clear columns are searched for personal data: all of them, or only those named by `personal`
    where it is known that the others have none. Built in layers, so that no expression has to be
    spelled out twice.
    """
    trimmed = ", ".join(
        f'"{column.name}" as "{column.name}~"'
        if column.data_type == "timestamp"
        else f'{_given(column, table)} as "{column.name}~"'
        for column in table.columns
    )
    spelled = ", ".join(
        f'{expression} as "{column.name}~"'
        for column in table.columns
        if (expression := _spelled(column)) != _name(column)
    )
    typed = ", ".join(
        f'{_name(column)} as "{column.name}$"'
        if column.is_clear and personal is not None and column.name not in personal
        else f'{_typed(column, table)} as "{column.name}$"'
        for column in table.columns
    )
    replaced = f"* replace ({spelled})" if spelled else "*"
    return f"(select *, {typed} from (select {replaced} from (select *, {trimmed} from {source})))"


def _name(column: Column) -> str:
    return f'"{column.name}~"'


def _trimmed(column: Column) -> str:
    """The trimmed text of a column, null when empty; in a typed column full-width forms folded."""
    text = f'"{column.name}"'
    # Looking costs less than trimming.
    cases = f"when starts_with({text}, ' ') or ends_with({text}, ' ') then trim({text})"
    if column.data_type != "varchar" and column.pii is None:
        cases = f"when strlen({text}) != length({text}) then trim(nfkc({text})) {cases}"
    return f"nullif(case {cases} else {text} end, '')"


def _given(column: Column, table: Table) -> str:
    """The trimmed text of a column, or of the one that stands for it where it is empty."""
    others = [_trimmed(other) for other in table.columns if other.name == column.otherwise]
    return f"coalesce({', '.join([_trimmed(column), *others])})" if others else _trimmed(column)


def _typed(column: Column, table: Table) -> str:
    """SQL of the typed value, as the warehouse keeps it; null where the text is none."""
    text = _name(column)
    if column.data_type == "json":
        kept = privacy.stored(column, text)
        return f"case when json_valid({text}) then {kept} end"
    if column.data_type == "varchar":
        return privacy.stored(column, text)
    if column.decimal_scale is not None or column.data_type in ("integer", "bigint"):
        number = _number(column, text)
        return f"case when {privacy.is_personal_number(text)} then null else {number} end"
    if column.data_type == "date":
        plain = f"replace({text}, '/', '-')"
        return (
            f"case when regexp_full_match({plain}, '\\d{{4}}-\\d{{1,2}}-\\d{{1,2}}') "
            f"then try_cast({plain} as date) end"
        )
    # DuckDB wants seconds before an offset, and no blank.
    closed = f"regexp_replace({text}, ' ([Zz+-][0-9:]*)$', '\\1')"
    seconds = f"regexp_replace({closed}, '([T ]\\d{{1,2}}:\\d{{2}})([Zz+-][0-9:]*)$', '\\1:00\\2')"
    instant = f"coalesce(try_cast({text} as timestamptz), try_cast({seconds} as timestamptz))"
    return (
        f"case when regexp_full_match({text}, '{_WITH_OFFSET}') "
        f"then {instant} at time zone 'UTC' "
        f"when regexp_full_match({text}, '{_LOCAL}') "
        f"then {_local_as_utc(text, table.time_zone)} end"
    )


def _number(column: Column, text: str) -> str:
    scale = column.decimal_scale
    if scale is not None:
        exact = f"regexp_full_match({text}, '[+-]?\\d{{1,15}}(\\.\\d{{0,{scale}}}0*)?')"
        return f"case when {exact} then try_cast({text} as {column.data_type}) end"
    # 9.6 is no whole number, 9.0 is one.
    return (
        f"case when regexp_full_match({text}, '{_WHOLE}') then "
        f"try_cast(regexp_replace({text}, '\\.0+$', '') as {column.data_type}) end"
    )


def _spelled(column: Column) -> str:
    """The clean text in the one spelling that the casts know."""
    text = _name(column)
    if column.currency:
        return _listed(text, f"upper({text})", sorted(spelling.CURRENCIES))
    if column.accepted_values:  # `One-off` is one_off
        return _listed(
            text, f"regexp_replace(lower({text}), '[ -]+', '_', 'g')", column.accepted_values
        )
    if column.data_type != "timestamp":
        return privacy.spelled(column, text)
    plain, text = text, _trimmed(column)
    dashed = f"regexp_replace({text}, '^(\\d{{4}})/(\\d{{1,2}})/', '\\1-\\2-')"
    return (
        f"case when regexp_full_match({plain}, '{_PLAIN}') then {plain} "
        f"when contains({text}, '/') then {dashed} "
        f"when ends_with({text}, 'z') then left({text}, -1) || 'Z' "
        f"when ends_with({text}, 'UTC') then regexp_replace({text}, ' ?UTC$', 'Z') "
        f"when contains({text}, ',') then replace({text}, ',', '.') else {text} end"
    )


def _local_as_utc(plain: str, zone: str | None) -> str:
    """
    UTC of a local time: null in the hour that the clock skips.

    In the hour that the clock repeats, standard time (the second pass) is meant.
    """
    local = f"try_cast({plain} as timestamp)"
    if zone is None:
        return "null"
    if zone == "UTC":
        return local
    instant = f"({local} at time zone '{zone}')"
    exists = f"{instant} at time zone '{zone}' = {local}"
    return f"case when {exists} then {instant} at time zone 'UTC' end"


def checks(table: Table, earliest: str, latest: str, has_control: bool = True) -> list[Check]:
    """
    All row checks of a table over `x` (text) and `x$` (typed), in order.

    `earliest` and `latest` are timestamps: nothing can have happened before or after them.
    `has_control` says whether control characters may occur at all.
    """
    found: list[Check] = []
    for column in table.columns:
        text, clean, typed = f'"{column.name}"', _name(column), f'"{column.name}$"'
        empty = f"{clean} is null"

        def check(condition: str, reason: str, name: str = column.name) -> None:
            found.append(Check(condition, reason, name))

        if has_control:
            check(f"regexp_matches({text}, '{_CONTROL}')", "R_NUL_OR_CONTROL")
        longest = column.maximum_length or MAXIMUM_TEXT
        check(f"strlen({text}) > {longest} and length({text}) > {longest}", "R_TEXT_TOO_LONG")
        if column.required:
            check(empty, "R_KEY_NULL" if column.name in table.key else "R_REQUIRED_NULL")
        if column.scale_seed:
            check(
                f"{typed} is null and regexp_full_match({clean}, '[+-]?\\d+\\.\\d+')",
                "R_SCORE_NOT_INTEGER",
            )
        if column.data_type == "timestamp":
            check(
                f"{typed} is null and regexp_full_match({clean}, '{_LOCAL}') "
                f"and try_cast({clean} as timestamp) is not null",
                "R_TS_LOCAL_GAP" if table.time_zone else "R_NAIVE_TIMESTAMP",
            )
        if column.data_type != "varchar":
            check(f"{typed} is null and not {empty}", "R_CAST")
        elif column.name.endswith("_id"):
            # As a spreadsheet shortens a long number: others were shortened to the same.
            shortened = privacy.SHORTENED.pattern
            check(
                f"contains({clean}, 'E+') and regexp_full_match({clean}, '{shortened}')", "R_CAST"
            )
        if column.data_type == "timestamp":
            # The epoch itself is a time that nobody set, in whatever zone it was written.
            check(f"{typed} < timestamp '1970-01-02'", "R_TS_BEFORE_EPOCH")
            if column.name == table.time_column and not column.any_past:
                check(f"{typed} < timestamp '{earliest}'", "R_TS_TOO_EARLY")
            if column.name == table.time_column and not column.any_future:
                check(f"{typed} > timestamp '{latest}'", "R_TS_FUTURE")
        if column.accepted_values:
            values = ", ".join(f"'{value}'" for value in column.accepted_values)
            check(f"{typed} not in ({values})", "R_ENUM_UNKNOWN")
        if column.currency:
            check(f"not regexp_full_match({typed}, '[A-Z]{{3}}')", "R_CURRENCY_UNKNOWN")
        if column.minimum is not None:
            check(f"{typed} < {column.minimum}", "R_AMOUNT_SIGN")
        if column.decimal_scale is not None and any(c.currency for c in table.columns):
            three, zero = (
                ", ".join(f"'{code}'" for code in codes)
                for codes in (spelling.THREE_DECIMALS, spelling.ZERO_DECIMALS)
            )
            code = next(f'"{c.name}~"' for c in table.columns if c.currency)
            too_fine = f"{typed} != round({typed}, 2) and coalesce({code}, '') not in ({three})"
            if not column.any_fraction:
                too_fine += f" or {typed} != round({typed}, 0) and {code} in ({zero})"
            check(too_fine, "R_AMOUNT_DECIMALS")
        if column.scale_seed:
            for scale in column.scales:
                check(
                    f'"survey_id$" = {quoted(scale.survey_id)} '
                    f'and "question_id$" = {quoted(scale.question_id)} '
                    f"and \"{table.time_column}$\" >= timestamp '{scale.valid_from}' "
                    f"and \"{table.time_column}$\" < timestamp '{scale.valid_to}' "
                    f"and {typed} not between {scale.minimum} and {scale.maximum}",
                    "R_SCORE_RANGE",
                )
    return found


def _listed(text: str, folded: str, values: Collection[str]) -> str:
    """SQL of a text, folded where that is one of the values."""
    listed = ", ".join(map(quoted, values))
    return f"case when {folded} in ({listed}) then {folded} else {text} end"


def quoted(text: str) -> str:
    """A text as SQL writes it."""
    return "'" + text.replace("'", "''") + "'"
