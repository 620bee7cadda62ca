"""Homes for tests: each test works in a folder of its own, with the real commands."""

from __future__ import annotations

import fcntl
import importlib.util
import os
import pickle
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any, cast
from unittest.mock import patch

import duckdb
import pytest

from orchestration.building.project import ensure_manifest
from orchestration.developing.compiled import Project
from orchestration.rules import home as home_rules
from orchestration.settings import SAMPLE_RULES, load_settings

ROOT = Path(__file__).resolve().parent.parent
STORIES = ROOT / "tests" / "fixtures" / "raw"
SHARED_DATA = ROOT.parent / "shared" / "data"
PEPPER = "a pepper for tests, at least 32 characters"
RULES = home_rules.load(SAMPLE_RULES.parent)  # the sample's


def pytest_sessionstart(session: pytest.Session) -> None:
    """Parse the dbt project once, before the workers share its manifest."""
    if not hasattr(session.config, "workerinput"):
        ensure_manifest(load_settings(ROOT / ".journey").environment())


def environment(home: Path, **extra: str) -> dict[str, str]:
    """What `make` would set, for one home."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("JOURNEY_", "DAGSTER_"))}
    return {
        **kept,
        "JOURNEY_HOME": str(home),
        "DAGSTER_HOME": str(ROOT),
        "DAGSTER_STATE_DIR": str(home / "dagster"),
        "PYTHONPATH": str(ROOT),
        "PWD": str(ROOT),
        "JOURNEY_PEPPER": PEPPER,
        **extra,
    }


def run_module(
    module: str, *arguments: str, home: Path, **extra: str
) -> subprocess.CompletedProcess[str]:
    """Run a module of the project as a user's command would."""
    return subprocess.run(
        [sys.executable, "-m", module, *arguments],
        cwd=ROOT,
        env=environment(home, **extra),
        capture_output=True,
        text=True,
        check=False,
        timeout=900,
    )


def run_journey(*arguments: str, home: Path, **extra: str) -> subprocess.CompletedProcess[str]:
    """`journey` on a home."""
    return run_module("orchestration.cli", *arguments, home=home, **extra)


def nightly(home: Path, **extra: str) -> subprocess.CompletedProcess[str]:
    """`journey nightly` on a home."""
    return run_journey("nightly", home=home, **extra)


def place_story(name: str, home: Path) -> Path:
    """Copy a story into the landing zone of a home, which has the sample's rules."""
    shutil.copytree(STORIES / name, home / "landing")
    shutil.copytree(SAMPLE_RULES, home / "rules")
    return home


def read_release(home: Path) -> duckdb.DuckDBPyConnection:
    """Open the published release as a BI tool does."""
    return duckdb.connect(str(home / "published" / "current" / "journey.duckdb"), read_only=True)


def made_once(factory: pytest.TempPathFactory, name: str, make: Callable[[Path], None]) -> Path:
    """
    A home that the first worker makes and the others wait for.

    It belongs to all: read its files read-only, and write into a copy.
    """
    base = factory.getbasetemp()
    base = base.parent if os.environ.get("PYTEST_XDIST_WORKER") else base
    home, done = base / name / "home", base / name / "made"
    home.parent.mkdir(exist_ok=True)
    with (home.parent / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not done.exists():
            shutil.rmtree(home, ignore_errors=True)
            make(home)
            done.touch()
    return home


@pytest.fixture(scope="session")
def sample_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home in which the nightly ran on the shipped sample. Do not change it: copy it."""

    def make(home: Path) -> None:
        # As a newcomer runs it: no pepper, an empty landing zone.
        result = nightly(home, JOURNEY_PEPPER="")
        assert result.returncode == 0, result.stdout + result.stderr
        (home / "stdout.txt").write_text(result.stdout, "utf-8")

    return made_once(tmp_path_factory, "sample", make)


@pytest.fixture(scope="session")
def story_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home in which the nightly ran on the story happy_week. Do not change it: copy it."""

    def make(home: Path) -> None:
        result = nightly(place_story("happy_week", home), TZ="UTC")
        assert result.returncode == 0, result.stdout + result.stderr

    return made_once(tmp_path_factory, "story", make)


def compiled(
    factory: pytest.TempPathFactory, name: str, variables: dict[str, Any], **settings: str
) -> Project:
    """A project that the first worker compiles and the others read."""

    def make(home: Path) -> None:
        with patch.dict(os.environ, settings):
            project = Project(home, variables)
        (home / "project.pickle").write_bytes(pickle.dumps(project))

    path = made_once(factory, name, make) / "project.pickle"
    return cast(Project, pickle.loads(path.read_bytes()))


@pytest.fixture(scope="session")
def project(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """All models as dbt compiles them, for warehouses in memory."""
    return compiled(tmp_path_factory, "project", {})


@pytest.fixture(scope="session")
def project_with_options(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """The same with all options of sessions, and without the visits of who withdrew consent."""
    options = {
        "session_new_at_midnight": True,
        "session_new_on_campaign": True,
        "session_maximum_minutes": 45,
    }
    return compiled(tmp_path_factory, "options", options, JOURNEY_CONSENT_POLICY="opt_out")


@pytest.fixture
def copy_home(tmp_path: Path) -> Callable[[Path], Path]:
    """Copies a home, to be spoiled."""

    def copy(home: Path) -> Path:
        target = tmp_path / "home"
        shutil.copytree(home, target, symlinks=True)
        return target

    return copy


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The real data beside the checkout; tests that need it skip, saying so, where it is absent."""
    if not SHARED_DATA.exists():
        pytest.skip(f"real data is not at {SHARED_DATA}")
    return SHARED_DATA


def python_model(name: str) -> ModuleType:
    """The module of a Python model, which lies in no package."""
    (path,) = (ROOT / "dbt_project" / "models").rglob(f"{name}.py")
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
