"""
The loader against plain `read_csv`, pandas and dlt on the same file: wall time and peak memory.

`python -m benchmarks.loading [--rows N] [--small N] [--memory 4GB]` writes web events of the
contract (16 columns, a tenth with an e-mail address) and loads them, each way in a process of its
own: DuckDB's `read_csv` into a table, without checks (the baseline), and this project's loader,
with hashing of personal data, checks, quarantine and ledger. pandas and dlt (its default path; only
where it is installed) take the smaller file. With `--files`, instead, as many files of twenty rows
are loaded, as CSV and as JSON lines, and looked at again in a second load that finds nothing new.
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from datetime import date
from itertools import islice
from pathlib import Path

import duckdb

from benchmarks.measuring import MemoryWatch

ROOT = Path(__file__).resolve().parent.parent

WAYS = {
    "plain read_csv": """
connection.execute(f"create table events as select * from read_csv('{path}')")
connection.execute("checkpoint")
""",
    "this loader": """
from pathlib import Path
from orchestration.loading import loader
from orchestration.loading.contract import load_contract
(outcome,) = loader.load_table(
    connection, load_contract()["web/events"], Path(path).parents[2], pepper="p" * 40
)
connection.execute("checkpoint")
assert outcome.status == "loaded" and outcome.rows_in == outcome.rows_loaded, outcome
""",
    "pandas": """
import pandas
frame = pandas.read_csv(path, dtype=str, keep_default_na=False)
frame["occurred_at"] = pandas.to_datetime(frame.occurred_at, utc=True)
frame["value_amount"] = pandas.to_numeric(frame.value_amount.replace("", None))
connection.execute("create table events as select * from frame")
connection.execute("checkpoint")
""",
    "dlt, default path": """
import csv, os, dlt
os.chdir(folder)
def events():
    with open(path, newline="") as stream:
        yield from csv.DictReader(stream)
dlt.pipeline("b", destination=dlt.destinations.duckdb(folder + "/dlt.duckdb"),
             dataset_name="raw", pipelines_dir=folder + "/dlt").run(events(), table_name="events")
""",
}  # fmt: skip
HEAD = """
import sys, duckdb
path, folder, memory = sys.argv[1:]
connection = duckdb.connect(folder + "/warehouse.duckdb", config={
    "threads": 2, "memory_limit": memory, "temp_directory": folder + "/tmp"})
connection.execute("set TimeZone = 'UTC'; set enable_progress_bar = false")
"""


def write_events(path: Path, rows: int) -> None:
    """Events every three seconds of a million visitors, the same on every machine."""
    path.parent.mkdir(parents=True)

    def pick(seed: int, *texts: str) -> str:
        return f"{list(texts)}[1 + (hash(i * {seed}) % {len(texts)})::int]"

    agent = (
        "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/12"
    )
    duckdb.execute(
        f"""
        copy (
            select
                'evt-' || md5(i::varchar)[:20] as event_id,
                strftime(timestamp '2023-01-01' + interval (i * 3) second, '%Y-%m-%dT%H:%M:%SZ')
                    as occurred_at,
                'v' || (hash(i) % 1000000) as visitor_id,
                {pick(7, "page_view", "view_item", "add_to_cart", "purchase")} as event_name,
                case when hash(i * 3) % 10 = 0 then 'u' || (hash(i) % 200000) end as user_id,
                case when hash(i * 3) % 10 = 0
                    then 'person' || (hash(i) % 200000) || '@hana-mail.jp' end as email,
                'https://shop.jp/items/' || (hash(i * 5) % 5000) || case when hash(i * 11) % 5 = 0
                    then '?utm_source=google&utm_medium=cpc&q=shoes' else '' end as page_url,
                case when hash(i * 13) % 3 = 0 then 'https://www.google.com/' end as page_referrer,
                case when hash(i * 11) % 5 = 0 then 'google' end as utm_source,
                case when hash(i * 11) % 5 = 0 then 'cpc' end as utm_medium,
                case when hash(i * 11) % 5 = 0 then 'brand' end as utm_campaign,
                {pick(17, "desktop", "mobile", "tablet")} as device_type,
                '{agent}' || (hash(i) % 10) || '.0.0.0 Safari/537.36' as user_agent,
                'JP' as country_code,
                case when hash(i * 7) % 4 = 3 then (hash(i) % 100000)::varchar end as value_amount,
                case when hash(i * 7) % 4 = 3 then 'JPY' end as currency_code
            from range({rows}) as t(i)
        ) to '{path}' (header)
        """
    )


def measure(way: str, path: Path, memory: str) -> tuple[float, float, float] | None:
    """Wall and CPU seconds and peak memory (MiB) of a way, None where it is not installed."""
    if "dlt" in way and subprocess.run([sys.executable, "-c", "import dlt"], check=False,
                                       capture_output=True).returncode:  # fmt: skip
        return None
    with tempfile.TemporaryDirectory(dir=path.parents[3]) as folder:
        started, before = time.monotonic(), os.times()
        process = subprocess.Popen(
            [sys.executable, "-c", HEAD + WAYS[way], str(path), folder, memory],
            cwd=ROOT, env={**os.environ, "PYTHONPATH": str(ROOT)}, text=True,
        )  # fmt: skip
        with MemoryWatch(process) as watch:
            process.wait()
        wall, after = time.monotonic() - started, os.times()
        if process.returncode:
            raise SystemExit(f"{way} failed")
    cpu = after.children_user + after.children_system
    cpu -= before.children_user + before.children_system
    return wall, cpu, watch.peak_mib


_MANY = """
import os, sys, time
from pathlib import Path
from orchestration.loading import loader
from orchestration.loading.contract import load_contract
table = load_contract()["web/events"]
for _ in range(2):
    before = os.times()
    outcomes = loader.load_table(connection, table, Path(path), pepper="p" * 40,
                                 journal_path=Path(folder, "journal.jsonl"))
    connection.execute("checkpoint")
    assert all(outcome.rows_in == outcome.rows_loaded for outcome in outcomes)
    after = os.times()
    print(after.user + after.system - before.user - before.system)
