"""
dbt of this environment, activated or not, as a process that never outlives the one that started it.

An orphan would go on writing into the warehouse while the next run wants it.
"""

from __future__ import annotations

import ctypes
import gc
import json
import os
import signal
import sys
import threading
import time
from typing import Any

from orchestration.building.dbt_ahead import AHEAD

_PR_SET_PDEATHSIG = 1


def end_with_parent() -> None:
    """
    Die when the parent does: at once where the kernel helps (Linux), else within a second.

    `JOURNEY_PARENT` names it, since it may have died before this process came here.
    """
    parent = int(os.environ.get("JOURNEY_PARENT") or os.getppid())
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(0.5)
        os.kill(os.getpid(), signal.SIGKILL)

    threading.Thread(target=watch, daemon=True).start()


def do_less() -> None:
    """
    Leave out what dbt does for each event and file and nobody asked for.

    A fourth of a run's processor time: it writes the line of every event before it looks whether
    one of its logs takes that level, and a manifest token by token.
    """
    from dbt.artifacts.schemas import base
    from dbt_common.events.base_types import EventLevel
    from dbt_common.events.event_manager import EventManager
    from dbt_common.utils.encoding import JSONEncoder

    fire = EventManager.fire_event

    def fire_wanted(
        self: EventManager, e: Any, level: Any = None, *others: Any, **more: Any
    ) -> None:
        is_debug = (level or e.level_tag()) == EventLevel.DEBUG
        if not is_debug or any(logger.level == EventLevel.DEBUG for logger in self.loggers):
            fire(self, e, level, *others, **more)

    def write_json(path: str, data: dict[str, Any]) -> bool:
        os.makedirs(os.path.dirname(path) or ".", exist_ok=True)
        with open(path, "w", encoding="utf-8") as stream:
            stream.write(json.dumps(data, cls=JSONEncoder))
        return True

    EventManager.fire_event = fire_wanted  # type: ignore[method-assign]  # drops events for no log
    base.write_json = write_json


def main() -> None:
    """Run dbt's command line."""
    end_with_parent()
    # The collector of cycles would go through the whole manifest again and again while models run,
    # a tenth of a run's processor time.
    gc.set_threshold(1_000_000)
    from dbt.adapters.duckdb.credentials import DuckDBCredentials
    from dbt.cli.main import cli
    from dbt.contracts.graph.nodes import ParsedNode

    # dbt parses the whole project anew when a key of the connection is another one. Neither the
    # file of a home nor its memory, spill folder or vacuum tasks have a say in what models say.
    keys = ("database", "schema")
    DuckDBCredentials._connection_keys = lambda self: keys  # type: ignore[method-assign]  # ours
    do_less()

    if sys.argv[1:] == [AHEAD]:
        command = sys.stdin.read()
        if not command:
            return
        sys.argv[1:], environment = json.loads(command)
        os.environ.clear()
        os.environ.update(environment)
    # Each node's code stands in the results as well.
    if os.environ.get("DAGSTER_DBT_CLI"):
        ParsedNode.write_node = lambda *_: None  # type: ignore[method-assign]  # writes none
    cli(prog_name="dbt")


if __name__ == "__main__":
    main()
