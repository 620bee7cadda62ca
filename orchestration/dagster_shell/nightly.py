"""
`journey nightly`: the main job without a server, with progress; ends in a summary or in reasons.

The same Dagster job that the schedule runs, in this process. Exit status 0 only when a release that
passed every check is current.
"""

from __future__ import annotations

import os
import signal
import sys
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any, TextIO, cast

from expectations import judge
from orchestration.base.release import PAGE
from orchestration.building import dbt_ahead
from orchestration.dagster_shell import failures
from orchestration.operating import runs, unchanged
from orchestration.settings import ROOT, Settings, home_path


def run(as_of_at: str = "", full_refresh: bool = False) -> int:
    """Run the nightly job on the home; returns the exit status: 0, 1, or 130 for Ctrl-C."""
    # A service manager's polite end is Ctrl-C to everything below; a script that started this with
    # `&` left that ignored.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGTERM, lambda *_: signal.raise_signal(signal.SIGINT))
    mine = runs.Run(home_path(), "journey nightly")
    try:
        with runs.recorded(mine, as_of_at):
            _run(mine, as_of_at, full_refresh)
    except BaseException:  # Ctrl-C has another name within Dagster
        if not mine.reasons:
            raise
    if mine.reasons:
        print(f"\n{mine.text}", end="", file=sys.stderr)
        return 130 if mine.is_interrupted else 1
    return 0


def _run(mine: runs.Run, as_of_at: str, full_refresh: bool) -> None:
    """The job under the home's lock."""
    settings, started = mine.settings, time.monotonic()
    os.environ.update(settings.environment())
    os.environ["DAGSTER_HOME"] = str(ROOT)
    warnings.filterwarnings("ignore")
    print(f"journey home: {settings.home}", flush=True)
    if not full_refresh and (release_id := unchanged.release(settings, as_of_at)):
        mine.release_id, mine.is_unchanged = release_id, True
        print("nothing is new since the last run: no data, rule, setting or code changed")
        print(summary(settings, time.monotonic() - started), flush=True)
        return
    print("starting (imports and dbt manifest) …", flush=True)
    dbt_ahead.begin()
    judge.begin()

    from orchestration.dagster_shell import dagster_store
    from orchestration.dagster_shell.definitions import defs

    with _streams_kept(), dagster_store.open_instance(settings.home / "dagster") as instance:
        result = defs.resolve_job_def("nightly").execute_in_process(
            instance=instance,
            raise_on_error=False,
            run_config={
                "resources": {
                    "run": {"config": {"as_of_at": as_of_at, "full_refresh": full_refresh}}
                },
                "loggers": {"console": {"config": {"log_level": "CRITICAL"}}},
            },
        )
    if result.success:
        print(summary(settings, time.monotonic() - started), flush=True)
    else:  # the job's own resource has said why, unless Dagster failed around it
        mine.fail(failures.reasons(result.all_events), failures.is_interrupted(result.all_events))


class _WithoutEvents:
    """A stream without the pages that Dagster writes for each event that it could not record."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, text: str) -> int:
        """Write a text, unless it is one of those."""
        if text.startswith("Exception while writing logger call"):
            return len(text)
        return self._stream.write(text)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


@contextmanager
def _streams_kept() -> Iterator[None]:
    """
    Give stdout and stderr back as they were.

    Dagster turns them to the files of its logs while a step runs, and leaves them there when such a
    file cannot be written any more, as on a full disk: nobody would read why the run failed.
    """
    kept, stderr = [os.dup(number) for number in (1, 2)], sys.stderr
    sys.stderr = cast(TextIO, _WithoutEvents(stderr))
    try:
        yield
    finally:
        sys.stderr = stderr
        with suppress(OSError, ValueError):
            sys.stdout.flush()
            sys.stderr.flush()
        for number, copy in zip((1, 2), kept, strict=True):
            os.dup2(copy, number)
            os.close(copy)


def summary(settings: Settings, elapsed: float) -> str:
    """What was published and where it is."""
    import duckdb

    database = settings.published / "current" / "journey.duckdb"
    with duckdb.connect(str(database), read_only=True) as connection:
        row = connection.execute(
            "select release_id, as_of_at, passed_check_count, warned_check_count, "
            "(select count(*) from marts.dim_persons), (select count(*) from marts.fct_sessions), "
            "(select count(*) from marts.fct_revenue_points), is_synthetic "
            "from marts.release_info"
        ).fetchone()
    assert row is not None
    return (
        f"\nrelease {row[0]} is current, as of {row[1]} UTC, {elapsed:.0f} s\n"
        + ("  SYNTHETIC SAMPLE: nobody in it exists\n" if row[7] else "")
        + f"  {row[2]} checks passed, {row[3]} warned, 0 failed\n"
        f"  {row[4]:,} persons, {row[5]:,} sessions, {row[6]:,} revenue points\n"
        f"  look at: {database.with_name(PAGE)}\n"
        f"  open read-only: {database} (schema marts); Parquet beside it in parquet/"
    )
