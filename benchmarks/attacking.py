"""What the attacks of `benchmarks.faults` share: commands, watching readers, homes, recovery."""

from __future__ import annotations

import json
import os
import re
import resource
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO

import duckdb
import psutil

from benchmarks import tampering
from orchestration.settings import SAMPLE_RULES
from tests.conftest import ROOT, STORIES, environment

STORY = STORIES / "happy_week"
YESTERDAY = "2026-01-04"  # rows of the story before this day are loaded a night earlier
ORPHANS_SECONDS = 5  # a process of a killed run may take that long to end
# What is printed when a stage is done; killed after it, the run was in the next stage.
STAGES = {
    "": "start (imports)",
    "landing": "raw loads",
    "raw loads": "raw loads",
    "raw loads in all": "raw boundary",
    "raw boundary": "dbt build",
    "dbt build": "dbt build",
    "dbt build all": "marts boundary",
    "marts boundary": "publish",
    "publish": "end",
}
ORDER = (*dict.fromkeys(STAGES.values()), "published", "ended before")


@dataclass
class Outcome:
    """One attack: its name, what it was, and what was wrong afterwards."""

    name: str
    what: str
    wrong: list[str] = field(default_factory=list)
    stage: str = ""
    seconds: float = 0.0


Attack = Callable[[], Outcome | list[Outcome]]


# ---- Commands ------------------------------------------------------------------------------------


@dataclass
class Ended:
    """A command that ended; `code` is None when it had to be stopped at the time limit."""

    code: int | None
    out: str
    err: str
    seconds: float

    @property
    def stage(self) -> str:
        """The stage in which the nightly was when it ended."""
        lines = re.findall(r"^\[ *[\d.]+s\] \d/\d ([a-z ]+):( in all| all)?", self.out, re.M)
        return STAGES["".join(lines[-1]) if lines else ""]

    def not_plain(self) -> str | None:
        """Why the refusal is not one that a person can act on; None when it is."""
        text = self.err.strip()
        if not text:
            return "it says nothing"
        if "Traceback" in text or re.search(r'File "[^"]+", line \d+', text):
            return "it shows a traceback: " + last_line(text)
        named = r"\b([a-z_]\w*\.)+[A-Z]\w+(: |\))|\b[A-Z]\w+(Error|Exception)\b"
        if match := re.search(named, text):
            return f"it shows {match.group()}: {last_line(text)}"
        if len(text.splitlines()) > 40:
            return f"it takes {len(text.splitlines())} lines"
        return None


def last_line(text: str) -> str:
    lines = [line.strip() for line in text.strip().splitlines() if line.strip()]
    reasons = [line for line in lines if line.startswith("✗")]
    return (reasons or lines or ["nothing"])[-1][:200]


def start(
    home: Path,
    *command: str,
    under: Sequence[str] = (),
    cwd: Path = ROOT,
    files: tuple[IO[str] | int, IO[str] | int] = (subprocess.PIPE, subprocess.PIPE),
    **extra: str,
) -> subprocess.Popen[str]:
    """A command of the project, `under` others, as the leader of a process group."""
    return subprocess.Popen(
        [*under, sys.executable, *command], cwd=cwd, env=environment(home, **extra), text=True,
        stdin=subprocess.DEVNULL, stdout=files[0], stderr=files[1],
        start_new_session=True, errors="replace",
    )  # fmt: skip


def run(
    home: Path, *command: str, limit: float, under: Sequence[str] = (), cwd: Path = ROOT,
    **extra: str,
) -> Ended:  # fmt: skip
    """
    Run a command of the project to its end, or to the limit in seconds.

    Into files: under `faketime`, what Dagster started to show its logs does not end with the run,
    and would hold pipes.
    """
    started = time.monotonic()
    with TemporaryFile("w+", errors="replace") as out, TemporaryFile("w+", errors="replace") as err:
        process = start(home, *command, under=under, cwd=cwd, files=(out, err), **extra)
        try:
            code: int | None = process.wait(limit)
        except subprocess.TimeoutExpired:
            code = None
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
        texts = []
        for file in (out, err):
            file.seek(0)
            texts.append(file.read())
    return Ended(code, *texts, time.monotonic() - started)


