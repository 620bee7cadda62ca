"""
What may be wrong around a run, each made really: file system, memory, clock, readers, other runs.

Every attack runs the nightly on a copy of the home in which the later days of the story wait, with
one thing around it wrong. What *refuses* ends it in words that name what is wrong; under what is
*borne* it publishes what the untouched run does; *either* leaves the choice. Afterwards all is as
it should be again, and the next nightly, unaided, publishes what the untouched run does.
"""

from __future__ import annotations

import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks import tampering
from benchmarks.attacking import (
    Ended,
    Homes,
    Outcome,
    Readers,
    finished,
    last_line,
    processes,
    recover,
    release,
    run,
    start,
)
from tests.conftest import ROOT

NIGHTLY = ("-m", "orchestration.cli", "nightly")
DEFINITIONS = "orchestration.dagster_shell.definitions"
FROM_THE_PAGES = ("-m", "dagster", "job", "execute", "-m", DEFINITIONS, "-j", "nightly")
HOLD = """
import sys, time, duckdb
connection = duckdb.connect(sys.argv[1], read_only=True)
before = connection.execute(sys.argv[2]).fetchall()
print("open", flush=True)
sys.stdin.read()
sys.exit(connection.execute(sys.argv[2]).fetchall() != before)
"""
GRAB = """
import sys, time, duckdb
while True:
    try:
        with duckdb.connect(sys.argv[1], read_only=True) as connection:
            time.sleep(0.3)
    except duckdb.Error:
        time.sleep(0.02)
"""


@dataclass
class Way:
    """How the nightly is run: commands before it, its folder, its environment."""

    under: tuple[str, ...] = ()
    cwd: Path = ROOT
    variables: dict[str, str] = field(default_factory=dict)
    wrong: list[str] = field(default_factory=list)  # what was seen beside the run
    has_another_run: bool = False  # which goes on


@dataclass(frozen=True)
class Surrounding:
    """One attack: what has to come of it, what is done, and what a refusal has to name."""

    expected: str
    around: Callable[[Path], AbstractContextManager[Way]]
    words: str = ""
    inodes: bool = False  # the home lies on a file system of its own


def attack(homes: Homes, name: str, one: Surrounding) -> Outcome:
    """Run the nightly in wrong surroundings, then in right ones."""
    outcome = Outcome(name, one.expected)
    if not one.inodes:
        home = homes.copy(homes.waiting, f"surroundings-{name}")
        _attack(homes, home, one, outcome)
        return outcome
    folder = homes.scratch / f"surroundings-{name}".replace(" ", "-")
    folder.mkdir(exist_ok=True)
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=2g", "tmpfs", str(folder)], check=True)
    try:
        _attack(homes, homes.copy(homes.waiting, "home", folder), one, outcome)
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)
    return outcome


def _attack(homes: Homes, home: Path, one: Surrounding, outcome: Outcome) -> None:
    may_see = {homes.yesterday.content, homes.built.content}
    with Readers(home, may_see) as readers:
        with one.around(home) as way:
            ended = run(home, *NIGHTLY, limit=homes.limit, under=way.under, cwd=way.cwd,
                        **way.variables)  # fmt: skip
            _judge(homes, home, one, ended, outcome)
            for process in processes(home):
                # Neither a reader of ours nor the other run that goes on.
                if not way.has_another_run and "duckdb" not in " ".join(process.cmdline()):
                    outcome.wrong.append("a process outlives the run")
                    process.kill()
        outcome.wrong += way.wrong
        recover(homes, home, outcome)
    outcome.wrong += readers.wrong
    finished(home, outcome)


def _judge(homes: Homes, home: Path, one: Surrounding, ended: Ended, outcome: Outcome) -> None:
    outcome.stage = "published" if ended.code == 0 else ended.stage
    if ended.code is None:
        outcome.wrong.append(f"did not end within {homes.limit:.0f} s ({ended.stage})")
    elif ended.code:
        outcome.what += f"; {ended.stage}: {last_line(ended.err)}"
        if one.expected == "borne":
            outcome.wrong.append("was not borne")
        if unclear := ended.not_plain():
            outcome.wrong.append(unclear)
        if not re.search(one.words, ended.err):
            outcome.wrong.append(f"does not name {one.words}")
    else:
        outcome.what += "; published"
        if one.expected == "refuses":
            outcome.wrong.append("went through")
        if release(home)[0] != homes.built.content:
            outcome.wrong.append("published other content")


# ---- What is done --------------------------------------------------------------------------------


@contextmanager
def read_only(home: Path) -> Iterator[Way]:
    """The file system of the home is mounted read-only."""
    subprocess.run(["mount", "--bind", str(home), str(home)], check=True)
    try:
        subprocess.run(["mount", "-o", "remount,ro,bind", str(home)], check=True)
        yield Way()
    finally:
        subprocess.run(["umount", "--lazy", str(home)], check=True)


def inodes(left: int) -> Callable[[Path], AbstractContextManager[Way]]:
    """No more than so many files can be made."""

    @contextmanager
    def around(home: Path) -> Iterator[Way]:
        disk = str(home.parent)
        used = int(subprocess.run(["df", "--output=iused", disk], capture_output=True, text=True,
                                  check=True).stdout.split()[1])  # fmt: skip
        remount = ["mount", "-o"]
        subprocess.run([*remount, f"remount,nr_inodes={used + left}", disk], check=True)
        try:
            yield Way()
        finally:
            subprocess.run([*remount, "remount,nr_inodes=1000000", disk], check=True)

    return around


