"""The session oracle: the authors' count on 10,000 real readers."""

from __future__ import annotations

from pathlib import Path

from tests.conftest import nightly, read_release, run_module


def test_sessions_equal_the_published_count(shared_data: Path, tmp_path: Path) -> None:
    home = tmp_path / "home"
    source = str(shared_data / "reconstructr")
    imported = run_module("orchestration.importing", "reconstructr", source, home=home)
    assert imported.returncode == 0, imported.stderr
    result = nightly(home, JOURNEY_PEPPER="")
    assert result.returncode == 0, result.stdout + result.stderr
    with read_release(home) as connection:
        found = connection.execute(
            "select count(*), sum(event_count), count(distinct visitor_id) from marts.fct_sessions"
        ).fetchone()
    # 22,224 where a gap of exactly 30:00 stays in the session.
    assert found == (22224, 63524, 10000)