"""


def many_files(count: int, memory: str) -> None:
    """Load many small files, and look at them again; processor time of both."""
    print("| files | format | loaded | a file | nothing new |")
    print("|---:|---|---:|---:|---:|", flush=True)
    for kind in ("csv", "jsonl"):
        with tempfile.TemporaryDirectory() as folder:
            whole = Path(folder) / "whole" / "events.csv"
            write_events(whole, count * 20)
            events = Path(folder) / "landing" / "web" / "events"
            events.mkdir(parents=True)
            with whole.open(encoding="utf-8", newline="") as stream:
                rows = csv.reader(stream)
                header = next(rows)
                for number in range(count):
                    with (events / f"{number}.{kind}").open("w", encoding="utf-8") as small:
                        if kind == "csv":
                            csv.writer(small).writerows([header, *islice(rows, 20)])
                        else:
                            for row in islice(rows, 20):
                                print(json.dumps(dict(zip(header, row, strict=True))), file=small)
            process = subprocess.run(
                [sys.executable, "-c", HEAD + _MANY, str(events.parents[1]), folder, memory],
                cwd=ROOT, env={**os.environ, "PYTHONPATH": str(ROOT)}, text=True, check=True,
                stdout=subprocess.PIPE,
            )  # fmt: skip
        first, second = (float(line) for line in process.stdout.split())
        print(f"| {count:,} | {kind} | {first:.1f} s | {first / count * 1000:.1f} ms | "
              f"{second:.1f} s |", flush=True)  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=10_000_000)
    parser.add_argument("--small", type=int, default=500_000, help="rows for pandas and dlt")
    parser.add_argument("--memory", default="4GB", help="DuckDB's memory_limit")
    parser.add_argument("--files", type=int, default=0, help="load so many small files instead")
    options = parser.parse_args()
    print(f"\n{date.today()}, {platform.machine()}, {os.cpu_count()} cores, "
          f"Python {platform.python_version()}, DuckDB {duckdb.__version__}, "
          f"memory_limit {options.memory}\n")  # fmt: skip
    if options.files:
        many_files(options.files, options.memory)
        return
    print("| rows | file | way | wall | CPU | peak memory | wall / plain |")
    print("|---:|---:|---|---:|---:|---:|---:|", flush=True)
    sizes = {options.rows: list(WAYS)[:2]}
    if options.small:
        sizes[options.small] = list(WAYS)
    for rows, ways in sizes.items():
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "landing" / "web" / "events" / "events.csv"
            write_events(path, rows)
            baseline = 0.0
            for way in ways:
                found = measure(way, path, options.memory)
                if found is None:
                    print(f"| {rows:,} | | {way} | not installed | | | |", flush=True)
                    continue
                wall, cpu, peak = found
                baseline = baseline or wall
                size = path.stat().st_size / 2**20
                print(f"| {rows:,} | {size:,.0f} MiB | {way} | {wall:.1f} s | {cpu:.1f} s | "
                      f"{peak:,.0f} MiB | {wall / baseline:.2f} |", flush=True)  # fmt: skip


if __name__ == "__main__":
    main()
