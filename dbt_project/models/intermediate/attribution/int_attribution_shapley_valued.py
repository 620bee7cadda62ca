"""
Shapley values of channels: on conversions by channel set (closed form) and on conversion rate.

A game gives each set S of channels a value; a channel's Shapley value is what it adds, averaged
over all orders in which channels may join.

- Conversions: v(S) = conversions of the paths whose channels all lie in S. Then each conversion is
  split evenly over its distinct channels, exactly.
- Conversion rate: v(S) = conversions / paths of the paths whose channels all lie in S, over all 2^n
  coalitions, exact up to 16 channels; of more, the rarest are one player, `(rest)`.
"""

from math import factorial

import numpy as np
import pandas as pd

MOST = 16
REST = "(rest)"
COLUMNS = ["conversion_type", "channel", "set_conversions", "rate_value", "rate_share"]


def on_conversions(sets: pd.DataFrame) -> pd.Series:
    """Conversions per channel; `sets` holds channel_set (joined by ' | ') and conversion_count."""
    members = sets["channel_set"].str.split(" | ", regex=False)
    share = sets["conversion_count"] / members.str.len()
    exploded = pd.DataFrame({"channel": members, "value": share}).explode("channel")
    return exploded.groupby("channel")["value"].sum()


def on_conversion_rate(sets: pd.DataFrame) -> pd.Series:
    """Shapley value per channel; `sets` also holds path_count. Memory: 2^n numbers, n <= 16."""
    members = sets["channel_set"].str.split(" | ", regex=False)
    counts = (
        pd.DataFrame({"channel": members, "paths": sets["path_count"]})
        .explode("channel")
        .groupby("channel")["paths"]
        .sum()
    )
    ranked = sorted(counts.index, key=lambda name: (-counts[name], name))
    players = ranked if len(ranked) <= MOST else [*ranked[: MOST - 1], REST]
    bit = {name: 1 << min(number, MOST - 1) for number, name in enumerate(ranked)}
    size = 1 << len(players)
    masks = np.array([np.bitwise_or.reduce([bit[name] for name in names]) for names in members])
    conversions = np.bincount(masks, weights=sets["conversion_count"], minlength=size)
    paths = np.bincount(masks, weights=sets["path_count"], minlength=size)
    for number in range(len(players)):  # sums over all subsets, one channel after another
        for totals in (conversions, paths):
            halves = totals.reshape(-1, 2, 1 << number)
            halves[:, 1] += halves[:, 0]
    worth = np.divide(conversions, paths, out=np.zeros(size), where=paths > 0)
    everyone = np.arange(size)
    members_of = sum((everyone >> number) & 1 for number in range(len(players)))
    weights = np.array(
        [
            factorial(k) * factorial(len(players) - k - 1) / factorial(len(players))
            for k in range(len(players))
        ]
    )
    values = {}
    for number, name in enumerate(players):
        without = everyone[(everyone >> number) & 1 == 0]
        added = worth[without | (1 << number)] - worth[without]
        values[name] = float(weights[members_of[without]] @ added)
    return pd.Series({name: values[players[min(i, MOST - 1)]] for i, name in enumerate(ranked)})


def shapley_by_type(sets: pd.DataFrame) -> pd.DataFrame:
    """Both values per `conversion_type` and channel; `rate_share` leaves negative values out."""
    frames = []
    # Sorted, so that the order of rows cannot change the last digit of a sum.
    for name, rows in sets.sort_values("channel_set").groupby("conversion_type", sort=True):
        frame = pd.DataFrame(
            {"set_conversions": on_conversions(rows), "rate_value": on_conversion_rate(rows)}
        )
        positive = frame["rate_value"].clip(lower=0)
        frame["rate_share"] = positive / positive.sum() if positive.sum() > 0 else 0.0
        frames.append(frame.rename_axis("channel").reset_index().assign(conversion_type=name))
    if not frames:
        return pd.DataFrame({name: [] for name in COLUMNS}).astype(
            {"conversion_type": "str", "channel": "str"}
        )
    return pd.concat(frames, ignore_index=True)[COLUMNS].round(12)


def model(dbt, session):
    """Dbt's entry point."""
    dbt.config(materialized="table")
    return shapley_by_type(dbt.ref("int_attribution_sets_aggregated").df())
