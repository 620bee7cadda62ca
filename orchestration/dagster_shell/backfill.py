"""
`journey backfill FROM TO`: one release per business day of a range, as of the end of each day.

Days go upwards, so that all but the first build on the day before. Each is a run of its own, with
its checks, record and hooks; the first that fails ends the backfill. Afterwards the current release
is as of the end of the data, whatever was current before: a backfill that goes on after an end of
its own knows no other.
"""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Callable, Sequence
from datetime import date, timedelta

import duckdb

from orchestration.base.command import Failed
from orchestration.dagster_shell.run_context import end_of_business_day, last_business_day_end
from orchestration.settings import ROOT, Settings, home_path, load_settings

NIGHTLY = (sys.executable, "-P", "-m", "orchestration.cli", "nightly")


def _run_nightly(arguments: Sequence[str]) -> int:
    """Run it, and let it end as it ends: told to stop, it says so in the home's record."""
    process = subprocess.Popen([*NIGHTLY, *arguments], cwd=ROOT)
    former = signal.signal(signal.SIGTERM, lambda *_: process.terminate())
    try:
        return process.wait()
    except KeyboardInterrupt:  # which it got as well
        return process.wait() or 130
    finally:
        signal.signal(signal.SIGTERM, former)


def _is_later(settings: Settings, as_of_at: str) -> bool:
    """Whether the loaded data end after an instant."""
    with duckdb.connect(str(settings.warehouse), read_only=True) as connection:
        return last_business_day_end(connection, settings.business_timezone) > as_of_at


def run(first: date, last: date, nightly: Callable[[Sequence[str]], int] = _run_nightly) -> int:
    """Publish each day; returns the exit status. Raises `Failed` when the range is none."""
    if last < first:
        raise Failed(f"{first} is after {last}; name the earlier day first")
    settings = load_settings(home_path())
    days = [first + timedelta(days=number) for number in range((last - first).days + 1)]
    if len(days) + 1 > settings.keep_releases:
        print(
            f"of {len(days)} days and the end of the data the last {settings.keep_releases} "
            "releases will be kept: setting keep_releases"
        )
    for number, day in enumerate(days, 1):
        as_of_at = end_of_business_day(day, settings.business_timezone)
        go_on = f"`journey backfill {day} {last}`"
        print(
            f"\n{number} of {len(days)}: {day}, as of {as_of_at} UTC (killed here, go on with "
            f"{go_on})",
            flush=True,
        )
        if status := nightly(["--as-of", as_of_at]):
            print(f"\nthe backfill ended at {day}; go on with {go_on}")
            return status
    if _is_later(settings, as_of_at):
        print("\nand as of the end of the data again", flush=True)
        return nightly([])
    return 0
