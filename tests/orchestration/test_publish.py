"""Publishing: whole releases only, whatever happens, and never without an audit of exactly this."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import duckdb
import pytest

from orchestration.building import builds
from orchestration.gate import audits
from orchestration.gate.audits import Audit, Check, GateClosed
from orchestration.loading import erasing, ledger
from orchestration.publishing import releasing
from orchestration.settings import Settings, load_settings
from tests.conftest import ROOT, environment

AS_OF = "2026-01-08 00:00:00"
KILLED = """
import os, signal, sys
from orchestration.publishing import releasing
from orchestration.settings import load_settings
def die(step):
    if step == sys.argv[1]:
        os.kill(os.getpid(), signal.SIGKILL)
releasing.report.render = lambda reader, **_: "page"
releasing.publish(load_settings(), die)
"""


@pytest.fixture(autouse=True)
def page_of_tiny_marts(monkeypatch: pytest.MonkeyPatch) -> None:
    """The page needs all marts; tests/warehouse/test_report.py has them."""
    monkeypatch.setattr(releasing.report, "render", lambda reader, **_: "page")


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
                null::varchar as data_set_name,
                null::varchar as code_version, null::integer as passed_check_count,
                null::integer as warned_check_count, null::integer as failed_check_count,
                timestamp '{AS_OF}' as as_of_at, null::timestamp as built_at
            """
        )
        ledger.create(connection, [])
        builds.complete(connection, "key", AS_OF, f"build of {people}")
        build = builds.last_complete(connection)
    assert build is not None
    check = Check("dbt", "a", verdict, "why")
    audit = Audit(build.build_id, build.fingerprint, build.content_hash, build.as_of_at, (check,))
    audits.write_audit(settings.audits, audit)
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


@pytest.mark.parametrize(
    ("step", "spoil", "words"),
    [
        ("detached", "update marts.dim_persons set paid = 2 where person_id = '1'", "candidate 3"),
        ("detached", "insert into marts.dim_persons values ('9', 1.10)", "candidate 3"),
        ("exported", "select person_id, 2::decimal(18, 2) as paid", "its Parquet file 3"),
        ("exported", "select * limit 2", "its Parquet file 2"),
    ],
)
def test_what_was_written_is_what_was_judged(
    tmp_path: Path, step: str, spoil: str, words: str
) -> None:
    settings = candidate(tmp_path, 3)

    def on_step(done: str) -> None:
        if done == step:
            (folder,) = (settings.published / "releases").glob(".tmp-*")
            path = folder / "parquet" / "dim_persons.parquet"
            if step == "detached":
                with duckdb.connect(str(folder / "journey.duckdb")) as release:
                    release.execute(spoil)
                return
            with duckdb.connect() as connection:
                connection.execute(f"create table spoiled as from '{path}' {spoil}")
                connection.execute(f"copy spoiled to '{path}' (format parquet)")

    with pytest.raises(releasing.PublishError, match=f"dim_persons: the release holds .*{words}"):
        releasing.publish(settings, on_step)
    assert releasing.release_ids(settings.published) == []


def test_release_is_complete_and_read_only(tmp_path: Path) -> None:
    settings = candidate(tmp_path, 3)
    release = releasing.publish(settings)
    current = settings.published / "current"
    assert os.readlink(current) == f"releases/{release}"
    assert people_read(tmp_path) == 3
    names = sorted(p.relative_to(current).as_posix() for p in current.rglob("*") if p.is_file())
    assert names == ["checks.html", "journey.duckdb", "journey_map.html", "manifest.json",
                     "parquet/dim_persons.parquet", "parquet/release_info.parquet"]  # fmt: skip
    assert all(not (current / name).stat().st_mode & 0o222 for name in names)
    with duckdb.connect(str(current / "journey.duckdb"), read_only=True) as connection:
        comments = connection.execute(
            "select comment from duckdb_columns() where column_name = 'paid'"
        ).fetchall()
        assert comments == [("What's paid.",)]
        # A home without a name has none, and not one that reads "None".
        named = "select count(*), count(data_set_name) from marts.release_info"
        assert connection.execute(named).fetchone() == (1, 0)
        assert json.loads((current / "manifest.json").read_text("utf-8"))["data_set_name"] is None
        views = connection.execute("select count(*) from duckdb_views() where not internal")
        assert views.fetchone() == (0,)


@pytest.mark.parametrize("step", releasing.STEPS)
def test_killed_at_any_step_readers_see_a_whole_release(tmp_path: Path, step: str) -> None:
    releasing.publish(candidate(tmp_path, 3))
    settings = candidate(tmp_path, 5)
    killed = subprocess.run(
        [sys.executable, "-c", KILLED, step], cwd=ROOT, env=environment(tmp_path), check=False
    )
    assert killed.returncode == -signal.SIGKILL
    flipped = releasing.STEPS.index(step) >= releasing.STEPS.index("flipped")
    assert people_read(tmp_path) == (5 if flipped else 3)
    releasing.publish(settings)
    assert people_read(tmp_path) == 5
    left = [p.name for p in settings.published.rglob(".*")]
    assert left == []


