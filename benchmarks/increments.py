"""
Full build and one more night, at a million events and more: wall, CPU, peak memory, as ratios.

`python -m benchmarks.increments [--rows N] [--memory 6GB] [--frames]` fills the raw table with a
year of events (benchmarks/events.py), then measures, each in a process of its own:

- the hand-written floor: one statement of DuckDB that does the least a session needs;
- this project: `dbt run` on the sessions alone, on everything, then on one new day, then on all of
  it anew with that day, and whether the increment's marts are the same, row for row;
- with `--frames`, pandas and Polars (installed for the run only) doing what the floor does.

Loading, tests and publishing are not part of it; benchmarks/loading.py and benchmarks/nightly.py
tell those.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path

import duckdb

from benchmarks.events import events
from benchmarks.measuring import MemoryWatch
from orchestration.building import builds
from orchestration.building.fingerprint import fingerprint
from orchestration.loading import ledger
from orchestration.loading.contract import load_contract
from orchestration.rules import home as home_rules
from orchestration.rules import store as rule_store
from orchestration.settings import DBT, DBT_PROJECT_DIR, Settings, load_settings

SESSION_MODELS = (
    "int_user_agents_classified",
    "int_visitors_touched",
    "int_sessions_aggregated",
)
CONNECT = """
import sys, duckdb
database, memory, folder = sys.argv[1:]
connection = duckdb.connect(database, config={"threads": 2, "memory_limit": memory,
    "temp_directory": folder, "preserve_insertion_order": False})
connection.execute("set enable_progress_bar = false")
"""
FLOOR = """
connection.execute('''
create or replace table main.floor as
with narrow as (
    select hash(visitor_id) as visitor, occurred_at as moment, event_id, rowid as position,
        event_name = 'page_view' as is_page
    from raw_web.events
), ordered as (
    select * from narrow order by visitor, moment, event_id
), gaps as (
    select *, lag(visitor) over () as visitor_before, lag(moment) over () as moment_before
    from ordered
), starts as (
    select *, case when visitor_before = visitor and moment - moment_before <= interval 30 minutes
        then 0 else 1 end as is_start from gaps
), numbered as (
    select *, sum(is_start) over (rows unbounded preceding) as session from starts
), sessions as (
    select session, min(moment) as started_at, max(moment) as ended_at, count(*) as events,
        count(*) filter (where is_page) as pages,
        arg_min(position, (moment, event_id)) as first_row,
        arg_max(position, (moment, event_id)) as last_row
    from numbered group by session
)
select sessions.* exclude (first_row, last_row), a.visitor_id, a.page_url as landing_page,
    b.page_url as exit_page, a.page_referrer, a.utm_source, a.utm_medium, a.utm_campaign,
    a.device_type, a.country_code
from sessions join raw_web.events a on a.rowid = first_row
join raw_web.events b on b.rowid = last_row
''')
connection.execute("drop table main.floor")
"""
PANDAS = """
import pandas as pd
frame = connection.execute("select event_id, visitor_id, occurred_at, event_name, page_url, "
    "page_referrer, utm_source, utm_medium, utm_campaign, device_type, country_code "
    "from raw_web.events").df()
frame = frame.sort_values(["visitor_id", "occurred_at", "event_id"])
start = frame.visitor_id.ne(frame.visitor_id.shift()) | (
    frame.occurred_at.diff() > pd.Timedelta(minutes=30))
frame["session"] = start.cumsum()
frame["is_page"] = frame.event_name.eq("page_view")
first = frame[start]
last = frame[start.shift(-1, fill_value=True)]
grouped = frame.groupby("session", sort=False)
result = grouped.agg(started_at=("occurred_at", "min"), ended_at=("occurred_at", "max"),
    events=("event_id", "size"), pages=("is_page", "sum"))
result = result.join(first.set_index("session").drop(columns=["event_id", "occurred_at"]))
result["exit_page"] = last.set_index("session").page_url
"""
POLARS = """
import polars as pl
frame = connection.execute("select event_id, visitor_id, occurred_at, event_name, page_url, "
    "page_referrer, utm_source, utm_medium, utm_campaign, device_type, country_code "
    "from raw_web.events").pl().lazy()
result = (frame.sort("visitor_id", "occurred_at", "event_id").with_columns(
    ((pl.col("visitor_id") != pl.col("visitor_id").shift()).fill_null(True)
     | (pl.col("occurred_at").diff() > pl.duration(minutes=30)).fill_null(True))
    .cum_sum().alias("session"))
    .group_by("session", maintain_order=True).agg(
        pl.col("occurred_at").min().alias("started_at"),
        pl.col("occurred_at").max().alias("ended_at"), pl.len().alias("events"),
        (pl.col("event_name") == "page_view").sum().alias("pages"),
        pl.col("page_url").last().alias("exit_page"),
        pl.col("visitor_id", "page_url", "page_referrer", "utm_source", "utm_medium",
               "utm_campaign", "device_type", "country_code").first())
    .collect(engine="streaming"))
