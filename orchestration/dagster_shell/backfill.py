"""
`journey backfill FROM TO`: one release per business day of a range, as of the end of each day.

Days go upwards, so that all but the first build on the day before. Each is a run of its own, with
its checks, record and hooks; the first that fails ends the backfill. Afterwards the current release
is as of the end of the data again, if it was later than the range.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Sequence
from datetime import date, timedelta

from orchestration.base.command import Failed
from orchestration.dagster_shell.run_context import end_of_business_day
from orchestration.publishing import releasing
from orchestration.settings import ROOT, home_path, load_settings

NIGHTLY = (sys.executable, "-P", "-m", "orchestration.cli", "nightly")


def _run_nightly(arguments: Sequence[str]) -> int:
    return subprocess.run([*NIGHTLY, *arguments], cwd=ROOT, check=False).returncode


def run(first: date, last: date, nightly: Callable[[Sequence[str]], int] = _run_nightly) -> int:
    """Publish each day; returns the exit status. Raises `Failed` when the range is none."""
    if last < first:
        raise Failed(f"{first} is after {last}; name the earlier day first")
    settings = load_settings(home_path())
    days = [first + timedelta(days=number) for number in range((last - first).days + 1)]
    before = releasing.read_manifest(settings.published / "current")
    if len(days) > settings.keep_releases:
        print(
            f"of {len(days)} releases the last {settings.keep_releases} will be kept: "
            "setting keep_releases"
        )
    for number, day in enumerate(days, 1):
        as_of_at = end_of_business_day(day, settings.business_timezone)
        print(f"\n{number} of {len(days)}: {day}, as of {as_of_at} UTC", flush=True)
        if status := nightly(["--as-of", as_of_at]):
            print(f"\nthe backfill ended at {day}; go on with `journey backfill {day} {last}`")
            return status
    if before and before["as_of_at"] > as_of_at:
        print("\nand as of the end of the data again", flush=True)
        return nightly([])
    return 0
