"""
A process that judges both boundaries: GX takes seconds to import, in which the run loads.

It never outlives the run, since it would hold the warehouse.
"""

from __future__ import annotations

import signal
import sys
from concurrent.futures import ProcessPoolExecutor
from functools import cache
from importlib import import_module
from multiprocessing import get_context
from pathlib import Path
from types import ModuleType
from typing import Any

from expectations import checkpoints
from orchestration.building.dbt_process import end_with_parent


@cache
def _judge() -> ProcessPoolExecutor:
    return ProcessPoolExecutor(1, mp_context=get_context("spawn"), initializer=_begin)


def _begin() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the run, which ends this process
    end_with_parent()
    # GX imports them for charts and for tests of distributions: 1.3 of the 3.3 s that it takes.
    for name in ("altair", "scipy.stats"):
        sys.modules[name] = _WhenUsed(name)


class _WhenUsed(ModuleType):
    """A module that is imported when something of it is asked for."""

    def __getattr__(self, name: str) -> Any:
        sys.modules.pop(self.__name__, None)
        return getattr(import_module(self.__name__), name)


def begin() -> None:
    """Start the process."""
    _judge().submit(import_module, "great_expectations")


def run(boundary: str, database: Path, parameters: dict[str, Any]) -> list[checkpoints.Outcome]:
    """`checkpoints.run` in that process."""
    return _judge().submit(checkpoints.run, boundary, database, parameters).result()
