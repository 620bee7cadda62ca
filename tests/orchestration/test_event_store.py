"""Dagster's event log over kept connections: the same records, in the same files."""

from __future__ import annotations

import os
from pathlib import Path

import dagster as dg
import pytest
from dagster._core.storage.event_log import SqliteEventLogStorage

from orchestration.dagster_shell import dagster_store
from tests.conftest import ROOT


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of the store."""
    monkeypatch.setenv("DAGSTER_HOME", str(ROOT))
    monkeypatch.setenv("DAGSTER_STATE_DIR", str(tmp_path / "dagster"))
    return tmp_path / "dagster"


@dg.asset(check_specs=[dg.AssetCheckSpec("is_three", asset="number")])
def number() -> dg.MaterializeResult:
    return dg.MaterializeResult(
        metadata={"value": 3},
        check_results=[dg.AssetCheckResult(check_name="is_three", passed=True)],
    )


def run(instance: dg.DagsterInstance) -> str:
    """Materialise the asset; returns the run's id."""
    result = dg.materialize([number], instance=instance)
    assert result.success
    return result.run_id


def open_files(folder: Path) -> list[str]:
    """Names of the databases that this process has open."""
    targets = [os.readlink(link) for link in Path("/proc/self/fd").iterdir() if link.is_symlink()]
    return [Path(target).name for target in targets if target.startswith(str(folder / "history"))]


def test_records_are_those_of_dagsters_own_store(folder: Path) -> None:
    with dagster_store.open_instance(folder) as instance:
        run_ids = [run(instance), run(instance)]
        kept = [[entry.message for entry in instance.all_logs(run_id)] for run_id in run_ids]
    own = SqliteEventLogStorage(str(folder / "history" / "runs"))
    assert all(kept)
    assert kept == [[entry.message for entry in own.get_logs_for_run(run_id)] for run_id in run_ids]
    assert own.has_asset_key(dg.AssetKey("number"))
    key = dg.AssetCheckKey(dg.AssetKey("number"), "is_three")
    executions = own.get_asset_check_execution_history(key, limit=5)
    assert [(each.run_id, each.status.value) for each in executions] == [
        (run_id, "SUCCEEDED") for run_id in reversed(run_ids)
    ]


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="Linux tells what is open")
def test_one_connection_to_the_index_and_one_to_the_last_run(folder: Path) -> None:
    with dagster_store.open_instance(folder) as instance:
        run_ids = [run(instance), run(instance)]
        files = {name for name in open_files(folder) if name.endswith(".db")}
        assert files == {"index.db", f"{run_ids[1]}.db"}
    assert open_files(folder) == []


def test_the_records_of_old_runs_go_with_all_that_was_written_of_them(folder: Path) -> None:
    with dagster_store.open_instance(folder) as instance:
        old, kept, last = (run(instance) for _ in range(3))
        assert dagster_store.prune(instance, 2) == 1
        assert dagster_store.prune(instance, 2) == 0
        assert {found.run_id for found in instance.get_runs()} == {kept, last}
        assert len(instance.all_logs(kept)) > 5
        left = instance.event_log_storage.get_asset_check_execution_history(
            dg.AssetCheckKey(dg.AssetKey("number"), "is_three"), limit=9
        )
        assert {record.run_id for record in left} == {kept, last}
    texts = [path.read_bytes() for path in (folder / "history").rglob("*.db")]
    assert [path.name for path in folder.rglob(f"{old}*") if path.is_file()] == []
    assert sum(kept.encode() in text for text in texts) == 3  # of runs, events, and its own


def test_a_store_that_was_set_aside_meanwhile_is_left(folder: Path) -> None:
    """As `dagster dev` has it open while `journey nightly` sets it aside."""
    with dagster_store.open_instance(folder) as instance:
        before = run(instance)
        aside = dagster_store.set_aside(folder)
        for name in ("history/runs", "schedules"):
            (folder / name).mkdir(parents=True)
        log = instance.event_log_storage
        assert not log.has_asset_key(dg.AssetKey("number"))
        assert not log.get_logs_for_run(before)
    own = SqliteEventLogStorage(str(aside / "history" / "runs"))
    assert own.get_logs_for_run(before)
