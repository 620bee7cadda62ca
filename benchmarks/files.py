"""
What one more file costs after few and after many: seconds of a whole load, and of each file.

`python -m benchmarks.files [--counts 1000 10000 100000] [--rows 10] [--new 20]` fills landing zone,
ledger, column profiles and raw table as that many loaded files of ten web events would, then loads
one new file in a run of its own and some in one run. The first count is the standard: the last
column says how many times as much a file costs as after few. Processor time, so that a busy
machine does not blur it.
"""

from __future__ import annotations

import argparse
import os
import platform
import tempfile
import time
from datetime import date
from pathlib import Path

import duckdb
import pyarrow as pa

from orchestration.loading import loader
from orchestration.loading.contract import load_contract

TABLE = load_contract()["web/events"]
HEADER = (
    "event_id,occurred_at,visitor_id,event_name,page_url,utm_source,value_amount,currency_code\n"
)


class Home:
    """A landing zone and its warehouse."""

    def __init__(self, folder: Path) -> None:
        self.landing = folder / "landing"
        self.files = self.landing / TABLE.source / TABLE.name
        self.files.mkdir(parents=True)
        self.connection = duckdb.connect(str(folder / "warehouse.duckdb"), config={"threads": 2})
        self.connection.execute("set enable_progress_bar = false")
        self.count = 0

    def add(self, files: int, rows: int) -> None:
        """New files, whose rows no other file has."""
        for _ in range(files):
            self.count += 1
            body = "".join(
                f"{self.count}-{i},2026-01-01T00:00:{i % 60:02}Z,v{i},page_view,https://a.jp/x,"
                f"google,{i},JPY\n"
                for i in range(rows)
            )
            (self.files / f"{self.count:07}.csv").write_text(HEADER + body, "utf-8")

    def load(self) -> tuple[float, float, int]:
        """Wall and processor seconds of a load, and how many files it loaded."""
        wall, used = time.monotonic(), time.process_time()
        outcomes = loader.load_table(self.connection, TABLE, self.landing, pepper="p" * 40)
        return time.monotonic() - wall, time.process_time() - used, len(outcomes)

    def pretend(self, files: int) -> None:
        """As if that many more files, like the one loaded last, had been loaded."""
        names, stats = [], []
        for number in range(files):
            path = self.files / f"old-{number:07}.csv"
            path.touch()
            names.append(path.relative_to(self.landing).as_posix())
            stats.append(path.stat())
        pretended = pa.table({
            "number": range(files), "name": names, "size": [stat.st_size for stat in stats],
            "modified": [stat.st_mtime_ns for stat in stats],
            "changed": [stat.st_ctime_ns for stat in stats],
        })  # fmt: skip
        self.connection.register("pretended", pretended)
        last = "(select file_id from ops.files order by load_sequence desc limit 1)"
        copied = "sha256('old' || number)"
        for relation, key, own in (
            (TABLE.relation, "_file_id",
             f"{copied} as _file_id, event_id || 'old' || number as event_id"),
            ("ops.column_profiles", "file_id", f"{copied} as file_id, 20 as value_count"),
            ("ops.files", "file_id",
             f"{copied} as file_id, load_sequence + 1 + number as load_sequence, name as file_name,"
             "size as file_size, modified as modified_ns, changed as changed_ns"),
        ):  # fmt: skip
            self.connection.execute(
                f"insert into {relation} by name select one.* replace ({own}) "
                f"from {relation} as one, pretended where one.{key} = {last}"
            )
        self.connection.unregister("pretended")
        self.connection.execute("checkpoint")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--counts", type=int, nargs="+", default=[1_000, 10_000, 100_000])
    parser.add_argument("--rows", type=int, default=10, help="rows of a file")
    parser.add_argument("--new", type=int, default=20, help="files that are loaded in one run")
    options = parser.parse_args()
    print(f"\n{date.today()}, {platform.machine()}, {os.cpu_count()} cores, "
          f"Python {platform.python_version()}, DuckDB {duckdb.__version__}\n")  # fmt: skip
    print("| files before | one more: wall | CPU | each of the next: CPU | ratio |")
    print("|---:|---:|---:|---:|---:|", flush=True)
    first = 0.0
    for count in options.counts:
        with tempfile.TemporaryDirectory() as folder:
            home = Home(Path(folder))
            home.add(5, options.rows)
            home.load()
            home.pretend(count)
            home.add(1, options.rows)
            wall, used, _ = home.load()
            nothing = min(home.load()[1] for _ in range(2))
            home.add(options.new, options.rows)
            _, seconds, loaded = home.load()
            assert loaded == options.new, loaded
            each = (seconds - nothing) / options.new
            first = first or each
            print(f"| {count:,} | {wall:.2f} s | {used:.2f} s | {each * 1000:.0f} ms | "
                  f"{each / first:.2f} |", flush=True)  # fmt: skip


if __name__ == "__main__":
    main()
