"""
dbt started before there is anything to build: it imports itself while the run loads.

It waits for its command line and environment on its standard input, and ends when that closes.
"""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any

from orchestration.settings import DBT, DBT_PROJECT_DIR, ROOT

AHEAD = "ahead"  # its command line until it is told another one

_waiting: list[subprocess.Popen[bytes]] = []


def begin() -> None:
    """Start a process of dbt that waits, unless there is one."""
    if _waiting:
        return
    _waiting.append(
        subprocess.Popen(
            [*DBT, AHEAD],
            cwd=DBT_PROJECT_DIR,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
    )


def popen(args: Sequence[str], env: Mapping[str, str], **options: Any) -> subprocess.Popen[bytes]:
    """`subprocess.Popen` of a command line of dbt: the process that waits, or a new one."""
    while _waiting:
        process = _waiting.pop()
        with suppress(OSError):  # it was killed
            process.args = args
            assert process.stdin is not None
            process.stdin.write(json.dumps([args[len(DBT) :], dict(env)]).encode())
            process.stdin.close()
            return process
    return subprocess.Popen(args, env=env, **options)
