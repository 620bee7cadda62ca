"""Files on the disk: what lies there, what they are called, and how one of them is refused."""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from orchestration.loading import privacy

FORMATS = (".csv", ".jsonl", ".parquet", ".xlsx")


class RejectedFile(Exception):
    """A file of which nothing can be loaded: stable code, column if any, message, remedy."""

    def __init__(self, code: str, message: str, remedy: str, column: str | None = None) -> None:
        """A stable code, what is wrong, what to do, and the column it is about."""
        super().__init__(f"{code}: {message}. Remedy: {remedy}")
        self.code, self.message, self.remedy, self.column = code, message, remedy, column


@contextmanager
def refusing() -> Iterator[None]:
    """Whatever goes wrong in the block refuses the file that it reads (`RejectedFile`)."""
    try:
        yield
    except RejectedFile:
        raise
    except Exception as error:  # of a library, on bytes that nobody foresaw
        raise reject_for(error) from error


def reject_for(error: Exception) -> RejectedFile:
    """The refusal of a file that could not be read for an error, in words that quote nothing."""
    if isinstance(error, RejectedFile):
        return error
    if isinstance(error, FileNotFoundError):
        return changed("the file was removed while it was read")
    reason = "it breaks the reader of its format"
    if isinstance(error, MemoryError):
        reason = "it does not fit into memory"
    elif isinstance(error, OSError) and error.errno:
        reason = os.strerror(error.errno).lower()
    return RejectedFile(
        "F_UNREADABLE", reason, "look at the file's rights and its disk, then export it again"
    )


def changed(message: str) -> RejectedFile:
    """The reject of a file that was not left alone while it was read."""
    return RejectedFile(
        "F_CHANGED",
        message,
        "write files under a name that begins with _ or ends in .tmp, then rename them",
    )


def files_below(folder: Path) -> list[Path]:
    """All that is no folder, sub-folders included, and folders that cannot be listed."""
    found: list[str] = []

    def unlisted(error: OSError) -> None:
        if not isinstance(error, FileNotFoundError):
            found.append(error.filename)

    for parent, folders, names in os.walk(folder, onerror=unlisted):
        paths = [f"{parent}/{name}" for name in folders]
        found += [path for path in paths if os.path.islink(path)]
        found += [f"{parent}/{name}" for name in names]
    return [Path(path) for path in sorted(found)]


def shown(path: Path | str) -> str:
    """A path as one line of text, whatever bytes its name has; addresses and numbers masked."""
    text = str(path)
    if not text.isprintable():
        text = os.fsencode(text).decode("utf-8", "backslashreplace")
        text = "".join(sign if sign.isprintable() else repr(sign)[1:-1] for sign in text)
    return privacy.masked_text(text)


def stamp(path: Path) -> tuple[int, int, int]:
    """
    Size in bytes, and when content and entry were last changed, in nanoseconds.

    The second time cannot be set by anybody. Raises `RejectedFile` or `OSError` when it is no file.
    """
    try:
        found = path.stat()
    except OSError as error:
        if path.is_symlink():
            raise RejectedFile(
                "F_UNREADABLE", "it is a link to nothing", "copy the file itself"
            ) from error
        raise
    if not stat.S_ISREG(found.st_mode):
        raise RejectedFile(
            "F_UNREADABLE", "it is no file but a pipe, socket, device or folder", "move it away"
        )
    return found.st_size, found.st_mtime_ns, found.st_ctime_ns


def file_id(path: Path) -> str:
    """
    SHA-256 of the bytes: a file is known by its content, never by its name.

    Raises `RejectedFile` when it cannot be read.
    """
    with refusing(), path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def format_of(path: Path) -> str | None:
    """The format that a file name states, compression left out; None when not supported."""
    name = path.name.lower().removesuffix(".gz").removesuffix(".zst")
    return next((suffix for suffix in FORMATS if name.endswith(suffix)), None)
