"""
Attribution of a million paths: exact Markov chain and both Shapley values, and ChannelAttribution.

`python -m benchmarks.attribution [--paths N] [--channels 12]` makes random paths, then measures in
one process each: counting moves and channel sets in DuckDB (the project's SQL, on paths instead of
touchpoints) and its Python functions; and PyPI's ChannelAttribution where it is installed.
"""

from __future__ import annotations

import argparse
import importlib.util
import os
import platform
import resource
import sys
import time
from collections.abc import Callable
from datetime import date
from types import ModuleType

import duckdb
import numpy as np
import pandas as pd

from orchestration.settings import DBT_PROJECT_DIR


def module(name: str) -> ModuleType:
    """A Python model of the project."""
    path = DBT_PROJECT_DIR / "models" / "intermediate" / "attribution" / f"{name}.py"
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None and spec.loader is not None
    loaded = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(loaded)
    return loaded


def touches(paths: int, channels: int) -> pd.DataFrame:
    """One row per touch; a fifth of the paths convert, and channels are not alike."""
    names = np.array([f"channel_{number:02}" for number in range(channels)])
    generator = np.random.default_rng(1)
    lengths = generator.geometric(0.25, paths)
    chances = np.arange(channels, 0, -1) / np.arange(channels + 1).sum()
    return pd.DataFrame(
        {
            "path_id": np.repeat(np.arange(paths), lengths),
            "touch_number": np.arange(lengths.sum())
            - np.repeat(np.cumsum(lengths) - lengths, lengths)
            + 1,
            "channel": names[generator.choice(channels, lengths.sum(), p=chances)],
            "is_converting": np.repeat(generator.random(paths) < 0.2, lengths),
        }
    )


def compiled(connection: duckdb.DuckDBPyConnection, name: str) -> pd.DataFrame:
    """Run a model's SQL on the table `touches`."""
    path = DBT_PROJECT_DIR / "models" / "intermediate" / "attribution" / f"{name}.sql"
    sql = path.read_text("utf-8").replace("{{ ref('int_attribution_paths_unioned') }}", "paths")
    return connection.execute(sql).df()


def measured(run: Callable[[], object]) -> tuple[float, object]:
    """The least wall time of three runs, and the last result."""
    seconds, result = [], None
    for _ in range(3):
        started = time.monotonic()
        result = run()
        seconds.append(time.monotonic() - started)
    return min(seconds), result


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--paths", type=int, default=1_000_000)
    parser.add_argument("--channels", type=int, default=12)
    options = parser.parse_args()
    markov = module("int_attribution_markov_valued")
    shapley = module("int_attribution_shapley_valued")
    frame = touches(options.paths, options.channels)
    connection = duckdb.connect(config={"threads": 2})
    connection.execute("create table paths as select 'order' as conversion_type, * from frame")

    def exact_markov() -> pd.DataFrame:
        return markov.removal_effects_by_type(
            compiled(connection, "int_attribution_transitions_aggregated")
        )

    def both_shapleys() -> pd.DataFrame:
        return shapley.shapley_by_type(compiled(connection, "int_attribution_sets_aggregated"))

    rows = []
    seconds, found = measured(exact_markov)
    rows.append(("exact Markov chain, order 1", seconds, found))
    baseline = seconds
    rows.append(("Shapley, conversions and rate", measured(both_shapleys)[0], None))
    highest_mib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    if importlib.util.find_spec("ChannelAttribution"):
        from ChannelAttribution import markov_model

        started = time.monotonic()
        texts = connection.execute(
            "select string_agg(channel, ' > ' order by touch_number) as path, "
            "any_value(is_converting)::integer as conversions, "
            "(not any_value(is_converting))::integer as nulls from paths group by path_id"
        ).df()
        rows.append(("touches to the texts it takes", time.monotonic() - started, None))
        grouped = texts.groupby("path", as_index=False).sum()
        for way, data in (("a row per path", texts), ("equal paths summed before", grouped)):
            started = time.monotonic()
            result = markov_model(data, "path", "conversions", var_null="nulls")
            rows.append((f"ChannelAttribution, {way}", time.monotonic() - started, result))
    print(
        f"\n{date.today()}, {platform.machine()}, {os.cpu_count()} shared cores, "
        f"Python {platform.python_version()}, DuckDB {duckdb.__version__}; "
        f"{options.paths:,} paths over {options.channels} channels, {len(frame):,} touches; "
        f"memory up to {highest_mib:,.0f} MiB, touches included, before ChannelAttribution\n"
    )
    print("| way | wall | wall / Markov |")
    print("|---|---:|---:|")
    for way, seconds, _ in rows:
        print(f"| {way} | {seconds:.2f} s | {seconds / baseline:.1f} |")
    for way, _, result in rows:
        if isinstance(result, pd.DataFrame):
            print(f"\n{way}\n{result.head(4).to_string()}", file=sys.stderr)


if __name__ == "__main__":
    main()
