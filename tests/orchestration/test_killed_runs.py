"""A run that is killed, wherever it is, never stands in the way of the next one."""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import dagster as dg
import psutil
import pytest
from dagster._core.remote_origin import (
    RegisteredCodeLocationOrigin,
    RemoteJobOrigin,
    RemoteRepositoryOrigin,
)
from dagster._core.test_utils import create_run_for_test

from orchestration.dagster_shell import dagster_store
from orchestration.operating import runs
from tests.conftest import ROOT, environment, nightly, place_story


def started(home: Path, until: str, **extra: str) -> subprocess.Popen[str]:
    """
    The real nightly in a process group of its own, once its progress has come to a line.

    Ctrl-C is ignored when it starts, as a script has it that starts it with `&`.
    """
    process = subprocess.Popen(
        [sys.executable, "-m", "orchestration.cli", "nightly"],
        cwd=ROOT,
        env=environment(home, **extra),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_IGN),
    )
    assert process.stdout is not None
    seen = ""
    for line in process.stdout:
        seen += line
        if until in line:
            return process
    raise AssertionError(f"{until!r} never came:\n{seen}")


def content_hash(home: Path) -> str:
    manifest = home / "published" / "current" / "manifest.json"
    return str(json.loads(manifest.read_text("utf-8"))["content_hash"])


DISKS = Path(tempfile.gettempdir())  # pytest's own folder is removed without being unmounted
DISK = "journey-small-disk-"


def give_back(disk: Path) -> None:
    if os.path.ismount(disk):
        subprocess.run(["umount", "--lazy", str(disk)], check=True)
    shutil.rmtree(disk)


@pytest.fixture
def small_disk() -> Iterator[Path]:
    """A folder on a file system of its own, where root may mount one; else an ordinary one."""
    for left in DISKS.glob(f"{DISK}*"):  # by tests that were killed
        if not psutil.pid_exists(int(left.name.removeprefix(DISK))):
            give_back(left)
    folder = DISKS / f"{DISK}{os.getpid()}"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=400m", "tmpfs", str(folder)]
    subprocess.run(mount, check=False)
    yield folder
    give_back(folder)


def place_shuffled_story(home: Path) -> None:
    """The story happy_week with files renamed, cut in two and shuffled."""
    place_story("happy_week", home)
    generator = random.Random(7)
    for path in sorted((home / "landing").rglob("*.csv")):
        header, *lines = path.read_text("utf-8").splitlines()
        generator.shuffle(lines)
        middle = len(lines) // 2
        for name, part in (("zz", lines[:middle]), ("aa", lines[middle:])):
            if part:
                target = path.parent / f"{name}-{generator.randrange(1000)}.csv"
                target.write_text("\n".join([header, *part]) + "\n", "utf-8")
        path.unlink()


