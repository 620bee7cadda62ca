"""
`journey identity`: who somebody is, who they were known to be at an instant, and why.

Reads the published release, so it says what readers see. An identifier is named `type:value`, for
example `visitor:v1`, `user:u2`, `contact:c3`; an e-mail address or phone number is hashed here, as
the loader does, so the clear value is looked up in nothing.
"""

from __future__ import annotations

from collections import defaultdict, deque
from typing import Any

import duckdb

from orchestration.base import command
from orchestration.loading import privacy
from orchestration.loading.contract import load_contract
from orchestration.rules import home as home_rules
from orchestration.settings import Settings, load_settings

TYPES = ("contact", "user", "email", "phone", "visitor")


class UnknownIdentifier(LookupError):
    """The release knows no such identifier; the message names it and the remedy."""


def find(connection: duckdb.DuckDBPyConnection, settings: Settings, text: str) -> str:
    """The id of the identifier that `type:value` names. Raises `UnknownIdentifier`."""
    kind, _, value = text.partition(":")
    if kind not in TYPES or not value:
        raise UnknownIdentifier(f"{text!r} is not <{'|'.join(TYPES)}>:<value>")
    if kind in ("email", "phone") and not value.startswith((f"{settings.pepper_key_id}:", "inv")):
        value = _hashed(connection, settings, kind, value)
    # Identifiers that belong to nobody stand in edges only.
    row = connection.execute(
        """
        select identifier_id from marts.dim_person_identifiers
        where identifier_type = $1 and identifier_value = $2
        union
        select left_identifier_id from marts.fct_identity_edges
        where left_type = $1 and left_value = $2
        union
        select right_identifier_id from marts.fct_identity_edges
        where right_type = $1 and right_value = $2
        """,
        [kind, value],
    ).fetchone()
    if row is None:
        raise UnknownIdentifier(
            f"no {kind} {text.partition(':')[2]!r} in the published release; "
            "`journey releases` shows which one that is"
        )
    return str(row[0])


def _hashed(
    connection: duckdb.DuckDBPyConnection, settings: Settings, kind: str, value: str
) -> str:
    if not settings.effective_pepper:
        raise UnknownIdentifier(f"without a pepper no {kind} can be looked up; `journey pepper`")
    privacy.prepare(
        connection, settings.effective_pepper, settings.pepper_key_id, settings.phone_region
    )
    tables = load_contract(home_rules.load(settings.home))
    column = next(c for c in tables["crm/contacts"].columns if c.name == kind)
    row = connection.execute(
        f"select {privacy.stored(column, 'spelled')} from "
        f"(select {privacy.spelled(column, 'given')} as spelled from (select ? as given))",
        [value],
    ).fetchone()
    assert row is not None
    return str(row[0])


def person_at(connection: duckdb.DuckDBPyConnection, identifier_id: str, at: str) -> str | None:
    """
    The person whom an identifier was known to be at an instant (UTC); None before it was seen.

    By what had been seen by then, under today's guards: the chain of merges up to that instant.
    """
    row = connection.execute(
        """
        with recursive steps as (
            select identifier_id as person_id
            from marts.dim_person_identifiers
            where identifier_id = $1 and first_seen_at <= $2::timestamp
            union all
            select merges.into_person_id
            from steps
            inner join marts.fct_person_merges as merges
                on steps.person_id = merges.merged_person_id and merges.merged_at <= $2::timestamp
        )
        select person_id from steps
        where person_id not in (
            select merged_person_id from marts.fct_person_merges where merged_at <= $2::timestamp
        )
        """,
        [identifier_id, at],
    ).fetchone()
    return str(row[0]) if row else None