def children_seconds() -> float:
    """Processor time of all commands that ended so far."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def wait_for(process: subprocess.Popen[str], seconds: float) -> None:
    """Wait until a command and its children took that much processor time, or it ended."""
    while process.poll() is None:
        with suppress(psutil.Error):
            leader = psutil.Process(process.pid)
            times = [one.cpu_times() for one in (leader, *leader.children(recursive=True))]
            ended = times[0].children_user + times[0].children_system
            if ended + sum(time.user + time.system for time in times) >= seconds:
                return
        time.sleep(0.05)


def processes(home: Path) -> list[psutil.Process]:
    """Processes that work on a home."""
    found = []
    for process in psutil.process_iter():
        try:
            if process.environ().get("JOURNEY_HOME") == str(home):
                found.append(process)
        except psutil.Error:
            continue
    return found


# ---- Readers -------------------------------------------------------------------------------------


def release(home: Path) -> tuple[str | None, str | None]:
    """Content hash of the current release, None without one, and what is not whole in it."""
    link = home / "published" / "current"
    if not os.path.lexists(link):
        return None, None
    folder = link.resolve()
    try:
        if folder.parent != (home / "published" / "releases").resolve():
            return None, f"current is {folder}"
        manifest = json.loads((folder / "manifest.json").read_text("utf-8"))
        files = {
            path.relative_to(folder).as_posix(): tampering.sha256(path)
            for path in folder.rglob("*") if path.is_file()
        }  # fmt: skip
        files.pop("manifest.json")
        if files != {name: entry["sha256"] for name, entry in manifest["files"].items()}:
            return None, "files are not those of the manifest"
        with duckdb.connect(str(folder / "journey.duckdb"), read_only=True) as connection:
            (shown,) = connection.execute(
                "select content_hash from marts.release_info").fetchone()  # fmt: skip
            for name, table in manifest["tables"].items():
                (rows,) = connection.execute(f'select count(*) from marts."{name}"').fetchone()
                if rows != table["rows"]:
                    return None, f"{name} holds {rows} rows of {table['rows']}"
        if shown != manifest["content_hash"]:
            return None, "the database and the manifest are of two releases"
    except (OSError, ValueError, KeyError, duckdb.Error) as error:
        return None, f"{folder.name} cannot be read: {str(error).splitlines()[0][:200]}"
    return str(shown), None


class Readers:
    """Looks at the release again and again; `wrong` tells what a reader could not have used."""

    def __init__(self, home: Path, may_see: set[str | None]) -> None:
        self.wrong: list[str] = []
        self._home, self._may_see = home, may_see
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._look)

    def __enter__(self) -> Readers:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()
        self.look()

    def look(self) -> None:
        shown, problem = release(self._home)
        if problem is None and shown not in self._may_see:
            problem = "a release of other content" if shown else "the release is gone"
        if problem and problem not in self.wrong:
            self.wrong.append(problem)

    def _look(self) -> None:
        while not self._stop.wait(0.5):
            self.look()


@contextmanager
def file_system(folder: Path, size: int) -> Iterator[None]:
    """A file system of `size` bytes in memory at `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(folder)], check=True)
    try:
        yield
    finally:
        subprocess.run(["umount", str(folder)], check=True)


# ---- Homes ---------------------------------------------------------------------------------------


@dataclass
class Untouched:
    """What a run without an attack takes (processor seconds) and publishes (content hash)."""

    home: Path
    seconds: float
    content: str


class Homes:
    """The untouched homes, each made when it is first asked for, and copies of them."""

    def __init__(self, scratch: Path, limit: float, reuse: bool) -> None:
        self.scratch, self.limit, self.reuse = scratch, limit, reuse

    def copy(self, home: Path, name: str, into: Path | None = None) -> Path:
        target = (into or self.scratch) / name.replace("/", "-").replace(" ", "-")
        shutil.rmtree(target, ignore_errors=True)
        shutil.copytree(home, target, symlinks=True)
        return target

    def _untouched(self, name: str, make: Callable[[Path], object], *arguments: str) -> Untouched:
        home = self.scratch / f"untouched-{name.replace(' ', '-')}"
        record = home.with_suffix(".json")
        if self.reuse and record.exists():
            return Untouched(home, **json.loads(record.read_text("utf-8")))
        shutil.rmtree(home, ignore_errors=True)
        make(home)
        before = children_seconds()
        ended = run(home, "-m", "orchestration.cli", "nightly", *arguments, limit=10 * self.limit)
        seconds = children_seconds() - before
        content, problem = release(home)
        if ended.code or problem or content is None:
            raise SystemExit(f"the untouched run ({name}) failed: {ended.err}\n{problem}")
        print(f"untouched: {name}: {ended.seconds:.0f} s, {seconds:.0f} s of processor time, "
              f"{content[:12]}", flush=True)  # fmt: skip
        record.write_text(json.dumps({"seconds": seconds, "content": content}), "utf-8")
        return Untouched(home, seconds, content)

    @cached_property
    def empty(self) -> Path:
        """A home with all files of the story, in which nothing ran."""
        home = self.scratch / "untouched-empty"
        shutil.rmtree(home, ignore_errors=True)
        place(home / "landing", "before")
        place(home / "landing", "after")
        return home

    @cached_property
    def yesterday(self) -> Untouched:
        """A home with the release of the first days."""
        return self._untouched("first days", lambda home: place(home / "landing", "before"))

    @cached_property
    def waiting(self) -> Path:
        """The same, with the later days waiting."""
        home = self.copy(self.yesterday.home, "untouched-waiting")
        place(home / "landing", "after")
        return home

    @cached_property
    def built(self) -> Untouched:
        """The same, one night later: what every other run has to publish in the end."""
        return self._untouched("later days", self._like(self.waiting))

    @cached_property
    def first(self) -> Untouched:
        return self._same(self._untouched("first run", self._like(self.empty)))

    @cached_property
    def full(self) -> Untouched:
        return self._same(self._untouched("full rebuild", self._like(self.waiting), "--full"))

    def _like(self, base: Path) -> Callable[[Path], object]:
        return lambda home: self.copy(base, home.name)

    @cached_property
    def room_needed(self) -> int:
        """Bytes that the untouched run takes at its peak beyond those of the home."""
        folder = self.scratch / "disk-measure"
        with file_system(folder, 2 << 30):
            home = self.copy(self.waiting, "home", folder)
            least = before = shutil.disk_usage(folder).free
            process = start(home, "-m", "orchestration.cli", "nightly")
            threading.Thread(target=process.communicate, daemon=True).start()
            while process.poll() is None:
                least = min(least, shutil.disk_usage(folder).free)
                time.sleep(0.05)
            if process.returncode:
                raise SystemExit("the untouched run on a tmpfs failed")
        print(f"untouched: room: {(before - least) / 2**20:.0f} MiB", flush=True)
        return before - least

    def make_ready(self, classes: set[str]) -> None:
        """Make what these attacks need, before any of them runs."""
        if classes & {"kills", "disk", "surroundings", "tampering", "settings", "canary"}:
            _ = self.built
        if "kills" in classes:
            _ = self.first, self.full
        if "disk" in classes:
            _ = self.room_needed

    def _same(self, other: Untouched) -> Untouched:
        if other.content != self.built.content:
            raise SystemExit("two untouched runs published different content; nothing to compare")
        return other


def place(landing: Path, part: str) -> None:
    """Put the story's rows `before` YESTERDAY, or those `after`, into a landing zone; its rules."""
    shutil.copytree(SAMPLE_RULES, landing.parent / "rules", dirs_exist_ok=True)
    for path in sorted(STORY.rglob("*.csv")):
        header, *rows = path.read_text("utf-8").splitlines(keepends=True)
        mine = [row for row in rows if (day_of(row) < YESTERDAY) == (part == "before")]
        if mine:
            target = landing / path.relative_to(STORY).parent / f"{part}.csv"
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(header + "".join(mine), "utf-8")


def day_of(row: str) -> str:
    """The first day that a row names."""
    return re.findall(r"\d{4}-\d{2}-\d{2}", row)[0]


def recover(homes: Homes, home: Path, outcome: Outcome) -> None:
    """The next nightly, unaided: it has to end in time with the content of the untouched run."""
    ended = run(home, "-m", "orchestration.cli", "nightly", limit=homes.limit)
    if ended.code is None:
        outcome.wrong.append(f"the next nightly did not end within {homes.limit:.0f} s "
                             f"({ended.stage})")  # fmt: skip
    elif ended.code:
        outcome.wrong.append(f"the next nightly failed: {last_line(ended.err)}")
    content, problem = release(home)
    if problem or (ended.code == 0 and content != homes.built.content):
        outcome.wrong.append(problem or "the next nightly published other content")


def finished(home: Path, outcome: Outcome) -> Outcome:
    """Leave nothing running, and the folder only when there is something to look at."""
    for process in processes(home):
        process.kill()
    if not outcome.wrong:
        shutil.rmtree(home, ignore_errors=True)
    return outcome