"""


@dataclass
class Measure:
    """One way: wall and CPU seconds, peak memory in MiB; of dbt also the seconds per model."""

    way: str
    wall: float
    cpu: float
    peak: float
    models: dict[str, float]

    @property
    def sessions(self) -> float:
        """Seconds of the session models."""
        return sum(self.models.get(name, 0) for name in SESSION_MODELS)


def watched(way: str, command: list[str], environment: dict[str, str] | None = None) -> Measure:
    """Run a command, sampling its memory."""
    started = time.monotonic()
    process = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True)
    with MemoryWatch(process) as memory:
        output = process.communicate()[0]
    if process.returncode:
        raise SystemExit(f"{way} failed:\n{output[-3000:]}")
    wall = time.monotonic() - started
    measure = Measure(way, wall, memory.processor, memory.peak_mib, {})
    print(f"{way}: {measure.wall:.1f} s, {measure.peak:,.0f} MiB", flush=True)
    return measure


def fill(settings: Settings, rows: int, memory: str) -> str:
    """A year of raw events, all but the last day; returns that day."""
    with duckdb.connect(
        str(settings.warehouse),
        config={"memory_limit": memory, "threads": 2, "preserve_insertion_order": False,
                "temp_directory": str(settings.home / "work" / "tmp")},
    ) as connection:  # fmt: skip
        connection.execute("set TimeZone = 'UTC'; set enable_progress_bar = false")
        ledger.create(connection, list(load_contract().values()))
        rule_store.apply(connection, home_rules.defaults())
        connection.execute("create schema if not exists bench")
        made = connection.execute(
            "select count(*) from duckdb_tables() where schema_name = 'bench'"
        ).fetchone()
        if made == (0,):
            events(connection, "bench.events", rows)
        last = connection.execute(
            "select max(arrived_on)::varchar from (select arrived_on from bench.events "
            f"group by 1 having count(*) > {rows // 1000})"
        ).fetchone()
        assert last is not None
        arrive(connection, f"arrived_on < '{last[0]}'", "history")
        connection.execute("checkpoint")
        return str(last[0])


def arrive(connection: duckdb.DuckDBPyConnection, condition: str, file: str) -> None:
    """Put events into the raw table as one load, in the order of their days."""
    names = [row[0] for row in connection.execute("describe bench.events").fetchall()]
    columns = ", ".join(name for name in names if name != "arrived_on")
    connection.execute(
        f"insert into raw_web.events ({columns}, _file_id, _row_number) "
        f"select {columns}, '{file}', row_number() over () from bench.events where {condition} "
        "order by arrived_on"
    )
    connection.execute(
        "insert into ops.files "
        "(file_id, source, table_name, file_name, status, data_through_at, rows_loaded) "
        f"select '{file}', 'web', 'events', '{file}', 'loaded', now()::timestamp, count(*) "
        f"from raw_web.events where _file_id = '{file}'"
    )


def dbt(settings: Settings, *arguments: str) -> list[str]:
    """A command line of dbt on a home, logging as the nightly does."""
    project = str(DBT_PROJECT_DIR)
    options = ["--profiles-dir", project, "--target-path", str(settings.dbt_target)]
    quiet = ["--quiet", "--log-level-file", "warn"]
    return [*DBT, *quiet, *arguments, "--project-dir", project, *options]


def full_run(models_at_once: int) -> list[str]:
    """What `dbt run` is asked for a full build."""
    return ["run", "--full-refresh", "--threads", str(models_at_once)]


def environment(settings: Settings, as_of_at: str) -> dict[str, str]:
    """What dbt needs to know."""
    return {**os.environ, **settings.environment(as_of_at)}


def build(
    way: str, settings: Settings, as_of_at: str, models_at_once: int | None = None
) -> Measure:
    """`dbt run` as the nightly would, without tests; full when `models_at_once` is given."""
    full = models_at_once is not None
    key = builds.build_key(settings, home_rules.defaults())
    with duckdb.connect(str(settings.warehouse)) as connection:
        reason = builds.begin(connection, key, as_of_at, full)
    assert bool(reason) == full, reason
    command = dbt(settings, *(full_run(models_at_once) if models_at_once else ["run"]))
    measure = watched(way, command, environment(settings, as_of_at))
    measure.models = seconds_per_model(settings)
    with duckdb.connect(str(settings.warehouse)) as connection:
        builds.complete(connection, key, as_of_at, builds.new_build_id())
    return measure


def seconds_per_model(settings: Settings) -> dict[str, float]:
    """Of the run just done."""
    results = json.loads((settings.dbt_target / "run_results.json").read_text("utf-8"))["results"]
    return {result["unique_id"].split(".")[-1]: result["execution_time"] for result in results}


def content(settings: Settings, memory: str) -> str:
    """Hash of all marts that tell of customers."""
    with duckdb.connect(
        str(settings.warehouse), read_only=True, config={"memory_limit": memory, "threads": 2}
    ) as connection:
        return fingerprint(connection).content_hash


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--memory", default="6GB", help="limit of DuckDB; the process needs more")
    parser.add_argument("--frames", action="store_true", help="also pandas and Polars")
    parser.add_argument("--folder", type=Path, help="where the home is made, and left")
    parser.add_argument("--full-threads", type=int, default=2, help="models at once in full builds")
    parser.add_argument("--once", action="store_true", help="no second full build to compare with")
    options = parser.parse_args()
    at_once = options.full_threads
    with tempfile.TemporaryDirectory() as temporary:
        home = (options.folder or Path(temporary)) / "home"
        settings = replace(load_settings(home), memory_limit=options.memory)
        settings.prepare()
        print(f"making {options.rows:,} events …", flush=True)
        last = fill(settings, options.rows, options.memory)
        watched("seeds", dbt(settings, "seed"), environment(settings, f"{last} 00:00:00"))

        def alone(way: str, code: str) -> Measure:
            return watched(
                way,
                [sys.executable, "-c", CONNECT + code, str(settings.warehouse), options.memory,
                 str(home / "work" / "tmp")],
            )  # fmt: skip

        measures = [alone("floor: sessions by hand", FLOOR)]
        if options.frames:
            measures += [alone("pandas: sessions", PANDAS), alone("Polars: sessions", POLARS)]
        alone_sessions = watched(
            "this project: sessions alone",
            dbt(settings, *full_run(at_once), "--select", "+int_sessions_aggregated"),
            environment(settings, f"{last} 00:00:00"),
        )
        alone_sessions.models = seconds_per_model(settings)
        measures.append(alone_sessions)
        measures.append(build("this project: full build", settings, f"{last} 00:00:00", at_once))
        with duckdb.connect(str(settings.warehouse)) as connection:
            arrive(connection, f"arrived_on = '{last}'", "new day")
        evening = f"{last} 23:59:59"
        measures.append(build("this project: one more day", settings, evening))
        same = None
        if not options.once:
            increment = content(settings, options.memory)
            measures.append(build("this project: full build with it", settings, evening, at_once))
            same = content(settings, options.memory) == increment
    report(measures, options.rows, same)


def report(measures: list[Measure], rows: int, same: bool | None) -> None:
    """The table for docs/benchmarks.md."""
    floor = measures[0]
    alone, full, night = [measure for measure in measures if measure.models][:3]
    print(
        f"\n{date.today()}, {platform.machine()}, {os.cpu_count()} shared cores, "
        f"Python {platform.python_version()}, DuckDB {duckdb.__version__}; {rows:,} events\n"
    )
    print("| events | way | wall | CPU | peak memory | sessions | sessions / floor | wall / full |")
    print("|---:|---|---:|---:|---:|---:|---:|---:|")
    for measure in measures:
        sessions = measure.sessions or measure.wall
        print(
            f"| {rows:,} | {measure.way} | {measure.wall:.1f} s | {measure.cpu:.1f} s "
            f"| {measure.peak:,.0f} MiB | {sessions:.1f} s | {sessions / floor.wall:.2f} "
            f"| {f'{measure.wall / full.wall:.3f}' if measure in (full, night) else ''} |"
        )
    print(
        "\nsessions of the new day / full build of sessions: "
        f"{night.sessions / alone.sessions:.3f}, "
        f"/ full build: {night.sessions / full.wall:.3f}; "
        f"models of the new day / full: "
        f"{sum(night.models.values()) / sum(full.models.values()):.3f}; increment and full build "
        + {True: "are the same, row for row", False: "DIFFER", None: "were not compared"}[same]
    )
    slowest = sorted(night.models.items(), key=lambda item: -item[1])[:12]
    print("slowest models of the new day:", ", ".join(f"{n} {s:.2f}" for n, s in slowest))
    slowest = sorted(full.models.items(), key=lambda item: -item[1])[:12]
    print("slowest models of the full build:", ", ".join(f"{n} {s:.1f}" for n, s in slowest))


if __name__ == "__main__":
    main()
