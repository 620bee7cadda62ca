"""Connected components and the unique-key guard, as plain functions."""

from __future__ import annotations

import importlib.util
import random
from types import ModuleType

import numpy as np
import pandas as pd
import pytest

from tests.conftest import ROOT


@pytest.fixture(scope="module")
def identity() -> ModuleType:
    path = ROOT / "dbt_project/models/intermediate/identity/int_identity_components.py"
    spec = importlib.util.spec_from_file_location("identity", path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def people(
    identity: ModuleType, edges: list[tuple[str, str]]
) -> tuple[set[frozenset[str]], set[str]]:
    """Groups of identifiers, and visitors that the guard cut; a name's first letter is its type."""
    kinds = {"c": "contact", "u": "user", "m": "email", "p": "phone", "v": "visitor"}
    names = sorted({name for edge in edges for name in edge})
    identifiers = pd.DataFrame(
        {"identifier_id": names, "identifier_type": [kinds[name[0]] for name in names]}
    )
    frame = pd.DataFrame(
        [(a, kinds[a[0]], b, kinds[b[0]]) for a, b in edges],
        columns=["left_identifier_id", "left_type", "right_identifier_id", "right_type"],
    )
    result = identity.resolve(identifiers, frame)
    groups = result.groupby("component_number")["identifier_id"].agg(frozenset)
    cut = result.loc[result["is_unique_key_cut"], "identifier_id"]
    return set(groups), set(cut)


def test_a_chain_of_a_million_converges(identity: ModuleType) -> None:
    nodes = np.arange(1_000_000)
    labels = identity.component_labels(len(nodes), nodes[:-1], nodes[1:])
    assert len(set(labels)) == 1


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


def test_the_order_of_edges_does_not_matter(identity: ModuleType) -> None:
    generator = random.Random(1)
    edges = [(f"u{generator.randrange(40)}", f"v{generator.randrange(40)}") for _ in range(60)]
    edges += [(f"c{number}", f"u{number}") for number in range(0, 40, 3)]
    first = people(identity, edges)
    for _ in range(5):
        generator.shuffle(edges)
        assert people(identity, edges) == first


def test_no_edges_at_all(identity: ModuleType) -> None:
    identifiers = pd.DataFrame({"identifier_id": ["a"], "identifier_type": ["visitor"]})
    edges = pd.DataFrame(
        columns=["left_identifier_id", "left_type", "right_identifier_id", "right_type"], dtype=str
    )
    assert len(identity.resolve(identifiers, edges)) == 1
    assert len(identity.resolve(identifiers.iloc[:0], edges)) == 0
