"""
Response rates of actions by segment, shrunk towards that of all: empirical Bayes, beta-binomial.

The rates of an action's segments are taken for draws from a beta distribution around its overall
rate; how strong it is, is what makes the observed counts most likely (Casella and Berger; Robbins).
A segment with few contacts then stays near the overall rate, one with many goes by its own.
"""

import numpy as np
import pandas as pd
from scipy.special import betaln

SEGMENTS = ["new", "active", "won_back", "at_risk", "lapsed", "prospect"]
# Contacts that the overall rate counts for: a grid, so that no solver's noise is in the result.
STRENGTHS = np.round(np.geomspace(1, 100_000, 51), 3)
GROUPS = {  # of what is counted: columns of tries and of responses
    "expected_response": ("contacted_count", "responded_count"),
    "offered": ("offered_count", "offered_response_count"),
    "held_out": ("held_out_count", "held_out_response_count"),
}
COLUMNS = ["action", "response_segment", "expected_response_rate", "offered_rate", "held_out_rate"]


def strength(tries: np.ndarray, responses: np.ndarray) -> float:
    """Contacts that the overall rate of an action counts for, in the rate of each segment."""
    seen = tries > 0
    tries, responses = tries[seen], responses[seen]
    overall = responses.sum() / tries.sum()
    if len(tries) < 2 or overall in (0.0, 1.0):
        return float(STRENGTHS[-1])  # nothing tells the segments apart
    a, b = STRENGTHS[:, None] * overall, STRENGTHS[:, None] * (1 - overall)
    likelihood = (betaln(a + responses, b + tries - responses) - betaln(a, b)).sum(axis=1)
    return float(STRENGTHS[int(np.argmax(np.round(likelihood, 6)))])


def shrunk(tries: np.ndarray, responses: np.ndarray) -> np.ndarray:
    """The rate of each segment; not a number where nobody was ever tried."""
    if not tries.sum():
        return np.full(len(tries), np.nan)
    overall = responses.sum() / tries.sum()
    weight = strength(tries, responses)
    return np.round((responses + weight * overall) / (tries + weight), 6)


def score(counts: pd.DataFrame) -> pd.DataFrame:
    """One row per action that was ever tried and segment, with all that is not a number as null."""
    frames = []
    for action, rows in counts.groupby("action", sort=True):
        found = rows.set_index("response_segment").reindex(SEGMENTS)
        frame = pd.DataFrame({"action": action, "response_segment": SEGMENTS})
        for name, columns in GROUPS.items():
            tries, responses = (found[c].fillna(0).to_numpy(float) for c in columns)
            frame[f"{name}_rate"] = shrunk(tries, responses)
        frames.append(frame)
    if not frames:
        return pd.DataFrame({name: [] for name in COLUMNS}).astype(
            {"action": "str", "response_segment": "str"}
        )
    return pd.concat(frames, ignore_index=True)[COLUMNS]


def model(dbt, session):
    """Dbt's entry point."""
    dbt.config(materialized="table")
    return score(dbt.ref("int_action_responses_aggregated").df())
