"""
The same models on DuckDB and on Spark, at growing numbers of events: what a build takes.

`.venv-spark/bin/python -m benchmarks.engines --rows 1000000` makes a year of events
(benchmarks/events.py), builds all models on DuckDB, then one more day of events, hands everything
over to Spark, builds it all there, which is Spark's night as well, and compares every mart. Clock,
processor time, peak memory and what lies on the disk afterwards are appended to engines.csv;
`--draw` makes a picture of it. Loading, tests and publishing are not part of it.
`--only duckdb` leaves Spark out.
"""

from __future__ import annotations

import argparse
import csv
import math
import os
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from pathlib import Path

import duckdb

from benchmarks import increments
from benchmarks.increments import Measure, watched
from orchestration.settings import ROOT, Settings, load_settings

MEASURED = Path(__file__).with_suffix(".csv")
PICTURE = ROOT / "docs" / "images" / "engines.svg"
FIELDS = ("measured_on", "events", "run", "clock_s", "processor_s", "memory_mib", "disk_mib")
RUNS = {
    "DuckDB, full build": "#1f6f8b",
    "DuckDB, one more day": "#7fb8c9",
    "Spark local[2], every build": "#c8553d",
}
PANELS = {
    "clock_s": ("clock", "s"),
    "processor_s": ("processor time", "s"),
    "memory_mib": ("peak memory", "MiB"),
    "disk_mib": ("on disk afterwards", "MiB"),
}


def size_mib(*paths: Path) -> float:
    """What files, and folders with all that is in them, take on the disk."""
    files = [f for path in paths for f in ([path] if path.is_file() else path.rglob("*"))]
    return sum(file.stat().st_size for file in files if file.is_file()) / 2**20


def note(rows: int, measure: Measure, disk: float) -> None:
    """Append a measurement."""
    is_new = not MEASURED.exists()
    with MEASURED.open("a", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        if is_new:
            writer.writerow(FIELDS)
        figures = (measure.wall, measure.cpu, measure.peak, disk)
        writer.writerow([date.today(), rows, measure.way, *(f"{figure:.0f}" for figure in figures)])


def measure_duckdb(settings: Settings, rows: int) -> None:
    """A full build of the year without its last day, then that day."""
    full, night, _ = RUNS
    last = increments.fill(settings, rows, settings.memory_limit)
    seeds = increments.dbt(settings, "seed")
    watched("seeds", seeds, increments.environment(settings, f"{last} 00:00:00"))
    note(
        rows,
        increments.build(full, settings, f"{last} 00:00:00", models_at_once=1),
        size_mib(settings.warehouse),
    )
    with duckdb.connect(str(settings.warehouse)) as connection:
        increments.arrive(connection, f"arrived_on = '{last}'", "new day")
        connection.execute("drop table bench.events")
    night_measure = increments.build(night, settings, f"{last} 23:59:59")
    note(rows, night_measure, size_mib(settings.warehouse))


def measure_spark(settings: Settings, rows: int) -> None:
    """The whole year, and whether each mart is DuckDB's."""
    *_, every = RUNS

    def on_spark(way: str, *arguments: str) -> Measure:
        command = [sys.executable, "-m", "engines.spark", "--home", str(settings.home)]
        return watched(way, [*command, *arguments], dict(os.environ))

    on_spark("hand over to Spark", "load")
    chosen = ("--exclude-resource-type", "test", "--select", "*")
    measure = on_spark(every, "build", *chosen)
    folder = settings.home / "spark"
    note(rows, measure, size_mib(folder / "inputs", folder / "tables"))
    on_spark("compare every mart", "compare")


def draw() -> str:
    """The measurements as a picture: a panel per figure, both axes by powers of ten."""
    with MEASURED.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    width, height = 380, 250
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {2 * width} {2 * height + 30}" '
        'font-family="sans-serif" font-size="11">',
        '<rect width="100%" height="100%" fill="white"/>',
    ]
    for number, field in enumerate(PANELS):
        parts += _panel(rows, field, number % 2 * width, number // 2 * height, width, height)
    for number, (run, colour) in enumerate(RUNS.items()):
        x, y = 50 + 220 * number, 2 * height + 18
        parts.append(f'<rect x="{x}" y="{y - 9}" width="10" height="10" fill="{colour}"/>')
        parts.append(f'<text x="{x + 15}" y="{y}">{run}</text>')
    return "\n".join([*parts, "</svg>", ""])


def _panel(
    rows: list[dict[str, str]], field: str, left: int, top: int, width: int, height: int
) -> Iterator[str]:
    rows = [row for row in rows if row[field]]  # a run that broke off has not told all
    figures = [float(row[field]) for row in rows]
    low, high = math.floor(math.log10(min(figures))), math.ceil(math.log10(max(figures)))
    first, last = 6, 8  # powers of ten of events

    def at(events: float, figure: float) -> tuple[float, float]:
        across = (math.log10(events) - first) / (last - first)
        up = (math.log10(figure) - low) / (high - low)
        return left + 60 + across * (width - 90), top + height - 35 - up * (height - 75)

    name, unit = PANELS[field]
    yield f'<text x="{left + 60}" y="{top + 22}" font-weight="bold">{name}, {unit}</text>'
    for power in range(low, high + 1):
        x, y = at(10**first, 10**power)
        yield f'<path d="M{x:.0f} {y:.0f}H{left + width - 30}" stroke="#ddd"/>'
        yield f'<text x="{x - 6:.0f}" y="{y + 4:.0f}" text-anchor="end">{10**power:,}</text>'
    for power in range(first, last + 1):
        x, y = at(10**power, 10**low)
        yield (
            f'<text x="{x:.0f}" y="{y + 16:.0f}" text-anchor="middle">'
            f"{10 ** (power - 6)} million</text>"
        )
    for run, colour in RUNS.items():
        points = [at(float(r["events"]), float(r[field])) for r in rows if r["run"] == run]
        line = " ".join(f"{x:.1f},{y:.1f}" for x, y in sorted(points))
        yield f'<polyline points="{line}" fill="none" stroke="{colour}" stroke-width="2"/>'
        for x, y in points:
            yield f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3" fill="{colour}"/>'


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--memory", default="6GB", help="limit of DuckDB; the process needs more")
    parser.add_argument("--folder", type=Path, help="where the home is made, and left")
    parser.add_argument("--only", choices=["duckdb", "spark"], help="Spark: of a home left before")
    parser.add_argument("--draw", action="store_true", help="draw what was measured, and end")
    options = parser.parse_args()
    if options.draw:
        PICTURE.write_text(draw(), "utf-8")
        return
    with tempfile.TemporaryDirectory() as temporary:
        home = (options.folder or Path(temporary)) / "home"
        settings = replace(load_settings(home), memory_limit=options.memory)
        settings.prepare()
        if options.only != "spark":
            measure_duckdb(settings, options.rows)
        if options.only != "duckdb":
            measure_spark(settings, options.rows)


if __name__ == "__main__":
    main()
