"""The questions of docs/first-questions.md, asked as a reader would."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.conftest import ROOT, read_release

PAGE = (ROOT / "docs" / "first-questions.md").read_text("utf-8")
QUESTIONS = dict(re.findall(r"^### (\d+)\. .*?```sql\n(.*?)```", PAGE, re.MULTILINE | re.DOTALL))


def test_there_are_ten() -> None:
    assert list(QUESTIONS) == [str(number) for number in range(1, 11)]


@pytest.mark.parametrize("number", QUESTIONS)
def test_a_question_has_an_answer(number: str, sample_home: Path) -> None:
    with read_release(sample_home) as release:
        asked = release.execute(QUESTIONS[number])
        columns = [column[0] for column in asked.description]
        rows = asked.fetchall()
    assert rows, QUESTIONS[number]
    # No column is empty throughout: a query that joins nothing answers with nulls.
    for place, name in enumerate(columns):
        assert any(row[place] is not None for row in rows), name


def test_channels_sum_to_the_revenue_of_the_month(sample_home: Path) -> None:
    with read_release(sample_home) as release:
        rows = release.execute(QUESTIONS["1"]).fetchall()
        (month, revenue) = release.execute(
            "select month_start_date, kpi_revenue from marts.kpi_monthly_wide where is_complete "
            "order by 1 desc limit 1"
        ).fetchone() or (None, None)
    assert {row[1] for row in rows} == {month}
    assert sum(row[2] or 0 for row in rows) == revenue


def test_contributions_sum_to_the_change(sample_home: Path) -> None:
    with read_release(sample_home) as release:
        rows = release.execute(QUESTIONS["10"]).fetchall()
        changes = release.execute(
            "select kpi_revenue - lag(kpi_revenue) over (order by month_start_date) "
            "from marts.kpi_monthly_wide where is_complete order by month_start_date desc limit 1"
        ).fetchone()
    assert changes is not None
    for decomposition in {row[0] for row in rows}:
        parts = [row[4] for row in rows if row[0] == decomposition]
        assert sum(parts) == pytest.approx(float(changes[0]), abs=0.01)


def test_the_tutorial_runs(sample_home: Path) -> None:
    (program,) = re.findall(r"- <<'END'\n(.*?)\nEND", PAGE, re.DOTALL)
    folder = sample_home / "published" / "current" / "journey.duckdb"
    exec(compile(program.replace(".journey/published/current/journey.duckdb", str(folder)),
                 "first-questions.md", "exec"), {})  # fmt: skip
