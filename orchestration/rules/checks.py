"""What is wrong with rules: a value, two versions of one day, a value that another table lacks."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import date

import duckdb

from orchestration.rules.tables import Key, Reference, Row, RuleSet, RuleTable
from orchestration.settings import currency_codes, nearest

_NUMBER = re.compile(r"[+-]?([0-9]+)(?:\.([0-9]+))?")


def wrong_values(table: RuleTable, row: Row) -> Iterator[str]:
    """What is wrong with each value of a row, and the remedy."""
    for name, data_type in table.columns.items():
        value = row[name]
        if value is None:
            if name not in table.optional:
                yield f"{name} is empty; fill it in ({table.meanings[name]})"
            continue
        shown = f"{name} = {value[:60]!r}"
        if name in table.values and value not in table.values[name]:
            yield f"{shown} is not one of {', '.join(table.values[name])}"
        elif data_type == "date":
            if not re.fullmatch("[0-9]{4}-[0-9]{2}-[0-9]{2}", value) or not _is_day(value):
                yield f"{shown} is no day; write it as YYYY-MM-DD"
        elif data_type == "boolean":
            if value.lower() not in ("true", "false"):
                yield f"{shown} is neither true nor false"
        elif data_type != "varchar":
            number = _NUMBER.fullmatch(value)
            precision, scale = _digits(data_type)
            if not number:
                yield f"{shown} is no number; write it plainly, as 1200{'.5' if scale else ''}"
            elif len(number[1].lstrip("0")) > precision - scale:
                yield f"{shown} is too large; it may have {precision - scale} digits" + (
                    " before the point" if scale else ""
                )
            elif len(number[2] or "") > scale:
                yield f"{shown} has more than {scale} digits after the point"
            elif name in table.positive and float(value) <= 0:
                yield f"{shown} is not above 0"
            elif name not in table.signed and float(value) < 0:
                yield f"{shown} is below 0"
        elif name.endswith("currency_code") and value not in currency_codes():
            yield f"{shown} is no ISO 4217 code such as JPY"
        elif name.endswith("pattern") and (problem := _pattern_problem(value)):
            yield f"{shown} is no pattern of DuckDB (RE2): {problem}"
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


def versions_of_one_day(rule_set: RuleSet) -> Iterator[str]:
    """Versions of one rule that begin on the same day, so that neither is the newer one."""
    table = rule_set.table
    seen: dict[Key, Row] = {}
    for row in rule_set.rows if table.version_of else ():
        other = seen.setdefault((*(row[name] for name in table.version_of), row["valid_from"]), row)
        if other is not row:
            what = ", ".join(f"{name} {row[name]}" for name in table.version_of)
            yield (
                f"{rule_set.place_of(row)}: two versions of {what} begin on {row['valid_from']}; "
                f"the other is in {rule_set.place_of(other)}. Remedy: remove one, or let it "
                "begin later"
            )


def unknown(rule_set: RuleSet, sets: Mapping[str, RuleSet]) -> Iterator[tuple[Reference, Row]]:
    """Each row with a value that leads nowhere."""
    for reference in rule_set.table.references:
        known = _known(reference, sets)
        for row in rule_set.rows:
            value = reference.value_of(row)
            if value is not None and value not in known:
                yield reference, row


def unknown_references(rule_set: RuleSet, sets: Mapping[str, RuleSet]) -> Iterator[str]:
    """What the company's rows name and the rule table that they refer to does not know."""
    name = rule_set.table.name
    of_shipped: dict[Reference, set[str]] = {}
    for reference, row in unknown(rule_set, sets):
        value = " ".join(str(row[column]) for column in reference.columns)[:60]
        if rule_set.table.key_of(row) not in rule_set.lines:
            of_shipped.setdefault(reference, set()).add(value)
            continue
        near = nearest(value, (" ".join(map(str, one)) for one in _known(reference, sets)))
        yield (
            f"{rule_set.place_of(row)}: {', '.join(reference.columns)} {value!r} is unknown to "
            f"{_target(reference)}"
            + (f"; did you mean {near}?" if near else "")
            + f" Remedy: correct it, or add it to {_file(reference, sets)}"
        )
    # The company's rules took away what shipped rows of another table lean on.
    for reference, values in of_shipped.items():
        yield (
            f"seeds/{name}.csv: {', '.join(reference.columns)} "
            f"{', '.join(map(repr, sorted(values)[:5]))} is unknown to {_target(reference)}. "
            f"Remedy: add it to {_file(reference, sets)}, or give rules/{name}.replace.csv"
        )


def _known(reference: Reference, sets: Mapping[str, RuleSet]) -> set[Key]:
    return {
        tuple(row[name] for name in reference.named)
        for row in sets[reference.to].rows
        if all(row[name] == value for name, value in reference.where)
    }


def _target(reference: Reference) -> str:
    return reference.to + "".join(f", {name} {value}" for name, value in reference.where)


def _file(reference: Reference, sets: Mapping[str, RuleSet]) -> str:
    return sets[reference.to].file_name or f"rules/{reference.to}.csv"
