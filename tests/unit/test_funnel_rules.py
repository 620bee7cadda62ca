"""Funnels of events: what rules can say, and what is refused."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from orchestration.rules import home as rules

FUNNELS = "funnel,counted_per,step_order,window_seconds,name_ja,name_en\n"
STEPS = "funnel,step_number,exclusion_number,event_name_pattern,name_ja,name_en\n"
RIGHT = "buy,1,0,view_item,閲覧,View\nbuy,1,1,sign_out,退出,Out\nbuy,2,0,purchase,購入,Purchase\n"


def home_with(tmp_path: Path, funnel: str, steps: str) -> Path:
    folder = tmp_path / "rules"
    folder.mkdir()
    (folder / "event_funnels.csv").write_text(FUNNELS + funnel, "utf-8")
    (folder / "event_funnel_steps.csv").write_text(STEPS + steps, "utf-8")
    return tmp_path


def test_a_right_funnel_holds(tmp_path: Path) -> None:
    found = rules.load(home_with(tmp_path, "buy,session,this_order,,購入,Buy\n", RIGHT))
    assert [row["step_number"] for row in found.rows("event_funnel_steps")] == ["1", "1", "2"]


@pytest.mark.parametrize(
    ("funnel", "steps", "message"),
    [
        ("person,this_order,", RIGHT, "event_funnels.csv, line 2: funnel buy counts persons without"
         " a window. Remedy: fill in window_seconds"),
        ("visit,this_order,", RIGHT, "counted_per = 'visit' is not one of session, person"),
        ("session,this_order,0", RIGHT, "window_seconds = '0' is not above 0"),
        ("session,this_order,", "buy,1,0,view_item,閲覧,View\n", "funnel buy has the steps 1. "
         "Remedy: number them 1, 2, 3"),
        ("session,this_order,", RIGHT.replace("buy,2", "buy,3"), "has the steps 1, 3. Remedy"),
        ("session,this_order,", RIGHT.replace("purchase", ""), "event_funnel_steps.csv, line 4: no "
         "condition, so that any event would do. Remedy: fill in one of event_name_pattern"),
        ("session,this_order,", RIGHT.replace("purchase", "Purchase"), "'Purchase' has capitals"),
        ("session,this_order,", RIGHT.replace("purchase", "(purchase"), "is no pattern of DuckDB"),
        ("session,this_order,", RIGHT.replace("buy,1,1", "buy,2,1"), "exclusion 1 after its last"),
        ("session,exact_order,", RIGHT, "exact order, where no event may lie between. Remedy"),
        ("session,any_order,", RIGHT.replace("buy,1,1", "buy,2,1"), "holds throughout. Remedy"),
        ("session,this_order,", RIGHT.replace("buy,2", "bye,2"), "funnel 'bye' is unknown to"),
    ],
)  # fmt: skip
def test_a_wrong_funnel_names_line_and_remedy(
    tmp_path: Path, funnel: str, steps: str, message: str
) -> None:
    with pytest.raises(rules.RulesError, match=re.escape(message)):
        rules.load(home_with(tmp_path, f"buy,{funnel},購入,Buy\n", steps))
