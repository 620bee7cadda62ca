"""A year of a small shop in thirty nights: in the end as one full rebuild, old records gone."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.year import Calendar, simulate, year
from orchestration.developing.compiled import Project


def test_thirty_nights_with_all_that_a_year_brings(
    project: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("JOURNEY_CONSENT_POLICY", "opt_out")
    calendar = Calendar(30)
    nights = list(year(30, calendar))
    files = [file for night in nights for file in night.files]
    columns = {column for file in files for row in file.rows for column in row}
    # Nothing that a year has is missing: or the end would prove less than it says.
    assert len(nights) < 30  # nobody ran anything for some nights
    assert sum(night.retract is not None for night in nights) >= 3
    assert sum(bool(night.rules) for night in nights) >= 3
    assert {night.clock_days for night in nights} == {-2, 0, 3}
    assert sum(file.table == "privacy/erasure_requests" for file in files) >= 3
    assert columns >= {"experiment_cookie", "page_location", "analytics_consent_withdrawn_at"}
    *_, end = simulate(project, 30, tmp_path, calendar, published_each=15)
    assert end.note == "as one full rebuild"
