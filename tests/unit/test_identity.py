"""Connected components and the unique-key guard, as plain functions."""

from __future__ import annotations

import random
from types import ModuleType

import numpy as np
import pandas as pd
import pytest

from tests.conftest import python_model


@pytest.fixture(scope="module")
def identity() -> ModuleType:
    return python_model("int_identity_components")


KINDS = {"c": 0, "u": 1, "m": 2, "p": 3, "v": 4}


def resolved(
    identity: ModuleType, edges: list[tuple[str, str]], limits: dict[int, int] | None = None
) -> tuple[list[str], pd.DataFrame]:
    """Names in the order of their numbers, and what became of them; older names come first."""
    names = sorted({name for edge in edges for name in edge})
    number = {name: position for position, name in enumerate(names)}
    columns = {
        "edge_number": np.arange(1, len(edges) + 1),
        "left_node": np.array([number[a] for a, _ in edges], dtype=np.int64),
        "right_node": np.array([number[b] for _, b in edges], dtype=np.int64),
        "left_kind": np.array([KINDS[a[0]] for a, _ in edges], dtype=np.int64),
        "right_kind": np.array([KINDS[b[0]] for _, b in edges], dtype=np.int64),
    }
    return names, identity.resolve(columns, limits or {})


def people(
    identity: ModuleType, edges: list[tuple[str, str]]
) -> tuple[set[frozenset[str]], set[str]]:
    """Groups of identifiers, and visitors that the guard cut; a name's first letter is its type."""
    names, result = resolved(identity, edges)
    result["name"] = names
    groups = result.groupby("person_node")["name"].agg(frozenset)
    return set(groups), set(result.loc[result["is_unique_key_cut"], "name"])


MILLION = 1_000_000


