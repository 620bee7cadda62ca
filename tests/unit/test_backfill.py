"""A backfill is one run per business day, upwards, and then one as of the end of the data."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from datetime import date
from pathlib import Path

import duckdb
import pytest

from orchestration.base.command import Failed
from orchestration.dagster_shell import backfill


@pytest.fixture
def runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The runs that were asked for; the home's data end on 10 March 2026."""
    monkeypatch.setenv("JOURNEY_HOME", str(tmp_path))
    monkeypatch.setenv("JOURNEY_BUSINESS_TIMEZONE", "America/New_York")
    monkeypatch.setenv("JOURNEY_KEEP_RELEASES", "2")
    (tmp_path / "warehouse").mkdir()
    with duckdb.connect(str(tmp_path / "warehouse" / "warehouse.duckdb")) as connection:
        connection.execute("create schema ops")
        connection.execute(
            "create table ops.files as select 'loaded' as status, "
            "timestamp '2026-03-10 12:00:00' as data_through_at"
        )
    return []


def test_each_day_in_its_zone_and_then_the_end_of_the_data(
    runs: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    def nightly(arguments: Sequence[str]) -> int:
        runs.append(json.dumps([*arguments]))
        return 0

    assert backfill.run(date(2026, 3, 7), date(2026, 3, 9), nightly) == 0
    assert [json.loads(run) for run in runs] == [
        ["--as-of", "2026-03-08 05:00:00"],
        ["--as-of", "2026-03-09 04:00:00"],  # a day of 23 hours
        ["--as-of", "2026-03-10 04:00:00"],
        [],
    ]
    said = capsys.readouterr().out
    assert "of 3 days and the end of the data the last 2 releases will be kept" in said
    assert "(killed here, go on with `journey backfill 2026-03-08 2026-03-09`)" in said
    runs.clear()
    assert backfill.run(date(2026, 3, 11), date(2026, 3, 11), nightly) == 0
    assert len(runs) == 1, "a range up to the end stays current"


def test_what_goes_on_after_an_end_leads_to_the_end_of_the_data(runs: list[str]) -> None:
    """Current is the last day that was built then, which is no aim."""

    def nightly(arguments: Sequence[str]) -> int:
        runs.append(json.dumps([*arguments]))
        return 0

    for first, asked in ((8, 3), (9, 2)):
        runs.clear()
        assert backfill.run(date(2026, 3, first), date(2026, 3, 9), nightly) == 0
        assert len(runs) == asked and runs[-1] == "[]"


SLEEPER = """
import signal, sys, time
from orchestration.dagster_shell import backfill
nightly = "import signal, sys, time\\n" + {0!r} + "\\nprint('began', flush=True)\\ntime.sleep(60)"
backfill.NIGHTLY = (sys.executable, "-c", nightly)
sys.exit(backfill._run_nightly([]))
"""
ENDS_IN_ITS_OWN_TIME = """
import os
def end(number, frame):
    time.sleep(0.6)
    os.write(1, b"ended %d\\n" % number)  # amid the other print, too
    sys.exit(130)
signal.signal(signal.SIGTERM, end)
signal.signal(signal.SIGINT, end)
"""


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_the_run_of_a_day_that_is_stopped_says_so_before_it_ends(number: signal.Signals) -> None:
    process = subprocess.Popen(
        [sys.executable, "-c", SLEEPER.format(ENDS_IN_ITS_OWN_TIME)],
        stdout=subprocess.PIPE, text=True, start_new_session=True,
    )  # fmt: skip
    assert process.stdout is not None and process.stdout.readline() == "began\n"
    if number == signal.SIGINT:  # as a terminal sends it
        os.killpg(process.pid, number)
    else:
        process.send_signal(number)
    output, _ = process.communicate(timeout=30)
    assert (output, process.returncode) == (f"ended {int(number)}\n", 130)


def test_the_first_day_that_fails_ends_it(
    runs: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    def nightly(arguments: Sequence[str]) -> int:
        runs.append(arguments[-1])
        return 1 if len(runs) == 2 else 0

    assert backfill.run(date(2026, 1, 1), date(2026, 1, 5), nightly) == 1
    assert len(runs) == 2
    assert "go on with `journey backfill 2026-01-02 2026-01-05`" in capsys.readouterr().out


def test_a_range_that_ends_before_it_begins_is_refused(runs: list[str]) -> None:
    with pytest.raises(Failed, match="name the earlier day first"):
        backfill.run(date(2026, 1, 2), date(2026, 1, 1), lambda _: 0)
