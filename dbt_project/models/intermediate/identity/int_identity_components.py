"""
Connected components of the identity graph, by scipy: what SQL cannot do in bounded rounds.

Nodes are numbered 0 … n-1, the oldest identifier first, so the least node of a component names the
person. Edges are arrays of their ends' numbers.
"""

import numpy as np
import pandas as pd
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components, minimum_spanning_tree

CONTACT, USER, EMAIL, PHONE, VISITOR = range(5)  # kinds of nodes, the stronger witness first


def least_nodes(node_count: int, left: np.ndarray, right: np.ndarray) -> np.ndarray:
    """Of each node the least node of its component."""
    ones = np.ones(len(left), dtype=np.int8)
    graph = coo_array((ones, (left, right)), shape=(node_count, node_count))
    labels = connected_components(graph, directed=False)[1]
    least = np.empty(labels.max() + 1 if node_count else 0, dtype=np.int64)
    nodes = np.arange(node_count)
    least[labels[::-1]] = nodes[::-1]  # of several assignments the last one, the least node, holds
    return least[labels]


def unique_key_cuts(
    joined: np.ndarray,
    left: np.ndarray,
    right: np.ndarray,
    is_device: np.ndarray,
    is_account: np.ndarray,
) -> np.ndarray:
    """
    Devices whose edges are cut: two CRM contacts with different user_ids are not one person.

    Where a component (`joined`) holds two such user_ids that only devices join, the edges of every
    device that bridges groups are cut. Returns a flag per node.
    """
    is_cut = np.zeros(len(joined), dtype=bool)
    # Only components with several user_ids that belong to a CRM contact can hold a conflict.
    users = np.unique(right[is_account])
    several = _repeated(joined[users])
    if not len(several):
        return is_cut
    inside = np.isin(joined[left], several)
    left, right, is_device = left[inside], right[inside], is_device[inside]

    # Groups that accounts alone make, and the components where two of them meet.
    group = least_nodes(len(joined), left[~is_device], right[~is_device])
    pairs = np.unique(np.column_stack([joined[users], group[users]]), axis=0)
    conflicted = np.isin(joined[left], _repeated(pairs[:, 0]))
    reached = np.column_stack([right, group[left]])[is_device & conflicted]
    is_cut[_repeated(np.unique(reached, axis=0)[:, 0])] = True
    return is_cut


def _repeated(values: np.ndarray) -> np.ndarray:
    found, counts = np.unique(values, return_counts=True)
    return found[counts > 1]


