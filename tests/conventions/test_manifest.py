"""Conventions over dbt's manifest: names, layers, columns, documentation, tests. No exceptions."""

from __future__ import annotations

import csv
import json
import re
from collections import defaultdict
from pathlib import Path
from typing import Any

import pytest
import yaml

from orchestration.building.project import ensure_manifest
from orchestration.gate.audits import integrity
from orchestration.readers import dictionary, superset
from orchestration.settings import load_settings
from tests.conftest import ROOT

NAMES = {
    "staging": r"stg_[a-z]+__[a-z_]+",
    "intermediate": r"int_[a-z_]+_(unioned|guarded|components|resolved_to_persons|classified|"
    r"touched|fingerprinted|described|aggregated|matched_to_sessions|matched_to_visitors|matched_to_channels|matched_to_maps|numbered|aligned|"
    r"assigned_to_journeys|matched|derived|paid|placed|scored|valued|values_daily)",
    "marts": r"(dim_[a-z0-9_]+|fct_[a-z_]+|kpi_[a-z_]+|[a-z]+_wide|load_quality|release_info)",
}
PARENTS = {  # layer → layers that it may read
    "staging": {"source"},
    "intermediate": {"staging", "intermediate", "seed", "marts"},
    "marts": {"staging", "intermediate", "marts", "seed"},
}
RULES = {"primary_key", "not_null", "accepted_values", "references", "expressions"}
TYPES = re.compile(
    r"boolean|integer|bigint|double|varchar|date|timestamp|decimal\(\d+,\s*\d+\)"
)  # what every BI tool reads


