"""Plain `dbt` and `dagster`, as people and editors call them, with nothing exported."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import duckdb
import pytest
import yaml
from dbt_common.exceptions import DbtRuntimeError

from orchestration.building.builds import last_complete
from orchestration.developing import dbt_by_hand
from orchestration.settings import DEFAULTS
from tests.conftest import ROOT

BIN = Path(sys.executable).parent


def plain(folder: Path, home: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """A command of the environment as a shell in that folder runs it."""
    return subprocess.run(
        [str(BIN / words[0]), *words[1:]],
        cwd=folder,
        env={
            "PATH": f"{BIN}{os.pathsep}{os.defpath}", "HOME": str(home), "PWD": str(folder),
            "JOURNEY_HOME": str(home), "DBT_TARGET_PATH": str(home / "target"),
            "DBT_LOG_PATH": str(home / "logs"),
        },
        capture_output=True, text=True, check=False, timeout=300,
    )  # fmt: skip


def listing() -> set[str]:
    folders = (ROOT, ROOT / "dbt_project")
    return {str(path) for folder in folders for path in folder.iterdir()}


def test_dbt_builds_on_what_the_night_left(
    story_home: Path, copy_home: Callable[[Path], Path]
) -> None:
    """As of the same instant, all anew, and the next night does not rest on it."""
    home, before = copy_home(story_home), listing()
    path = home / "warehouse" / "warehouse.duckdb"
    with duckdb.connect(str(path)) as connection:
        assert last_complete(connection) is not None
        connection.execute("delete from marts.release_info; delete from marts.fct_sessions")
    result = plain(
        ROOT / "dbt_project", home, "dbt", "build", "--select", "release_info", "fct_sessions",
        "--exclude-resource-type", "unit_test",
    )  # fmt: skip
    assert result.returncode == 0, result.stdout + result.stderr
    with duckdb.connect(str(path), read_only=True) as connection:
        assert connection.execute(
            "select as_of_at::varchar, (select count(*) > 0 from marts.fct_sessions) "
            "from marts.release_info"
        ).fetchone() == ("2026-01-07 15:00:00", True)
        assert last_complete(connection) is None
    assert listing() == before


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in [*DEFAULTS, "pepper", "pepper_file"]:
        monkeypatch.delenv(f"JOURNEY_{name.upper()}", raising=False)
    monkeypatch.setenv("JOURNEY_HOME", str(tmp_path))
    return tmp_path


def test_a_home_without_data_is_refused_by_what_reads_it(home: Path) -> None:
    dbt_by_hand.prepare("debug")
    with pytest.raises(
        DbtRuntimeError, match=r"nothing is loaded yet in .*; run `journey nightly`"
    ):
        dbt_by_hand.prepare("build")


def test_settings_that_dbt_would_not_see_are_refused(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (home / "journey.toml").write_text('reporting_currency = "EUR"', "utf-8")
    with pytest.raises(DbtRuntimeError, match=r"journey\.toml sets reporting_currency"):
        dbt_by_hand.prepare("build")
    monkeypatch.setenv("JOURNEY_REPORTING_CURRENCY", "EUR")
    dbt_by_hand.prepare("debug")


def test_a_home_that_a_run_writes_to_is_refused(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("orchestration.base.locking.holder", lambda home: 7)
    with pytest.raises(DbtRuntimeError, match=r"a run is going on \(process 7\)"):
        dbt_by_hand.prepare("build")


def test_a_target_by_hand_has_what_a_run_has() -> None:
    """But for what only a run sets: both build the same models with the same settings."""
    profile = yaml.safe_load((ROOT / "dbt_project" / "profiles.yml").read_text("utf-8"))
    nightly, by_hand = (profile["journey"]["outputs"][name] for name in ("nightly", "by_hand"))
    assert nightly["settings"] == by_hand["settings"]
    own = {"temp_directory", "max_vacuum_tasks"}
    assert {key: value for key, value in nightly["config_options"].items() if key not in own} == {
        key: value for key, value in by_hand["config_options"].items() if key not in own
    }


def test_dagster_needs_nothing_exported(tmp_path: Path) -> None:
    before = listing()
    result = plain(ROOT, tmp_path, "dagster", "definitions", "validate")
    output = result.stdout + result.stderr
    assert result.returncode == 0, output
    assert "All code locations passed validation" in output
    assert "temporary directory" not in output
    assert (tmp_path / "dagster").is_dir()
    assert listing() == before
