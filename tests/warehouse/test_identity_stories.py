"""The situations of identity resolution that practitioners name, each a story of its own."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import pytest

from orchestration.developing.compiled import Project
from orchestration.developing.histories import File
from orchestration.developing.proving import PEPPER, World
from orchestration.operating import identity

Row = dict[str, str]
Rows = list[tuple[str, Row]]


def visit(visitor: str, at: str, **more: str) -> tuple[str, Row]:
    """A web event; `more`: user_id, email, user_agent."""
    return "web/events", {
        "event_id": f"e-{visitor}-{at}-{'-'.join(more.values())}", "occurred_at": when(at),
        "visitor_id": visitor, "event_name": "page_view", "user_id": more.get("user_id", ""),
        "email": more.get("email", ""), "user_agent": more.get("user_agent", ""),
    }  # fmt: skip


def contact(contact_id: str, at: str, **more: str) -> tuple[str, Row]:
    """A version of a CRM contact."""
    names = ("email", "phone", "user_id", "visitor_id", "referred_by_contact_id", "erased_at")
    return "crm/contacts", {
        "contact_id": contact_id, "created_at": when(at), "updated_at": when(more.get("v", at)),
        **{name: more.get(name, "") for name in names},
    }  # fmt: skip


def ticket(ticket_id: str, at: str, email: str) -> tuple[str, Row]:
    return "crm/tickets", {"ticket_id": ticket_id, "opened_at": when(at), "email": email}


def answer(response_id: str, at: str, **more: str) -> tuple[str, Row]:
    return "survey/answers", {
        "response_id": response_id, "survey_id": "nps", "question_id": "nps",
        "responded_at": when(at), "email": more.get("email", ""),
        "visitor_id": more.get("visitor_id", ""), "score": "9",
    }  # fmt: skip


def when(at: str) -> str:
    """`3` is the third of January, noon."""
    return f"2026-01-{int(at):02d} 12:00:00" if at.isdigit() else at


@dataclass
class Story:
    """What arrives on two nights (and what is taken back), and who is who afterwards."""

    name: str
    first: Rows
    people: list[str]  # identifiers of one person, apart by blanks; the first one names it
    second: Rows = field(default_factory=list)
    taken_back: Rows = field(default_factory=list)  # arrives with the first night
    cut: dict[str, str] = field(default_factory=dict)  # identifier: why an edge of it is cut


E1, E2, E3 = "email:a@x.jp", "email:b@x.jp", "email:d@x.jp"
STORIES = [
    Story("same e-mail on two devices",
          [visit("v1", "1", email="a@x.jp"), visit("v2", "2", email="a@x.jp")],
          [f"{E1} visitor:v1 visitor:v2"]),
    Story("two people with accounts on one device",
          [visit("v1", "3", user_id="u1"), visit("v1", "4", user_id="u2"),
           contact("c1", "1", user_id="u1"), contact("c2", "2", user_id="u2")],
          ["contact:c1 user:u1", "contact:c2 user:u2", "visitor:v1"],
          cut={"visitor:v1": "unique_key"}),
    Story("two logins of one device without accounts are one household",
          [visit("v1", "1", user_id="u1"), visit("v1", "2", user_id="u2")],
          ["user:u1 visitor:v1 user:u2"]),
    Story("anonymous before and after a login",
          [visit("v1", "1"), visit("v1", "2", user_id="u1"), visit("v1", "3")],
          ["visitor:v1 user:u1"]),
    Story("chain of three devices",
          [visit("v1", "1", user_id="u1"), visit("v2", "2", user_id="u1"),
           visit("v2", "3", email="a@x.jp"), visit("v3", "4", email="a@x.jp")],
          [f"user:u1 visitor:v1 visitor:v2 {E1} visitor:v3"]),
    Story("late bridge between two known people: the older id survives",
          [visit("v1", "1", user_id="u1"), visit("v2", "2", user_id="u2")],
          ["user:u1 visitor:v1 user:u2 visitor:v2"],
          second=[visit("v2", "5", user_id="u1")]),
    Story("a bad value shared by many",
          [contact(f"c{i}", str(i), email="noreply@x.jp") for i in range(1, 10)],
          [f"contact:c{i}" for i in range(1, 10)], cut={"contact:c1": "invalid_value"}),
    Story("two contacts sharing one e-mail",
          [contact("c1", "1", email="a@x.jp"), contact("c2", "2", email="a@x.jp")],
          [f"contact:c1 {E1} contact:c2"]),
    Story("an e-mail joins also where accounts differ",
          [contact("c1", "1", email="a@x.jp", user_id="u1"),
           contact("c2", "2", email="a@x.jp", user_id="u2")],
          [f"contact:c1 user:u1 {E1} contact:c2 user:u2"]),
    Story("merged by a device, parted when accounts become known",
          [visit("v1", "1", user_id="u1"), visit("v1", "2", user_id="u2")],
          ["user:u1 contact:c1", "user:u2 contact:c2", "visitor:v1"],
          second=[contact("c1", "5", user_id="u1"), contact("c2", "6", user_id="u2")],
          cut={"visitor:v1": "unique_key"}),
    Story("erasure of the bridge: what others carry, too, stays with them",
          [contact("c1", "1", email="a@x.jp", phone="09011112222"),
           ticket("t1", "2", "a@x.jp"), contact("c2", "3", phone="09011112222")],
          ["contact:c2 phone:09011112222"],
          second=[contact("c1", "1", email="a@x.jp", phone="09011112222", v="9",
                          erased_at=when("9"))]),
    Story("a kiosk with three logins joins nobody",
          [visit("v1", "1", user_id="u1"), visit("v1", "2", user_id="u2"),
           visit("v1", "3", user_id="u3")],
          ["user:u1", "user:u2", "user:u3", "visitor:v1"], cut={"visitor:v1": "shared_device"}),
    Story("a device becomes shared later, and parts whom it joined",
          [visit("v1", "1", user_id="u1"), visit("v1", "2", user_id="u2")],
          ["user:u1", "user:u2", "user:u3", "visitor:v1"],
          second=[visit("v1", "3", user_id="u3")], cut={"user:u2": "shared_device"}),
    Story("nobody knows this visitor", [visit("v1", "1"), visit("v1", "2")], ["visitor:v1"]),
    Story("cleared cookies",
          [visit("v1", "1", user_id="u1"), visit("v2", "2", user_id="u1"),
           visit("v3", "3", user_id="u1")],
          ["user:u1 visitor:v1 visitor:v2 visitor:v3"]),
    Story("a contact changes its e-mail: the newest version counts",
          [contact("c1", "1", email="a@x.jp"), visit("v1", "2", email="a@x.jp")],
          [f"contact:c1 {E2}", f"{E1} visitor:v1"],
          second=[contact("c1", "1", email="b@x.jp", v="5")]),
    Story("one phone, two contacts",
          [contact("c1", "1", phone="09011112222"), contact("c2", "2", phone="09011112222")],
          ["contact:c1 phone:09011112222 contact:c2"]),
    Story("the login guest is nobody's",
          [visit("v1", "1", user_id="guest"), visit("v2", "2", user_id="guest")],
          ["visitor:v1", "visitor:v2"], cut={"visitor:v1": "invalid_value"}),
    Story("the visitor undefined is nobody's",
          [visit("undefined", "1", email="a@x.jp"), visit("undefined", "2", email="b@x.jp")],
          [E1, E2], cut={E1: "invalid_value"}),
    Story("a login without a device is a visitor of its own, until its device is seen",
          [visit("undefined", "1", user_id="u1"), visit("undefined", "2", user_id="u2")],
          ["user:u1 visitor:v1", "user:u2 visitor:u2"],
          second=[visit("v1", "1", user_id="u1")]),
    Story("guest checkout by e-mail, account later",
          [visit("v1", "1", email="a@x.jp"), contact("c1", "2", email="a@x.jp", user_id="u1")],
          [f"{E1} visitor:v1 contact:c1 user:u1"]),
    Story("a survey answer names device and e-mail",
          [answer("r1", "2", email="a@x.jp", visitor_id="v1"), visit("v1", "3"),
           contact("c1", "1", email="a@x.jp")],
          [f"contact:c1 {E1} visitor:v1"]),
    Story("a ticket by e-mail belongs to whom the address does",
          [ticket("t1", "1", "a@x.jp"), contact("c1", "2", email="a@x.jp")],
          [f"{E1} contact:c1"]),
    Story("who referred somebody is not that somebody",
          [contact("c1", "1"), contact("c2", "2", referred_by_contact_id="c1")],
          ["contact:c1", "contact:c2"]),
    Story("a bot that logs in joins nobody",
          [visit("v1", "1", user_id="u1", user_agent="Googlebot/2.1"),
           visit("v2", "2", user_id="u1", user_agent="Chrome")],
          ["user:u1 visitor:v2"]),
    Story("a late event makes another identifier the oldest",
          [visit("v1", "5", user_id="u1"), visit("v2", "6", user_id="u1")],
          ["visitor:v2 user:u1 visitor:v1"], second=[visit("v2", "1")]),
    Story("a retracted file takes its edge back",
          [visit("v1", "1", user_id="u1"), visit("v2", "2", user_id="u2")],
          ["user:u1 visitor:v1", "user:u2 visitor:v2"],
          taken_back=[visit("v1", "3", user_id="u2")]),
    Story("one e-mail in three spellings",
          [contact("c1", "1", email="A@X.jp"), contact("c2", "2", email=" a@x.jp "),
           contact("c3", "3", email="ａ@x.jp")],
          [f"contact:c1 {E1} contact:c2 contact:c3"]),
    Story("one phone in three formats",
          [contact("c1", "1", phone="+81 90-1111-2222", email="a@x.jp"),
           contact("c2", "2", phone="090-1111-2222", email="a@x.jp"),
           contact("c3", "3", phone="0081 90 1111 2222")],
          [f"contact:c1 {E1} phone:09011112222 contact:c2 contact:c3"]),
    Story("a retracted event of a placeholder device takes its edge back",
          [visit("v1", "1", user_id="u1"), contact("c1", "1", email="a@x.jp")],
          ["user:u1 visitor:v1", f"contact:c1 {E1}"],
          taken_back=[visit("undefined", "2", user_id="u1", email="a@x.jp")]),
    Story("a number of three people joins nobody",
          [contact(f"c{n}", str(n), phone="090-1111-2222") for n in (1, 2, 3)],
          ["contact:c1", "contact:c2", "contact:c3", "phone:09011112222"],
          cut={"phone:09011112222": "shared_phone"}),
    Story("a number that a third contact has, too, parts the two",
          [contact("c1", "1", phone="090-1111-2222"), contact("c2", "2", phone="090-1111-2222")],
          ["contact:c1", "contact:c2", "contact:c3", "phone:09011112222"],
          second=[contact("c3", "3", phone="090-1111-2222")]),
    Story("the same text as user and as contact is two identifiers",
          [visit("v1", "1", user_id="x1"), contact("x1", "2")],
          ["user:x1 visitor:v1", "contact:x1"]),
    Story("a CRM form that stores the cookie joins the visits",
          [visit("v1", "1"), contact("c1", "2", visitor_id="v1", email="a@x.jp")],
          [f"visitor:v1 contact:c1 {E1}"]),
    Story("the same row twice changes nothing",
          [visit("v1", "1", user_id="u1"), visit("v1", "1", user_id="u1")],
          ["user:u1 visitor:v1"], second=[visit("v1", "1", user_id="u1")]),
]  # fmt: skip


def of_story(number: int, text: str) -> str:
    """Names of a story's own: no two stories share an identifier, but for placeholders."""
    text = re.sub(r"\b([abｄａ]|A)@", lambda m: f"{m[1]}{number}@", text)
    text = re.sub(r"1111([- ]?)2222", rf"11{number:02d}\g<1>2222", text)
    return re.sub(r"\b([vuctrx])(\d)\b", rf"\1\2s{number}", text)


