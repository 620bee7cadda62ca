"""Each suite passes the sample, and each of its expectations fails a bad story of its own."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import duckdb
import pytest

from expectations import checkpoints
from orchestration.gate import learning

MAIL = "person1@hana-mail.jp"
BAD_STORIES = {
    "raw__raw_crm__contacts": {
        "personal_data_is_hashed": f"update raw_crm.contacts set email = '{MAIL}'",
        "identifiers_are_no_addresses": f"update raw_crm.contacts set contact_id = '{MAIL}'",
    },
    "raw__raw_crm__payments": {
        "payments_have_orders": "delete from raw_crm.orders",
        "amounts_are_plausible": "update raw_crm.payments set payment_amount = 1000000000",
    },
    "raw__raw_survey__answers": {
        "texts_hold_no_addresses": f"update raw_survey.answers set answer_text = 'I am {MAIL}'",
    },
    "raw__raw_web__events": {
        "emails_are_hashed": f"update raw_web.events set email = '{MAIL}'",
        "pages_hold_no_addresses": f"update raw_web.events set page_url = 'https://s/?m={MAIL}'",
        "visitors_are_plausible": "insert into raw_web.events (event_id, visitor_id) "
        "select range::varchar, 'v' from range(100001)",
    },
    "marts__marts__dim_persons": {
        "volume_holds": "delete from marts.dim_persons",
        "nobody_is_everybody": "update marts.dim_persons set identifier_count = 1001",
    },
    "marts__marts__fct_sessions": {
        "volume_holds": "delete from marts.fct_sessions",
        "sessions_end": "update marts.fct_sessions set session_seconds = 86401",
        "channels_are_told": "update marts.fct_sessions set channel = 'unassigned'",
    },
    "marts__marts__fct_touchpoints": {
        "volume_holds": "delete from marts.fct_touchpoints",
        "touchpoints_have_persons": "update marts.fct_touchpoints set person_id = null",
        "data_is_fresh": "update marts.fct_touchpoints set occurred_at = timestamp '2000-01-01'",
    },
    "marts__marts__fct_stage_transitions": {
        "volume_holds": "delete from marts.fct_stage_transitions",
    },
    "marts__marts__fct_revenue_points": {
        "volume_holds": "delete from marts.fct_revenue_points",
        "refunds_stay_small": "update marts.fct_revenue_points set paid_amount = -1",
    },
    "marts__ops__gate_observations": {
        name: "insert into ops.gate_observations (gate, series, observed_value, lower_bound, "
        f"upper_bound) values ('{gate}', 'a', 9, 1, 2)"
        for name, gate in learning.GATES.items()
    },
    "marts__marts__kpi_daily": {
        "volume_holds": "delete from marts.kpi_daily",
        "points_stay_on_their_scale": "update marts.kpi_daily set kpi = 'nps', kpi_value = 101",
    },
}
PARAMETERS = {
    f"minimum_{suite.split('__')[2]}": 1 for suite in BAD_STORIES if suite.startswith("marts")
}


@pytest.fixture(scope="module")
def warehouse(sample_home: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("suites") / "warehouse.duckdb"
    shutil.copy(sample_home / "warehouse" / "warehouse.duckdb", path)
    return path


def failed(database: Path, boundary: str) -> set[tuple[str, str]]:
    outcomes = checkpoints.run(boundary, database, PARAMETERS)
    return {(o.suite, o.expectation) for o in outcomes if o.status != "pass"}


@pytest.mark.parametrize("boundary", ["raw", "marts"])
def test_the_sample_passes(warehouse: Path, boundary: str) -> None:
    assert failed(warehouse, boundary) == set()


def test_every_expectation_has_a_bad_story() -> None:
    for boundary in ("raw", "marts"):
        for path in checkpoints.suite_paths(boundary):
            suite = json.loads(path.read_text("utf-8"))
            names = {item["meta"]["name"] for item in suite["expectations"]}
            assert names == set(BAD_STORIES[path.stem]), path.stem
            assert suite["name"] == path.stem
            for item in suite["expectations"]:
                assert item["severity"] in ("critical", "warning") and item["meta"]["notes"]


@pytest.mark.parametrize(
    ("suite", "name"), [(suite, name) for suite, stories in BAD_STORIES.items() for name in stories]
)
def test_the_bad_story_fails(warehouse: Path, tmp_path: Path, suite: str, name: str) -> None:
    database = tmp_path / "warehouse.duckdb"
    shutil.copy(warehouse, database)
    with duckdb.connect(str(database)) as connection:
        connection.execute(BAD_STORIES[suite][name])
    assert (suite, name) in failed(database, suite.split("__")[0])


def test_an_expectation_that_cannot_be_evaluated_fails(warehouse: Path, tmp_path: Path) -> None:
    database = tmp_path / "warehouse.duckdb"
    shutil.copy(warehouse, database)
    with duckdb.connect(str(database)) as connection:
        connection.execute("alter table marts.dim_persons drop column identifier_count")
    outcomes = checkpoints.run("marts", database, PARAMETERS)
    (outcome,) = [o for o in outcomes if o.expectation == "nobody_is_everybody"]
    assert outcome.status == "fail" and "could not be evaluated" in outcome.message


def test_reports_show_no_failing_values(warehouse: Path, tmp_path: Path) -> None:
    database = tmp_path / "warehouse.duckdb"
    shutil.copy(warehouse, database)
    with duckdb.connect(str(database)) as connection:
        connection.execute(BAD_STORIES["raw__raw_crm__contacts"]["personal_data_is_hashed"])
    outcomes = checkpoints.run("raw", database, PARAMETERS)
    assert MAIL not in str(outcomes)
