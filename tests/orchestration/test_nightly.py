"""Bad data never becomes visible: each kind stops the job, says why, and publish alone refuses."""

from __future__ import annotations

import gzip
import json
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import dagster as dg
import duckdb
import pytest

from orchestration.building import builds
from orchestration.dagster_shell import checks, dagster_store
from orchestration.dagster_shell.assets import raw
from orchestration.dagster_shell.run_context import RunContext
from orchestration.developing import proving
from orchestration.developing.compiled import Project
from orchestration.developing.proving import World
from orchestration.operating import runs
from orchestration.settings import load_settings
from tests.conftest import (
    PEPPER,
    ROOT,
    environment,
    nightly,
    place_story,
    read_release,
    run_journey,
    run_module,
)

Copy = Callable[[Path], Path]


def release_of(home: Path) -> str:
    with read_release(home) as connection:
        row = connection.execute("select release_id from marts.release_info").fetchone()
    assert row is not None
    return str(row[0])


def tampered(home: Path, statement: str) -> None:
    with duckdb.connect(str(home / "warehouse" / "warehouse.duckdb")) as connection:
        connection.execute(statement)


def through_dagster(home: Path, **extra: str) -> subprocess.CompletedProcess[str]:
    """The job as Dagster launches it, without `journey nightly` around."""
    arguments = ("job", "execute", "-m", "orchestration.dagster_shell.definitions", "-j", "nightly")
    return run_module("dagster", *arguments, home=home, **extra)


def shown_on_the_run_page(home: Path, patch: pytest.MonkeyPatch) -> list[str]:
    """Messages of the last run that tell why nothing was published."""
    patch.setenv("DAGSTER_HOME", str(ROOT))
    patch.setenv("DAGSTER_STATE_DIR", str(home / "dagster"))
    with dagster_store.open_instance(home / "dagster") as instance:
        (run,) = instance.get_runs(limit=1)
        events = instance.all_logs(run.run_id, of_type=dg.DagsterEventType.ENGINE_EVENT)
    return [event.message for event in events if "NOT PUBLISHED" in event.message]


def assert_stopped(home: Path, release: str, *words: str, **extra: str) -> None:
    result = nightly(home, **extra)
    assert result.returncode == 1, result.stdout
    assert "NOT PUBLISHED" in result.stderr
    assert (home / "last_failure.txt").read_text("utf-8") in result.stderr
    for word in words:
        assert word in result.stderr
    assert len(result.stderr[result.stderr.index("NOT PUBLISHED") :].splitlines()) <= 40
    assert release_of(home) == release
    alone = run_journey("publish", home=home)
    assert release_of(home) == release, alone.stdout


