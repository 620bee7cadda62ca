"""Single writer: one process at a time may change a home."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_held: set[Path] = set()


@contextmanager
def single_writer(home: Path) -> Iterator[None]:
    """
    Hold the home's lock; the kernel frees it when the process ends, however it ends.

    A process that holds it already goes on. Raises `BlockingIOError` that names the holder when
    another process has it, at once.
    """
    home = home.resolve()
    if home in _held:
        yield
        return
    home.mkdir(parents=True, exist_ok=True)
    with (home / ".lock").open("a+") as stream:
        try:
            fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            stream.seek(0)
            raise BlockingIOError(
                f"another run (process {stream.read().strip() or 'unknown'}) is writing "
                f"to {home}; wait until it ends"
            ) from None
        stream.seek(0)
        stream.truncate()
        stream.write(str(os.getpid()))
        stream.flush()
        _held.add(home)
        try:
            yield
        finally:
            _held.discard(home)
