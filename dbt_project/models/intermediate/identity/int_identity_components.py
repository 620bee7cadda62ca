"""Connected components of the identity graph, by scipy: what SQL cannot do in bounded rounds."""

import numpy as np
import pandas as pd
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components


def component_labels(node_count: int, left: np.ndarray, right: np.ndarray) -> np.ndarray:
    """Component number of each node, for edges given as pairs of node positions."""
    ones = np.ones(len(left), dtype=np.int8)
    graph = coo_array((ones, (left, right)), shape=(node_count, node_count))
    return connected_components(graph, directed=False)[1]


def resolve(identifiers: pd.DataFrame, edges: pd.DataFrame) -> pd.DataFrame:
    """
    One row per identifier: `identifier_id`, `component_number`, `is_unique_key_cut`.

    `identifiers` has identifier_id and identifier_type; `edges` has left_identifier_id, left_type,
    right_identifier_id, right_type of the edges that no guard cut. The unique-key rule: two CRM
    contacts with different user_ids are not one person because of a device they shared. Where a
    component would hold two such user_ids that only visitors join, the edges of every visitor that
    bridges groups are cut; `is_unique_key_cut` marks those visitors.
    """
    position = pd.Series(np.arange(len(identifiers)), index=identifiers["identifier_id"])
    left = position.loc[edges["left_identifier_id"]].to_numpy()
    right = position.loc[edges["right_identifier_id"]].to_numpy()
    is_device = (edges["right_type"] == "visitor").to_numpy()

    # Groups that accounts alone make, and what they become when devices join them.
    group = component_labels(len(position), left[~is_device], right[~is_device])
    joined = component_labels(len(position), left, right)

    # User ids that belong to a CRM contact, and the joined components where two of them meet
    # although accounts alone keep them apart.
    owned = ((edges["left_type"] == "contact") & (edges["right_type"] == "user")).to_numpy()
    owners = pd.DataFrame({"group": group[right[owned]], "joined": joined[right[owned]]})
    conflicts = owners.groupby("joined")["group"].nunique()
    conflicted = conflicts.index[conflicts > 1]

    device = right[is_device]
    reached = pd.DataFrame({"device": device, "group": group[left[is_device]]})
    reached = reached[np.isin(joined[device], conflicted)]
    spans = reached.groupby("device")["group"].nunique()
    cut = spans.index[spans > 1].to_numpy(dtype=np.int64)

    keep = ~(is_device & np.isin(right, cut))
    final = component_labels(len(position), left[keep], right[keep])
    is_cut = np.zeros(len(position), dtype=bool)
    is_cut[cut] = True
    return pd.DataFrame(
        {
            "identifier_id": identifiers["identifier_id"].to_numpy(),
            "component_number": final.astype("int64"),
            "is_unique_key_cut": is_cut,
        }
    )


def model(dbt, session):
    """Dbt's entry point."""
    dbt.config(materialized="table")
    identifiers = dbt.ref("int_identifiers_unioned").df()
    edges = dbt.ref("int_identity_edges_guarded").filter("cut_reason is null").df()
    return resolve(identifiers, edges)
