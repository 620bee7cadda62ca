"""Single writer: one process at a time may change a home, from its first step to its last."""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_held: set[Path] = set()


@contextmanager
def single_writer(home: Path, wait_seconds: float = 0) -> Iterator[None]:
    """
    Hold the home's lock; the kernel frees it when the process ends, however it ends.

    Within a process that holds it already, it does nothing. Raises `BlockingIOError` that names the
    holder when another process has it; after half a second, since `holder` has it for a moment.
    """
    home = home.resolve()
    if home in _held:
        yield
        return
    home.mkdir(mode=0o700, parents=True, exist_ok=True)
    with open(home / ".lock", "a+", opener=_private) as stream:
        deadline = time.monotonic() + max(wait_seconds, 0.5)
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
        _held.add(home)
        try:
            yield
        finally:
            _held.discard(home)
            stream.truncate(0)  # a number in a free lock is that of a killed process


def holder(home: Path) -> int | None:
    """
    Number of the process that holds the home's lock, None when nobody does.

    The kernel is asked, not the list of processes: a run in another container is in none that can
    be seen here, and its number is that of its container.
    """
    try:
        with open(home.resolve() / ".lock", encoding="ascii") as stream:
            try:
                fcntl.flock(stream, fcntl.LOCK_SH | fcntl.LOCK_NB)  # freed when it is closed
            except BlockingIOError:
                return int(stream.read())
    except (OSError, ValueError):
        pass
    return None


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)
