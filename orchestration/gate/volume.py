"""
The volume rule: how many rows a mart has to have, given the release before.

History does not shrink, so a mart keeps four fifths of its rows; a redefined bot takes less than
that, a missing load mostly more. What went lawfully since that release is not held against it:
the share of a source's raw rows that were erased or retracted, and persons merged into others.
"""

from __future__ import annotations

from typing import Any

import duckdb

KEPT = 0.8
# Losses of fewer rows never trip: in a tiny home a fifth is a few rows, and chance.
FLOOR = 100


def source_rows(connection: duckdb.DuckDBPyConnection) -> dict[str, dict[str, int]]:
    """Per source: raw rows that are loaded, and rows that were erased or retracted so far."""
    return {
        source: {"loaded": loaded, "gone": gone}
        for source, loaded, gone in connection.execute(
            """
            select source, coalesce(sum(rows_loaded) filter (where status = 'loaded'), 0)::bigint,
                sum(coalesce(rows_erased, 0) + coalesce(rows_retracted, 0))::bigint
            from ops.files group by source order by source
            """
        ).fetchall()
    }


def minimum_rows(
    previous: dict[str, Any] | None, now: dict[str, dict[str, int]], rows: dict[str, int]
) -> dict[str, int]:
    """
    The fewest rows that each mart may have, by mart; 0 without a release before.

    `previous` is the manifest of that release, `now` the `source_rows` of today, and `rows` the
    rows of the candidate's marts.
    """
    if previous is None:
        return dict.fromkeys(rows, 0)
    gone = {
        source: max(0, now.get(source, before)["gone"] - before["gone"]) / before["loaded"]
        for source, before in previous.get("source_rows", {}).items()
        if before["loaded"] >= FLOOR  # the rows of a smaller source are within the floor
    }
    before = {name: int(table["rows"]) for name, table in previous["tables"].items()}
    merges = rows.get("fct_person_merges", 0) - before.get("fct_person_merges", 0)
    merged = max(0, merges) / max(before.get("dim_persons", 0), 1)
    minimum = {}
    for name in rows:
        share = gone.get("web", 0.0) if name == "fct_sessions" else max(gone.values(), default=0.0)
        if name in ("dim_persons", "fct_stage_transitions"):
            share += merged
        held = before.get(name, 0)
        minimum[name] = max(0, min(int(KEPT * held * (1 - min(share, 1.0))), held - FLOOR))
    return minimum