def test_open_readers_keep_their_release(tmp_path: Path) -> None:
    releasing.publish(candidate(tmp_path, 3))
    path = str(tmp_path / "published" / "current" / "journey.duckdb")
    reader = subprocess.Popen(
        [sys.executable, "-c",
         "import duckdb, sys; c = duckdb.connect(sys.argv[1], read_only=True); print('open',"
         " flush=True); input(); print(c.execute('select count(*) from marts.dim_persons')"
         ".fetchone()[0])", path],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert reader.stdout is not None and reader.stdout.readline() == "open\n"
    releasing.publish(candidate(tmp_path, 5))
    assert people_read(tmp_path) == 5
    output, _ = reader.communicate("\n")
    assert output == "3\n"


def test_nothing_is_published_without_an_audit(tmp_path: Path) -> None:
    settings = candidate(tmp_path, 3)
    for path in settings.audits.iterdir():
        path.unlink()
    with pytest.raises(GateClosed, match="never checked"):
        releasing.publish(settings)


def test_a_failed_audit_is_refused_with_its_reasons(tmp_path: Path) -> None:
    with pytest.raises(GateClosed, match="dbt: a: why"):
        releasing.publish(candidate(tmp_path, 3, verdict="fail"))
    assert not (tmp_path / "published" / "current").exists()


def test_an_edited_verdict_is_not_believed(tmp_path: Path) -> None:
    settings = candidate(tmp_path, 3, verdict="fail")
    for path in settings.audits.iterdir():
        path.write_text(path.read_text("utf-8").replace('"verdict": "fail"', '"verdict": "pass"'))
    with pytest.raises(GateClosed):
        releasing.publish(settings)


def marts(home: Path, statement: str) -> None:
    with duckdb.connect(str(home / "warehouse" / "warehouse.duckdb")) as connection:
        connection.execute(statement)


def audit_of(home: Path) -> Path:
    return max((home / "audit").glob("*.json"), key=lambda path: path.stat().st_mtime_ns)


def edited(path: Path, old: str, new: str) -> None:
    text = path.read_text("utf-8")
    assert old in text
    path.chmod(0o644)
    path.write_text(text.replace(old, new), "utf-8")


def flipped(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.chmod(0o644)
    path.write_bytes(data)


def cut(path: Path) -> None:
    path.chmod(0o644)
    os.truncate(path, path.stat().st_size // 2)


# What was done after the audit, and what publishing alone says to it.
SPOILED_EVIDENCE: dict[str, tuple[Callable[[Path], object], str]] = {
    "a mart edited": (
        lambda home: marts(home, "update marts.dim_persons set paid = paid * 1000"),
        "changed after their build"),
    "a row deleted": (
        lambda home: marts(home, "delete from marts.dim_persons where person_id = '0'"),
        "changed after their build"),
    "a mart added": (
        lambda home: marts(home, "create table marts.extra as select 1 as x"),
        "changed after their build"),
    "a column renamed": (
        lambda home: marts(home, "alter table marts.dim_persons rename paid to spent"),
        "changed after their build"),
    "a comment edited": (
        lambda home: marts(home, "comment on table marts.dim_persons is 'mine'"),
        "changed after their build"),
    "null for a sign": (
        lambda home: marts(home, "update marts.release_info set code_version = '∅'"),
        "changed after their build"),
    "the instant edited": (
        lambda home: marts(home, "update marts.release_info set as_of_at = '2027-01-01'"),
        "changed after their build"),
    "all marts dropped": (
        lambda home: marts(home, "drop schema marts cascade"), "no candidate yet"),
    "a build begun and not completed": (
        lambda home: marts(home, "update ops.builds set is_complete = false"),
        "no complete build"),
    "a build by hand": (lambda home: marts(home, "delete from ops.builds"), "no complete build"),
    "another build": (
        lambda home: marts(home, "update ops.builds set build_id = 'other'"), "another build"),
    "another fingerprint": (
        lambda home: marts(home, "update ops.builds set fingerprint = 'f'"), "never checked"),
    "a file loaded": (
        lambda home: marts(home, "insert into ops.files (file_id, source, table_name, status) "
                                 "values ('f', 'web', 'events', 'loaded')"),
        "loads changed"),
    "a file waived": (
        lambda home: marts(home, "update ops.files set waive_reason = 'why'"), "loads changed"),
    "the audit removed": (lambda home: audit_of(home).unlink(), "never checked"),
    "the audit cut": (lambda home: cut(audit_of(home)), "cut or edited"),
    "the audit empty": (lambda home: os.truncate(audit_of(home), 0), "cut or edited"),
    "a count edited": (lambda home: edited(audit_of(home), '"a"', '"b"'), "cut or edited"),
    "the audit of another": (
        lambda home: audit_of(home).write_bytes(
            min((home / "audit").glob("*.json"), key=lambda p: p.stat().st_mtime_ns).read_bytes()),
        "another build"),
    "the warehouse removed": (
        lambda home: (home / "warehouse" / "warehouse.duckdb").unlink(), "no candidate yet"),
}  # fmt: skip


@pytest.mark.parametrize("spoiled", SPOILED_EVIDENCE)
def test_evidence_is_of_exactly_this_build(tmp_path: Path, spoiled: str) -> None:
    releasing.publish(candidate(tmp_path, 3))
    settings = candidate(tmp_path, 5)
    marts(tmp_path, "insert into ops.files (file_id, source, table_name, status) "
                    "values ('0', 'web', 'events', 'waived')")  # fmt: skip
    with duckdb.connect(str(settings.warehouse)) as connection:
        state = ledger.load_state(connection)
        connection.execute("update ops.builds set load_state = ?", [state])
    spoil, words = SPOILED_EVIDENCE[spoiled]
    spoil(tmp_path)
    with pytest.raises(GateClosed, match=words) as refusal:
        releasing.publish(settings)
    assert "journey nightly" in str(refusal.value)
    assert people_read(tmp_path) == 3


CURRENT = Path("published") / "current"
SPOILED_RELEASES: dict[str, Callable[[Path], object]] = {
    "a byte of the database": lambda home: flipped(home / CURRENT / "journey.duckdb"),
    "the database cut": lambda home: cut(home / CURRENT / "journey.duckdb"),
    "the database removed": lambda home: (home / CURRENT / "journey.duckdb").unlink(),
    "a byte of a Parquet file": lambda home: flipped(
        home / CURRENT / "parquet" / "dim_persons.parquet"),
    "a Parquet file removed": lambda home: (
        home / CURRENT / "parquet" / "dim_persons.parquet").unlink(),
    "all Parquet files removed": lambda home: shutil.rmtree(home / CURRENT / "parquet"),
    "the page edited": lambda home: edited(home / CURRENT / "journey_map.html", "page", "pagE"),
    "a file added": lambda home: (home / CURRENT / "mine.csv").write_text("x"),
    "the manifest cut": lambda home: cut(home / CURRENT / "manifest.json"),
    "the manifest empty": lambda home: (
        (home / CURRENT / "manifest.json").unlink(), (home / CURRENT / "manifest.json").touch()),
    "the manifest removed": lambda home: (home / CURRENT / "manifest.json").unlink(),
    "the manifest edited": lambda home: edited(
        home / CURRENT / "manifest.json", '"rows": 3', '"rows": 4'),
    "the manifest is a list": lambda home: (
        (home / CURRENT / "manifest.json").unlink(),
        (home / CURRENT / "manifest.json").write_text("[]")),
    "the release removed": lambda home: shutil.rmtree((home / CURRENT).resolve()),
    "all releases removed": lambda home: shutil.rmtree(home / "published" / "releases"),
    "the releases are a file": lambda home: (
        shutil.rmtree(home / "published" / "releases"),
        (home / "published" / "releases").write_text("x")),
    "a folder for a link": lambda home: (
        (home / CURRENT).unlink(), (home / CURRENT).mkdir(), (home / CURRENT / "x").touch()),
    "a file for a link": lambda home: ((home / CURRENT).unlink(), (home / CURRENT).touch()),
    "a link into nothing": lambda home: (
        (home / CURRENT).unlink(), (home / CURRENT).symlink_to("releases/none")),
    "a link out of the home": lambda home: (
        (home / CURRENT).unlink(), (home / CURRENT).symlink_to("/tmp")),
    "no link": lambda home: (home / CURRENT).unlink(),
    "leftovers": lambda home: (
        (home / "published" / "releases" / ".tmp-x").mkdir(),
        (home / "published" / "releases" / ".old-x").mkdir(),
        (home / "published" / ".current-new").symlink_to("x")),
    "a stray file among the releases": lambda home: (
        home / "published" / "releases" / "notes.txt").write_text("x"),
    "another's name": lambda home: (
        (home / CURRENT).resolve().rename(home / "published" / "releases" / "20260101-other")),
    "the list of publications is a folder": lambda home: (
        (home / "published" / "ledger.jsonl").unlink(),
        (home / "published" / "ledger.jsonl").mkdir()),
    "a link to be is a folder": lambda home: (home / "published" / ".current-new").mkdir(),
    "the list of publications": lambda home: (
        home / "published" / "ledger.jsonl").write_bytes(b"\xff{"),
}  # fmt: skip


@pytest.mark.parametrize("spoiled", SPOILED_RELEASES)
def test_the_next_run_heals_a_spoiled_release(tmp_path: Path, spoiled: str) -> None:
    """Nothing new arrived: the same candidate is published again, whole."""
    settings = candidate(tmp_path, 3)
    releasing.publish(settings)
    SPOILED_RELEASES[spoiled](tmp_path)
    releasing.previous_manifest(settings, AS_OF)
    said: list[str] = []
    release = releasing.publish(settings, say=said.append)
    assert people_read(tmp_path) == 3
    assert releasing.current_release(settings.published) == release
    folder = settings.published / "releases" / release
    assert releasing.damage(folder) is None
    assert releasing.release_ids(settings.published) == [release]
    assert len(said) <= 1
    hidden = [p.name for p in settings.published.rglob(".*")]
    assert hidden == []
    assert releasing.publish(settings, say=said.append) == release


def test_a_damaged_current_release_is_told_and_readers_never_see_none(tmp_path: Path) -> None:
    settings = candidate(tmp_path, 3)
    first = releasing.publish(settings)
    flipped(tmp_path / CURRENT / "parquet" / "dim_persons.parquet")
    seen: list[int] = []
    said: list[str] = []
    second = releasing.publish(settings, lambda step: seen.append(people_read(tmp_path)),
                                said.append)  # fmt: skip
    assert said == [
        f"release {first} is damaged (parquet/dim_persons.parquet was changed): written again"
    ]
    assert second == f"{first}.2" and set(seen) == {3}


def test_no_rollback_to_a_damaged_release(tmp_path: Path) -> None:
    releases = [releasing.publish(candidate(tmp_path, number)) for number in (1, 2)]
    settings = load_settings(tmp_path)
    folder = settings.published / "releases" / releases[0]
    flipped(folder / "journey.duckdb")
    with pytest.raises(releasing.PublishError, match="is damaged"):
        releasing.rollback(settings)
    cut(folder / "journey.duckdb")
    with pytest.raises(releasing.PublishError, match="no release before"):
        releasing.rollback(settings)
    assert people_read(tmp_path) == 2


def test_a_look_back_is_not_held_against_the_last_release(tmp_path: Path) -> None:
    settings = candidate(tmp_path, 9)
    assert releasing.previous_manifest(settings, AS_OF) is None
    releasing.publish(settings)
    manifest = releasing.previous_manifest(settings, AS_OF)
    assert manifest and manifest["tables"]["dim_persons"]["rows"] == 9
    assert releasing.previous_manifest(settings, "2026-01-07 00:00:00") is None


def test_rollback_and_retention(tmp_path: Path) -> None:
    releases = [releasing.publish(candidate(tmp_path, number)) for number in range(1, 10)]
    settings = load_settings(tmp_path)
    assert releasing.release_ids(settings.published) == releases[-settings.keep_releases :]
    assert releasing.rollback(settings) == releases[-2]
    assert people_read(tmp_path) == 8
    assert releasing.rollback(settings, releases[-4]) == releases[-4]
    assert people_read(tmp_path) == 6
    with pytest.raises(releasing.PublishError, match="no whole release"):
        releasing.rollback(settings, releases[0])


def test_audits_go_with_their_releases(tmp_path: Path) -> None:
    for people in (1, 2, 3):
        releasing.publish(replace(candidate(tmp_path, people), keep_releases=2))
    settings = replace(candidate(tmp_path, 4), keep_releases=2)  # judged, not published
    assert len(list(settings.audits.glob("*.json"))) == 3
    releasing.publish(replace(candidate(tmp_path, 5), keep_releases=2))
    manifests = [releasing.read_manifest(f) for f in (tmp_path / "published/releases").iterdir()]
    kept = {str(manifest["fingerprint"]) for manifest in manifests if manifest}
    assert {path.stem for path in settings.audits.glob("*.json")} == kept and len(kept) == 2


def test_no_rollback_to_before_an_erasure(tmp_path: Path) -> None:
    """Done or still owed: a release that shows the subject does not come back."""
    releases = [releasing.publish(candidate(tmp_path, number)) for number in (1, 2)]
    settings = load_settings(tmp_path)
    marts(tmp_path, "insert into ops.erasure_dues values ('d', '2030-01-01', "
                    "'{\"request_id\": \"R-1\"}')")  # fmt: skip
    with pytest.raises(releasing.PublishError, match="older than an erasure"):
        releasing.rollback(settings)
    assert erasing.settle(settings) == 1
    with pytest.raises(releasing.PublishError, match="older than an erasure"):
        releasing.rollback(settings, releases[0])
    assert people_read(tmp_path) == 2
