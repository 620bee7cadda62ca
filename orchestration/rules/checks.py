"""What is wrong with rules: a value, two versions of one day, a value that another table lacks."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import date
from itertools import pairwise

import duckdb

from orchestration.rules.tables import (
    CANONICAL_STAGE_MODEL,
    Key,
    Reference,
    Row,
    RuleSet,
    RuleTable,
)
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
            if not is_day(value):
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
            elif name.endswith("_rate") and float(value) > 1:
                yield f"{shown} is above 1; a share is written as 0.05"
        elif name.endswith("currency_code") and value not in currency_codes():
            yield f"{shown} is no ISO 4217 code such as JPY"
        elif name.endswith("pattern") and (problem := _pattern_problem(value)):
            yield f"{shown} is no pattern of DuckDB (RE2): {problem}"
    segment = row.get("dimension_value") or "all"
    if row.get("dimension") == "all" and segment != "all":
        yield f"dimension all has the value all only, not {segment[:60]!r}"
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


def is_day(value: str) -> bool:
    """Whether a text is a day that exists, as YYYY-MM-DD."""
    try:
        date.fromisoformat(value)
    except ValueError:
        return False
    return re.fullmatch("[0-9]{4}-[0-9]{2}-[0-9]{2}", value) is not None


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


def disordered_stages(stages: RuleSet, mappings: RuleSet) -> Iterator[str]:
    """
    Stages whose order is not clear on some day: two of one rank, a stage of the model six that a
    stage model has no stage for, or a mapping that turns the order around, so that a customer who
    rises in one model would fall in the other.
    """
    reported: set[str] = set()
    for day in sorted({str(row["valid_from"]) for row in (*stages.rows, *mappings.rows)}):
        ranks: dict[str, dict[str, tuple[int, Row]]] = {}
        for row in _held(stages, day):
            model = ranks.setdefault(str(row["stage_model"]), {})
            model[str(row["stage"])] = int(str(row["stage_rank"])), row
        mapped = {
            (str(row["stage_model"]), str(row["canonical_stage"])): row
            for row in _held(mappings, day)
        }
        for problem in _disorder(ranks, mapped, stages, mappings):
            if problem not in reported:
                reported.add(problem)
                yield problem


def wrong_maps(steps: RuleSet, stages: RuleSet) -> Iterator[str]:
    """
    Designed journeys with which none can be compared: steps are not counted 1, 2, 3, stages do not
    rise, as those that are compared with them do, or nothing is expected.
    """
    maps: dict[Key, list[Row]] = {}
    for row in sorted(steps.rows, key=lambda row: int(str(row["step_number"]))):
        maps.setdefault((row["persona"], row["map_version"], row["aspect"]), []).append(row)
    ranks = {
        row["stage"]: int(str(row["stage_rank"]))
        for row in _held(stages, "9999-12-31")
        if row["stage_model"] == CANONICAL_STAGE_MODEL
    }
    for (persona, version, aspect), rows in maps.items():
        what = f"the map of {persona}, version {version}, aspect {aspect},"
        for number, row in enumerate(rows, 1):
            if int(str(row["step_number"])) != number:
                yield (
                    f"{steps.place_of(row)}: {what} has no step {number}. Remedy: count its steps "
                    "1, 2, 3"
                )
                break
        for before, row in pairwise(rows if aspect == "stage" else ()):
            if ranks[row["step"]] <= ranks[before["step"]]:
                yield (
                    f"{steps.place_of(row)}: {what} has {row['step']} after {before['step']}, "
                    "which is no rise. Remedy: put it before, with is_optional true if need be"
                )
        if all((row["is_optional"] or "").lower() == "true" for row in rows):
            yield f"{steps.place_of(rows[0])}: {what} has optional steps only. Remedy: expect one"


def uncounted_measures(measures: RuleSet, conversion_types: RuleSet) -> Iterator[str]:
    """Measures of the company's that no model computes: neither shipped nor of a conversion."""
    counted = {row["conversion_type"] for row in conversion_types.rows}
    counted |= {f"{row['cycle']}_conversions" for row in conversion_types.rows}
    for row in measures.rows:
        key = measures.table.key_of(row)
        if key in measures.lines and key not in measures.shipped and row["measure"] not in counted:
            yield (
                f"{measures.place_of(row)}: measure {row['measure']} is nothing that the models "
                "compute. Remedy: name a type of rules/conversion_types.csv, or a cycle of it and "
                "_conversions; anything else needs a model"
            )


def _held(rule_set: RuleSet, day: str) -> Iterator[Row]:
    """The version of each rule that holds on a day."""
    held: dict[Key, Row] = {}
    for row in sorted(rule_set.rows, key=lambda row: str(row["valid_from"])):
        if str(row["valid_from"]) <= day:
            held[tuple(row[name] for name in rule_set.table.version_of)] = row
    yield from held.values()


def _disorder(
    ranks: Mapping[str, Mapping[str, tuple[int, Row]]],
    mapped: Mapping[tuple[str, str], Row],
    stages: RuleSet,
    mappings: RuleSet,
) -> Iterator[str]:
    """Problems of the stages and mappings of one day."""
    for model, of_model in ranks.items():
        taken: dict[int, str] = {}
        for stage, (rank, row) in of_model.items():
            if taken.setdefault(rank, stage) != stage:
                yield (
                    f"{stages.place_of(row)}: stage_rank {rank} of stage_model {model} is that of "
                    f"{taken[rank]} already. Remedy: give {stage} a rank of its own"
                )
        before: tuple[int, str] = (-1, "")
        for canonical, (_, row) in sorted(
            ranks.get(CANONICAL_STAGE_MODEL, {}).items(), key=lambda s: s[1][0]
        ):
            mapping = mapped.get((model, canonical))
            if mapping is None:
                yield (
                    f"{stages.place_of(row)}: stage {canonical} has no stage in stage_model "
                    f"{model}. Remedy: map it in rules/stage_mappings.csv"
                )
            elif target := of_model.get(str(mapping["stage"])):
                if target[0] < before[0]:
                    yield (
                        f"{mappings.place_of(mapping)}: {canonical} becomes {mapping['stage']} in "
                        f"stage_model {model}, which comes before the stage of {before[1]}. "
                        "Remedy: keep the order of the stages"
                    )
                before = target[0], canonical


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
            + (f"; did you mean {near}?" if near else ".")
            + " Remedy: correct it"
            + (
                ""
                if sets[reference.to].table.is_fixed
                else f", or add it to {_file(reference, sets)}"
            )
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
