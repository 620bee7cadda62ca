"""
`journey prove`: random histories, in which every run's increment must equal one full rebuild.

A history is a few runs. Each brings files of events, contacts, orders and so on, with late rows,
duplicates, conflicting versions, erasures, and may take an earlier file back. One follows
the other, as increments; then everything is built again from the same raw tables, and once more
from files that arrived in one run in another order, on more threads and in another time zone.
Every mart must be the same, row for row. Hypothesis draws the histories and shrinks a failing one
to a minimal example.

The real loader loads, and the SQL is what dbt compiles for an increment and for a full build; only
dbt itself, which takes seconds to start, is left out. Everything happens in memory.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
from hypothesis import HealthCheck, Phase, given, settings

from orchestration.base import command
from orchestration.building import builds
from orchestration.building.fingerprint import ARRIVAL_TABLES
from orchestration.developing.compiled import Project
from orchestration.developing.histories import FAMILIES, START, File, History, histories, moment
from orchestration.loading import erasing, loader
from orchestration.loading.reading import file_id
from orchestration.operating import reloading
from orchestration.settings import load_settings

PEPPER = "a pepper for proofs, at least 32 characters"


class NotEqual(AssertionError):
    """A mart differs; the message names it and the rows that only one side has."""


class World:
    """One warehouse that lives through a history."""

    def __init__(self, project: Project, connection: duckdb.DuckDBPyConnection, folder: Path):
        """An empty landing zone in `folder` and the warehouse behind `connection`."""
        self.project, self.connection, self.tables = project, connection, project.tables
        self.settings = replace(load_settings(folder), pepper=PEPPER)
        self.paths: list[Path] = []
        self.now = datetime(2030, 1, 1)  # by the clock, UTC

    def arrive(self, file: File, day: int | None = None) -> None:
        """Put a file into the landing zone, as the extract of a day (its number by default)."""
        day = len(self.paths) if day is None else day
        extracted_on = f"dt={START + timedelta(days=day):%Y-%m-%d}"
        path = self.settings.landing / file.table / extracted_on / f"{len(self.paths)}.csv"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(file.text, encoding="utf-8")
        self.paths.append(path)

    def load(self) -> None:
        """Load what waits, then carry out erasures."""
        self.connection.execute("set TimeZone = 'UTC'")
        for table in self.tables.values():
            if (self.settings.landing / table.source / table.name).exists():
                loader.load_table(
                    self.connection, table, self.settings.landing, pepper=self.settings.pepper,
                    pepper_key_id=self.settings.pepper_key_id, loaded_at=self.now,
                )  # fmt: skip
        erasing.erase(self.connection, self.tables, self.settings.pepper,
                      self.settings.pepper_key_id, self.now)  # fmt: skip

    def retract(self, number: int) -> None:
        """Take a file back, as `journey retract` does."""
        with suppress(LookupError):  # an equal file, or one already taken back
            reloading.retract(self.connection, self.settings, file_id(self.paths[number]))

    def build(
        self,
        as_of_at: str,
        full: bool = False,
        models: set[str] | None = None,
        zone: str = "UTC",
    ) -> None:
        """One run's models, or only some of them."""
        self.connection.execute(f"set TimeZone = '{zone}'")
        reason = builds.begin(self.connection, "key", as_of_at, full)
        self.project.build(self.connection, as_of_at, bool(reason), models)
        builds.complete(self.connection, "key", as_of_at, "build")

    def marts(self, arrival: bool) -> dict[str, list[tuple[Any, ...]]]:
        """All rows of all marts, ordered; `arrival`: also of those that say how data arrived."""
        names = [m.relation for m in self.project.models if m.relation.startswith('"marts"')]
        return {
            name: self.connection.execute(f"select * from {name} order by all").fetchall()
            for name in names
            if arrival or name.split('"')[3] not in ARRIVAL_TABLES
        }


def prove(project: Project, history: History, folder: Path) -> None:
    """Raises `NotEqual` when an increment of the history differs from a full rebuild."""
    with project.connect() as connection:
        world = World(project, connection, folder / "runs")
        for run in history.runs:
            if run.retract is not None:
                world.retract(run.retract)
            for file in run.files:
                world.arrive(file)
            world.load()
            is_last = run is history.runs[-1]
            world.build(moment(run.hours), models=None if is_last else project.kept)
        increments = world.marts(arrival=True)
        as_of_at = moment(history.runs[-1].hours)
        world.build(as_of_at, full=True)
        compare("a full rebuild", increments, world.marts(arrival=True))
    files = [file for run in history.runs for file in run.files]
    if any(file.table == "privacy/erasure_requests" for file in files):
        return  # whom a request means depends on who was known when it was carried out
    # The same files in one run, last first; those that were taken back never came.
    with project.connect(threads=4) as connection:
        world = World(project, connection, folder / "at_once")
        gone = {files[n.retract].text for n in history.runs if n.retract is not None}
        for number, file in reversed(list(enumerate(files))):
            if file.text not in gone:
                world.arrive(File(file.table, file.rows[::-1]), number)
        world.load()
        world.build(as_of_at, zone="America/New_York")
        increments = {
            n: rows for n, rows in increments.items() if n.split('"')[3] not in ARRIVAL_TABLES
        }
        compare("the same files at once, in another order", increments, world.marts(arrival=False))


def compare(what: str, found: dict[str, list[Any]], expected: dict[str, list[Any]]) -> None:
    """Name the first mart that differs, and how."""
    for name, rows in expected.items():
        if found[name] != rows:
            extra = [row for row in found[name] if row not in rows]
            missing = [row for row in rows if row not in found[name]]
            raise NotEqual(
                f"{name}: {len(found[name])} rows by increments, {len(rows)} by {what}\n"
                f"  only by increments: {extra[:3]}\n  only by {what}: {missing[:3]}"
            )


def prove_random(
    project: Project, count: int, seed: int, progress: Callable[[str], None]
) -> list[History]:
    """Prove `count` histories and return them; raises `NotEqual` on one that fails, shrunk."""
    from hypothesis import seed as with_seed

    proven: list[History] = []
    failing: list[History] = []
    started = time.monotonic()

    @with_seed(seed)
    @settings(
        max_examples=-(-count // FAMILIES),
        deadline=None,
        database=None,
        print_blob=False,
        phases=[Phase.generate, Phase.shrink],
        suppress_health_check=list(HealthCheck),
    )
    @given(history=histories())
    def holds(history: History) -> None:
        with tempfile.TemporaryDirectory() as folder:
            try:
                prove(project, history, Path(folder))
            except Exception:
                failing[:] = [history]  # the last one to fail is the smallest
                raise
        proven.append(history)
        if len(proven) % 10 == 0:
            progress(f"{len(proven) * FAMILIES} histories, {time.monotonic() - started:.0f} s")

    try:
        holds()
    except NotEqual as error:
        raise NotEqual(f"{error}\nin this history:{failing[0]!r}") from None
    return proven


def prove_all(histories: int, seed: int) -> None:
    """Draw histories and compare each increment with a full build; fails with a minimal example."""
    with tempfile.TemporaryDirectory() as folder:
        print("compiling the models …", flush=True)
        project = Project(Path(folder))
        print(f"proving {histories} histories, seed {seed} …", flush=True)
        with command.failing_on(NotEqual):
            prove_random(project, histories, seed, lambda text: print(text, flush=True))
    print(f"{histories} histories: every increment equals the full rebuild")
