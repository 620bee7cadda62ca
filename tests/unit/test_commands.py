"""Commands: what a person can cause ends in one line, and arguments arrive as they were typed."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import click
import duckdb
import pytest
from click.testing import CliRunner

from orchestration import cli
from orchestration.base import command
from orchestration.dagster_shell import nightly
from orchestration.developing import benchmarking, dbt, new_model, proving
from orchestration.loading import importing
from orchestration.operating import identity, pepper, reloading, waiving
from orchestration.publishing import releasing
from orchestration.readers import metrics
from orchestration.rules import templates
from orchestration.settings import SettingsError
from tests.conftest import ROOT, run_journey


def raising(error: BaseException) -> Callable[[], int]:
    def main() -> int:
        raise error

    return main


@pytest.mark.parametrize(
    ("error", "status", "words"),
    [
        (SettingsError("threads = '0'"), 1, "threads = '0'"),
        (BlockingIOError("another run (process 7) is writing"), 1, "process 7"),
        (PermissionError(13, "Permission denied", "/a/b"), 1, "/a/b: Permission denied for user "),
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


def test_a_pepper_is_written_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    home = tmp_path / "my home's"
    monkeypatch.setenv("JOURNEY_HOME", str(home))
    assert command.run("pepper", pepper.run) == 0
    written = home / "pepper"
    assert (home.stat().st_mode & 0o777, written.stat().st_mode & 0o777) == (0o700, 0o600)
    text = written.read_text("ascii")
    assert len(text.strip()) == 64 and text.strip() not in capsys.readouterr().out
    assert command.run("pepper", pepper.run) == 1
    assert "exists" in capsys.readouterr().err and written.read_text("ascii") == text


def test_a_home_with_the_sample_gets_no_pepper(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Its rows are hashed with the sample's own; another one would stop the next run."""
    (tmp_path / "SYNTHETIC_SAMPLE").write_text("", "utf-8")
    monkeypatch.setenv("JOURNEY_HOME", str(tmp_path))
    assert command.run("pepper", pepper.run) == 1
    assert "set JOURNEY_HOME to a new folder" in capsys.readouterr().err
    assert not (tmp_path / "pepper").exists()


@pytest.fixture
def called(monkeypatch: pytest.MonkeyPatch) -> list[tuple[Any, ...]]:
    """What commands are called with, which only note it."""
    calls: list[tuple[Any, ...]] = []
    for name in ("JOURNEY_HOME", "DAGSTER_HOME", "DAGSTER_STATE_DIR", "PYTHONPATH",
                 "DO_NOT_TRACK", "GX_ANALYTICS_ENABLED"):  # fmt: skip
        monkeypatch.setenv(name, os.environ.get(name, ""))
    for module, function in (
        (nightly, "run"), (importing, "run"), (releasing, "rollback"), (reloading, "retract"),
        (reloading, "requeue"), (waiving, "run"), (identity, "run"), (proving, "prove_all"),
        (metrics, "run"), (new_model, "run"), (dbt, "run"), (benchmarking, "run"),
        (releasing, "run_rollback"), (templates, "run"), (templates, "run_init"),
    ):  # fmt: skip
        monkeypatch.setattr(module, function, lambda *arguments: calls.append(arguments))
    monkeypatch.setattr(reloading, "run", lambda action, what: action(what))
    return calls


TYPED = 'it\'s 5 % of "all" `x`; b'


@pytest.mark.parametrize(
    ("typed", "expected"),
    [
        (["nightly"], ("", False)),
        (["nightly", "--full", "--as-of", "2026-02-30 10:00:00"], ("2026-02-30 10:00:00", True)),
        (["import", "olist", TYPED], ("olist", Path(TYPED))),
        (["waive", TYPED, TYPED], (TYPED, TYPED)),
        (["retract", TYPED], (TYPED,)),
        (["requeue", TYPED], (TYPED,)),
        (["rollback", TYPED], (TYPED,)),
        (["rollback"], ("",)),
        (["rules"], ()),
        (["rules", "init"], ()),
        (["identity", TYPED, "--and", TYPED, "--on", TYPED], (TYPED, TYPED, TYPED)),
        (["metrics", "query", "--metrics", TYPED], (["query", "--metrics", TYPED],)),
        (["model", "marts", "stages", "fct_x"], ("marts", "stages", "fct_x")),
        (["build", "+a", "b"], (
            ["build", "--exclude-resource-type", "unit_test", "--select", "+a", "b"],)),
        (["unit"], (
            ["test", "--select", "test_type:unit", "--exclude-resource-type", "test"],)),
        (["dbt", "show", "--select", "a"], (["show", "--select", "a"],)),
        (["prove", "--histories", "3"], (3, 0)),
        (["benchmark", "loading", "--rows", "9"], ("loading", ["--rows", "9"])),
    ],
)  # fmt: skip
def test_arguments_arrive_as_they_were_typed(
    called: list[tuple[Any, ...]], tmp_path: Path, typed: list[str], expected: tuple[Any, ...]
) -> None:
    home = tmp_path / TYPED
    result = CliRunner().invoke(cli.cli, [*typed, "--home", str(home)], prog_name="journey")
    assert (result.exit_code, called) == (0, [expected]), result.output
    assert os.environ["JOURNEY_HOME"] == str(home)


