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
    holder when another process has it.
    """
    home = home.resolve()
    if home in _held:
        yield
        return
    home.mkdir(mode=0o700, parents=True, exist_ok=True)
    with open(home / ".lock", "a+", opener=_private) as stream:
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
        _held.add(home)
        try:
            yield
        finally:
            _held.discard(home)
            stream.truncate(0)  # a number in a free lock is that of a killed process


def holder(home: Path) -> int | None:
    """
    Number of the process that holds the home's lock, None when nobody does; takes no lock itself.

    A killed process leaves its number behind, so that it counts only while that process has the
    file open; where the system does not say (no `/proc`), while there is such a process.
    """
    path = home.resolve() / ".lock"
    try:
        pid = int(path.read_text("ascii"))
        os.kill(pid, 0)
    except PermissionError:
        return pid if path.exists() else None  # somebody else's process
    except (OSError, ValueError, OverflowError):
        return None
    files = Path(f"/proc/{pid}/fd")
    try:
        is_open = any(os.path.samefile(file, path) for file in files.iterdir() if file.exists())
    except FileNotFoundError:
        is_open = not Path("/proc/self").exists()
    except OSError:
        is_open = True
    return pid if is_open else None


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)
