"""The code location: one connected graph, the schedule, the instance's settings."""

from __future__ import annotations

import importlib
import os
from datetime import UTC, datetime
from pathlib import Path

import dagster as dg
import pytest
import yaml

from orchestration.dagster_shell import dagster_store
from orchestration.dagster_shell.pages import COMMAND
from orchestration.dagster_shell.run_context import end_of_business_day
from orchestration.settings import DEFAULTS
from tests.conftest import ROOT

# The interface for BI tools: names are fixed.
PUBLISHED = {
    "dim_persons", "dim_person_identifiers", "dim_stages", "dim_channels", "dim_dates", "dim_kpis",
    "dim_labels", "dim_rules", "fct_kpi_measures",
    "fct_excluded_traffic", "fct_identity_edges", "fct_person_merges",
    "fct_sessions", "fct_touchpoints", "fct_journeys", "fct_stage_transitions",
    "fct_stage_intervals", "fct_revenue_points", "fct_survey_scores", "kpi_daily", "kpi_weekly",
    "kpi_monthly", "kpi_feedback_monthly", "kpi_value_journey", "load_quality", "release_info",
    "fct_restatements", "kpi_restatements",
    "fct_stage_model_transitions", "fct_journey_alignments", "dim_journey_map_steps",
    "fct_conversions", "fct_attribution_credits", "kpi_attribution", "kpi_attribution_spread",
    "kpi_recurring_revenue_monthly", "kpi_cohorts_monthly", "kpi_lifetime_values", "fct_orders",
    "fct_customer_values", "dim_customers_360", "fct_person_states",
    "fct_person_segments", "fct_next_actions", "kpi_action_responses",
    "fct_churn_risks", "kpi_churn_model_cards", "kpi_churn_drivers", "kpi_behaviour_groups",
    "kpi_segment_migrations_monthly", "fct_experiment_assignments", "kpi_experiment_results",
    "kpi_referrers", "orders_wide", "sessions_wide",
    "kpi_payment_exposure_monthly", "kpi_orders_monthly", "kpi_cancellations_monthly",
    "kpi_funnel_monthly", "kpi_stage_transitions_monthly", "kpi_stage_touchpoints_monthly",
    "kpi_paths_monthly", "kpi_active_persons_daily", "kpi_journey_deviations_monthly",
    "kpi_journey_map_reviews", "kpi_contributions", "kpi_coverage_findings",
    "kpi_initiative_results", "kpi_pain_points", "kpi_pain_points_monthly",
    "kpi_feedback_links", "kpi_verbatims_monthly", "fct_tickets", "kpi_support_monthly",
    "kpi_topics_monthly", "kpi_journey_map_stages_monthly", "kpi_sums_daily", "kpi_monthly_wide",
    "dim_products", "fct_order_lines", "kpi_products_monthly", "kpi_product_pairs",
    "kpi_event_funnels_monthly", "kpi_pages_monthly", "kpi_page_paths_monthly",
    "kpi_site_searches_monthly", "kpi_device_switches_monthly",
}  # fmt: skip


@pytest.fixture(scope="module")
def defs() -> dg.Definitions:
    from orchestration.dagster_shell.definitions import defs

    return defs


def test_definitions_load(defs: dg.Definitions) -> None:
    dg.Definitions.validate_loadable(defs)