def place(world: World, chosen: str) -> list[int]:
    """Let the rows of all stories arrive, a file per table; returns the files' numbers."""
    by_table: dict[str, list[Row]] = {}
    for number, story in enumerate(STORIES):
        for table, row in getattr(story, chosen):
            renamed = {name: of_story(number, value) for name, value in row.items()}
            by_table.setdefault(table, []).append(renamed)
    first = len(world.paths)
    for table, rows in by_table.items():
        world.arrive(File(table, rows))
    return list(range(first, len(world.paths)))


@pytest.fixture(scope="module")
def told(project: Project, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """All stories, told in two nights."""
    with project.connect() as connection:
        world = World(project, connection, tmp_path_factory.mktemp("stories"))
        place(world, "first")
        wrong = place(world, "taken_back")
        world.load()
        world.build("2026-02-01 00:00:00")
        for number in wrong:
            world.retract(number)
        place(world, "second")
        world.load()
        world.build("2026-02-02 00:00:00")
        yield world


SETTINGS: Any = SimpleNamespace(
    effective_pepper=PEPPER, pepper_key_id="k1", phone_region="JP", home=None
)


def identifier(world: World, number: int, text: str) -> str:
    return identity.find(world.connection, SETTINGS, of_story(number, text))


@pytest.mark.parametrize("number", range(len(STORIES)), ids=[story.name for story in STORIES])
def test_story(told: World, number: int) -> None:
    story = STORIES[number]
    found: dict[str, set[str]] = {}
    for identifier_id, person_id in told.connection.execute(
        "select identifier_id, person_id from marts.dim_person_identifiers"
    ).fetchall():
        found.setdefault(person_id, set()).add(identifier_id)
    for person in story.people:
        names = [identifier(told, number, name) for name in person.split()]
        assert found.get(names[0]) == set(names), person
        for name in names[1:]:
            assert identity.chain(told.connection, names[0], name), name
    for name, reason in story.cut.items():
        cuts = identity.cuts(told.connection, identifier(told, number, name))
        assert reason in {cut[2] for cut in cuts}, (name, cuts)


def number_of(name: str) -> int:
    return next(n for n, story in enumerate(STORIES) if story.name.startswith(name))


def test_at_least_27_are_told() -> None:
    assert len({story.name for story in STORIES}) == len(STORIES) >= 27


def test_the_chain_of_edges_explains(told: World) -> None:
    number = number_of("chain of three")
    edges = identity.chain(
        told.connection,
        identifier(told, number, "visitor:v1"),
        identifier(told, number, "visitor:v3"),
    )
    assert edges is not None
    assert [(e["left"].split(":")[0], e["right"]) for e in edges] == [
        ("user", of_story(number, "visitor:v1")), ("user", of_story(number, "visitor:v2")),
        ("email", of_story(number, "visitor:v2")), ("email", of_story(number, "visitor:v3")),
    ]  # fmt: skip


def test_who_was_it_then(told: World) -> None:
    number = number_of("late bridge")
    second = identifier(told, number, "user:u2")
    visitor = identifier(told, number, "visitor:v2")
    oldest = identifier(told, number, "user:u1")
    at = [identity.person_at(told.connection, visitor, f"2026-01-{day} 12:00:00")
          for day in ("01", "02", "04", "05")]  # fmt: skip
    assert at == [None, second, second, oldest]
    merged = told.connection.execute(
        "select into_person_id, merged_at::varchar from marts.fct_person_merges "
        "where merged_person_id = ?", [second],
    ).fetchall()  # fmt: skip
    assert merged == [(oldest, "2026-01-05 12:00:00")]
