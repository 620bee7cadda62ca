"""The image, as far as it can be held to its word without one: contents, user, what is written."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from tests.conftest import ROOT, environment, read_release

# What a container leaves of the machine: the home, a folder in memory, no network.
CONTAINED = """
mount --make-rprivate /
mount --bind "$1" "$1"
mount -t tmpfs tmpfs /mnt
for place in "$2" "$3"; do
    mount --bind "$place" "$place"
    mount -o remount,bind,ro "$place"
done
mount -o remount,bind,ro /
shift 3
exec "$@"
"""
UNSHARED = ("unshare", "--mount", "--net", "--pid", "--fork", "sh", "-ec", CONTAINED, "sh")


def test_a_night_writes_nothing_but_into_its_home_and_asks_no_network(
    story_home: Path, copy_home: Callable[[Path], Path]
) -> None:
    """And archived files are no news: the same release, in whatever zone, and no sample."""
    home = copy_home(story_home)

    def contained(*words: str) -> subprocess.CompletedProcess[str]:
        values = {"TZ": "Asia/Tokyo", "HOME": "/nonexistent", "TMPDIR": "/mnt"}
        return subprocess.run(
            [*UNSHARED, home, ROOT, Path(sys.prefix).resolve(), *words],
            cwd=ROOT, env=environment(home, **values), capture_output=True, text=True, check=False,
        )  # fmt: skip

    if not shutil.which("unshare") or contained("true").returncode:
        pytest.skip("this machine gives no file systems of one's own (unshare --mount, as root)")
    there = 'touch x; touch /tmp/x; touch dbt_project/target/x; touch /mnt/x "$JOURNEY_HOME"/x'
    refused = contained("sh", "-c", there).stderr.splitlines()
    assert [line.endswith("Read-only file system") for line in refused] == [True] * 3
    with read_release(home) as connection:
        before = connection.execute("select release_id from marts.release_info").fetchone()
    for path in (home / "landing").rglob("*.csv"):
        path.unlink()
    result = contained(sys.executable, "-P", "-m", "orchestration.cli", "nightly")
    assert result.returncode == 0, result.stdout + result.stderr
    assert "no new files" in result.stdout and "SYNTHETIC" not in result.stdout
    assert "dbt build: all models built and tested" in result.stdout
    with read_release(home) as connection:
        assert connection.execute("select release_id from marts.release_info").fetchone() == before
    status = ("status", "--json", "--maximum-hours", "26")
    result = contained(sys.executable, "-P", "-m", "orchestration.cli", *status)
    assert (result.returncode, json.loads(result.stdout)["problems"]) == (0, [])


def instructions() -> list[tuple[str, str]]:
    text = re.sub(r"\\\n\s*", " ", (ROOT / "Dockerfile").read_text("utf-8"))
    lines = [line for line in text.splitlines() if line and not line.startswith("#")]
    return [(word.upper(), rest) for word, rest in (line.split(maxsplit=1) for line in lines)]


def test_the_image_is_pinned_runs_as_nobody_and_holds_no_secret() -> None:
    found = instructions()
    said = dict(found)  # the last of each, which is what holds
    images = [rest.split()[0] for word, rest in found if word == "FROM"]
    assert len(images) == 2 and images[1].endswith("-slim-bookworm")
    assert all(re.fullmatch(r"python:3\.\d+\.\d+-[a-z-]+", image) for image in images)
    user, _, group = said["USER"].partition(":")
    assert int(user) > 0 and int(group) > 0
    assert "ADD" not in said
    for word, rest in found:
        if word in ("ENV", "ARG", "RUN"):
            assert not re.search("pepper|secret|token|password|api_key|_url", rest, re.I), rest
    # No shell between the signals and the run.
    for words in (said["ENTRYPOINT"], said["CMD"], said["HEALTHCHECK"].partition("CMD ")[2]):
        assert all(isinstance(part, str) for part in json.loads(words))
    assert said["VOLUME"] in said["ENV"] and said["VOLUME"] in [
        path.split(":")[1] for path in yaml.safe_load((ROOT / "compose.yaml").read_text("utf-8"))
        ["services"]["nightly"]["volumes"]
    ]  # fmt: skip


def left_out(path: str) -> bool:
    """Whether .dockerignore keeps a path out, by the rules of Docker: the last line that fits."""
    parts = path.split("/")
    places = ["/".join(parts[:number]) for number in range(1, len(parts) + 1)]
    is_out = False
    for line in (ROOT / ".dockerignore").read_text("utf-8").splitlines():
        if line and not line.startswith("#"):
            pattern = re.escape(line.removeprefix("!"))
            pattern = pattern.replace(r"\*\*/", "(.*/)?").replace(r"\*", "[^/]*")
            if any(re.fullmatch(pattern, place) for place in places):
                is_out = not line.startswith("!")
    return is_out


def test_only_code_gets_into_an_image() -> None:
    for path in (
        ".git/config", ".journey/landing/crm/orders/a.csv", ".venv/bin/python", ".env",
        "journey.toml", "pepper", "homes/a/landing/web/events/a.csv", "landing/a.csv",
        "tests/conftest.py", "dbt_project/target/manifest.json", "dbt_project/logs/dbt.log",
        "orchestration/__pycache__/cli.pyc", "dbt_project/pepper", "sample/home/journey.toml",
        "scripts/.env.local", "adapters/ga4/export.duckdb", "adapters/.journey/pepper",
    ):  # fmt: skip
        assert left_out(path), path
    listed = subprocess.run(
        ["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    folders = ("adapters/", "dbt_project/", "expectations/", "orchestration/", "sample/",
               "scripts/",
               "seeds/", "Makefile", "pyproject.toml", "dagster.yaml", "requirements.lock",
               "requirements-report.lock")  # fmt: skip
    needed = [path for path in listed.stdout.splitlines() if path.startswith(folders)]
    assert len(needed) > 700 and [path for path in needed if left_out(path)] == []