def way(
    *under: str, variables: dict[str, str] | None = None
) -> Callable[[Path], AbstractContextManager[Way]]:
    """The nightly under other commands, or with other variables."""

    @contextmanager
    def around(home: Path) -> Iterator[Way]:
        yield Way(under, variables=variables or {})

    return around


def clock(offset: str) -> Callable[[Path], AbstractContextManager[Way]]:
    """The clock is wrong; that by which processes wait is not."""
    return way("faketime", "-f", offset, variables={"FAKETIME_DONT_FAKE_MONOTONIC": "1"})


@contextmanager
def relative(home: Path) -> Iterator[Way]:
    """The home is named from the folder beside it."""
    yield Way(cwd=home.parent, variables={"JOURNEY_HOME": home.name})


def reader(code: str, file: Callable[[Path], Path], query: str = "select 1") -> (
    Callable[[Path], AbstractContextManager[Way]]
):  # fmt: skip
    """Another process has a database open."""

    @contextmanager
    def around(home: Path) -> Iterator[Way]:
        process = subprocess.Popen(
            [sys.executable, "-c", code, str(file(home)), query], text=True,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        assert process.stdout is not None and process.stdin is not None
        found = Way()
        if code == HOLD:
            process.stdout.readline()
        try:
            yield found
            if code == HOLD:
                process.stdin.close()
                if process.wait(30):
                    found.wrong.append("the reader lost its release")
        finally:
            process.kill()
            process.wait()

    return around


def flipped(share: float) -> Callable[[Path], AbstractContextManager[Way]]:
    """Bytes of the warehouse file are others, one in each of sixteen places of a block."""

    @contextmanager
    def around(home: Path) -> Iterator[Way]:
        path = tampering.warehouse(home)
        data = bytearray(path.read_bytes())
        start_ = int(len(data) * share)
        for place in range(start_, min(start_ + 4096, len(data)), 256):
            data[place] ^= 0xFF
        path.write_bytes(data)
        yield Way()

    return around


@contextmanager
def beside_the_pages(home: Path) -> Iterator[Way]:
    """A run that Dagster's pages launched goes on."""
    process = start(home, *FROM_THE_PAGES)
    _until_locked(home, process.pid)
    found = Way(has_another_run=True)
    yield found
    _, err = process.communicate(timeout=300)
    if process.returncode:
        found.wrong.append(f"the run of the pages failed: {last_line(err)}")


@contextmanager
def launched_meanwhile(home: Path) -> Iterator[Way]:
    """While the nightly runs, Dagster's pages launch a run."""
    script = home.parent / f"{home.name}-launch.sh"
    told = script.with_suffix(".txt")
    script.write_text(
        f"for i in $(seq 300); do [ -s {home}/.lock ] && break; sleep 0.1; done\n"
        f"cd {ROOT} && {sys.executable} {' '.join(FROM_THE_PAGES)} > {told} 2>&1\n"
        f"echo status $? >> {told}\n"
    )
    found = Way(under=("sh", "-c", f'sh {script} & "$@"; code=$?; wait; exit $code', "sh"))
    yield found
    text = told.read_text("utf-8")
    if "status 0" in text:
        found.wrong.append("both runs wrote")
    if not re.search(r"another run \(process \d+\)", text):
        found.wrong.append(f"the run of the pages does not name the other: {last_line(text)}")
    for path in (script, told):
        path.unlink()


def _until_locked(home: Path, pid: int) -> None:
    for _ in range(600):
        with suppress(OSError, ValueError):
            if int((home / ".lock").read_text("ascii")) == pid:
                return
        time.sleep(0.1)
    raise TimeoutError("the run of the pages never took the lock")


GIB = 1 << 30
ATTACKS = {
    "read-only home": Surrounding("refuses", read_only, "cannot be written|Read-only"),
    **{
        f"room for {left} files": Surrounding("either", inodes(left), "", inodes=True)
        for left in (0, 10, 100)
    },
    "clock a year behind": Surrounding("either", clock("-365d")),
    "clock two days behind": Surrounding("borne", clock("-2d")),
    "clock a year ahead": Surrounding("either", clock("+365d")),
    "beside a run of the pages": Surrounding("refuses", beside_the_pages, r"process \d+"),
    "the pages launch a run meanwhile": Surrounding("borne", launched_meanwhile),
    **{
        f"bytes flipped at {share:.0%} of the warehouse": Surrounding("either", flipped(share))
        for share in (0.001, 0.3, 0.6, 0.9)
    },
    "relative home": Surrounding("borne", relative),
    "reader in the warehouse": Surrounding(
        "refuses", reader(HOLD, tampering.warehouse), r"process \d+"),
    "reader who opens the warehouse again and again": Surrounding(
        "either", reader(GRAB, tampering.warehouse), r"process \d+"),
    "reader in the release": Surrounding(
        "borne",
        reader(HOLD, lambda home: tampering.current(home) / "journey.duckdb",
               "select count(*), sum(hash(t)) from marts.fct_touchpoints as t")),
    **{
        f"address space of {size} GiB": Surrounding(
            "either", way("prlimit", f"--as={int(size * GIB)}"), "memory|Memory"
        )
        for size in (1.5, 3)
    },
    "DuckDB in 100 MB": Surrounding("either", way(variables={"JOURNEY_MEMORY_LIMIT": "100MB"}),
                                    "memory"),
}  # fmt: skip
