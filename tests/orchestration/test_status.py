"""`journey status` answers for every home, missing, damaged or in use, and only looks."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import duckdb
import pytest

from orchestration.operating import runs, status
from orchestration.settings import DEFAULTS, load_settings
from tests.conftest import PEPPER, ROOT, environment, run_journey

NOW = datetime(2030, 1, 1, tzinfo=UTC)


def files_of(home: Path) -> dict[str, tuple[int, int, int]]:
    """Mode, size and time of everything in a home."""
    found = {}
    for path in [home, *home.rglob("*")]:
        stat = path.lstat()
        found[str(path)] = (stat.st_mode, stat.st_size, stat.st_mtime_ns)
    return found


def told(home: Path) -> dict[str, str]:
    """The sections of the status by name; that it changed nothing is asserted."""
    before = files_of(home) if home.exists() else {}
    text = status.status(home, NOW)
    assert (files_of(home) if home.exists() else {}) == before
    assert len(text.splitlines()) <= 40
    sections: dict[str, str] = {}
    for line in text.splitlines():
        name = line[:12].strip() or next(reversed(sections))
        sections[name] = f"{sections.get(name, '')}\n{line[12:]}".strip()
    return sections


@pytest.fixture(autouse=True)
def no_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [*DEFAULTS, "pepper", "pepper_file"]:
        monkeypatch.delenv(f"JOURNEY_{name.upper()}", raising=False)


def test_a_home_in_which_nothing_ran(tmp_path: Path) -> None:
    home = tmp_path / "home"
    assert "does not exist yet" in told(home)["home"] and not home.exists()
    home.mkdir()
    (home / "pepper").write_text("q" * 40, "utf-8")
    (home / "pepper").chmod(0o644)  # closed by the next run, not by a look
    sections = told(home)
    assert "nothing in the landing zone yet" in sections["home"]
    assert sections["release"] == "none yet; run `journey nightly`"
    assert sections["data"].startswith("nothing is loaded")
    assert sections["last runs"] == "none is recorded"
    (home / "journey.toml").write_text("threads = 0", "utf-8")
    assert "threads = '0' must be" in told(home)["settings"]


def test_a_home_that_published(story_home: Path, copy_home: Callable[[Path], Path]) -> None:
    home = copy_home(story_home)
    sections = told(home)
    assert "(own data)" in sections["home"]
    assert sections["now"] == "nothing is running"
    assert ", as of 2026-01-07 15:00:00 UTC" in sections["release"]
    assert "days ago" in sections["release"] and "1 kept, of at most 7" in sections["release"]
    assert "survey   through 2026-01-07 09:30 UTC, 1 files" in sections["data"]
    assert sections["quarantine"] == "0 rows"
    (line,) = sections["last runs"].splitlines()
    assert " published " in line and line.endswith("journey nightly")
    assert ", 0 failed in the last run that ended" in sections["checks"]
    assert "free; the home takes" in sections["disk"] and "warehouse" in sections["disk"]
    assert "failure" not in sections

    with duckdb.connect(str(home / "warehouse" / "warehouse.duckdb")) as connection:
        connection.execute(
            "insert into ops.quarantined_rows (file_id, source, table_name, reason) "
            "select file_id, source, table_name, 'R_CAST' from ops.files where source = 'survey';"
            "insert into ops.drift_findings (file_id, source, table_name, kind, column_name, "
            "severity, detail) select file_id, source, table_name, 'row_count', null, 'warn', "
            "'9 rows' from ops.files where source = 'survey'"
        )
    sections = told(home)
    assert sections["quarantine"] == "1 rows: R_CAST 1"
    assert "0 failures, 1 warnings" in sections["drift"]
    assert "\nsurvey/answers/answers.csv: row_count: 9 rows" in sections["drift"]

    # A run that goes on has the warehouse to itself; one that was killed has not.
    code = (
        "import sys, duckdb; from pathlib import Path\n"
        "from orchestration.operating import runs\n"
        "with runs.recorded(runs.Run(Path(sys.argv[1]), 'a test')) as run:\n"
        "    connection = duckdb.connect(str(run.settings.warehouse))\n"
        "    print('held', flush=True)\n"
        "    sys.stdin.read()\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code, str(home)], cwd=ROOT, env=environment(home),
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    ) as process:  # fmt: skip
        assert process.stdout is not None and process.stdout.readline() == "held\n"
        # One that was killed before had the same number, as all have in containers.
        record, line = home / runs.RECORD, {"run": "x", "event": "start", "pid": process.pid}
        line |= {"at": "2026-01-01T00:00:00+00:00", "launched_by": "a test"}
        record.write_text(json.dumps(line) + "\n" + record.read_text("utf-8"), "utf-8")
        sections = told(home)
        process.kill()
    assert sections["now"] == f"a run is going on (process {process.pid})"
    first, *others = sections["last runs"].splitlines()
    assert " goes on " in first and " killed " in others[-1] and "goes on" not in str(others)
    assert "by the release: the warehouse is in use" in sections["data"]
    assert "survey   through 2026-01-07 09:30 UTC, 1 files" in sections["data"]
    sections = told(home)
    assert sections["now"] == "nothing is running"
    assert " killed " in sections["last runs"].splitlines()[0]

    (home / runs.FAILURE).write_text("NOT PUBLISHED. Why:\n  ✗ a file: F_EMPTY\n", "utf-8")
    (home / "warehouse" / "warehouse.duckdb").write_bytes(b"not a database" * 1000)
    release = (home / "published" / "current").resolve()
    manifest = release / "manifest.json"
    manifest.chmod(0o644)
    manifest.write_text("{}", "utf-8")
    sections = told(home)
    assert sections["failure"].startswith("✗ a file: F_EMPTY")
    assert "the warehouse cannot be read" in sections["data"]
    assert "is damaged (manifest.json is missing, cut or edited)" in sections["release"]
    shutil.rmtree(release)
    assert "is damaged" in told(home)["release"]
    (home / "published" / "current").unlink()
    (home / "published" / "current").mkdir()
    assert "is no link to a release" in told(home)["release"]


def test_the_command_answers_at_once(story_home: Path) -> None:
    result = run_journey("status", home=story_home)
    assert result.returncode == 0 and "release" in result.stdout, result.stderr
    code = "import sys, orchestration.operating.status; sys.exit('dagster' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=False).returncode == 0


def test_settings_are_shown_with_their_source_and_without_secrets(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    home = tmp_path / "home"
    home.mkdir()
    (home / "journey.toml").write_text(
        'keep_releases = 3\n[adapters.stripe]\ntime_zone = "Asia/Tokyo"', "utf-8"
    )
    monkeypatch.setenv("JOURNEY_HOME", str(home))
    monkeypatch.setenv("JOURNEY_THREADS", "4")
    monkeypatch.setenv("JOURNEY_PEPPER", PEPPER)
    monkeypatch.setenv("JOURNEY_POSTGRES_URL", "postgresql://me:secret@host/x")
    monkeypatch.setenv("JOURNEY_ON_FAILURE", "mail-me")
    status.run_settings()
    output = capsys.readouterr().out
    rows = {words[0]: words[1:] for line in output.splitlines() if (words := line.split())}
    assert rows["home"] == [str(home), "JOURNEY_HOME"]
    assert rows["threads"] == ["4", "JOURNEY_THREADS"]
    assert rows["keep_releases"] == ["3", str(home / "journey.toml")]
    assert rows["memory_limit"] == ["4GB", "default"]
    assert rows["adapters.stripe.time_zone"] == ["Asia/Tokyo", str(home / "journey.toml")]
    shipped = "adapters/{}/adapter.toml".format
    assert rows["adapters.stripe.decimal_mark"] == [".", shipped("stripe")]
    assert rows["adapters.hubspot.time_zone"] == ["UTC", shipped("hubspot")]  # of its inputs
    assert "adapters.matomo.time_zone" not in rows  # nothing is declared: the home's zone
    assert rows["pepper"] == ["set,", "not", "shown", "JOURNEY_PEPPER"]
    assert rows["JOURNEY_POSTGRES_URL"][0] == "set" and rows["JOURNEY_ON_FAILURE"][0] == "mail-me"
    assert rows["JOURNEY_ON_SUCCESS"][:2] == ["not", "set"]
    assert set(DEFAULTS) <= set(rows)
    assert PEPPER not in output and "secret" not in output
    assert os.listdir(home) == ["journey.toml"]
    assert load_settings(home).threads == 4


def test_a_program_learns_what_is_wrong(
    story_home: Path, copy_home: Callable[[Path], Path], tmp_path: Path
) -> None:
    """A home is well, too old, killed, failed and damaged; the command's status says so."""
    assert status.health(tmp_path / "none", NOW)["problems"] == ["no release is current"]
    home = copy_home(story_home)
    before = files_of(home)
    found = json.loads((answer := run_journey("status", "--json", home=home)).stdout)
    assert answer.returncode == 0 and files_of(home) == before
    assert found["problems"] == [] and found["last_outcome"] == "published"
    assert found["as_of_at"] == "2026-01-07 15:00:00" and found["last_checks"]["fail"] == 0
    (problem,) = status.health(home, NOW, maximum_hours=26)["problems"]
    assert problem.startswith("no run has published for ")
    run = {"run": "x", "at": "2029-12-31T22:00:00+00:00"}
    start = {**run, "event": "start", "pid": 0, "launched_by": "a test"}
    end = {**run, "event": "end", "outcome": "unchanged", "seconds": 2, "checks": None,
           "release_id": found["release"]}  # fmt: skip
    with (home / "runs.jsonl").open("a", encoding="utf-8") as stream:
        stream.write(json.dumps(start) + "\n" + json.dumps(end) + "\n")
    assert status.health(home, NOW, maximum_hours=26)["problems"] == []
    with (home / "runs.jsonl").open("a", encoding="utf-8") as stream:
        stream.write(json.dumps({**start, "run": "y"}) + "\n")
    assert status.health(home, NOW)["problems"] == ["the last run was killed"]
    with (home / "runs.jsonl").open("a", encoding="utf-8") as stream:
        stream.write(json.dumps({**end, "run": "y", "outcome": "failed"}) + "\n")
    # A full disk takes the line and no file of reasons.
    assert status.health(home, NOW)["problems"] == ["the last run failed"]
    with (home / "runs.jsonl").open("a", encoding="utf-8") as stream:
        stream.write(json.dumps({**start, "run": "z"}) + "\n")
    (home / "last_failure.txt").write_text("NOT PUBLISHED", "utf-8")
    (home / "published" / "current" / "journey_map.html").unlink()
    assert [problem.split(":")[0] for problem in status.health(home, NOW)["problems"]] == [
        "the last run failed",
        "the last run was killed",
        f"release {found['release']} is damaged",
    ]
    assert run_journey("status", "--json", home=home).returncode == 1


def test_the_units_of_systemd_are_right(tmp_path: Path) -> None:
    if not shutil.which("systemd-analyze"):
        pytest.skip("systemd-analyze is not installed")
    for unit in sorted((ROOT / "scripts" / "systemd").iterdir()):
        text = unit.read_text("utf-8").replace("/opt/journey", str(ROOT))
        (tmp_path / unit.name).write_text(text, "utf-8")
    checked = subprocess.run(
        ["systemd-analyze", "verify", *map(str, sorted(tmp_path.iterdir()))],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert (checked.returncode, checked.stderr) == (0, "")
