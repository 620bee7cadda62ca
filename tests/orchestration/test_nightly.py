"""Bad data never becomes visible: each kind stops the job, says why, and publish alone refuses."""

from __future__ import annotations

import gzip
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import dagster as dg
import duckdb
import pytest

from orchestration.dagster_shell import dagster_store
from orchestration.operating import runs
from orchestration.rules import OPTIONS, defaults, tables
from orchestration.settings import load_settings
from tests.conftest import ROOT, nightly, place_story, read_release, run_journey, run_module

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


def test_wrong_files_stop_the_publish_and_wrong_rows_do_not(
    story_home: Path, copy_home: Copy, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Name, column and remedy are told, to everyone; waived or taken away, the nightly goes on."""
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
    assert through_dagster(home, **hooks).returncode == 1
    assert failure.read_text("utf-8") == text
    assert shown_on_the_run_page(home, monkeypatch) == [text]
    assert calls.read_text("utf-8").splitlines() == [f"failure {failure}"] * 2
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
    result = through_dagster(home, **hooks)
    assert result.returncode == 0, result.stderr
    manifest = (home / "published" / "current").resolve() / "manifest.json"
    assert calls.read_text("utf-8").splitlines()[2:] == [f"success {manifest}"]
    assert not failure.exists()
    assert [(run.outcome, run.launched_by) for run in runs.past_runs(home)][-3:] == [
        ("failed", "journey nightly"),
        ("failed", "Dagster, nightly"),
        ("published", "Dagster, nightly"),
    ]
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


def test_a_failing_dbt_test_stops_the_publish(story_home: Path, copy_home: Copy) -> None:
    home = copy_home(story_home)
    release = release_of(home)
    tampered(
        home,
        "update raw_web.events set event_id = (select min(event_id) from raw_web.events) "
        "where event_id = (select max(event_id) from raw_web.events)",
    )
    assert_stopped(home, release, "primary_key_stg_web__events_event_id")


def test_a_failing_expectation_stops_the_publish(sample_home: Path, copy_home: Copy) -> None:
    """A night that lost most sessions passes every dbt test; the boundary holds it back."""
    home = copy_home(sample_home)
    release = release_of(home)
    tampered(
        home,
        "update raw_web.events set user_agent = 'Googlebot/2.1' where hash(visitor_id) % 3 > 0;"
        "delete from ops.builds",  # no load says so: only a full build looks at those rows again
    )
    # The sample was hashed with its own pepper, and another one would be refused.
    assert_stopped(home, release, "fct_sessions", "Fewer than 80 %", JOURNEY_PEPPER="")
    alone = run_journey("publish", home=home)
    assert alone.returncode == 1
    assert "Fewer than 80 %" in alone.stderr


def test_sample_and_real_data_are_never_mixed(sample_home: Path, copy_home: Copy) -> None:
    home = copy_home(sample_home)
    (home / "landing" / "web" / "events" / "mine.csv").write_text("event_id\n1\n")
    result = nightly(home)
    assert result.returncode == 1
    assert "never mixed" in result.stderr and "mine.csv" in result.stderr


def test_an_emptied_landing_zone_is_no_news_and_a_lost_one_is_told(
    story_home: Path, copy_home: Copy
) -> None:
    """Archived files: the same release, and no sample. A folder that is gone: a missing disk?"""
    home = copy_home(story_home)
    release = release_of(home)
    for path in (home / "landing").rglob("*.csv"):
        path.unlink()
    result = nightly(home)
    assert result.returncode == 0, result.stderr
    assert "no new files" in result.stdout and "SYNTHETIC" not in result.stdout
    assert release_of(home) == release
    shutil.rmtree(home / "landing" / "crm")
    assert_stopped(home, release, "crm/orders", "bring the folder back", "an empty one will do")
    assert not load_settings(home).is_sample


def test_a_first_file_that_was_refused_and_taken_away_brings_no_sample(tmp_path: Path) -> None:
    orders = tmp_path / "landing" / "crm" / "orders" / "a.csv"
    orders.parent.mkdir(parents=True)
    orders.write_text("order_id,contact_id,ordered_at,currency_code\no9,c1,2026-01-04,JPY\n")
    assert "F_HEADER_MISSING_REQUIRED" in nightly(tmp_path).stderr
    orders.unlink()
    result = nightly(tmp_path)
    assert result.returncode == 1 and "put files into" in " ".join(result.stderr.split())
    assert not load_settings(tmp_path).is_sample and not list(orders.parent.iterdir())


def test_wrong_rules_stop_the_run_and_without_any_nothing_of_ours_is_published(
    tmp_path: Path,
) -> None:
    place_story("happy_week", tmp_path)
    rules = tmp_path / "rules" / "kpi_targets.csv"
    text = rules.read_text("utf-8") + "visits,century,2026-01-01,all,all,1\n"
    rules.write_text(text, "utf-8")
    line = len(text.splitlines())
    result = nightly(tmp_path)
    assert result.returncode == 1 and "raw loads" not in result.stdout
    told = f"rules/kpi_targets.csv, line {line}: period = 'century' is not one of"
    assert told in result.stderr
    shutil.rmtree(tmp_path / "rules")
    result = nightly(tmp_path)
    assert result.returncode == 0, result.stderr
    companys = {"Onboarding calls", "Designed journey", "Likelihood to recommend", "site_renewal"}
    with read_release(tmp_path) as connection:
        origins = connection.execute("select rule_table, rule_origin from marts.dim_rules")
        assert dict(origins.fetchall()) == {
            OPTIONS: "default",
            **{name: "default" if defaults().rows(name) else "none" for name in tables()},
        }
        for (name,) in connection.execute("select table_name from duckdb_tables()").fetchall():
            rows = str(connection.execute(f"select * from marts.{name}").fetchall())
            assert not [text for text in companys if text in rows], name
        for name in ("dim_journey_map_steps", "kpi_initiative_results", "fct_survey_scores"):
            assert connection.execute(f"select count(*) from marts.{name}").fetchone() == (0,)
        targets = "select count(*) from marts.kpi_monthly where target is not null"
        assert connection.execute(targets).fetchone() == (0,)


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