def merges(
    node_count: int, left: np.ndarray, right: np.ndarray, number: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """
    How components grew: per node the one it gave its name up to, and the edge that joined them.

    Edges are taken by their number, which is their order in time. -1 where a node never gave up.
    """
    into = np.full(node_count, -1, dtype=np.int64)
    by = np.full(node_count, -1, dtype=np.int64)
    if len(number):
        # Only the edges that joined something: with the first of parallel edges, the least forest.
        order = np.argsort(number, kind="stable")
        low, high = np.minimum(left, right)[order], np.maximum(left, right)[order]
        first = np.unique(low * node_count + high, return_index=True)[1]
        weights = coo_array(
            (number[order][first].astype(float), (low[first], high[first])),
            shape=(node_count, node_count),
        )
        forest = minimum_spanning_tree(weights).tocoo()
        by_time = np.argsort(forest.data, kind="stable")
        root = list(range(node_count))
        for a, b, edge in zip(
            forest.coords[0][by_time].tolist(),
            forest.coords[1][by_time].tolist(),
            forest.data[by_time].astype(np.int64).tolist(),
            strict=True,
        ):
            while root[a] != a:
                root[a] = a = root[root[a]]
            while root[b] != b:
                root[b] = b = root[root[b]]
            if a > b:
                a, b = b, a
            root[b] = a
            into[b], by[b] = a, edge
    return into, by


def shared(
    node_count: int,
    left: np.ndarray,
    right: np.ndarray,
    left_kind: np.ndarray,
    right_kind: np.ndarray,
    limits: dict[int, int],
) -> np.ndarray:
    """
    Logins, addresses, numbers and devices of more people than their limit (by kind).

    People are counted, not identifiers: groups that other witnesses make, login before e-mail
    before phone before device. Guests have a contact per order, so of an address only groups with
    an account or a number count, and of a login those with an address or a number. A flag per node.
    """
    is_shared = np.zeros(node_count, dtype=bool)
    for kind in (USER, EMAIL, PHONE, VISITOR):
        if kind not in limits:
            continue
        kept = ~(is_shared[left] | is_shared[right])
        others = {
            USER: (CONTACT, EMAIL),
            EMAIL: (CONTACT, USER, PHONE),
            PHONE: (CONTACT, USER, EMAIL),
            VISITOR: (CONTACT, USER, EMAIL, PHONE),
        }[kind]
        at_right = kept & (right_kind == kind) & np.isin(left_kind, others)
        at_left = kept & (left_kind == kind) & np.isin(right_kind, others)
        nodes = np.concatenate([right[at_right], left[at_left]])
        owners = np.concatenate([left[at_right], right[at_left]])
        if not (np.bincount(nodes, minlength=1) > limits[kind]).any():
            continue
        grouped = kept & np.isin(left_kind, others) & np.isin(right_kind, others)
        group = least_nodes(node_count, left[grouped], right[grouped])
        if kind in (USER, EMAIL):
            is_known = np.zeros(node_count, dtype=bool)
            known_by = (EMAIL, PHONE) if kind == USER else (USER, PHONE)
            for kinds in (left_kind, right_kind):
                is_witness = np.isin(kinds, known_by) & kept
                is_known[group[left[is_witness]]] = is_known[group[right[is_witness]]] = True
            counted = is_known[group[owners]]
            nodes, owners = nodes[counted], owners[counted]
        pairs = np.unique(nodes * np.int64(node_count) + group[owners])
        found, counts = np.unique(pairs // node_count, return_counts=True)
        is_shared[found[counts > limits[kind]]] = True
    return is_shared


def resolve(edges: dict[str, np.ndarray], limits: dict[int, int]) -> pd.DataFrame:
    """
    One row per node: its number, component, person, whether it was cut, and how it was merged.

    `edges` holds edge_number, left_node, right_node, left_kind and right_kind, of the edges that no
    guard cut so far; `limits` the most people of a login, e-mail address, number or device.
    """
    left, right, left_kind, right_kind = (
        np.asarray(edges[name], dtype=np.int64)
        for name in ("left_node", "right_node", "left_kind", "right_kind")
    )
    is_device, is_account = right_kind == VISITOR, (left_kind == CONTACT) & (right_kind == USER)
    node_count = int(max(left.max(), right.max())) + 1 if len(left) else 0
    person_node = component_node = least_nodes(node_count, left, right)
    is_shared = shared(node_count, left, right, left_kind, right_kind, limits)
    keep = ~(is_shared[left] | is_shared[right])
    if is_shared.any():
        person_node = least_nodes(node_count, left[keep], right[keep])
    is_cut = unique_key_cuts(
        person_node, left[keep], right[keep], is_device[keep], is_account[keep]
    )
    if is_cut.any():
        keep &= ~(is_device & is_cut[right])
        person_node = least_nodes(node_count, left[keep], right[keep])
    into, by = merges(node_count, left[keep], right[keep], np.asarray(edges["edge_number"])[keep])
    return pd.DataFrame(
        {
            "node_number": np.arange(node_count),
            "component_node": component_node,
            "person_node": person_node,
            "is_shared_cut": is_shared,
            "is_unique_key_cut": is_cut,
            "merged_into_node": into,
            "merged_by_edge_number": by,
        }
    )


def model(dbt, session):
    """Dbt's entry point."""
    dbt.config(materialized="table", schema="touched")
    kinds = {"user": USER, "email": EMAIL, "phone": PHONE, "visitor": VISITOR}
    limits = dbt.ref("identity_limits").fetchnumpy()
    people = {
        kinds[str(kind)]: int(count)
        for kind, owner, count in zip(
            limits["identifier_type"], limits["owner_type"], limits["maximum_count"], strict=True
        )
        if owner == "person" and kind in kinds
    }
    return resolve(dbt.ref("int_identity_edges_numbered").fetchnumpy(), people)
