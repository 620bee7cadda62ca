"""A night on DuckDB and on Spark: every mart equal, the same fingerprint, the same release."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from orchestration.publishing import releasing
from tests.conftest import ROOT, SHARED_DATA, environment, nightly, place_story, run_journey


def on_spark(home: Path, *arguments: str) -> str:
    """A command of engines.spark on a home; what it printed."""
    done = subprocess.run(
        [sys.executable, "-m", "engines.spark", *arguments],
        cwd=ROOT,
        env=environment(home),
        capture_output=True,
        text=True,
        check=False,
        timeout=3600,
    )
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-2000:]
    return done.stdout


def make(name: str, home: Path) -> Path:
    """A home in which the nightly ran on DuckDB."""
    pepper = {"JOURNEY_PEPPER": ""}
    if name == "happy_week":
        place_story(name, home)
        pepper = {}
    elif name == "olist":
        if not (SHARED_DATA / "olist").exists():
            pytest.skip("Olist's files are not beside the checkout")
        imported = run_journey("import", "olist", str(SHARED_DATA / "olist"), home=home)
        assert imported.returncode == 0, imported.stderr
    result = nightly(home, **pepper)
    assert result.returncode == 0, result.stdout + result.stderr
    return home


@pytest.mark.parametrize("name", ["happy_week", "sample", "olist"])
def test_every_mart_is_equal_and_the_release_the_same(name: str, tmp_path: Path) -> None:
    home = make(name, tmp_path / "home")
    on_spark(home, "load")
    built = on_spark(home, "build")
    print(f"\n{name}\n{on_spark(home, 'compare')}")
    on_spark(home, "publish")
    theirs = releasing.read_manifest(home / "spark" / "published" / "current")
    ours = releasing.read_manifest(home / "published" / "current")
    assert ours is not None and theirs is not None
    assert f"content hash {ours['content_hash']}" in built
    for said in ("release_id", "content_hash", "fingerprint", "as_of_at"):
        assert theirs[said] == ours[said], said
    unlike = {"release_info"}  # says when it was published
    assert {n: t for n, t in theirs["tables"].items() if n not in unlike} == {
        n: t for n, t in ours["tables"].items() if n not in unlike
    }
