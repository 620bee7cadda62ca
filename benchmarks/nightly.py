"""
Wall time and peak memory of `journey nightly`, stage by stage, and the share that is overhead.

`python -m benchmarks.nightly [--olist DIR]` runs the job in fresh homes: on the sample cold, warm
(a file was touched, and holds nothing new) and unchanged, and on Olist. The baseline, in the same
run, is the nightly's own SQL: the statements that dbt compiled for models and tests, executed in
one plain DuckDB connection. What the stage `dbt build` takes beyond that is the overhead of dbt and
Dagster.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import re
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import duckdb

from benchmarks.measuring import MemoryWatch

ROOT = Path(__file__).resolve().parent.parent
LINE = re.compile(r"^\[ *([\d.]+)s\] \d/\d ([a-z ]+): ")


@dataclass
class Night:
    """One run: seconds per stage, in all, and the peak memory of all its processes."""

    name: str
    stages: dict[str, float]
    wall: float
    peak_mib: float
    baseline: float


def run_night(name: str, home: Path) -> Night:
    environment = {**os.environ, "JOURNEY_HOME": str(home), "DAGSTER_HOME": str(ROOT),
                   "DAGSTER_STATE_DIR": str(home / "dagster"), "PYTHONPATH": str(ROOT)}  # fmt: skip
    started = time.monotonic()
    process = subprocess.Popen(
        [sys.executable, "-m", "orchestration.cli", "nightly"],
        cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    stages: dict[str, float] = {}
    previous = started
    assert process.stdout is not None
    with MemoryWatch(process) as memory:
        for line in process.stdout:
            if match := LINE.match(line):
                # A line is printed when its work is done: the time before it belongs to its stage,
                # but for the first one, before which the imports lie.
                now = time.monotonic()
                stage = match.group(2) if stages else "start (imports)"
                stages[stage] = stages.get(stage, 0.0) + now - previous
                previous = now
    wall = time.monotonic() - started
    stages["end"] = wall - (previous - started)
    if process.returncode:
        raise SystemExit(f"{name}: the nightly failed")
    return Night(name, stages, wall, memory.peak_mib, baseline(home))


def touch(home: Path) -> None:
    """Touch a landing file: a run on files that are all as they were ends before it builds."""
    sorted((home / "landing").rglob("*.csv*"))[0].touch()


def baseline(home: Path) -> float:
    """Seconds that the compiled SQL of tonight's models and tests takes in one connection."""
    results = json.loads((home / "work/dbt/run_results.json").read_text("utf-8"))["results"]
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / "warehouse.duckdb"
        copy.write_bytes((home / "warehouse" / "warehouse.duckdb").read_bytes())
        with duckdb.connect(str(copy), config={"threads": 2}) as connection:
            connection.execute("set TimeZone = 'UTC'")
            started = time.monotonic()
            for result in results:
                code = result.get("compiled_code")
                kind = result["unique_id"].split(".")[0]
                if not code or kind not in ("model", "test") or "def model(" in code:
                    continue
                if kind == "model":
                    connection.execute(f"create or replace temp table result as {code}")
                else:
                    connection.execute(f"select count(*) from ({code})")
            return time.monotonic() - started


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--olist", type=Path, default=ROOT.parent / "shared" / "data" / "olist")
    options = parser.parse_args()
    nights: list[Night] = []
    with tempfile.TemporaryDirectory() as folder:
        sample = Path(folder) / "sample"
        nights.append(run_night("sample, cold", sample))
        touch(sample)
        nights.append(run_night("sample, warm", sample))
        nights.append(run_night("sample, unchanged", sample))
        if options.olist.exists():
            olist = Path(folder) / "olist"
            subprocess.run(
                [
                    sys.executable, "-m", "orchestration.cli", "import",
                    "olist", str(options.olist),
                ],
                cwd=ROOT, check=True, stdout=subprocess.DEVNULL,
                env={**os.environ, "JOURNEY_HOME": str(olist)},
            )  # fmt: skip
            nights.append(run_night("Olist, cold", olist))
            touch(olist)
            nights.append(run_night("Olist, warm", olist))
    print(f"\n{date.today()}, {platform.machine()}, {os.cpu_count()} cores, "
          f"Python {platform.python_version()}, DuckDB {duckdb.__version__}\n")  # fmt: skip
    names = ["start (imports)", "landing", "raw loads", "raw boundary", "dbt build",
             "marts boundary", "publish", "end"]  # fmt: skip
    print("| run | " + " | ".join(names) + " | wall | plain SQL | overhead | peak memory |")
    print("|---|" + "---:|" * (len(names) + 4))
    for night in nights:
        cells = [f"{night.stages.get(name, 0):.1f} s" for name in names]
        overhead = night.wall - night.baseline - night.stages.get("raw loads", 0)
        print(
            f"| {night.name} | " + " | ".join(cells) + f" | {night.wall:.1f} s | "
            f"{night.baseline:.1f} s | {overhead / night.wall:.0%} | "
            f"{night.peak_mib:,.0f} MiB |"
        )


if __name__ == "__main__":
    main()