@pytest.mark.parametrize("shape", ["chain", "chain backwards", "star", "pairs", "one giant"])
def test_a_million_nodes_of_any_shape(identity: ModuleType, shape: str) -> None:
    nodes = np.arange(MILLION)
    left, right = {
        "chain": (nodes[:-1], nodes[1:]),
        "chain backwards": (nodes[1:][::-1], nodes[:-1][::-1]),
        "star": (np.full(MILLION - 1, MILLION - 1), nodes[:-1]),
        "pairs": (nodes[::2], nodes[1::2]),
        "one giant": (np.random.default_rng(1).permutation(MILLION)[nodes[1:] // 2], nodes[1:]),
    }[shape]
    found = identity.least_nodes(MILLION, left, right)
    if shape == "pairs":
        assert (found == nodes // 2 * 2).all()
    elif shape != "one giant":
        assert (found == 0).all()
    else:
        assert (found[left] == found[right]).all()


def test_merges_tell_who_was_whom_when(identity: ModuleType) -> None:
    """Against a history replayed edge by edge."""
    generator = random.Random(5)
    for _ in range(60):
        edges = [(f"m{generator.randrange(12):02}", f"v{generator.randrange(12):02}")
                 for _ in range(generator.randrange(1, 25))]  # fmt: skip
        names, result = resolved(identity, edges)
        into, by = result["merged_into_node"], result["merged_by_edge_number"]
        for seen in range(len(edges) + 1):
            groups = {name: {name} for name in names}
            for a, b in edges[:seen]:
                merged = groups[a] | groups[b]
                for name in merged:
                    groups[name] = merged
            for node, name in enumerate(names):
                person = node
                while into[person] >= 0 and by[person] <= seen:
                    person = into[person]
                assert names[person] == min(groups[name])


def test_same_mail_on_two_devices_is_one_person(identity: ModuleType) -> None:
    groups, cut = people(identity, [("m1", "v1"), ("m1", "v2"), ("c1", "m1")])
    assert groups == {frozenset({"m1", "v1", "v2", "c1"})} and not cut


def test_two_contacts_with_different_users_are_not_one_by_a_device(identity: ModuleType) -> None:
    edges = [("c1", "u1"), ("c2", "u2"), ("u1", "v1"), ("u2", "v1"), ("u1", "v2")]
    groups, cut = people(identity, edges)
    assert groups == {frozenset({"c1", "u1", "v2"}), frozenset({"c2", "u2"}), frozenset({"v1"})}
    assert cut == {"v1"}


def test_two_logins_without_contacts_are_one(identity: ModuleType) -> None:
    groups, cut = people(identity, [("u1", "v1"), ("u2", "v1")])
    assert groups == {frozenset({"u1", "u2", "v1"})} and not cut


def test_two_contacts_with_one_mail_are_one(identity: ModuleType) -> None:
    edges = [("c1", "u1"), ("c2", "u2"), ("c1", "m1"), ("c2", "m1"), ("u1", "v1"), ("u2", "v1")]
    groups, cut = people(identity, edges)
    assert len(groups) == 1 and not cut


def test_a_conflict_over_two_devices_is_cut_too(identity: ModuleType) -> None:
    """v1 joins contact 1 with an anonymous mail, v2 joins that mail with contact 2."""
    edges = [("c1", "u1"), ("u1", "v1"), ("m9", "v1"), ("m9", "v2"), ("u2", "v2"), ("c2", "u2")]
    groups, cut = people(identity, edges)
    assert cut == {"v1", "v2"}
    assert frozenset({"c1", "u1"}) in groups and frozenset({"c2", "u2"}) in groups


SHARED = {2: 5, 3: 2, 4: 2}  # most people of an e-mail address, a phone number, a device


@pytest.mark.parametrize(
    ("edges", "cut"),
    [
        # Three addresses on a device are three people, or one, if an account holds them together.
        ([("m1", "v1"), ("m2", "v1"), ("m3", "v1")], {"v1"}),
        ([(end, f"m{n}") if end == "u1" else (f"m{n}", end) for n in (1, 2, 3)
          for end in ("v1", "u1")], set()),
        # Whichever way they are known: a login, an address, a contact.
        ([("u1", "v1"), ("m2", "v1"), ("c3", "v1")], {"v1"}),
        ([("u1", "v1"), ("m2", "v1")], set()),
        # A switchboard's number; guests have a contact per order, and an address.
        ([(f"c{n}", "p1") for n in (1, 2, 3)], {"p1"}),
        ([*((f"c{n}", "p1") for n in (1, 2, 3)), *((f"c{n}", "m1") for n in (1, 2, 3))], set()),
        # A number that is cut makes no device of its people a device of one person.
        ([*((f"c{n}", "p1") for n in (1, 2, 3)), *((f"c{n}", "v1") for n in (1, 2, 3))],
         {"p1", "v1"}),
        # Six colleagues with mobiles of their own and one mailbox; a guest with six orders.
        ([*((f"c{n}", "m1") for n in range(6)), *((f"c{n}", f"p{n}") for n in range(6))], {"m1"}),
        ([(f"c{n}", "m1") for n in range(6)], set()),
    ],
)  # fmt: skip
def test_what_more_people_share_joins_nobody(
    identity: ModuleType, edges: list[tuple[str, str]], cut: set[str]
) -> None:
    names, result = resolved(identity, edges, SHARED)
    assert {
        name for name, is_cut in zip(names, result["is_shared_cut"], strict=True) if is_cut
    } == cut
    for name in cut:
        person = result["person_node"]
        assert (person == person[names.index(name)]).sum() == 1


def test_the_order_of_edges_does_not_matter(identity: ModuleType) -> None:
    generator = random.Random(1)
    edges = [(f"u{generator.randrange(40)}", f"v{generator.randrange(40)}") for _ in range(60)]
    edges += [(f"c{number}", f"u{number}") for number in range(0, 40, 3)]
    first = people(identity, edges)
    for _ in range(5):
        generator.shuffle(edges)
        assert people(identity, edges) == first


def test_no_edges_at_all(identity: ModuleType) -> None:
    assert len(resolved(identity, [])[1]) == 0