def test_the_next_run_needs_no_repair(
    small_disk: Path, story_home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """
    A full disk; killed with all children, alone, or politely, in each stage that writes; then one
    run, whose release is that of a home where nothing happened.

    Each start shows that the fault before it left nothing to wait for. Names and order of the
    files, the zone of the process and its threads are others than in that home, and change nothing.
    """
    home = small_disk / "my home's"  # a blank and a quote, too
    place_shuffled_story(home)
    other = {"TZ": "Asia/Tokyo", "JOURNEY_THREADS": "1"}
    if os.path.ismount(small_disk):
        ballast = small_disk / "ballast"
        with ballast.open("wb") as stream, suppress(OSError):
            while True:
                stream.write(bytes(1 << 16))
        result = nightly(home, **other)
        assert result.returncode == 1, result.stdout
        assert "no room is left" in result.stderr and "Traceback" not in result.stderr
        ballast.unlink()

    process = started(home, "2/6 raw loads", **other)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait(10)

    process = started(home, "4/6 dbt build: 50 models", **other)
    children = psutil.Process(process.pid).children(recursive=True)
    assert children
    process.kill()  # the parent alone: dbt must not go on writing
    process.wait(10)
    _, alive = psutil.wait_procs(children, timeout=5)
    assert alive == []

    process = started(home, "4/6 dbt build: 50 models", **other)
    children = psutil.Process(process.pid).children(recursive=True)
    process.send_signal(signal.SIGTERM)
    output, _ = process.communicate(timeout=60)
    assert process.returncode == 130, output
    assert "✗ interrupted" in output and "Traceback" not in output
    assert "✗ interrupted" in (home / "last_failure.txt").read_text("utf-8")
    _, alive = psutil.wait_procs(children, timeout=5)
    assert alive == []

    process = started(home, "4/6 dbt build: all models built", **other)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait(10)

    result = nightly(home, **other)
    assert result.returncode == 0, result.stdout + result.stderr
    assert content_hash(home) == content_hash(story_home)
    outcomes = [run.outcome for run in runs.past_runs(home)]
    assert outcomes[-5:] == [None, None, "interrupted", None, "published"]
    assert not (home / "last_failure.txt").exists()
    again = nightly(home, **other)
    assert again.returncode == 0 and "nothing is new" in again.stdout, again.stdout
    assert "dbt build" not in again.stdout
    assert runs.past_runs(home)[-1].outcome == "unchanged"
    monkeypatch.setenv("DAGSTER_HOME", str(ROOT))
    monkeypatch.setenv("DAGSTER_STATE_DIR", str(home / "dagster"))
    with dagster_store.open_instance(home / "dagster") as instance:
        running = instance.get_runs(dg.RunsFilter(statuses=[dg.DagsterRunStatus.STARTED]))
    assert running == []


@pytest.fixture(scope="module")
def used_store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A used Dagster store: one run that nobody finished. Do not change it: copy it."""
    folder = tmp_path_factory.mktemp("used") / "dagster"
    folder.mkdir()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DAGSTER_HOME", str(ROOT))
        patch.setenv("DAGSTER_STATE_DIR", str(folder))
        with dagster_store.open_instance(folder) as instance:
            dg.materialize([_asset()], instance=instance)
            (run,) = instance.get_runs()
            start = dg.DagsterEvent("PIPELINE_START", job_name=run.job_name)
            instance.run_storage.handle_run_event(run.run_id, start)
    return folder


@pytest.fixture
def store(used_store: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the used store."""
    folder = tmp_path / "dagster"
    shutil.copytree(used_store, folder)
    monkeypatch.setenv("DAGSTER_HOME", str(ROOT))
    monkeypatch.setenv("DAGSTER_STATE_DIR", str(folder))
    return folder


def _asset() -> dg.AssetsDefinition:
    @dg.asset
    def x() -> None: ...

    return x


def test_dead_runs_are_told_and_ended(store: Path) -> None:
    with dagster_store.open_instance(store) as instance:
        assert dagster_store.end_dead_runs(instance, "mine") == 1
        assert dagster_store.end_dead_runs(instance, "mine") == 0
        # Not as failed: `dagster dev` may start those again, unasked.
        assert [run.status for run in instance.get_runs()] == [dg.DagsterRunStatus.CANCELED]


def test_a_dead_run_whose_record_is_damaged_is_ended(store: Path) -> None:
    (record,) = [path for path in (store / "history" / "runs").glob("*.db") if len(path.stem) == 36]
    record.write_text("x" * 9000)
    with dagster_store.open_instance(store) as instance:
        assert dagster_store.end_dead_runs(instance, "mine") == 1
        assert [run.status for run in instance.get_runs()] == [dg.DagsterRunStatus.CANCELED]


def test_what_waits_is_not_dead(store: Path) -> None:
    """The queue of `dagster dev` stays; what a dead run had only registered goes."""
    status = dg.DagsterRunStatus
    origin = RemoteJobOrigin(
        RemoteRepositoryOrigin(RegisteredCodeLocationOrigin("here"), "repository"), "nightly"
    )
    with dagster_store.open_instance(store) as instance:
        for name, known, where in (
            ("queued", status.QUEUED, origin),
            ("asked for", status.NOT_STARTED, origin),
            ("left", status.NOT_STARTED, None),
            ("starting", status.STARTING, origin),
        ):
            create_run_for_test(instance, job_name=name, status=known, remote_job_origin=where)
        dagster_store.end_dead_runs(instance, "mine")
        found = {run.job_name: run.status for run in instance.get_runs()}
    assert found["queued"] == status.QUEUED and found["asked for"] == status.NOT_STARTED
    assert found["left"] == found["starting"] == status.CANCELED


@pytest.mark.parametrize("name", [".", "history", "history/runs", "schedules"])
def test_a_store_that_is_not_writable_is_set_aside(
    store: Path, name: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Rights do not bind root, so the answer of the system is given for it."""
    closed, asked = store / name, os.access
    monkeypatch.setattr(os, "access", lambda path, mode: path != closed and asked(path, mode))
    with dagster_store.open_instance(store) as instance:
        assert instance.get_runs_count() == 0
    assert "were not writable: set aside" in capsys.readouterr().out


def _flip(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[4096 : 4096 + 400] = bytes(400)
    path.write_bytes(data)


DAMAGES: dict[str, Callable[[Path], object]] = {
    "runs.db is a text": lambda folder: (folder / "history" / "runs.db").write_text("x" * 9000),
    "index.db is cut": lambda folder: os.truncate(folder / "history" / "runs" / "index.db", 5000),
    "schedules.db is flipped": lambda folder: _flip(folder / "schedules" / "schedules.db"),
    "a folder is a file": lambda folder: (
        shutil.rmtree(folder / "history"), (folder / "history").write_text("x")),
    "the store is a file": lambda folder: (shutil.rmtree(folder), folder.write_text("x")),
}  # fmt: skip


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_store_is_set_aside(
    store: Path, damage: str, capsys: pytest.CaptureFixture[str]
) -> None:
    DAMAGES[damage](store)
    with dagster_store.open_instance(store) as instance:
        assert instance.get_runs_count() == 0
    (line,) = capsys.readouterr().out.splitlines()
    assert line == "Dagster's records of runs were damaged: set aside as dagster.damaged-1"
    with dagster_store.open_instance(store):
        assert capsys.readouterr().out == ""


def test_a_store_locked_for_long_is_set_aside(
    store: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dagster_store, "LOCK_SECONDS", 0.5)
    holder = sqlite3.connect(store / "history" / "runs.db", isolation_level=None)
    holder.execute("begin immediate")
    with dagster_store.open_instance(store) as instance:
        assert instance.get_runs_count() == 0
    assert "were locked: set aside" in capsys.readouterr().out