def commands(group: click.Group, path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    for name, found in group.commands.items():
        if isinstance(found, click.Group):
            yield from commands(found, (*path, name))
        yield (*path, name)


@pytest.mark.parametrize("path", sorted(commands(cli.cli)), ids=" ".join)
def test_every_command_is_explained_and_works_on_a_home(path: tuple[str, ...]) -> None:
    result = CliRunner().invoke(cli.cli, [*path, "--help"], prog_name="journey")
    assert result.exit_code == 0
    usage, explanation = result.output.split("\n\n")[:2]
    assert usage.startswith(f"Usage: journey {' '.join(path)}") and len(explanation.split()) > 2
    assert "--home" in result.output
    assert path[0] in CliRunner().invoke(cli.cli, ["--help"]).output


# What a person can cause: a command, what it has to say, and its status.
MISTAKES = [
    (["status", "--home", "{file}"], "is no folder; set JOURNEY_HOME", 1),
    (["pepper", "--home", "{file}/below"], "Not a directory", 1),
    (["nightly", "--home", "{closed}/below"], "cannot be written", 1),
    (["import", "nothing", "x"], "no adapter 'nothing'; there are: ", 1),
    (["import", "olist"], "Missing argument 'FOLDER'", 2),
    (["rollback", "20200101-none"], "no whole release 20200101-none", 1),
    (["publish"], "run `journey nightly`", 1),
    (["requeue", "none.csv"], "run `journey nightly`", 1),
    (["waive", "none.csv", "why not"], "run `journey nightly`", 1),
    (["identity", "visitor:v1"], "`journey nightly`", 1),
    (["push", "postgres"], "set JOURNEY_POSTGRES_URL", 1),
    (["model", "marts", "nowhere", "fct_x"], "must be one of", 1),
    (["benchmark", "nothing"], "there is no benchmark nothing; there are ", 1),
    (["nightly", "--as-of", "yesterday"], "as_of_at", 1),
    (["nothing"], "No such command 'nothing'", 2),
]


@pytest.mark.parametrize(("typed", "words", "status"), MISTAKES, ids=lambda one: str(one)[:40])
def test_a_mistake_ends_in_one_line_with_its_remedy(
    tmp_path: Path, typed: list[str], words: str, status: int
) -> None:
    (tmp_path / "file").touch()
    (tmp_path / "closed").touch()  # no folder can be made below it, whoever runs this
    places = {"file": tmp_path / "file", "closed": tmp_path / "closed"}
    home = tmp_path / "home"
    result = run_journey(*(word.format(**places) for word in typed), home=home)
    assert result.returncode == status, result.stdout + result.stderr
    told = [line for line in result.stderr.splitlines() if words in line]
    assert len(told) == 1, result.stderr
    assert not re.search(r"Traceback|\w(Error|Exception)\b", result.stderr)


def test_the_command_runs_from_any_folder_and_without_exports(tmp_path: Path) -> None:
    """Installed as `make setup` does: a link in a folder of the path."""
    checkout, elsewhere = tmp_path / "a check out", tmp_path / "else where"
    python = checkout / ".venv" / "bin" / "python"
    (checkout / "scripts").mkdir(parents=True)
    elsewhere.mkdir()
    shutil.copy(ROOT / "scripts" / "journey", checkout / "scripts")
    call = {"cwd": elsewhere, "env": {"PATH": os.environ["PATH"]}, "capture_output": True}
    refused = subprocess.run([checkout / "scripts" / "journey"], text=True, check=False, **call)
    assert refused.returncode == 1 and f"run `make setup` in {checkout}" in refused.stderr
    python.parent.mkdir(parents=True)
    python.write_text('#!/bin/sh\nprintf "%s|" "$PYTHONPATH" "$@"\n')
    python.chmod(0o755)
    (python.parent / "journey").symlink_to("../../scripts/journey")
    (elsewhere / "j").symlink_to(python.parent / "journey")
    for path in (python.parent / "journey", elsewhere / "j"):
        result = subprocess.run([path, "waive", TYPED, "b c"], text=True, check=False, **call)
        words = [str(checkout), "-P", "-m", "orchestration.cli", "waive", TYPED, "b c", ""]
        assert result.stdout.split("|") == words, result.stderr


def test_help_is_there_at_once() -> None:
    code = (
        "import sys, orchestration.cli; "
        "sys.exit(bool({'dagster', 'dbt', 'duckdb', 'pandas'} & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=False).returncode == 0