def chain(
    connection: duckdb.DuckDBPyConnection, start: str, end: str
) -> list[dict[str, Any]] | None:
    """
    The shortest chain of edges that joins two identifiers, in order; None where nothing does.

    Each edge: left, right (`type:value`), source, rule, first_seen_at. Ties go to earlier edges.
    """
    rows = connection.execute(
        """
        select
            edges.left_identifier_id, edges.right_identifier_id,
            edges.left_type || ':' || edges.left_value,
            edges.right_type || ':' || edges.right_value,
            edges.source, edges.rule, edges.first_seen_at
        from marts.fct_identity_edges as edges
        inner join marts.dim_person_identifiers as ends
            on edges.left_identifier_id = ends.identifier_id
        where edges.cut_reason is null and ends.person_id = (
            select person_id from marts.dim_person_identifiers where identifier_id = ?
        )
        order by edges.first_seen_at, edges.edge_id
        """,
        [start],
    ).fetchall()
    neighbours = defaultdict(list)
    for row in rows:
        neighbours[row[0]].append((row[1], row))
        neighbours[row[1]].append((row[0], row))
    came_from: dict[str, Any] = {start: None}
    queue = deque([start])
    while queue and end not in came_from:
        here = queue.popleft()
        for there, row in neighbours[here]:
            if there not in came_from:
                came_from[there] = (here, row)
                queue.append(there)
    if end not in came_from:
        return None
    edges = []
    while came_from[end] is not None:
        end, row = came_from[end]
        edges.append(dict(zip(("left", "right", "source", "rule", "first_seen_at"), row[2:],
                              strict=True)))  # fmt: skip
    return edges[::-1]


def cuts(connection: duckdb.DuckDBPyConnection, identifier_id: str) -> list[tuple[Any, ...]]:
    """Edges of an identifier that a guard cut: the other end, rule, reason, first seen."""
    return connection.execute(
        """
        select
            case when left_identifier_id = $1 then right_type || ':' || right_value
                else left_type || ':' || left_value end,
            rule, cut_reason, first_seen_at
        from marts.fct_identity_edges
        where cut_reason is not null and $1 in (left_identifier_id, right_identifier_id)
        order by all limit 20
        """,
        [identifier_id],
    ).fetchall()


def describe(settings: Settings, who: str, other: str = "", on: str = "") -> list[str]:
    """The answer, line by line."""
    database = settings.published / "current" / "journey.duckdb"
    if not database.exists():
        raise UnknownIdentifier("nothing is published yet; `journey nightly`")
    with duckdb.connect(str(database), read_only=True) as connection:
        connection.execute("set TimeZone = 'UTC'")
        identifier = find(connection, settings, who)
        lines: list[str] = []
        if other:
            second = find(connection, settings, other)
            edges = chain(connection, identifier, second)
            if edges is None:
                lines.append(f"{who} and {other} are not one person")
            else:
                lines.append(f"{who} and {other} are one person, by {len(edges)} edges:")
                lines += [
                    f"  {edge['left']} - {edge['right']}  "
                    f"({edge['source']}, {edge['rule']}, first seen {edge['first_seen_at']})"
                    for edge in edges
                ]
        else:
            lines += _one(connection, identifier, who, on)
        for end, rule, reason, seen in cuts(connection, identifier):
            lines.append(f"  cut: {end}  ({rule}, {reason}, first seen {seen})")
    return lines


def _one(connection: duckdb.DuckDBPyConnection, identifier: str, who: str, on: str) -> list[str]:
    if on:
        person = person_at(connection, identifier, on)
        return [
            f"{who} was person {person} at {on} UTC" if person else f"{who} was not seen by {on}"
        ]
    row = connection.execute(
        "select person_id from marts.dim_person_identifiers where identifier_id = ?", [identifier]
    ).fetchone()
    if row is None:
        return [f"{who} is nobody: an invalid or erased identifier"]
    lines = [f"{who} is person {row[0]}"]
    lines += [
        f"  {kind}:{value}  ({rule}, first seen {seen})"
        for kind, value, rule, seen in connection.execute(
            "select identifier_type, identifier_value, joined_by_rule, first_seen_at "
            "from marts.dim_person_identifiers where person_id = ? order by 4, 1, 2",
            [row[0]],
        ).fetchall()
    ]
    lines += [
        f"  formerly {alias}, until {merged_at}"
        for alias, merged_at in connection.execute(
            "select merged_person_id, merged_at from marts.fct_person_merges "
            "where person_id = ? order by 2, 1",
            [row[0]],
        ).fetchall()
    ]
    return lines


def run(who: str, other: str = "", on: str = "") -> None:
    """Print who an identifier is, why it is the same person as another, or who it was then."""
    with command.failing_on(UnknownIdentifier, duckdb.ConversionException):
        print("\n".join(describe(load_settings(), who, other, on)))
