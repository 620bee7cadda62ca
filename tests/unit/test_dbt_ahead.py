"""dbt started ahead: it runs what it is told, ends untold, and is replaced when it was killed."""

from __future__ import annotations

import os
import subprocess

from orchestration.building import dbt_ahead
from orchestration.settings import DBT, ROOT

HELP = [*DBT, "build", "--help"]


def told() -> subprocess.Popen[bytes]:
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    return dbt_ahead.popen(HELP, environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)


def test_it_runs_what_it_is_told() -> None:
    dbt_ahead.begin()
    dbt_ahead.begin()
    (waiting,) = dbt_ahead._waiting
    assert told() is waiting and waiting.stdout is not None
    assert b"Usage: dbt build" in waiting.stdout.read() and waiting.wait(30) == 0
    assert waiting.args == HELP and dbt_ahead._waiting == []


def test_it_ends_when_nobody_tells_it_anything() -> None:
    dbt_ahead.begin()
    waiting = dbt_ahead._waiting.pop()
    assert waiting.stdin is not None
    waiting.stdin.close()
    assert waiting.wait(30) == 0


def test_a_killed_one_is_replaced() -> None:
    dbt_ahead.begin()
    (killed,) = dbt_ahead._waiting
    killed.kill()
    killed.wait(30)
    process = told()
    assert process is not killed and process.stdout is not None
    assert b"Usage: dbt build" in process.stdout.read() and process.wait(30) == 0
