"""
Markov chain of order 1: what is lost when a channel is removed, by exact linear solves.

From the start a path moves from channel to channel until it converts or ends. Removing a channel
sends everyone who would reach it to the end. The chance to convert solves (I - Q) x = r, where Q
moves between channels and r converts.
"""

import numpy as np
import pandas as pd

START, CONVERSION, NULL = "(start)", "(conversion)", "(null)"
COLUMNS = ["conversion_type", "channel", "removal_effect", "conversion_share"]


def removal_effects(transitions: pd.DataFrame) -> pd.DataFrame:
    """
    One row per channel: `removal_effect` (share of conversions lost) and `conversion_share`.

    `transitions` holds from_state, to_state and transition_count; shares sum to 1 unless nothing
    converts.
    """
    states = pd.unique(transitions[["from_state", "to_state"]].to_numpy().ravel())
    channels = sorted(set(states) - {START, CONVERSION, NULL})
    position = {name: number for number, name in enumerate([START, *channels, CONVERSION, NULL])}
    size = len(channels) + 1
    counts = np.zeros((size, size + 2))
    rows = transitions["from_state"].map(position).to_numpy()
    columns = transitions["to_state"].map(position).to_numpy()
    np.add.at(counts, (rows, columns), transitions["transition_count"].to_numpy(dtype=float))
    chances = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    moves, converts = chances[:, :size], chances[:, size]

    def converting(kept: np.ndarray) -> float:
        within = moves[np.ix_(kept, kept)]
        return float(np.linalg.solve(np.eye(len(kept)) - within, converts[kept])[0])

    everyone = np.arange(size)
    base = converting(everyone)
    effects = np.zeros(len(channels))
    if base > 0:
        for number in range(len(channels)):
            effects[number] = 1 - converting(np.delete(everyone, number + 1)) / base
    total = effects.sum()
    return pd.DataFrame(
        {
            "channel": channels,
            "removal_effect": effects,
            "conversion_share": effects / total if total > 0 else effects,
        }
    )


def removal_effects_by_type(transitions: pd.DataFrame) -> pd.DataFrame:
    """The same for each `conversion_type`, rounded to twelve digits."""
    frames = [
        removal_effects(rows).assign(conversion_type=name)
        for name, rows in transitions.groupby("conversion_type", sort=True)
    ]
    if not frames:
        return pd.DataFrame({name: [] for name in COLUMNS}).astype(
            {"conversion_type": "str", "channel": "str"}
        )
    return pd.concat(frames, ignore_index=True)[COLUMNS].round(12)


def model(dbt, session):
    """Dbt's entry point."""
    dbt.config(materialized="table")
    return removal_effects_by_type(dbt.ref("int_attribution_transitions_aggregated").df())
