"""Conditions of own segments: what can be said, and what is refused."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml

from orchestration.rules import home as rules
from orchestration.rules.tables import tables
from orchestration.settings import DBT_PROJECT_DIR

SEGMENTS = (
    "segmentation,segment,segment_rank,name_ja,name_en\n"
    "own_care,vip,1,特別,VIP\nown_care,quiet,2,静か,Quiet\n"
)
RULES = (
    "segmentation,segment,rule_group,condition_number,column_name,operator,"
    "value_text,value_number\n"
)
RIGHT = (
    "own_care,vip,1,1,order_count,at_least,,3\nown_care,vip,1,2,current_stage,one_of,use|repeat,\n"
    "own_care,quiet,1,1,last_nps_score,is_unknown,,\n"
)


def home_with(tmp_path: Path, own_rules: str, segments: str = SEGMENTS) -> Path:
    folder = tmp_path / "rules"
    folder.mkdir()
    (folder / "customer_segments.csv").write_text(segments, "utf-8")
    (folder / "own_segment_rules.csv").write_text(RULES + own_rules, "utf-8")
    return tmp_path


def test_right_conditions_hold(tmp_path: Path) -> None:
    found = rules.load(home_with(tmp_path, RIGHT))
    assert [
        (row["value_text"], row["value_number"]) for row in found.rows("own_segment_rules")
    ] == [(None, "3"), ("use|repeat", None), (None, None)]


@pytest.mark.parametrize(
    ("condition", "message"),
    [
        ("order_counts,at_least,,3", "column_name 'order_counts' is unknown to condition_columns; "
         "did you mean order_count? Remedy: correct it"),
        ("order_count,like,,3", "operator = 'like' is not one of equals, not_equals, one_of"),
        ("order_count,at_least,,many", "value_number = 'many' is no number; write it plainly"),
        ("order_count,at_least,3,", "order_count is a number. Remedy: write what it is compared "
         "with into value_number alone"),
        ("order_count,one_of,,1", "'one_of' does not fit order_count, a number. Remedy: at_least"),
        ("order_count,at_least,,", "write what it is compared with into value_number alone"),
        ("order_count,is_known,,3", "is_known takes no value. Remedy: leave"),
        ("persona,equals,business,1", "persona is a text. Remedy: write what it is compared with"),
        ("persona,above,a,", "operator = 'above' does not fit persona, a text. Remedy: equals"),
        ("is_member,equals,yes,", "value_text = 'yes' is neither true nor false, which is_member"),
        ("last_purchase_date,above,1 May,", "value_text = '1 May' is no day, as last_purchase"),
        ("current_stage,equals,usage,", "value_text = 'usage' is unknown to stages, so that no"),
        ("rfm_segment,one_of,loyal|champion,", "did you mean champions? Remedy: correct it"),
    ],
)  # fmt: skip
def test_wrong_conditions_name_file_line_and_remedy(
    tmp_path: Path, condition: str, message: str
) -> None:
    home = home_with(tmp_path, RIGHT + f"own_care,vip,2,1,{condition}\n")
    with pytest.raises(rules.RulesError) as caught:
        rules.load(home)
    assert str(caught.value).startswith("rules/own_segment_rules.csv, line 5: ")
    assert message in str(caught.value)


def test_segments_without_a_condition_or_by_another_name_are_refused(tmp_path: Path) -> None:
    segments = SEGMENTS + "own_care,new,3,新,New\nrfm_more,a,1,ア,A\n"
    home = home_with(tmp_path, RIGHT + "rfm,loyal,1,1,order_count,at_least,,3\n", segments)
    with pytest.raises(rules.RulesError) as caught:
        rules.load(home)
    text = str(caught.value)
    assert "own_segment_rules.csv, line 5: segmentation 'rfm' is no own one. Remedy" in text
    assert "customer_segments.csv, line 4: segmentation own_care, segment new has no con" in text
    assert "customer_segments.csv, line 5: segmentation rfm_more, segment a is nothing" in text


def test_the_kinds_of_columns_are_not_the_company_s_to_change(tmp_path: Path) -> None:
    home = home_with(tmp_path, RIGHT)
    (home / "rules" / "condition_columns.csv").write_text(
        "column_name,value_kind,is_monthly\norder_count,text,true\n", "utf-8"
    )
    with pytest.raises(rules.RulesError, match=r"condition_columns\.csv: what the columns hold"):
        rules.load(home)


def test_columns_of_conditions_are_those_of_the_mart_and_of_the_macro() -> None:
    models = yaml.safe_load(
        (DBT_PROJECT_DIR / "models/marts/customers/_customers__models.yml").read_text("utf-8")
    )["models"]
    types = {
        column["name"]: column["data_type"]
        for model in models if model["name"] == "dim_customers_360"
        for column in model["columns"]
    }  # fmt: skip
    kinds = {"varchar": "text", "integer": "number", "decimal(18,3)": "number",
             "decimal(9,6)": "number", "boolean": "flag", "date": "day"}  # fmt: skip
    seed = rules.defaults().rows("condition_columns")
    assert {row["column_name"]: row["value_kind"] for row in seed} == {
        str(row["column_name"]): kinds[types[str(row["column_name"])]] for row in seed
    }
    macro = (DBT_PROJECT_DIR / "macros" / "condition_holds.sql").read_text("utf-8")
    listed = {
        kind: set(re.findall(r"'(\w+)'", names))
        for kind, names in re.findall(r"'(\w+)': \[(.*?)\]", macro, re.DOTALL)
    }
    for kind in tables()["condition_columns"].values["value_kind"]:
        assert listed[kind] == {r["column_name"] for r in seed if r["value_kind"] == kind}
    assert listed["monthly"] == {r["column_name"] for r in seed if r["is_monthly"] == "true"}
    for operator in tables()["own_segment_rules"].values["operator"]:
        assert f"'{operator}'" in macro


PROGRAMMES = (
    "programme,name_ja,name_en,hold_out_rate,hold_out_salt,currency_code,valid_from,"
    "daily_budget_amount,monthly_budget_amount\ncare,ケア,Care,0.1,s,JPY,2025-01-01,,\n"
)
ACTIONS = (
    "action,programme,action_order,name_ja,name_en,channel,action_kind,reached,needed_consent,"
    "cost_amount,currency_code,value_basis,margin_rate,response_days,valid_from,"
    "value_amount,cap_count,cap_days\n"
)


@pytest.mark.parametrize(
    ("action", "message"),
    [
        ("email,win_back,contact,marketing,5,JPY,fixed,0.5,14,2025-01-01,,,",
         "value_basis fixed and value_amount (empty) do not fit. Remedy: an amount"),
        ("email,win_back,contact,marketing,5,JPY,order,0.5,14,2025-01-01,9,,",
         "value_basis order and value_amount 9 do not fit"),
        ("email,win_back,contact,marketing,5,JPY,order,0.5,14,2025-01-01,,2,",
         "cap_count and cap_days belong together. Remedy: fill in both or none"),
        ("email,win_back,contact,marketing,5,JPY,order,5,14,2025-01-01,,,",
         "margin_rate = '5' is above 1; a share is written as 0.05"),
        ("fax,win_back,contact,marketing,5,JPY,order,0.5,14,2025-01-01,,,",
         "channel 'fax' is unknown to channels"),
        ("email,win_back,contact,marketing,5,JPY,order,0.5,0,2025-01-01,,,",
         "response_days = '0' is not above 0"),
        ("email,spam,contact,marketing,5,JPY,order,0.5,14,2025-01-01,,,",
         "action_kind = 'spam' is not one of retarget, win_back"),
    ],
)  # fmt: skip
def test_actions_that_cannot_be_offered_are_refused(
    tmp_path: Path, action: str, message: str
) -> None:
    folder = tmp_path / "rules"
    folder.mkdir()
    (folder / "action_programmes.csv").write_text(PROGRAMMES, "utf-8")
    (folder / "actions.csv").write_text(f"{ACTIONS}mail,care,1,メール,Mail,{action}\n", "utf-8")
    with pytest.raises(rules.RulesError) as caught:
        rules.load(tmp_path)
    assert str(caught.value).startswith("rules/actions.csv, line 2: ")
    assert message in str(caught.value)


def test_actions_go_by_own_segments_that_there_are(tmp_path: Path) -> None:
    home = home_with(tmp_path, RIGHT)
    (home / "rules" / "action_programmes.csv").write_text(PROGRAMMES, "utf-8")
    (home / "rules" / "actions.csv").write_text(
        f"{ACTIONS}mail,care,1,メール,Mail,"
        "email,win_back,contact,marketing,5,JPY,order,0.5,14,2025-01-01,,,\n",
        "utf-8",
    )
    conditions = home / "rules" / "action_conditions.csv"
    header = RULES.replace("segmentation,segment", "action")
    conditions.write_text(
        header + "mail,1,1,own_care,one_of,vip|other,\nmail,1,2,order_count,at_least,,1\n", "utf-8"
    )
    rules.load(home)
    conditions.write_text(
        header + "mail,1,1,own_cares,equals,vip,\nmail,1,2,own_care,equals,vips,\n"
        "mail,1,3,own_care,at_least,vip,\n",
        "utf-8",
    )
    with pytest.raises(rules.RulesError) as caught:
        rules.load(home)
    lines = str(caught.value).splitlines()
    assert "action_conditions.csv, line 2: column_name 'own_cares' is unknown to" in lines[0]
    assert "did you mean own_care?" in lines[0]
    assert "line 3: value_text = 'vips' is unknown to customer_segments" in lines[1]
    assert "line 4: operator = 'at_least' does not fit own_care, a text" in lines[2]


def test_lists_are_named_and_filled_by_what_there_is(tmp_path: Path) -> None:
    folder = tmp_path / "rules"
    folder.mkdir()
    (folder / "activation_lists.csv").write_text(
        "list_name,name_ja,name_en,segmentation,segment,needed_consent\n"
        "../up,上,Up,stage,use,none\nnext_action,次,Next,stage,use,none\n"
        "gone,無,Gone,lifecycle,absent,none\nusers,使,Users,stage,use,none\n",
        "utf-8",
    )
    with pytest.raises(rules.RulesError) as caught:
        rules.load(tmp_path)
    assert [line.split(":")[0] for line in str(caught.value).splitlines()] == [
        f"rules/activation_lists.csv, line {number}" for number in (2, 3, 4)
    ]
