"""
Connected components of the identity graph, by scipy: what SQL cannot do in bounded rounds.

Nodes are numbered 0 … n-1, the oldest identifier first, so the least node of a component names the
person. Edges are arrays of their ends' numbers.
"""

import numpy as np
import pandas as pd
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components, minimum_spanning_tree


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


def resolve(edges: dict[str, np.ndarray]) -> pd.DataFrame:
    """
    One row per node: its number, component, person, whether it was cut, and how it was merged.

    `edges` holds edge_number, left_node, right_node, is_device (the right end is a visitor) and
    is_account (a CRM contact and its user_id), of the edges that no guard cut so far.
    """
    left, right = (np.asarray(edges[side], dtype=np.int64) for side in ("left_node", "right_node"))
    is_device, is_account = (np.asarray(edges[k], dtype=bool) for k in ("is_device", "is_account"))
    node_count = int(max(left.max(), right.max())) + 1 if len(left) else 0
    person_node = component_node = least_nodes(node_count, left, right)
    is_cut = unique_key_cuts(component_node, left, right, is_device, is_account)
    keep = ~(is_device & is_cut[right])
    if is_cut.any():
        person_node = least_nodes(node_count, left[keep], right[keep])
    into, by = merges(node_count, left[keep], right[keep], np.asarray(edges["edge_number"])[keep])
    return pd.DataFrame(
        {
            "node_number": np.arange(node_count),
            "component_node": component_node,
            "person_node": person_node,
            "is_unique_key_cut": is_cut,
            "merged_into_node": into,
            "merged_by_edge_number": by,
        }
    )


def model(dbt, session):
    """Dbt's entry point."""
    dbt.config(materialized="table", schema="touched")
    return resolve(dbt.ref("int_identity_edges_numbered").fetchnumpy())
