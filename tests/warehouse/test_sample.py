"""The shipped sample through the whole job, as a newcomer runs it."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path

import duckdb

from orchestration.rules import home as home_rules
from sample.generate import BAD_ROWS, Company, write
from tests.conftest import ROOT, read_release, run_journey


def test_says_that_it_is_the_sample_and_shows_progress(sample_home: Path) -> None:
    text = (sample_home / "stdout.txt").read_text("utf-8")
    assert "SYNTHETIC sample" in text and "SYNTHETIC SAMPLE: nobody in it exists" in text
    with read_release(sample_home) as connection:
        told = connection.execute("select is_synthetic from marts.release_info").fetchone()
    assert told == (True,)
    release = sample_home / "published" / "current"
    assert json.loads((release / "manifest.json").read_text("utf-8"))["is_synthetic"] is True
    assert "Synthetic sample data" in (release / "journey_map.html").read_text("utf-8")
    for stage in ("1/6", "2/6", "3/6", "4/6", "5/6", "6/6"):
        assert stage in text


def test_bad_rows_are_quarantined_with_their_reason(sample_home: Path) -> None:
    path = str(sample_home / "warehouse" / "warehouse.duckdb")
    with duckdb.connect(path, read_only=True) as connection:
        found = dict(
            connection.execute(
                "select reason, count(*) from ops.quarantined_rows group by reason"
            ).fetchall()
        )
    assert found == BAD_ROWS


def test_everything_planted_has_something_to_show(sample_home: Path) -> None:
    with read_release(sample_home) as connection:

        def one(query: str) -> int:
            row = connection.execute(query).fetchone()
            assert row is not None
            return int(row[0])

        assert one("select count(*) from marts.dim_person_identifiers where is_shared_device") > 0
        for column, values in {
            "point_type": "'refund', 'chargeback', 'renewal', 'invoice'",
            "value_type": "'expansion', 'contraction', 'recurring', 'repeat'",
        }.items():
            query = f"select count(distinct {column}) from marts.fct_revenue_points"
            assert one(f"{query} where {column} in ({values})") == 4
        kinds = "select count(distinct transition_type) from marts.fct_stage_transitions"
        assert one(kinds) == 5
        assert one("select count(distinct metric) from marts.fct_survey_scores") == 5
        # What the models compute is what kpi_measures lists; a data test holds the other direction.
        assert one("select count(distinct measure) from marts.fct_kpi_measures") == len(
            home_rules.defaults().rows("kpi_measures")
        )
        currencies = "select count(distinct currency_code) from marts.fct_revenue_points"
        assert one(currencies) == 2
        late = "select count(*) from marts.load_quality where file_name like '%late%'"
        assert one(late) == 1
        assert one("select sum(duplicate_count) from marts.load_quality") == 25


def test_no_clear_address_or_phone_is_left_behind(sample_home: Path) -> None:
    """Every file of the home but the landing zone, Dagster's and dbt's included."""
    pattern = re.compile(rb"person\d+@(hana|sora|umi)-mail\.jp|090-\d{4}-\d{4}")
    hits = [
        path
        for path in sample_home.rglob("*")
        if path.is_file()
        and "landing" not in path.relative_to(sample_home).parts
        and pattern.search(path.read_bytes())
    ]
    assert hits == []


def test_dbt_unit_tests_pass(sample_home: Path, copy_home: Callable[[Path], Path]) -> None:
    home = copy_home(sample_home)
    result = run_journey("dbt", "test", "--select", "test_type:unit", home=home)
    assert result.returncode == 0, result.stdout[-4000:]
    assert "ERROR=0" in result.stdout


def test_generator_makes_the_shipped_bytes(tmp_path: Path) -> None:
    lanes = Company(people=2000, days=548, seed=20250401).run()
    write(lanes, tmp_path / "landing")
    shipped = ROOT / "sample" / "landing"
    files = sorted(p.relative_to(shipped) for p in shipped.rglob("*") if p.is_file())
    made = tmp_path / "landing"
    assert files == sorted(p.relative_to(made) for p in made.rglob("*") if p.is_file())
    assert [p for p in files if (made / p).read_bytes() != (shipped / p).read_bytes()] == []
    assert sum((shipped / p).stat().st_size for p in files) <= 3_000_000


def test_generator_scales() -> None:
    small = Company(people=300, days=90, seed=1).run()
    large = Company(people=1200, days=90, seed=1).run()
    assert len(large.rows["web/events"]) > 2 * len(small.rows["web/events"])