@pytest.fixture(scope="module")
def manifest(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    home = tmp_path_factory.mktemp("manifest")
    path = ensure_manifest(load_settings(home).environment())
    return dict(json.loads(path.read_text("utf-8")))


def models(manifest: dict[str, Any]) -> list[dict[str, Any]]:
    return [n for n in manifest["nodes"].values() if n["resource_type"] == "model"]


def layer(node: dict[str, Any]) -> str:
    if node["resource_type"] == "model":
        return str(node["fqn"][1])
    return str(node["resource_type"])


def by_folder(model: dict[str, Any]) -> str:
    return "staging" if layer(model) == "staging" else str(model["fqn"][2])


def test_names_follow_their_layer(manifest: dict[str, Any]) -> None:
    wrong = [m["name"] for m in models(manifest) if not re.fullmatch(NAMES[layer(m)], m["name"])]
    assert wrong == []


def test_layers_read_only_what_they_may(manifest: dict[str, Any]) -> None:
    everything = {**manifest["nodes"], **manifest["sources"]}
    wrong = [
        (model["name"], parent)
        for model in models(manifest)
        for parent in model["depends_on"]["nodes"]
        if layer(everything[parent]) not in PARENTS[layer(model)]
    ]
    assert wrong == []


def test_no_model_reads_a_later_domain(manifest: dict[str, Any]) -> None:
    """Domains are folders, in one order; a mart may be a station on the way of a later one."""
    groups = yaml.safe_load((ROOT / "dbt_project" / "models" / "_groups.yml").read_text("utf-8"))
    order = {group["name"]: place for place, group in enumerate(groups["groups"])}
    place = {
        model["unique_id"]: order[model["config"]["group"]]
        for model in models(manifest)
        if layer(model) != "staging"
    }
    assert set(order) == {by_folder(model) for model in models(manifest)} - {"staging"}
    upward = [
        f"{model['name']} reads {parent}"
        for model in models(manifest)
        for parent in model["depends_on"]["nodes"]
        if place.get(parent, -1) > place.get(model["unique_id"], -1)
    ]
    assert upward == []


def test_what_holds_touched_rows_only_is_read_by_its_like(manifest: dict[str, Any]) -> None:
    """A whole model would count the night's rows as if they were all (ADR 0010)."""
    by_id = {m["unique_id"]: m for m in models(manifest)}
    touched_only = {i for i, m in by_id.items() if m["schema"] == "touched"}
    like = touched_only | {
        i
        for i, m in by_id.items()
        if m["config"]["materialized"] == "incremental" or m["name"].endswith("_touched")
    }
    readers = [m for i, m in by_id.items() if i not in like]
    wrong = [m["name"] for m in readers if touched_only & set(m["depends_on"]["nodes"])]
    assert wrong == []
    uses = re.compile(r"\b(touched_rows|is_touched_\w+|has_new_events|only_touched)\(")
    assert [m["name"] for m in readers if uses.search(m["raw_code"])] == []


def test_incremental_models_depend_on_the_list_that_their_strategy_reads(
    manifest: dict[str, Any],
) -> None:
    lists = {"touched_edges": "int_identifiers_touched"}
    for model in models(manifest):
        strategy = model["config"].get("incremental_strategy")
        if strategy and strategy.startswith("touched_"):
            name = lists.get(strategy, f"int_{strategy.removeprefix('touched_')}_touched")
            assert f"model.journey.{name}" in model["depends_on"]["nodes"], model["name"]


def test_every_model_has_grain_key_and_group(manifest: dict[str, Any]) -> None:
    tested = {}
    for node in manifest["nodes"].values():
        if rules := integrity(node):
            model = node["attached_node"].split(".")[-1]
            assert node["name"] == f"integrity_{model}"
            assert set(rules) <= {"model", *RULES}, f"{model}: a rule that is none"
            tested[node["attached_node"]] = rules.get("primary_key")
    keyless = {
        "int_activity_kinds_classified": "its key may be null: no outcome",
        "int_event_properties_derived": "a view of JSON objects, whose keys are unique",
        "int_traffic_matched_to_channels": "its key may be null: no campaign",
        "int_web_events_matched_to_visitors": "a view of stg_web__events, whose key is tested",
        "stg_ops__removed_events": "a log: the same event may leave twice",
    }
    for model in models(manifest):
        assert model["description"].startswith("One row per "), model["name"]
        if model["name"] not in keyless:
            assert tested.get(model["unique_id"]), f"{model['name']} has no primary_key"
        if layer(model) != "staging":
            assert model["config"]["group"] == by_folder(model), model["name"]
        assert model["schema"] != "unconfigured", model["name"]


def test_every_instant_of_a_fact_has_its_business_day(manifest: dict[str, Any]) -> None:
    """So that nobody groups by UTC; the day is looked up in dim_dates, which has all of them."""
    by_other_names = {"fct_sessions.started_at": "session_date"}
    facts = [m for m in models(manifest) if m["name"].startswith("fct_")]
    instants = {
        f"{fact['name']}.{name}": fact
        for fact in facts
        for name in fact["columns"]
        if name.endswith("_at")
    }
    assert len(instants) > 20
    lacking = [
        instant
        for instant, fact in instants.items()
        if by_other_names.get(instant, instant.split(".")[1].removesuffix("_at") + "_date")
        not in fact["columns"]
    ]
    assert lacking == []
    test = manifest["nodes"]["test.journey.assert_every_date_is_in_dim_dates"]
    others = {  # months; days that may lie ahead
        "fct_customer_values", "fct_person_states", "fct_next_actions",
    }  # fmt: skip
    dates = {
        f"{fact['name']}.{name}"
        for fact in facts
        for name in fact["columns"]
        if name.endswith("_date") and fact["name"] not in others
    }
    assert set(re.findall(r"'(fct_\w+\.\w+)'", test["raw_code"])) == dates


def test_no_asof_join_looks_for_the_row_before_a_null(manifest: dict[str, Any]) -> None:
    """
    DuckDB 1.5.6 gives a null some row, once a join is of thousands of rows.

    A new asof join says here why its instant is never null, or has coalesce() with one before all.
    """
    never_null = {
        "activities.occurred_at": "of known activities",
        "arrived.started_at": "a session has a start",
        "brought.occurred_at": "a revenue point has an instant",
        "charged_months.month_end_date": "of a calendar",
        "costs.cost_date": "of known costs",
        "events.occurred_at": "of known events",
        "initiatives.start_date": "required by the seed",
        "points.occurred_date": "a revenue point has an instant",
        "priced_months.month_end_date": "of a calendar",
        "subscription_months.month_end_date": "of a calendar",
        "typed.occurred_at": "a revenue point has an instant",
        "valued.period_start_date": "of a calendar",
        "watched.occurred_at": "of known events",
        "won_deals.closed_date": "only deals that have one",
    }
    joins = 0
    unproven = []
    for model in models(manifest):
        code = re.sub(r"--.*", "", model["raw_code"])
        for join in re.split(r"\basof (?:left|inner)?\s*join\b", code)[1:]:
            joins += 1
            found = re.search(r"(?:\son|\sand)\s+(\S+?(?:\([^)]*\))?)\s*(?:>|<)=?\s", join)
            assert found is not None, model["name"]
            if found[1] not in never_null and not found[1].startswith("coalesce("):
                unproven.append(f"{model['name']}: {found[1]}")
    assert joins >= 14 and unproven == []


def test_every_column_is_described_with_one_text_per_name(manifest: dict[str, Any]) -> None:
    texts: dict[str, set[str]] = defaultdict(set)
    for model in models(manifest):
        assert model["columns"], model["name"]
        for name, column in model["columns"].items():
            assert column["description"].strip(), f"{model['name']}.{name}"
            texts[name].add(" ".join(column["description"].split()))
    assert {name: found for name, found in texts.items() if len(found) > 1} == {}


def test_marts_are_contracted_labelled_and_plainly_typed(manifest: dict[str, Any]) -> None:
    labels: dict[str, set[tuple[str, str]]] = defaultdict(set)
    for model in models(manifest):
        if layer(model) != "marts":
            continue
        assert model["config"]["contract"]["enforced"], model["name"]
        assert {"label_ja", "label_en"} <= set(model["config"]["meta"]), model["name"]
        columns = model["columns"]
        for name, column in columns.items():
            where = f"{model['name']}.{name}"
            kind = column["data_type"]
            assert TYPES.fullmatch(kind), f"{where}: {kind}"
            meta = column["config"]["meta"]
            labels[name].add((meta["label_ja"], meta["label_en"]))
            assert not name.startswith("_"), where
            assert name.endswith("_at") == (kind == "timestamp"), where
            assert name.endswith("_date") == (kind == "date"), where
            assert name.startswith(("is_", "has_")) == (kind == "boolean"), where
            if name.endswith(("_count", "_number", "_seconds", "_rank")):
                assert kind in ("integer", "bigint"), where
            if name.endswith("_amount"):
                assert kind.startswith("decimal") and "currency_code" in columns, where
            if name.endswith("_amount_reporting"):
                assert kind.startswith("decimal") and "reporting_currency_code" in columns, where
    assert {name: found for name, found in labels.items() if len(found) > 1} == {}


def test_models_with_a_window_or_a_case_have_a_unit_test(manifest: dict[str, Any]) -> None:
    tested = {test["model"] for test in manifest["unit_tests"].values()}
    reason = re.compile(r"\bover \(|\bover [a-z]|\bcase\b|\bqualify\b|is_newest_version")
    wrong = [
        model["name"]
        for model in models(manifest)
        if reason.search(model["raw_code"]) and model["name"] not in tested
        and model["language"] == "sql"
    ]  # fmt: skip
    assert wrong == []


def test_every_stage_rule_is_tested(manifest: dict[str, Any]) -> None:
    rules = set()
    for path in (
        ROOT / "seeds" / "stage_rules.csv",
        *ROOT.glob("adapters/*/rules/stage_rules.csv"),
    ):
        with path.open(encoding="utf-8") as stream:
            rules |= {row["stage_rule_id"] for row in csv.DictReader(stream)}
    tested = {
        row.get("stage_rule_id")
        for test in manifest["unit_tests"].values()
        if test["model"] == "int_stage_signals_matched"
        for row in test["expect"]["rows"]
    }
    assert rules - tested == set()


def test_every_mart_has_a_unit_test_or_a_truth_asserted(manifest: dict[str, Any]) -> None:
    asserted = {
        parent
        for node in manifest["nodes"].values()
        if node["resource_type"] == "test"
        for parent in node["depends_on"]["nodes"]
    }
    assert [m["name"] for m in models(manifest) if m["unique_id"] not in asserted
            and m["name"] not in (  # unit tests show them
                "int_traffic_matched_to_channels", "int_event_properties_derived",
            )] == []  # fmt: skip


def test_macros_tests_and_seeds_are_documented(manifest: dict[str, Any]) -> None:
    for macro in manifest["macros"].values():
        if macro["package_name"] == "journey":
            assert macro["description"], macro["name"]
            assert all(argument["description"] for argument in macro["arguments"]), macro["name"]
    for node in manifest["nodes"].values():
        if node["resource_type"] == "test" and node["name"].startswith("assert_"):
            assert node["description"], node["name"]
        if node["resource_type"] == "seed":
            assert node["description"] and node["config"]["meta"]["owner"], node["name"]
            with (ROOT / "seeds" / f"{node['name']}.csv").open(encoding="utf-8") as stream:
                header = next(csv.reader(stream))
            assert list(node["config"]["column_types"]) == header, node["name"]
            assert list(node["columns"]) == header, node["name"]


def test_variables_are_explained_and_used() -> None:
    text = (ROOT / "dbt_project" / "dbt_project.yml").read_text("utf-8")
    lines = text.splitlines()
    sql = "\n".join(p.read_text("utf-8") for p in (ROOT / "dbt_project").rglob("*.sql"))
    for name in yaml.safe_load(text)["vars"]:
        number = next(i for i, line in enumerate(lines) if line.startswith(f"  {name}:"))
        assert lines[number - 1].strip().startswith("#"), name
        assert f"var('{name}')" in sql or f'var("{name}")' in sql, name


def test_no_model_reads_the_clock() -> None:
    clock = re.compile(r"\b(current_date|current_timestamp|now\(\)|today\(\)|random\(\))")
    files = [p for p in (ROOT / "dbt_project").rglob("*.sql") if "target" not in p.parts]
    assert [p.name for p in files if clock.search(p.read_text("utf-8"))] == []


def test_every_mart_has_an_exposure_or_is_read_by_bi(manifest: dict[str, Any]) -> None:
    exposed = {
        parent for exposure in manifest["exposures"].values()
        for parent in exposure["depends_on"]["nodes"]
    }  # fmt: skip
    marts = {m["unique_id"] for m in models(manifest) if layer(m) == "marts"}
    assert marts - exposed == set()


def test_no_index_address_or_machine_path_is_committed() -> None:
    import subprocess

    listed = subprocess.run(
        ["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout.split()
    needles = ("index" + "-url", "/work" + "/main", "file:" + "///", "pypi" + ".org")
    wrong = []
    for name in listed:
        path = Path(ROOT / name)
        if path.suffix in (".gz", ".parquet", ".png") or not path.is_file():
            continue
        text = path.read_text("utf-8")
        wrong += [(name, needle) for needle in needles if needle in text]
    assert wrong == []


def test_the_data_dictionary_holds_every_column_of_every_mart(
    manifest: dict[str, Any], tmp_path: Path
) -> None:
    page, sheet = dictionary.write(tmp_path, manifest)
    expected = {
        (model["name"], column)
        for model in models(manifest)
        if layer(model) == "marts"
        for column in model["columns"]
    }
    assert sheet.read_bytes().startswith(b"\xef\xbb\xbf")  # Excel reads it as UTF-8 then
    with sheet.open(encoding="utf-8-sig", newline="") as stream:
        rows = list(csv.DictReader(stream))
    assert {(row["table"], row["column"]) for row in rows} == expected and len(rows) == len(
        expected
    )
    assert all(row["table_ja"] and row["column_ja"] and row["description"] for row in rows)
    japanese = re.compile(r"[\u3041-\u3096\u30a1-\u30fa\u4e00-\u9fff]")
    tables = {table["name"]: table["description_ja"] for table in dictionary.marts(manifest)}
    assert [name for name, told in tables.items() if not japanese.search(told)] == []
    told = {(row["column"], row["description_ja"]) for row in rows}
    assert [name for name, words in told if not japanese.search(words)] == []
    assert len(told) == len({row["column"] for row in rows}), "one text per name"
    assert {row["table"] for row in rows if row["key"]} == {table for table, _ in expected}
    text = page.read_text("utf-8")
    assert "http" not in text.replace("http-equiv", "") and text.count("<script") == 1
    leads = {(row["table"], row["column"]): row["joins"] for row in rows if row["joins"]}
    assert leads["fct_orders", "person_id"] == "dim_persons.person_id"
    assert {place.split(".")[0] for place in leads.values()} <= {row["table"] for row in rows}
    values = {(row["table"], row["column"]): row["values"] for row in rows}
    assert values["kpi_daily", "dimension"] == "all, channel, persona, device"
    assert text.count("<section") == len({table for table, _ in expected})


def test_exposures_name_what_the_page_and_the_dashboard_read(manifest: dict[str, Any]) -> None:
    named = {
        exposure["name"]: {
            unique_id.split(".")[-1] for unique_id in exposure["depends_on"]["nodes"]
        }
        for exposure in manifest["exposures"].values()
    }
    code = "".join(
        path.read_text("utf-8")
        for path in sorted((ROOT / "orchestration" / "readers" / "report").glob("*.py"))
    )
    assert named["report"] == set(re.findall(r"marts\.(\w+)", code))
    queries = "".join(source.query for source in superset.DATASETS.values())
    assert named["superset_dashboard"] == set(re.findall(r"marts\.(\w+)", queries))
