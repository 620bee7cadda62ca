"""Single writer: one process at a time may change a home."""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def single_writer(home: Path, wait_seconds: float = 0) -> Iterator[None]:
    """
    Hold the home's lock; the kernel frees it when the process ends, however it ends.

    Raises `BlockingIOError` that names the holder when another process has it.
    """
    home.mkdir(parents=True, exist_ok=True)
    with (home / ".lock").open("a+") as stream:
        deadline = time.monotonic() + wait_seconds
        while True:
            try:
                fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() >= deadline:
                    stream.seek(0)
                    raise BlockingIOError(
                        f"another run (process {stream.read().strip() or 'unknown'}) is writing "
                        f"to {home}; wait until it ends"
                    ) from None
                time.sleep(0.2)
        stream.seek(0)
        stream.truncate()
        stream.write(str(os.getpid()))
        stream.flush()
        yield
