"""
What too many share joins none of them, for every pair of types that a record can name.

Each limit of `seeds/identity_limits.csv` has a hub here, with one owner more than it allows: the
owners stay apart, the hub has its edges cut, and they are listed with the reason.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator

import duckdb
import pytest

from orchestration.developing.compiled import Project
from orchestration.developing.histories import File
from orchestration.developing.proving import PEPPER, World
from orchestration.loading import privacy
from orchestration.loading.contract import IDENTIFIERS
from orchestration.rules import home as home_rules

LIMITS = {
    (str(row["identifier_type"]), str(row["owner_type"])): int(row["maximum_count"] or 0)
    for row in home_rules.defaults().rows("identity_limits")
}
# A contact has one login, one number: those of its newest version.
NEVER_SEEN = {("contact", "user"), ("contact", "phone")}
REASONS = {"visitor": "shared_device", "user": "shared_login"}
AT = "2026-01-01 00:00:00"
Row = dict[str, str]


def value(kind: str, name: str, number: int) -> str:
    """An identifier of a hub's own."""
    if kind == "phone":
        hub = sorted(LIMITS).index((name.split("-")[0], name.split("-")[1]))
        return f"090{hub:02d}{number:04d}77"
    return f"{name}-{number}@buyer-mail.jp" if kind == "email" else f"{name}-{kind}-{number}"


def rows(kind: str, owner: str) -> Iterator[tuple[str, Row]]:
    """A hub, seen with one owner more than it may have; what names the two names little else."""
    name = f"{kind}-{owner}"
    hub = {kind: value(kind, name, 0)}
    for number in range(1, LIMITS[kind, owner] + 2):
        key = f"{name}-{number}"
        if owner == "person":  # with an address and, of an address, a login of their own
            known_by = "user" if kind == "email" else "email"
            seen = {**hub, known_by: value(known_by, name, number)}
        else:
            seen = {**hub, owner: value(owner, name, number)}
        if ("contact" in seen and "visitor" in seen | hub) or {"contact", "email"} == set(seen):
            yield "survey/answers", {
                "response_id": key, "survey_id": "s", "question_id": "q", "responded_at": AT,
                "contact_id": seen.get("contact", ""), "visitor_id": seen.get("visitor", ""),
                "email": seen.get("email", ""), "score": "9",
            }  # fmt: skip
        elif owner != "person" and "visitor" in seen and not {"contact", "phone"} & set(seen):
            yield "web/events", {
                "event_id": key, "occurred_at": AT, "event_name": "page_view",
                "visitor_id": seen["visitor"], "user_id": seen.get("user", ""),
                "email": seen.get("email", ""),
            }  # fmt: skip
        else:
            yield "crm/contacts", {
                "contact_id": seen.get("contact") or f"{name}-record-{number}", "created_at": AT,
                "user_id": seen.get("user", ""), "email": seen.get("email", ""),
                "phone": seen.get("phone", ""), "visitor_id": seen.get("visitor", ""),
            }  # fmt: skip


def identifier_id(kind: str, text: str) -> str:
    """The key of an identifier, as the models make it."""
    if kind in ("email", "phone"):
        text = privacy.keyed_hash(PEPPER, "k1", text)
    return hashlib.md5(f"{kind}\x1f{text}".encode()).hexdigest()


@pytest.fixture(scope="module")
def world(project: Project, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with project.connect() as connection:
        world = World(project, connection, tmp_path_factory.mktemp("limits"))
        by_table: dict[str, list[Row]] = {}
        for pair in LIMITS:
            for table, row in rows(*pair):
                by_table.setdefault(table, []).append(row)
        for table, given in by_table.items():
            world.arrive(File(table, given))
        world.load()
        world.build("2026-02-01 00:00:00")
        yield world


def fetch(connection: duckdb.DuckDBPyConnection, query: str) -> list[tuple[object, ...]]:
    return connection.execute(query).fetchall()


def test_every_pair_has_a_limit() -> None:
    pairs = {(kind, owner) for kind in IDENTIFIERS for owner in IDENTIFIERS if kind != owner}
    people = {(kind, "person") for kind in IDENTIFIERS if kind != "contact"}
    assert set(LIMITS) == (pairs - NEVER_SEEN) | people


@pytest.mark.parametrize(("kind", "owner"), sorted(LIMITS))
def test_owners_stay_apart(world: World, kind: str, owner: str) -> None:
    name = f"{kind}-{owner}"
    known_by = ("user" if kind == "email" else "email") if owner == "person" else owner
    hub = identifier_id(kind, value(kind, name, 0))
    owners = {
        identifier_id(known_by, value(known_by, name, number))
        for number in range(1, LIMITS[kind, owner] + 2)
    }
    query = "select identifier_id, person_id from marts.dim_person_identifiers"
    person_of = dict(fetch(world.connection, query))
    people = {person_of[one] for one in owners}
    assert len(people) == len(owners) and person_of[hub] not in people
    edges = fetch(
        world.connection,
        "select left_identifier_id, right_identifier_id, cut_reason from marts.fct_identity_edges "
        f"where '{hub}' in (left_identifier_id, right_identifier_id)",
    )
    cut = {end: reason for *ends, reason in edges for end in ends if end in owners}
    assert cut == dict.fromkeys(owners, REASONS.get(kind, f"shared_{kind}"))
