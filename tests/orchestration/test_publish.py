"""Publishing: whole releases only, whatever happens, and never without an audit of exactly this."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import duckdb
import pytest

from orchestration import gate, publishing
from orchestration.fingerprint import fingerprint
from orchestration.gate import Audit, Check, GateClosed
from orchestration.settings import Settings, load_settings
from tests.conftest import ROOT, environment

AS_OF = "2026-01-08 00:00:00"
KILLED = """
import os, signal, sys
from orchestration import publishing
from orchestration.settings import load_settings
def die(step):
    if step == sys.argv[1]:
        os.kill(os.getpid(), signal.SIGKILL)
publishing.journey_map.render = lambda reader: "page"
publishing.publish(load_settings(), die)
"""


@pytest.fixture(autouse=True)
def page_of_tiny_marts(monkeypatch: pytest.MonkeyPatch) -> None:
    """The page needs all marts; tests/warehouse/test_journey_map.py has them."""
    monkeypatch.setattr(publishing.journey_map, "render", lambda reader: "page")


def candidate(home: Path, people: int, verdict: str = "pass") -> Settings:
    """A tiny warehouse with an audit of it."""
    settings = load_settings(home)
    settings.prepare()
    with duckdb.connect(str(settings.warehouse)) as connection:
        connection.execute("create schema if not exists marts")
        connection.execute(
            "create or replace table marts.dim_persons as "
            f"select range::varchar as person_id, 1.10::decimal(18, 2) as paid from range({people})"
        )
        connection.execute("comment on table marts.dim_persons is 'One row per person.'")
        connection.execute("comment on column marts.dim_persons.paid is 'What''s paid.'")
        connection.execute(
            f"""
            create or replace table marts.release_info as select
                null::varchar as release_id, null::varchar as content_hash,
                null::varchar as code_version, null::integer as passed_check_count,
                null::integer as warned_check_count, null::integer as failed_check_count,
                timestamp '{AS_OF}' as as_of_at, null::timestamp as built_at
            """
        )
        found = fingerprint(connection)
    audit = Audit(found.value, found.content_hash, AS_OF, (Check("dbt", "a", verdict, "why"),))
    gate.write_audit(settings.audits, audit)
    return settings


def people_read(home: Path) -> int:
    """Readers open the constant path, read-only; every table they see is of one release."""
    with duckdb.connect(
        str(home / "published" / "current" / "journey.duckdb"), read_only=True
    ) as connection:
        row = connection.execute(
            "select (select count(*) from marts.dim_persons), passed_check_count "
            "from marts.release_info"
        ).fetchone()
    assert row is not None and row[1] == 1
    return int(row[0])


def test_release_is_complete_and_read_only(tmp_path: Path) -> None:
    settings = candidate(tmp_path, 3)
    release = publishing.publish(settings)
    current = settings.published / "current"
    assert os.readlink(current) == f"releases/{release}"
    assert people_read(tmp_path) == 3
    names = sorted(p.relative_to(current).as_posix() for p in current.rglob("*") if p.is_file())
    assert names == ["journey.duckdb", "journey_map.html", "manifest.json",
                     "parquet/dim_persons.parquet", "parquet/release_info.parquet"]  # fmt: skip
    assert all(not (current / name).stat().st_mode & 0o222 for name in names)
    with duckdb.connect(str(current / "journey.duckdb"), read_only=True) as connection:
        comments = connection.execute(
            "select comment from duckdb_columns() where column_name = 'paid'"
        ).fetchall()
        assert comments == [("What's paid.",)]
        views = connection.execute("select count(*) from duckdb_views() where not internal")
        assert views.fetchone() == (0,)


@pytest.mark.parametrize("step", publishing.STEPS)
def test_killed_at_any_step_readers_see_a_whole_release(tmp_path: Path, step: str) -> None:
    publishing.publish(candidate(tmp_path, 3))
    settings = candidate(tmp_path, 5)
    killed = subprocess.run(
        [sys.executable, "-c", KILLED, step], cwd=ROOT, env=environment(tmp_path), check=False
    )
    assert killed.returncode == -signal.SIGKILL
    flipped = publishing.STEPS.index(step) >= publishing.STEPS.index("flipped")
    assert people_read(tmp_path) == (5 if flipped else 3)
    publishing.publish(settings)
    assert people_read(tmp_path) == 5
    left = [p.name for p in settings.published.rglob(".*")]
    assert left == []


def test_open_readers_keep_their_release(tmp_path: Path) -> None:
    publishing.publish(candidate(tmp_path, 3))
    path = str(tmp_path / "published" / "current" / "journey.duckdb")
    reader = subprocess.Popen(
        [sys.executable, "-c",
         "import duckdb, sys; c = duckdb.connect(sys.argv[1], read_only=True); print('open',"
         " flush=True); input(); print(c.execute('select count(*) from marts.dim_persons')"
         ".fetchone()[0])", path],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert reader.stdout is not None and reader.stdout.readline() == "open\n"
    publishing.publish(candidate(tmp_path, 5))
    assert people_read(tmp_path) == 5
    output, _ = reader.communicate("\n")
    assert output == "3\n"


def test_nothing_is_published_without_an_audit(tmp_path: Path) -> None:
    settings = candidate(tmp_path, 3)
    for path in settings.audits.iterdir():
        path.unlink()
    with pytest.raises(GateClosed, match="never judged"):
        publishing.publish(settings)


def test_a_failed_audit_is_refused_with_its_reasons(tmp_path: Path) -> None:
    with pytest.raises(GateClosed, match="dbt: a: why"):
        publishing.publish(candidate(tmp_path, 3, verdict="fail"))
    assert not (tmp_path / "published" / "current").exists()


def test_a_candidate_changed_after_its_audit_is_refused(tmp_path: Path) -> None:
    publishing.publish(candidate(tmp_path, 3))
    settings = candidate(tmp_path, 5)
    with duckdb.connect(str(settings.warehouse)) as connection:
        connection.execute("update marts.dim_persons set paid = 2 where person_id = '0'")
    with pytest.raises(GateClosed, match="changed"):
        publishing.publish(settings)
    assert people_read(tmp_path) == 3


def test_an_edited_verdict_is_not_believed(tmp_path: Path) -> None:
    settings = candidate(tmp_path, 3, verdict="fail")
    for path in settings.audits.iterdir():
        path.write_text(path.read_text("utf-8").replace('"verdict": "fail"', '"verdict": "pass"'))
    with pytest.raises(GateClosed):
        publishing.publish(settings)


def test_a_look_back_is_not_held_against_the_last_release(tmp_path: Path) -> None:
    settings = candidate(tmp_path, 9)
    assert publishing.previous_rows(settings, AS_OF) == {}
    publishing.publish(settings)
    assert publishing.previous_rows(settings, AS_OF)["dim_persons"] == 9
    assert publishing.previous_rows(settings, "2026-01-07 00:00:00") == {}


def test_rollback_and_retention(tmp_path: Path) -> None:
    releases = [publishing.publish(candidate(tmp_path, number)) for number in range(1, 10)]
    settings = load_settings(tmp_path)
    assert publishing.release_ids(settings.published) == releases[-settings.keep_releases :]
    assert publishing.rollback(settings) == releases[-2]
    assert people_read(tmp_path) == 8
    assert publishing.rollback(settings, releases[-4]) == releases[-4]
    assert people_read(tmp_path) == 6
    with pytest.raises(publishing.PublishError, match="no release"):
        publishing.rollback(settings, releases[0])
