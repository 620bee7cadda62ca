"""How every command ends: what a person or the machine can cause is one line and a status not 0."""

from __future__ import annotations

import atexit
import errno
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

import duckdb

from orchestration.settings import SettingsError, home_path

FULL = ("no space left", "disk is full", "disk full")
LONGEST = 3000  # characters of one reason


class Failed(Exception):
    """A command cannot do what it was asked to; the message says why, and the remedy."""


@contextmanager
def failing_on(*kinds: type[Exception]) -> Iterator[None]:
    """Errors of these kinds are the end of the command, in their own words."""
    try:
        yield
    except kinds as error:
        raise Failed(str(error).strip()[:LONGEST]) from error


def run(name: str, main: Callable[[], int | None]) -> int:
    """Run a command that its user knows by this name; returns the exit status, 130 for Ctrl-C."""
    try:
        return main() or 0
    except BrokenPipeError:  # as in `journey releases | head -1`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except Failed as error:
        reason, status = str(error), 1
    except (SettingsError, OSError, duckdb.IOException) as error:
        reason, status = in_one_line(error), 1
    except KeyboardInterrupt:
        reason, status = "interrupted", 130
    print(f"{name} failed: {reason}", file=sys.stderr)
    return status


def end_at_once(main: Callable[[], object]) -> None:
    """
    Run the main function of a process and end it, without taking Python apart object by object.

    That takes seconds after a run, in which nothing happens any more. What libraries registered for
    the end is done: dbt closes the warehouse then.
    """
    status: object = 0
    try:
        main()
    except SystemExit as end:
        status = end.code or 0
    if not isinstance(status, int):  # a text says why
        print(status, file=sys.stderr)
        status = 1
    atexit._run_exitfuncs()
    with suppress(BrokenPipeError):
        sys.stdout.flush()
        sys.stderr.flush()
    os._exit(status)


def is_full(text: str) -> bool:
    """Whether an error message says that there is no room on the disk."""
    return any(sign in text.lower() for sign in FULL)


def in_one_line(error: Exception) -> str:
    """The error in one line, with the remedy where there is one."""
    text = " ".join(str(error).split())
    if is_full(text):
        return f"no room is left on the disk of {home_path()}; make room and run again"
    if isinstance(error, duckdb.IOException) and "No such file" in text:
        return f"nothing is loaded yet in {home_path()}; run `journey nightly`"
    if isinstance(error, OSError) and error.filename and error.errno != errno.EAGAIN:
        who = f" for user {os.getuid()}" if error.errno in (errno.EACCES, errno.EPERM) else ""
        return f"{error.filename}: {error.strerror}{who}"
    return text
