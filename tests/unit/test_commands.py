"""Commands: what a person can cause ends in one line, and arguments arrive as they were typed."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import duckdb
import pytest

from orchestration.base import command
from orchestration.operating import pepper
from orchestration.settings import SettingsError
from tests.conftest import ROOT


def raising(error: BaseException) -> Callable[[], int]:
    def main() -> int:
        raise error

    return main


@pytest.mark.parametrize(
    ("error", "status", "words"),
    [
        (SettingsError("threads = '0'"), 1, "threads = '0'"),
        (BlockingIOError("another run (process 7) is writing"), 1, "process 7"),
        (PermissionError(13, "Permission denied", "/a/b"), 1, "/a/b: Permission denied"),
        (OSError(28, "No space left on device", "/a/b"), 1, "no room is left on the disk"),
        (duckdb.IOException("IO Error: first\nsecond"), 1, "first second"),
        (KeyboardInterrupt(), 130, "interrupted"),
    ],
)
def test_a_command_ends_in_one_line(
    error: BaseException, status: int, words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert command.run("waive", raising(error)) == status
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("waive failed: ") and words in line


def test_errors_of_the_code_are_not_hidden() -> None:
    with pytest.raises(KeyError):
        command.run("waive", raising(KeyError("x")))


# Names of commands that keep their own way: the sessions that prove the code, not a home's work.
NOT_OF_A_HOME = {"proving.py", "dbt_process.py"}


def test_every_command_ends_that_way() -> None:
    for path in (ROOT / "orchestration").rglob("*.py"):
        text = path.read_text("utf-8")
        if "__main__" in text and path.name not in NOT_OF_A_HOME:
            assert "sys.exit(command.run(" in text, path.name


def test_a_pepper_is_written_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    home = tmp_path / "my home's"
    monkeypatch.setenv("JOURNEY_HOME", str(home))
    assert command.run("pepper", pepper.main) == 0
    written = home / "pepper"
    assert (home.stat().st_mode & 0o777, written.stat().st_mode & 0o777) == (0o700, 0o600)
    text = written.read_text("ascii")
    assert len(text.strip()) == 64 and text.strip() not in capsys.readouterr().out
    assert command.run("pepper", pepper.main) == 1
    assert "exists" in capsys.readouterr().err and written.read_text("ascii") == text


def test_a_home_with_the_sample_gets_no_pepper(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Its rows are hashed with the sample's own; another one would stop the next run."""
    (tmp_path / "SYNTHETIC_SAMPLE").write_text("", "utf-8")
    monkeypatch.setenv("JOURNEY_HOME", str(tmp_path))
    assert command.run("pepper", pepper.main) == 1
    assert "set JOURNEY_HOME to a new folder" in capsys.readouterr().err
    assert not (tmp_path / "pepper").exists()


TYPED = 'it\'s 5 % of "all" `x`; b'


@pytest.mark.parametrize(
    ("target", "variables", "expected"),
    [
        ("import", {"ADAPTER": "olist", "FROM": TYPED}, ["olist", TYPED]),
        ("nightly", {"AS_OF": "2026-02-30 10:00:00"}, ["--as-of", "2026-02-30 10:00:00"]),
        ("waive", {"FILE": TYPED, "REASON": TYPED}, [TYPED, TYPED]),
        ("retract", {"FILE": TYPED}, ["retract", TYPED]),
        ("requeue", {"FILE": TYPED}, ["requeue", TYPED]),
        ("requeue", {"REASON": "R_CAST"}, ["requeue", "R_CAST"]),
        ("rollback", {"RELEASE": TYPED}, ["--rollback", TYPED]),
        ("rollback", {}, ["--rollback"]),
        ("identity", {"WHO": TYPED, "AND": TYPED}, [TYPED, "--and", TYPED]),
        ("pepper", {}, []),
    ],
)
def test_make_hands_arguments_on_as_typed(
    tmp_path: Path, target: str, variables: dict[str, str], expected: list[str]
) -> None:
    """In a copy of the Makefile whose Python only says what it was called with."""
    folder = tmp_path / "checkout"
    stub = folder / ".venv" / "bin" / "python"
    stub.parent.mkdir(parents=True)
    shutil.copy(ROOT / "Makefile", folder)
    for name in ("requirements", "requirements-reader", "requirements-reader-next"):
        (folder / f"{name}.lock").touch()
        os.utime(folder / f"{name}.lock", (0, 0))
    (folder / ".venv" / "installed").touch()
    stub.write_text(
        "#!/usr/bin/env python3\nimport json, os, sys\n"
        'print(json.dumps([sys.argv[1:], os.environ["JOURNEY_HOME"]]))\n'
    )
    stub.chmod(0o755)
    home = str(tmp_path / "my home's")
    clean = {k: v for k, v in os.environ.items() if not k.startswith(("MAKE", "JOURNEY_"))}
    result = subprocess.run(
        ["make", "-s", target, *(f"{name}={value}" for name, value in variables.items())],
        cwd=folder, env={**clean, "JOURNEY_HOME": home}, capture_output=True, text=True,
        check=False, timeout=60,
    )  # fmt: skip
    assert result.returncode == 0, result.stderr
    arguments, seen_home = json.loads(result.stdout)
    assert (arguments[0], arguments[2:], seen_home) == ("-m", expected, home)
