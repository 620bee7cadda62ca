"""
A process that judges both boundaries: GX takes seconds to import, in which the run loads.

It never outlives the run, since it would hold the warehouse. A request is a line of JSON on its
standard input, the answer one on its standard output.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from dataclasses import asdict
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any

from expectations import checkpoints
from orchestration.base.command import end_at_once
from orchestration.building.dbt_process import end_with_parent
from orchestration.settings import ROOT

_running: list[subprocess.Popen[str]] = []


class JudgeFailed(RuntimeError):
    """The process could not judge; the message is its error's."""


def begin() -> None:
    """Start the process, unless there is one."""
    if not _running:
        _running.append(
            subprocess.Popen(
                [sys.executable, "-P", "-m", "expectations.judge"],
                env={**os.environ, "PYTHONPATH": str(ROOT), "JOURNEY_PARENT": str(os.getpid())},
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
                encoding="utf-8",
            )
        )


def end() -> None:
    """End the process: nothing is left to be judged."""
    while _running:
        with _running.pop() as process:
            process.kill()


def run(boundary: str, database: Path, parameters: dict[str, Any]) -> list[checkpoints.Outcome]:
    """`checkpoints.run` in that process; raises `JudgeFailed`."""
    begin()
    process = _running[0]
    assert process.stdin is not None and process.stdout is not None
    try:
        print(json.dumps([boundary, str(database), parameters]), file=process.stdin, flush=True)
        answer = json.loads(process.stdout.readline())
    except (OSError, ValueError) as error:  # it was killed
        end()
        raise JudgeFailed("the process of Great Expectations has ended") from error
    if "failed" in answer:
        raise JudgeFailed(answer["failed"])
    return [checkpoints.Outcome(**outcome) for outcome in answer["outcomes"]]


class _WhenUsed(ModuleType):
    """A module that is imported when something of it is asked for."""

    def __getattr__(self, name: str) -> Any:
        sys.modules.pop(self.__name__, None)
        return getattr(import_module(self.__name__), name)


def main() -> None:
    """Answer requests until the standard input closes."""
    end_with_parent()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the run, which ends this process
    answers, sys.stdout = sys.stdout, sys.stderr  # whatever prints, does not answer
    # GX imports them for charts and for tests of distributions: 1.3 of the 3.3 s that it takes.
    for name in ("altair", "scipy.stats"):
        sys.modules[name] = _WhenUsed(name)
    import_module("great_expectations")
    for line in sys.stdin:
        boundary, database, parameters = json.loads(line)
        try:
            outcomes = checkpoints.run(boundary, Path(database), parameters)
            answer: dict[str, Any] = {"outcomes": [asdict(outcome) for outcome in outcomes]}
        except Exception as error:
            answer = {"failed": f"{type(error).__name__}: {error}"}
        print(json.dumps(answer), file=answers, flush=True)


if __name__ == "__main__":
    end_at_once(main)