def test_what_stops_the_publish_and_what_does_not(
    story_home: Path,
    copy_home: Copy,
    project: Project,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """
    Wrong files, wrong rows, a failing dbt test: three runs of one home.

    Name, column and remedy are told, to everyone; waived or taken away, the nightly goes on.
    """
    home = copy_home(story_home)
    calls, hook = tmp_path / "calls.txt", tmp_path / "hook"
    hook.write_text(f'#!/bin/sh\necho "$@" >> "{calls}"\n', "utf-8")
    hook.chmod(0o755)
    hooks = {"JOURNEY_ON_FAILURE": f"{hook} failure", "JOURNEY_ON_SUCCESS": f"{hook} success"}
    release = release_of(home)
    orders = home / "landing" / "crm" / "orders" / "february.csv"
    orders.write_text("order_id,contact_id,ordered_at,currency_code\no9,c1,2026-01-04,JPY\n")
    events = home / "landing" / "web" / "events" / "cut.csv.gz"
    content = (home / "landing" / "web" / "events" / "events.csv").read_bytes()
    events.write_bytes(gzip.compress(content)[:-40])
    with read_release(home) as reader:  # a dashboard that stays open through the failed night
        assert_stopped(
            home,
            release,
            "crm/orders/february.csv",
            "F_HEADER_MISSING_REQUIRED",
            "order_amount",
            "Remedy: export crm/orders with column order_amount",
            "web/events/cut.csv.gz",
            "F_TRUNCATED",
            **hooks,
        )
        assert reader.execute("select count(*) from marts.dim_persons").fetchone() == (5,)
    failure = home / "last_failure.txt"
    text = failure.read_text("utf-8")
    assert "F_HEADER_MISSING_REQUIRED" in text and "Remedy: export crm/orders with" in text
    assert shown_on_the_run_page(home, monkeypatch) == [text]
    failure.unlink()
    events.unlink()
    waived = run_journey("waive", "crm/orders/february.csv", "resent tomorrow", home=home)
    assert waived.returncode == 0, waived.stderr
    # Wrong rows stop nobody: they are quarantined with their reason and the rest goes on.
    (home / "landing" / "survey" / "answers" / "more.csv").write_text(
        "response_id,survey_id,question_id,responded_at,contact_id,score\n"
        "r8,relationship,recommend,2026-01-07T10:00:00,c2,11\n"
        "r9,relationship,recommend,2026-02-30T10:00:00,c2,9\n"
        + "".join(f"s{n},order,satisfaction,2026-01-07T10:00:00,c2,4\n" for n in range(60)),
        "utf-8",
    )
    told = tmp_path / "events.jsonl"
    hooks["JOURNEY_OPENLINEAGE_URL"] = f"file://{told}"
    result = through_dagster(home, **hooks)
    assert result.returncode == 0, result.stderr
    assert "what was touched since the last build" in result.stdout
    manifest = (home / "published" / "current").resolve() / "manifest.json"
    assert not failure.exists()
    assert "rejected and waived: resent tomorrow" in result.stdout
    assert "more.csv: 62 rows = 60 loaded + 0 duplicate + 2 quarantined" in result.stdout
    with read_release(home) as connection:
        assert connection.execute(
            "select quarantine_reasons from marts.load_quality where file_name like '%more.csv'"
        ).fetchone() == ("R_CAST=1, R_SCORE_RANGE=1",)
        assert connection.execute(
            "select file_status, reject_code from marts.load_quality where file_status != 'loaded' "
            "order by file_status"
        ).fetchall() == [
            ("waived", "F_HEADER_MISSING_REQUIRED"),
            ("withdrawn", "F_TRUNCATED"),
        ]
        # What dbt built as an increment is what one full build of the same files gives.
        for name, rows in built_at_once(home, project, tmp_path / "at_once", monkeypatch).items():
            assert connection.execute(f"select * from {name} order by all").fetchall() == rows, name
    release = release_of(home)
    assert ends_of(told) == ("COMPLETE", release, set())
    told.unlink()
    tampered(
        home,
        "update raw_web.events set event_id = (select min(event_id) from raw_web.events) "
        "where event_id = (select max(event_id) from raw_web.events)",
    )
    failed = through_dagster(home, **hooks)
    assert failed.returncode == 1 and release_of(home) == release, failed.stdout
    assert ends_of(told) == (
        "FAIL",
        "none",
        {"warehouse.staging.journey.stg_web__events.build.test"},
    )
    text = failure.read_text("utf-8")
    assert "NOT PUBLISHED" in text and "primary key of event_id: 1 row" in text
    assert shown_on_the_run_page(home, monkeypatch) == [text]
    assert calls.read_text("utf-8").splitlines() == [
        f"failure {failure}", f"success {manifest}", f"failure {failure}",
    ]  # fmt: skip
    assert [(run.outcome, run.launched_by) for run in runs.past_runs(home)][-3:] == [
        ("failed", "journey nightly"),
        ("published", "Dagster, nightly"),
        ("failed", "Dagster, nightly"),
    ]
    alone = run_journey("publish", home=home)
    assert alone.returncode == 1 and release_of(home) == release, alone.stdout


def ends_of(told: Path) -> tuple[str, str, set[str]]:
    """Of the OpenLineage events of a run: how it ended, its release, and the jobs that failed."""
    *events, last = [json.loads(line) for line in told.read_text("utf-8").splitlines()]
    tags = {tag["key"]: tag["value"] for tag in last["run"]["facets"]["tags"]["tags"]}
    failed = {event["job"]["name"] for event in events if event["eventType"] == "FAIL"}
    return last["eventType"], tags["journey_release"], failed


def built_at_once(
    home: Path, project: Project, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> dict[str, list[tuple[Any, ...]]]:
    """All marts of a full build, in memory, of what lies in the landing zone of a home."""
    monkeypatch.setattr(proving, "PEPPER", PEPPER)
    folder.mkdir()
    (folder / "landing").symlink_to(home / "landing")
    with read_release(home) as release:
        (as_of_at,) = release.execute("select as_of_at from marts.release_info").fetchone() or ()
    with project.connect() as connection:
        world = World(project, connection, folder)
        world.load()
        world.build(str(as_of_at))
        marts = world.marts(arrival=False)
    # These tell how the release differs from the one before, and are filled when it is published.
    return {name: rows for name, rows in marts.items() if "_restatements" not in name}


def test_a_failing_expectation_stops_the_publish(
    sample_home: Path, copy_home: Copy, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A build that lost most sessions may pass every dbt test; the boundary holds it back."""
    home = copy_home(sample_home)
    release = release_of(home)
    settings = load_settings(home)
    with builds.own_change(settings), duckdb.connect(str(settings.warehouse)) as connection:
        built = builds.last_complete(connection)
        assert built is not None
        connection.execute("delete from marts.fct_sessions where hash(visitor_id) % 3 > 0")
        builds.complete(connection, "key", built.as_of_at, built.build_id)
    result = in_process(home, monkeypatch, checks.marts_boundary, JOURNEY_PEPPER="")
    (verdict,) = [e for e in result.get_asset_check_evaluations() if e.check_name == "audit"]
    assert not verdict.passed and verdict.severity == dg.AssetCheckSeverity.ERROR
    assert "Fewer than 80 %" in str(verdict.description)
    alone = run_journey("publish", home=home)
    assert alone.returncode == 1 and release_of(home) == release
    assert "fct_sessions" in alone.stderr and "Fewer than 80 %" in alone.stderr


def in_process(
    home: Path, patch: pytest.MonkeyPatch, *steps: Any, **extra: str
) -> dg.ExecuteInProcessResult:
    """Steps of the job alone, on a home; why they failed is in its `last_failure.txt`."""
    for name, value in environment(home, **extra).items():
        patch.setenv(name, value)
    of_checks = [step for step in steps if isinstance(step, dg.AssetChecksDefinition)]
    selection = dg.AssetSelection.all() | dg.AssetSelection.all_asset_checks()
    definitions = dg.Definitions(
        assets=[step for step in steps if step not in of_checks],
        asset_checks=of_checks,
        jobs=[dg.define_asset_job("steps", selection=selection)],
        resources={"run": RunContext()},
    )
    with dg.DagsterInstance.ephemeral() as instance:
        return definitions.resolve_job_def("steps").execute_in_process(
            instance=instance, raise_on_error=False
        )


def reasons(home: Path) -> str:
    return " ".join((home / "last_failure.txt").read_text("utf-8").split())


def test_sample_and_real_data_are_never_mixed(
    sample_home: Path, copy_home: Copy, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = copy_home(sample_home)
    (home / "landing" / "web" / "events" / "mine.csv").write_text("event_id\n1\n")
    assert not in_process(home, monkeypatch, raw.landing_files).success
    assert "never mixed" in reasons(home) and "mine.csv" in reasons(home)


def test_a_lost_folder_is_told(
    story_home: Path, copy_home: Copy, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A missing disk?"""
    home = copy_home(story_home)
    shutil.rmtree(home / "landing")
    (home / "landing").mkdir()
    assert not in_process(home, monkeypatch, raw.landing_files).success
    for words in ("crm/orders", "bring the folder back", "an empty one will do"):
        assert words in reasons(home)
    assert not load_settings(home).is_sample and not list((home / "landing").iterdir())


def test_a_first_file_that_was_refused_and_taken_away_brings_no_sample(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    orders = tmp_path / "landing" / "crm" / "orders" / "a.csv"
    orders.parent.mkdir(parents=True)
    orders.write_text("order_id,contact_id,ordered_at,currency_code\no9,c1,2026-01-04,JPY\n")
    steps = [raw.landing_files, *raw.raw_assets, raw.load_ledger]
    assert not in_process(tmp_path, monkeypatch, *steps, checks.raw_boundary).success
    assert "F_HEADER_MISSING_REQUIRED" in reasons(tmp_path)
    orders.unlink()
    assert not in_process(tmp_path, monkeypatch, raw.landing_files).success
    assert "put files into" in reasons(tmp_path)
    assert not load_settings(tmp_path).is_sample and not list(orders.parent.iterdir())


def test_wrong_rules_stop_the_run(tmp_path: Path) -> None:
    place_story("happy_week", tmp_path)
    rules = tmp_path / "rules" / "kpi_targets.csv"
    text = rules.read_text("utf-8") + "visits,century,2026-01-01,all,all,1\n"
    rules.write_text(text, "utf-8")
    line = len(text.splitlines())
    result = nightly(tmp_path)
    assert result.returncode == 1 and "raw loads" not in result.stdout
    told = f"rules/kpi_targets.csv, line {line}: period = 'century' is not one of"
    assert told in result.stderr and "RulesError" not in result.stderr


def test_one_writer_at_a_time(story_home: Path, copy_home: Copy) -> None:
    from orchestration.base.locking import single_writer

    home = copy_home(story_home)
    with single_writer(home):
        for command in ("publish", "nightly", "rollback"):
            result = run_journey(command, home=home)
            assert result.returncode == 1
            assert "another run (process" in result.stderr


@pytest.mark.parametrize("text", ["yesterday", "2026-01-01; drop table x"])
def test_the_instant_of_the_run_is_checked(story_home: Path, copy_home: Copy, text: str) -> None:
    home = copy_home(story_home)
    result = run_journey("nightly", "--as-of", text, home=home)
    assert result.returncode == 1
    assert "as_of_at" in result.stderr
