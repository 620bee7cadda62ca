"""
Connected components of a million edges: the project's against scipy alone, per shape of graph.

`python -m benchmarks.components [--edges N]`. scipy alone gets dense numbers and gives labels; the
project's `least_nodes` also names the oldest node of each component, and `resolve` also looks for
conflicting accounts and tells how the components grew. Medians of three, in one process.
"""

from __future__ import annotations

import argparse
import importlib.util
import platform
import statistics
import time
from collections.abc import Callable
from datetime import date
from pathlib import Path

import numpy as np
import scipy
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

MODEL = (
    Path(__file__).resolve().parent.parent
    / "dbt_project/models/intermediate/identity/int_identity_components.py"
)


def graphs(edges: int) -> dict[str, tuple[int, np.ndarray, np.ndarray]]:
    """Name of the shape: number of nodes, ends of the edges."""
    generator = np.random.default_rng(1)
    nodes = np.arange(edges + 1)
    people = edges // 3
    everyday = generator.integers(0, people, edges)
    return {
        # Accounts with one to a handful of devices and an address.
        "everyday": (people + edges, everyday, people + nodes[:edges]),
        "one giant": (edges // 2, *generator.integers(0, edges // 2, (2, edges))),
        "chain": (edges + 1, nodes[:-1], nodes[1:]),
        "star": (edges + 1, np.zeros(edges, dtype=np.int64), nodes[1:]),
    }


def median(work: Callable[[], object]) -> float:
    """Median seconds of three runs."""
    seconds = []
    for _ in range(3):
        started = time.perf_counter()
        work()
        seconds.append(time.perf_counter() - started)
    return statistics.median(seconds)


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--edges", type=int, default=1_000_000)
    edges = parser.parse_args().edges
    spec = importlib.util.spec_from_file_location("components", MODEL)
    assert spec is not None and spec.loader is not None
    model = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(model)
    print(
        f"{date.today()}, {platform.machine()}, Python {platform.python_version()}, "
        f"scipy {scipy.__version__}; {edges:,} edges\n"
    )
    print("| shape | scipy alone | components, named | ratio | with guard and merges |")
    print("|---|---:|---:|---:|---:|")
    for shape, (count, left, right) in graphs(edges).items():

        def alone(count: int = count, left: np.ndarray = left, right: np.ndarray = right) -> None:
            ones = np.ones(len(left), dtype=np.int8)
            graph = coo_array((ones, (left, right)), shape=(count, count))
            connected_components(graph, directed=False)

        columns = {
            "edge_number": np.arange(1, len(left) + 1),
            "left_node": left,
            "right_node": right,
            "left_kind": np.ones(len(left), dtype=np.int64),
            "right_kind": np.full(len(left), 4),
        }
        scipy_alone = median(alone)
        named = median(lambda c=count, a=left, b=right: model.least_nodes(c, a, b))
        whole = median(lambda c=columns: model.resolve(c, {4: 2}))
        print(
            f"| {shape} | {scipy_alone:.2f} s | {named:.2f} s | {named / scipy_alone:.2f} "
            f"| {whole:.2f} s |"
        )


if __name__ == "__main__":
    main()