def test_pages_hand_on_no_settings_to_runs(
    defs: dg.Definitions, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A run that they launch reads `journey.toml` as it is by then."""
    for name in DEFAULTS:
        monkeypatch.delenv(f"JOURNEY_{name.upper()}", raising=False)
    monkeypatch.setenv("JOURNEY_HOME", str(tmp_path))
    monkeypatch.setattr(os, "environ", os.environ.copy())
    monkeypatch.setattr(os, "execv", lambda *arguments: None)
    monkeypatch.setattr(os, "chdir", lambda folder: None)
    dagster_store.serve()
    importlib.reload(importlib.import_module("orchestration.dagster_shell.definitions"))
    assert os.environ["DAGSTER_STATE_DIR"] == str(tmp_path / "dagster")
    assert [name for name in DEFAULTS if f"JOURNEY_{name.upper()}" in os.environ] == []


def test_every_key_of_the_graph_is_executable(defs: dg.Definitions) -> None:
    """A dependency or check on a key that does not exist would be silently disconnected."""
    graph = defs.resolve_asset_graph()
    assert set(graph.get_all_asset_keys()) == graph.executable_asset_keys
    for check in graph.asset_check_keys:
        assert check.asset_key in graph.executable_asset_keys


def test_groups_follow_the_domains(defs: dg.Definitions) -> None:
    graph = defs.resolve_asset_graph()
    groups = {graph.get(key).group_name for key in graph.get_all_asset_keys()}
    assert groups == {
        "raw", "raw_web", "raw_crm", "raw_survey", "raw_privacy", "seeds", "web", "crm",
        "survey", "ops", "core", "sessions", "records", "identity", "touchpoints", "stages",
        "feedback", "value", "products", "journeys", "maps", "attribution", "kpis", "customers",
        "experiments", "published",
    }  # fmt: skip


def test_release_depends_on_every_mart(defs: dg.Definitions) -> None:
    graph = defs.resolve_asset_graph()
    marts = {key for key in graph.get_all_asset_keys() if key.path[0] == "marts"}
    assert {key.path[1] for key in marts} == PUBLISHED
    assert graph.get(dg.AssetKey(["published", "release"])).parent_keys == marts


def test_every_raw_table_shows_its_drift(defs: dg.Definitions) -> None:
    graph = defs.resolve_asset_graph()
    drift = {key.asset_key for key in graph.asset_check_keys if key.name == "drift"}
    raw = {key for key in graph.get_all_asset_keys() if key.path[0] == "raw"}
    assert drift == raw and len(raw) == 14


def test_the_verdicts_block(defs: dg.Definitions) -> None:
    blocking = {
        (spec.asset_key.to_user_string(), spec.name)
        for checks in (defs.asset_checks or [])
        for spec in checks.check_specs
        if spec.blocking
    }
    assert blocking == {("ops/files", "raw_verdict"), ("marts/release_info", "audit")}


def test_schedule_passes_its_own_instant(defs: dg.Definitions) -> None:
    schedule = defs.resolve_schedule_def("nightly_schedule")
    assert (schedule.cron_schedule, schedule.execution_timezone) == ("30 2 * * *", "Asia/Tokyo")
    tick = datetime(2026, 1, 7, 17, 30, tzinfo=UTC)  # 02:30 of the 8th in Tokyo
    context = dg.build_schedule_context(scheduled_execution_time=tick)
    (request,) = schedule.evaluate_tick(context).run_requests
    assert request.run_key == "2026-01-07"
    assert request.run_config["resources"]["run"]["config"] == {"as_of_at": "2026-01-07 15:00:00"}


def test_a_run_with_wrong_settings_says_so_on_its_page(
    defs: dg.Definitions, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "journey.toml").write_text("thread = 4", "utf-8")
    monkeypatch.setenv("JOURNEY_HOME", str(tmp_path))
    with dg.DagsterInstance.ephemeral() as instance:
        result = defs.resolve_job_def("nightly").execute_in_process(
            instance=instance, raise_on_error=False
        )
        shown = [
            entry.get_dagster_event().message or ""
            for entry in instance.all_logs(result.run_id, of_type=dg.DagsterEventType.ENGINE_EVENT)
        ]
    reason = f"✗ {tmp_path}/journey.toml: thread is no setting; did you mean threads?"
    assert not result.success
    assert sum(reason in text for text in shown) == 1
    assert reason in (tmp_path / "last_failure.txt").read_text("utf-8")


def test_business_days_end_at_local_midnight_also_across_a_clock_change() -> None:
    day = datetime(2026, 3, 29).date()
    assert end_of_business_day(day, "Europe/Berlin") == "2026-03-29 22:00:00"
    assert end_of_business_day(datetime(2026, 3, 28).date(), "Europe/Berlin") == (
        "2026-03-28 23:00:00"
    )


def test_shipped_settings_stay_off_the_network() -> None:
    instance = yaml.safe_load((ROOT / "dagster.yaml").read_text("utf-8"))
    assert instance["telemetry"] == {"enabled": False}
    assert instance["nux"] == {"enabled": False}  # the dialog that asks for an address
    assert instance["run_monitoring"]["enabled"] is True
    assert instance["concurrency"]["runs"]["max_concurrent_runs"] == 1
    project = yaml.safe_load((ROOT / "dbt_project" / "dbt_project.yml").read_text("utf-8"))
    assert project["flags"]["send_anonymous_usage_stats"] is False
    assert COMMAND[COMMAND.index("--host") + 1] == "127.0.0.1"
