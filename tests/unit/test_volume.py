"""The volume rule: a missing load trips it, what went lawfully does not."""

from __future__ import annotations

from typing import Any

import pytest

from orchestration.gate import volume

BEFORE: dict[str, Any] = {
    "tables": {
        "dim_persons": {"rows": 1000},
        "fct_sessions": {"rows": 5000},
        "fct_person_merges": {"rows": 10},
    },
    "source_rows": {
        "web": {"loaded": 20_000, "gone": 0},
        "crm": {"loaded": 2000, "gone": 100},
        "survey": {"loaded": 3, "gone": 0},
    },
}


def minimum(name: str, merges: int = 10, **gone: int) -> int:
    now = {
        source: {"loaded": 0, "gone": gone.get(source, before["gone"])}
        for source, before in BEFORE["source_rows"].items()
    }
    rows = {"dim_persons": 1, "fct_sessions": 1, "fct_person_merges": merges}
    return volume.minimum_rows(BEFORE, now, rows)[name]


@pytest.mark.parametrize(
    ("story", "least", "kept"),
    [
        ("a load is missing", minimum("fct_sessions"), 4000),
        ("and one of 2,000 customers was erased", minimum("fct_sessions", crm=101), 4000),
        ("and a survey's only rows were erased", minimum("dim_persons", survey=3), 800),
        ("30 % of the customers were erased", minimum("dim_persons", crm=700), 560),
        ("half of the visits were retracted", minimum("fct_sessions", web=10_000), 2000),
        ("all visits were", minimum("fct_sessions", web=20_000), 0),
        ("400 persons were merged", minimum("dim_persons", merges=410), 480),
        ("merges change no session", minimum("fct_sessions", merges=410), 4000),
        ("the warehouse was rebuilt: less is known to be gone", minimum("dim_persons", crm=0), 800),
    ],
)
def test_what_may_be_lost(story: str, least: int, kept: int) -> None:
    assert least == kept, story


def test_a_tiny_home_may_lose_a_few_rows() -> None:
    tiny = {"tables": {"dim_persons": {"rows": 90}, "fct_sessions": {"rows": 120}}}
    rows = {"dim_persons": 5, "fct_sessions": 5, "new": 0}
    assert volume.minimum_rows(tiny, {}, rows) == {"dim_persons": 0, "fct_sessions": 20, "new": 0}
    assert volume.minimum_rows(None, {}, rows) == dict.fromkeys(rows, 0)
