"""
Dagster's records of runs, in `<home>/dagster`: history for people, nothing that a run depends on.

So they never stand in the way of one. A store that is damaged, or locked for long, is set aside and
made again; a run that it still calls running, though the home's lock is ours, is dead.
"""

from __future__ import annotations

import os
import sqlite3
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import dagster as dg
from dagster._core.instance.ref import InstanceRef
from dagster._core.storage.dagster_run import FINISHED_STATUSES
from dagster._core.storage.event_log import SqliteEventLogStorage
from dagster._core.storage.event_log.schema import AssetCheckExecutionsTable
from sqlalchemy.exc import SQLAlchemyError

from orchestration.base import files
from orchestration.base.locking import single_writer
from orchestration.dagster_shell import event_store, pages
from orchestration.settings import ROOT, load_settings

LOCK_SECONDS = 15.0


@contextmanager
def open_instance(folder: Path) -> Iterator[dg.DagsterInstance]:
    """Dagster's instance over the store in a folder, which is set aside first when unusable."""
    if reason := unusable(folder):
        aside = set_aside(folder)
        print(f"Dagster's records of runs were {reason}: set aside as {aside.name}", flush=True)
    try:
        instance = _instance(folder)
        instance.get_runs_count()
    except Exception:
        aside = set_aside(folder)
        print(f"Dagster's records of runs were damaged: set aside as {aside.name}", flush=True)
        instance = _instance(folder)
    with instance:
        yield instance


def _instance(folder: Path) -> dg.DagsterInstance:
    """
    The instance of `dagster.yaml`, with the event log that keeps its connections.

    Its files and tables are Dagster's own, so whoever calls `dagster` by hand needs none of ours.
    """
    kept = {
        "module": event_store.Storage.__module__,
        "class": event_store.Storage.__name__,
        "config": {"base_dir": str(folder)},
    }
    ref = InstanceRef.from_dir(str(ROOT), overrides={"storage": {"custom": kept}})
    return dg.DagsterInstance.from_ref(ref)


def unusable(folder: Path) -> str | None:
    """Why no run can be recorded here: `damaged`, `not writable` or `locked`; None when one can."""
    if not folder.is_dir():
        return "damaged" if folder.exists() or folder.is_symlink() else None
    folders = [folder, *(folder / name for name in ("history", "history/runs", "schedules"))]
    if any(path.is_dir() and not os.access(path, os.W_OK | os.X_OK) for path in folders):
        return "not writable"
    shared = [path for path in folder.rglob("*.db") if len(path.stem) < 36]  # not those of one run
    for path in shared:
        try:
            with closing(sqlite3.connect(path, timeout=LOCK_SECONDS)) as connection:
                if connection.execute("pragma quick_check(1)").fetchone() != ("ok",):
                    return "damaged"
                connection.execute("begin immediate")
                connection.rollback()
        except sqlite3.OperationalError as error:
            return "locked" if "locked" in str(error) else "damaged"
        except sqlite3.DatabaseError:
            return "damaged"
    return None


def set_aside(folder: Path) -> Path:
    """Rename the folder to `<name>.damaged-<n>` and make an empty one; returns the new name."""
    aside = files.first_free(lambda number: folder.with_name(f"{folder.name}.damaged-{number}"))
    folder.rename(aside)
    folder.mkdir(mode=0o700)
    return aside


def end_dead_runs(instance: dg.DagsterInstance, run_id: str) -> int:
    """
    Mark other runs that the store calls running as canceled; the caller holds the home's lock.

    Otherwise the queue of `dagster dev` would wait for them. Not as failed: those it may start
    again, unasked. What waits in its queue stays. Returns how many there were.
    """
    running = [
        dg.DagsterRunStatus.NOT_STARTED,
        dg.DagsterRunStatus.STARTING,
        dg.DagsterRunStatus.STARTED,
        dg.DagsterRunStatus.CANCELING,
    ]
    dead = [
        run
        for run in instance.get_runs(dg.RunsFilter(statuses=running))
        if run.run_id != run_id
        # A run that `dagster dev` is just putting into its queue has an origin.
        and (run.status != dg.DagsterRunStatus.NOT_STARTED or run.remote_job_origin is None)
    ]
    for run in dead:
        try:
            instance.report_run_canceled(run, "its process is gone: the home's lock was free")
        except (SQLAlchemyError, sqlite3.Error):  # the record of that run alone is damaged
            canceled = dg.DagsterEvent("PIPELINE_CANCELED", job_name=run.job_name)
            instance.run_storage.handle_run_event(run.run_id, canceled)
    if dead:
        names = ", ".join(run.run_id[:8] for run in dead)
        print(f"Dagster's runs {names} had been killed: marked as canceled", flush=True)
    return len(dead)


def prune(instance: dg.DagsterInstance, keep: int) -> int:
    """
    Delete the records of all but the last runs that ended; returns how many there were.

    Dagster itself keeps the checks of a run that it deletes, and its log as an empty file.
    """
    events = instance.event_log_storage
    assert isinstance(events, SqliteEventLogStorage)
    old = instance.get_runs(dg.RunsFilter(statuses=list(FINISHED_STATUSES)))[keep:]
    checks = AssetCheckExecutionsTable
    for run in old:
        instance.delete_run(run.run_id)
        with events.index_connection() as connection:
            connection.execute(checks.delete().where(checks.c.run_id == run.run_id))
        log = Path(events.path_for_shard(run.run_id))
        for path in log.parent.glob(f"{log.name}*"):
            path.unlink()
    return len(old)


def serve() -> None:
    """Dagster's pages, on a usable store, and no run in it that nobody runs; ends the process."""
    settings = load_settings()
    settings.prepare()
    # No other setting: runs read theirs when they start, also after `journey.toml` was edited.
    kept = ("JOURNEY_HOME", "DAGSTER_STATE_DIR", "DO_NOT_TRACK", "PYTHONPATH")
    environment = settings.environment()
    os.environ.update({name: environment[name] for name in kept}, DAGSTER_HOME=str(ROOT))
    try:
        with single_writer(settings.home), open_instance(settings.home / "dagster") as instance:
            end_dead_runs(instance, "")
    except BlockingIOError:
        pass  # a run is going on, and will have done the same
    os.chdir(ROOT)  # where pyproject.toml names the code location
    os.execv(sys.executable, [sys.executable, "-m", pages.__name__, *pages.COMMAND])
