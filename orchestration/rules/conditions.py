"""What is wrong with conditions over columns of dim_customers_360: own segments and actions."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from orchestration.rules.checks import is_day
from orchestration.rules.tables import CANONICAL_STAGE_MODEL, Row, RuleSet
from orchestration.settings import nearest

# The rule tables of own conditions.
TABLES = ("own_segment_rules", "action_conditions")
OWN = "own_"  # how the names of own segmentations begin

_ORDERED = ("at_least", "at_most", "above", "below")
_LISTS = ("one_of", "none_of")
_WITHOUT_VALUE = ("is_known", "is_unknown")
# Columns whose values a rule table lists: table, its column, and which of its rows.
_KNOWN = {
    "persona": ("personas", "persona", {}),
    "first_channel": ("channels", "channel", {}),
    "last_channel": ("channels", "channel", {}),
    "acquisition_channel": ("channels", "channel", {}),
    "current_stage": ("stages", "stage", {"stage_model": CANONICAL_STAGE_MODEL}),
    "current_stage_five": ("stages", "stage", {"stage_model": "five"}),
    "current_stage_four": ("stages", "stage", {"stage_model": "four"}),
    "lifecycle": ("customer_segments", "segment", {"segmentation": "lifecycle"}),
    "rfm_segment": ("customer_segments", "segment", {"segmentation": "rfm"}),
    "value_tier": ("customer_segments", "segment", {"segmentation": "value_tier"}),
}
_OTHER = "other"  # whom no segment fits; not listed in a table


def wrong_conditions(sets: Mapping[str, RuleSet]) -> Iterator[str]:
    """Conditions whose operator or value does not fit their column."""
    columns = sets["condition_columns"]
    if columns.lines:
        yield (
            f"{columns.file_name}: what the columns hold is the models' to say. Remedy: remove the "
            "rows"
        )
        return
    kinds = {str(row["column_name"]): str(row["value_kind"]) for row in columns.rows}
    own = {str(row["segmentation"]) for row in sets["own_segment_rules"].rows}
    for name in TABLES:
        # Actions may go by own segments too: by the segmentation as if it were a column.
        known = kinds | (dict.fromkeys(own, "text") if name == "action_conditions" else {})
        for row in sets[name].rows:
            column = str(row["column_name"])
            if column not in known:
                near = nearest(column, known)
                yield (
                    f"{sets[name].place_of(row)}: column_name {column[:60]!r} is unknown to "
                    "condition_columns and own_segment_rules"
                    + (f"; did you mean {near}?" if near else ".")
                    + " Remedy: correct it"
                )
                continue
            for problem in _wrong_condition(row, known[column], sets):
                yield f"{sets[name].place_of(row)}: {problem}"


def wrong_actions(sets: Mapping[str, RuleSet]) -> Iterator[str]:
    """Actions that say half of what a limit or a worth needs."""
    actions = sets["actions"]
    for row in actions.rows:
        where = actions.place_of(row)
        if (row["value_basis"] == "fixed") != (row["value_amount"] is not None):
            yield (
                f"{where}: value_basis {row['value_basis']} and value_amount "
                f"{row['value_amount'] or '(empty)'} do not fit. Remedy: an amount for fixed alone"
            )
        if (row["cap_count"] is None) != (row["cap_days"] is None):
            yield f"{where}: cap_count and cap_days belong together. Remedy: fill in both or none"


def wrong_lists(sets: Mapping[str, RuleSet]) -> Iterator[str]:
    """Lists whose name is no name of a file, or whose segment nobody can be in."""
    lists = sets["activation_lists"]
    segments = {(row["segmentation"], row["segment"]) for row in sets["customer_segments"].rows}
    stages = {
        ("stage", row["stage"])
        for row in sets["stages"].rows
        if row["stage_model"] == CANONICAL_STAGE_MODEL
    }
    for row in lists.rows:
        where = lists.place_of(row)
        if not re.fullmatch("[a-z0-9_]{1,60}", str(row["list_name"])):
            yield (
                f"{where}: list_name {str(row['list_name'])[:60]!r} is no name of a file. Remedy: "
                "up to 60 small letters, digits and _"
            )
        elif row["list_name"] == "next_action":
            yield f"{where}: the list next_action is there already. Remedy: give it another name"
        if (row["segmentation"], row["segment"]) not in segments | stages:
            yield (
                f"{where}: segment {row['segment']} of segmentation {row['segmentation']} is "
                "unknown. Remedy: one of customer_segments, or a stage of segmentation stage"
            )


def wrong_own_segments(sets: Mapping[str, RuleSet]) -> Iterator[str]:
    """Own segments by the name of another segmentation, and those without a condition."""
    segments, rules = sets["customer_segments"], sets["own_segment_rules"]
    with_rules = {(row["segmentation"], row["segment"]) for row in rules.rows}
    made = {row["segmentation"] for row in sets["segment_rules"].rows} | {"lifecycle"}
    for row in rules.rows:
        if not str(row["segmentation"]).startswith(OWN):
            yield (
                f"{rules.place_of(row)}: segmentation {row['segmentation']!r} is no own one. "
                f"Remedy: let its name begin with {OWN}, here and in rules/customer_segments.csv"
            )
    for row in segments.rows:
        where, named = segments.place_of(row), f"{row['segmentation']}, segment {row['segment']}"
        if str(row["segmentation"]).startswith(OWN):
            if (row["segmentation"], row["segment"]) not in with_rules:
                yield (
                    f"{where}: segmentation {named} has no condition. Remedy: say in "
                    "rules/own_segment_rules.csv who is in it"
                )
        elif row["segmentation"] not in made:
            yield (
                f"{where}: segmentation {named} is nothing that the models make. Remedy: let the "
                f"name of an own segmentation begin with {OWN}"
            )


def _wrong_condition(row: Row, kind: str, sets: Mapping[str, RuleSet]) -> Iterator[str]:
    column, operator = str(row["column_name"]), str(row["operator"])
    wanted, other = ("value_number", "value_text")[:: 1 if kind == "number" else -1]
    value = row[wanted]
    if operator in _WITHOUT_VALUE:
        if value is not None or row[other] is not None:
            yield f"{operator} takes no value. Remedy: leave value_text and value_number empty"
    elif row[other] is not None or value is None:
        yield f"{column} is a {kind}. Remedy: write what it is compared with into {wanted} alone"
    elif operator in _ORDERED and kind in ("text", "flag"):
        yield (
            f"operator = {operator!r} does not fit {column}, a {kind}. Remedy: equals, not_equals, "
            "one_of, none_of, is_known or is_unknown"
        )
    elif operator in _LISTS and kind == "number":
        yield (
            f"operator = {operator!r} does not fit {column}, a number. Remedy: at_least and "
            "at_most, or a rule_group for each number"
        )
    else:
        for one in value.split("|") if operator in _LISTS else [value]:
            if kind == "day" and not is_day(one):
                yield f"{wanted} = {one[:60]!r} is no day, as {column} is; write YYYY-MM-DD"
            elif kind == "flag" and one not in ("true", "false"):
                yield f"{wanted} = {one[:60]!r} is neither true nor false, which {column} is"
            elif kind == "text" and (problem := _unknown_text(column, one, sets)):
                yield f"{wanted} = {problem}"


def _unknown_text(column: str, value: str, sets: Mapping[str, RuleSet]) -> str | None:
    """Why nobody can have a text: the table of all values of the column does not know it."""
    if column.startswith(OWN):
        table, name, where = "customer_segments", "segment", {"segmentation": column}
    elif column in _KNOWN:
        table, name, where = _KNOWN[column]
    else:
        return None
    known = {
        str(row[name])
        for row in sets[table].rows
        if all(row[key] == wanted for key, wanted in where.items())
    }
    if not known or value in known or (table == "customer_segments" and value == _OTHER):
        return None
    near = nearest(value, known)
    return (
        f"{value[:60]!r} is unknown to {table}, so that no {column} is ever it"
        + (f"; did you mean {near}?" if near else ".")
        + f" Remedy: correct it, or add it to rules/{table}.csv"
    )
