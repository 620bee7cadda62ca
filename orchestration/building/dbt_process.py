"""
dbt of this environment, activated or not, as a process that never outlives the one that started it.

An orphan would go on writing into the warehouse while the next run wants it.
"""

from __future__ import annotations

import ctypes
import gc
import os
import signal
import sys
import threading
import time

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


def main() -> None:
    """Run dbt's command line."""
    end_with_parent()
    # The collector of cycles would go through the whole manifest again and again while models run,
    # a tenth of a run's processor time.
    gc.set_threshold(1_000_000)
    from dbt.adapters.duckdb.credentials import DuckDBCredentials
    from dbt.cli.main import cli

    # dbt parses the whole project anew when a key of the connection is another one. Neither the
    # file of a home nor its memory, spill folder or vacuum tasks have a say in what models say.
    keys = ("database", "schema")
    DuckDBCredentials._connection_keys = lambda self: keys  # type: ignore[method-assign]  # ours

    cli(prog_name="dbt")


if __name__ == "__main__":
    main()
