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
from collections.abc import Callable, Iterator
from functools import cache
from typing import Any

from orchestration.base.command import end_at_once
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


@cache
def do_less() -> None:
    """
    Leave out what dbt does for each event, file and node and nobody asked for.

    A third of a run's processor time: it writes the line of every event before it looks whether
    one of its logs takes that level, a manifest token by token, sorts all macros anew for each
    node, twice, and reads the same reference to a text once for each column that has it.
    """
    from dbt.artifacts.schemas import base
    from dbt.clients.jinja import MacroGenerator
    from dbt.context.macros import MacroNamespace, MacroNamespaceBuilder
    from dbt_common.clients import jinja
    from dbt_common.events.base_types import BaseEvent, DebugLevel, EventLevel
    from dbt_common.events.event_manager import EventManager
    from dbt_common.events.event_manager_client import get_event_manager
    from dbt_common.utils.encoding import JSONEncoder

    make, fire = BaseEvent.__init__, EventManager.fire_event

    def is_debugging() -> bool:
        loggers = get_event_manager().loggers
        return not loggers or any(logger.level == EventLevel.DEBUG for logger in loggers)

    def make_wanted(self: BaseEvent, *values: Any, **more: Any) -> None:
        if not isinstance(self, DebugLevel) or is_debugging():
            make(self, *values, **more)

    def fire_wanted(
        self: EventManager, e: Any, level: Any = None, *others: Any, **more: Any
    ) -> None:
        if isinstance(e, DebugLevel) and not hasattr(e, "pb_msg"):
            return
        if (level or e.level_tag()) != EventLevel.DEBUG or is_debugging():
            fire(self, e, level, *others, **more)

    class Sorted(MacroNamespace):
        """Macros by package, and what each name means, for one node."""

        def __init__(self, shape: MacroNamespace, made: Callable[[Any], Any]) -> None:
            def of(names: Any) -> dict[str, Any]:
                return {name: made(macro) for name, macro in names.items()}

            packages = {name: of(macros) for name, macros in shape.packages.items()}
            super().__init__(
                of(shape.global_namespace),
                of(shape.local_namespace),
                of(shape.global_project_namespace),
                packages,
            )
            self._flat = {name: value for names in reversed(list(self._search_order()))
                          for name, value in names.items()}  # fmt: skip

        def __iter__(self) -> Iterator[str]:
            return iter(self._flat)

        def __getitem__(self, key: str) -> Any:
            return self._flat[key]

    known: dict[tuple[type, str], Any] = {}
    compile_ = jinja.MacroFuzzEnvironment.compile
    environment, kept = jinja.get_environment, cache(jinja.get_environment)

    def compile_once(self: Any, source: Any, *others: Any, **more: Any) -> Any:
        if others or more or not isinstance(source, str):
            return compile_(self, source, *others, **more)
        key = type(self), source
        if key not in known:
            known[key] = compile_(self, source)
        return known[key]

    def keep_environment(
        node: Any = None, capture_macros: bool = False, native: bool = False
    ) -> Any:
        if capture_macros:  # made for that node
            return environment(node, capture_macros, native)
        return kept(native=native)

    sort = MacroNamespaceBuilder.build_namespace
    shapes: dict[Any, MacroNamespace] = {}

    def build_namespace(
        self: MacroNamespaceBuilder, macros_by_package: Any, ctx: Any
    ) -> MacroNamespace:
        key = (id(macros_by_package), self.root_package, self.search_package)
        shape = shapes.get(key) or shapes.setdefault(key, sort(self, macros_by_package, {}))
        made: dict[int, MacroGenerator] = {}

        def make(known: MacroGenerator) -> MacroGenerator:
            one = made.get(id(known))
            if one is None:
                made[id(known)] = one = MacroGenerator.__new__(MacroGenerator)
                one.macro, one.context = known.macro, ctx
                one.node, one.stack = self.node, self.thread_ctx
            return one

        return Sorted(shape, make)

    def write_json(path: str, data: dict[str, Any]) -> bool:
        os.makedirs(os.path.dirname(path) or ".", exist_ok=True)
        with open(path, "w", encoding="utf-8") as stream:
            stream.write(json.dumps(data, cls=JSONEncoder))
        return True

    # Events that no log takes are neither made nor written.
    BaseEvent.__init__ = make_wanted  # type: ignore[method-assign]  # as dbt's, or nothing
    EventManager.fire_event = fire_wanted  # type: ignore[method-assign]  # as dbt's, or nothing
    jinja.MacroFuzzEnvironment.compile = compile_once  # type: ignore[method-assign]  # reads once
    jinja.get_environment = keep_environment
    MacroNamespaceBuilder.build_namespace = build_namespace  # type: ignore[method-assign]  # sorts once
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
    end_at_once(main)
