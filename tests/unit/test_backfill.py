"""A backfill is one run per business day, upwards; what was current before is current again."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import date
from pathlib import Path

import pytest

from orchestration.base import sealed
from orchestration.base.command import Failed
from orchestration.dagster_shell import backfill


@pytest.fixture
def runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The runs that were asked for; the home's current release is as of 10 March 2026."""
    monkeypatch.setenv("JOURNEY_HOME", str(tmp_path))
    monkeypatch.setenv("JOURNEY_BUSINESS_TIMEZONE", "America/New_York")
    monkeypatch.setenv("JOURNEY_KEEP_RELEASES", "2")
    (tmp_path / "published" / "current").mkdir(parents=True)
    sealed.write(
        tmp_path / "published" / "current" / "manifest.json", {"as_of_at": "2026-03-11 04:00:00"}
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
    assert "of 3 releases the last 2 will be kept" in capsys.readouterr().out
    runs.clear()
    assert backfill.run(date(2026, 3, 11), date(2026, 3, 11), nightly) == 0
    assert len(runs) == 1, "a range up to the end stays current"


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
