"""
Alignment of observed paths with designed ones: a longest common subsequence, which step by which.

Pure Python over pairs of distinct paths, of which there are few; SQL has no bounded way to do it.
"""

import pandas as pd

SEPARATOR = " > "


def align(observed: list[str], expected: list[str]) -> list[tuple[int, int]]:
    """
    Pairs (position in expected, position in observed), from 0, of a longest common subsequence.

    Of several the one whose steps come first in the observed path.
    """
    # longest[i][j]: length of the longest common subsequence of observed[i:] and expected[j:].
    longest = [[0] * (len(expected) + 1) for _ in range(len(observed) + 1)]
    for i in range(len(observed) - 1, -1, -1):
        row, below = longest[i], longest[i + 1]
        for j in range(len(expected) - 1, -1, -1):
            if observed[i] == expected[j]:
                row[j] = below[j + 1] + 1
            else:
                row[j] = max(below[j], row[j + 1])
    pairs = []
    i = j = 0
    while longest[i][j]:
        if observed[i] == expected[j]:
            pairs.append((j, i))
            i, j = i + 1, j + 1
        elif longest[i][j + 1] == longest[i][j]:
            j += 1
        else:
            i += 1
    return pairs


def align_all(paths: pd.DataFrame) -> pd.DataFrame:
    """
    One row per matched step: `path_map_id`, `map_step_number`, `path_step_number`, both from 1.

    `paths` holds path_map_id, path and map_path, steps joined by ' > '; an empty path has no steps.
    """
    rows = []
    for path_map_id, path, map_path in zip(
        paths["path_map_id"], paths["path"], paths["map_path"], strict=True
    ):
        observed = path.split(SEPARATOR) if path else []
        for expected_at, observed_at in align(observed, map_path.split(SEPARATOR)):
            rows.append((path_map_id, expected_at + 1, observed_at + 1))
    frame = pd.DataFrame(rows, columns=["path_map_id", "map_step_number", "path_step_number"])
    return frame.astype(
        {"path_map_id": "str", "map_step_number": "int32", "path_step_number": "int32"}
    )


def model(dbt, session):
    """Dbt's entry point."""
    dbt.config(materialized="table", schema="touched")
    return align_all(dbt.ref("int_journey_paths_matched_to_maps").df())
