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
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import dagster as dg
import psutil
import pytest

from orchestration import dagster_store
from tests.conftest import ROOT, environment, nightly, place_story

LIMIT_SECONDS = 240


def started(home: Path, until: str) -> subprocess.Popen[str]:
    """The real nightly in a process group of its own, once its progress has come to a line."""
    process = subprocess.Popen(
        [sys.executable, "-m", "orchestration.nightly"],
        cwd=ROOT,
        env=environment(home),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
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


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A folder on a file system of its own, where root may mount one; else an ordinary one."""
    folder = tmp_path / "small disk"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=400m", "tmpfs", str(folder)]
    is_mounted = subprocess.run(mount, check=False).returncode == 0
    yield folder
    if is_mounted:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


def test_the_next_run_needs_no_repair(small_disk: Path, story_home: Path) -> None:
    """
    A full disk; killed with all children, alone, or politely, in every stage; then one run.

    Each start shows that the fault before it left nothing to wait for.
    """
    home = place_story("happy_week", small_disk / "my home's")  # a blank and a quote, too
    if os.path.ismount(small_disk):
        ballast = small_disk / "ballast"
        with ballast.open("wb") as stream, suppress(OSError):
            while True:
                stream.write(bytes(1 << 16))
        result = nightly(home)
        assert result.returncode == 1, result.stdout
        assert "no room is left" in result.stderr and "Traceback" not in result.stderr
        ballast.unlink()
    draw = random.Random(20)
    for until in ("2/6 raw loads", "3/6", "4/6 dbt build: 100 models", "5/6"):
        process = started(home, until)
        time.sleep(draw.uniform(0, 1.5))
        os.killpg(process.pid, signal.SIGKILL)
        process.wait(10)

    process = started(home, "4/6 dbt build: 50 models")
    children = psutil.Process(process.pid).children(recursive=True)
    assert children
    process.kill()  # the parent alone: dbt must not go on writing
    process.wait(10)
    _, alive = psutil.wait_procs(children, timeout=5)
    assert alive == []

    process = started(home, "4/6 dbt build: 50 models")
    children = psutil.Process(process.pid).children(recursive=True)
    process.send_signal(signal.SIGTERM)
    output, _ = process.communicate(timeout=60)
    assert process.returncode == 130, output
    assert "nightly failed: interrupted" in output and "Traceback" not in output
    _, alive = psutil.wait_procs(children, timeout=5)
    assert alive == []

    result = subprocess.run(
        [sys.executable, "-m", "orchestration.nightly"],
        cwd=ROOT, env=environment(home), capture_output=True, text=True, check=False,
        timeout=LIMIT_SECONDS,
    )  # fmt: skip
    assert result.returncode == 0, result.stdout + result.stderr
    assert content_hash(home) == content_hash(story_home)
    os.environ["DAGSTER_STATE_DIR"] = str(home / "dagster")
    with dagster_store.open_instance(home / "dagster") as instance:
        running = instance.get_runs(dg.RunsFilter(statuses=[dg.DagsterRunStatus.STARTED]))
    assert running == []


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A used Dagster store: one run that nobody finished."""
    folder = tmp_path / "dagster"
    folder.mkdir()
    monkeypatch.setenv("DAGSTER_HOME", str(ROOT))
    monkeypatch.setenv("DAGSTER_STATE_DIR", str(folder))
    with dagster_store.open_instance(folder) as instance:
        dg.materialize([_asset()], instance=instance)
        (run,) = instance.get_runs()
        instance.run_storage.handle_run_event(
            run.run_id,
            dg.DagsterEvent("PIPELINE_START", job_name=run.job_name),
        )
    return folder


def _asset() -> dg.AssetsDefinition:
    @dg.asset
    def x() -> None: ...

    return x


def test_dead_runs_are_told_and_ended(store: Path) -> None:
    with dagster_store.open_instance(store) as instance:
        assert dagster_store.end_dead_runs(instance, "mine") == 1
        assert dagster_store.end_dead_runs(instance, "mine") == 0
        assert [run.status for run in instance.get_runs()] == [dg.DagsterRunStatus.FAILURE]


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
