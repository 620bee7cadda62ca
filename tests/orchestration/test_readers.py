"""The recipes of docs/bi.md, run as they stand on the release of the sample."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from decimal import Decimal
from pathlib import Path

import pytest

from tests.conftest import ROOT, read_release

RECIPES = re.findall(r"```python\n(.*?)```", (ROOT / "docs" / "bi.md").read_text("utf-8"), re.S)


TOLD = """
if "funnel" in globals():
    found = funnel.reached.sum()
else:
    found = sum(v for _, v in revenue) if isinstance(revenue, list) else revenue
    assert isinstance(found, __import__("decimal").Decimal)
print("\\nfound", found)
"""


@pytest.mark.parametrize("recipe", RECIPES, ids=range(len(RECIPES)))
def test_a_recipe_returns_the_numbers_of_the_release(
    recipe: str, sample_home: Path, tmp_path: Path
) -> None:
    """Each in a process of its own, as connections of one process must be configured alike."""
    (tmp_path / ".journey").symlink_to(sample_home)
    told = subprocess.run(
        [sys.executable, "-c", recipe + TOLD],
        cwd=tmp_path, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert told.returncode == 0, told.stderr
    query = (
        "select sum(reached_count) from marts.kpi_funnel_monthly "
        "where stage_model = 'six' and dimension = 'all'"
        if "funnel" in recipe
        else "select sum(kpi_value) from marts.kpi_monthly "
        "where kpi = 'revenue' and dimension = 'all'"
    )
    with read_release(sample_home) as release:
        expected = release.execute(query).fetchone()
    assert expected is not None
    assert Decimal(told.stdout.split("found ")[-1].strip()) == expected[0] > 0


@pytest.mark.parametrize(("folder", "version"), [("reader", "1.4.5"), ("reader-next", "2.0.0")])
def test_older_and_newer_duckdb_read_all_of_it(
    sample_home: Path, folder: str, version: str
) -> None:
    code = (
        "import duckdb, sys; c = duckdb.connect(sys.argv[1], read_only=True); "
        "names = c.execute(\"select table_name from duckdb_tables() where schema_name = 'marts' "
        'order by 1").fetchall(); '
        "print(duckdb.__version__, sum(c.execute(f'select count(*) from marts.{n}').fetchone()[0] "
        "for n, in names), c.execute('select current_database()').fetchone()[0])"
    )
    path = sample_home / "published" / "current" / "journey.duckdb"
    read = subprocess.run(
        [sys.executable, "-c", code, str(path)],
        env={**os.environ, "PYTHONPATH": str(Path(sys.prefix) / folder)},
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    with read_release(sample_home) as release:
        rows = 0
        for (name,) in release.execute(
            "select table_name from duckdb_tables() where schema_name = 'marts'"
        ).fetchall():
            row = release.execute(f"select count(*) from marts.{name}").fetchone()
            rows += row[0] if row else 0
    assert read.stdout.split() == [version, str(rows), "journey"]
