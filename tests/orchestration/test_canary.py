"""Nothing personal leaves the landing zone: warehouse, releases, logs, Dagster have none of it."""

from __future__ import annotations

import contextlib
import io
import json
import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import duckdb
import pytest

from benchmarks import canary
from orchestration.operating import waiving
from tests.conftest import ROOT, environment, nightly, read_release
from tests.conventions.test_codes import CODE

# They need a run without a pepper, or a file that changes meanwhile: tests/unit/test_loader.py.
ELSEWHERE = {"F_PEPPER_MISSING", "F_CHANGED"}
REASON = canary.Mark(9000)  # what somebody gives as the reason of a waiver


def files(folder: Path) -> Iterator[Path]:
    return (path for path in folder.rglob("*") if path.is_file() and not path.is_symlink())


@dataclass
class Sung:
    """A home after a run that was refused, waivers, and a run that published."""

    home: Path
    places: list[str]
    codes: set[str]
    holders: dict[int, list[str]]


@pytest.fixture(scope="module")
def sung(story_home: Path, tmp_path_factory: pytest.TempPathFactory) -> Sung:
    home = tmp_path_factory.mktemp("canary") / "home"
    shutil.copytree(story_home, home, symlinks=True)
    planting = canary.Planting(home / "landing")
    request = home / "landing" / "privacy" / "erasure_requests" / "ben.csv"
    request.write_text(
        "request_id,requested_at,email,full_name\n"
        f"R-17,2026-01-07 10:00,BEN@sora-mail.jp,{canary.NAME}0000\n", "utf-8",
    )  # fmt: skip
    (home / "landing" / "crm" / "contacts" / "withdrawn.csv").write_text(
        "contact_id,created_at,updated_at,email,phone,user_id,persona,country_code,"
        "analytics_consent_withdrawn_at\n"
        "c1,2026-01-02T01:02:00Z,2026-01-06T00:00:00Z,aoi@hana-mail.jp,090-1111-2222,u1,"
        "individual,JP,2026-01-06T00:00:00Z\n", "utf-8",
    )  # fmt: skip
    before = {path for path in files(ROOT) if ".git" not in path.parts}
    refused = nightly(home, JOURNEY_CONSENT_POLICY="opt_out")
    assert refused.returncode == 1 and "NOT PUBLISHED" in refused.stderr
    with duckdb.connect(str(home / "warehouse" / "warehouse.duckdb"), read_only=True) as connection:
        closing = connection.execute(
            "select file_id, reject_code from ops.files where status = 'rejected' "
            "union select file_id, null from ops.drift_findings where severity = 'fail'"
        ).fetchall()
    said = io.StringIO()
    with pytest.MonkeyPatch.context() as patch:
        for name, text in environment(home).items():
            patch.setenv(name, text)
        with contextlib.redirect_stdout(said), contextlib.redirect_stderr(said):
            for file_id, _ in closing:
                waiving.run(file_id, f"as {REASON.contacts} said")
    result = nightly(home, JOURNEY_CONSENT_POLICY="opt_out")
    assert result.returncode == 0, result.stdout + result.stderr
    console = [refused.stdout, refused.stderr, said.getvalue(), result.stdout, result.stderr]
    (home / "console.txt").write_text("\n".join(console), "utf-8")
    holders = canary.search(
        [home, ROOT / "dbt_project" / "logs", ROOT / "dbt_project" / "target"], home / "landing"
    )
    for path in {path for path in files(ROOT) if ".git" not in path.parts} - before:
        for number in canary.found(path.read_bytes()):
            holders.setdefault(number, []).append(str(path))
    return Sung(home, planting.places, {code for _, code in closing if code}, holders)


@pytest.fixture
def canary_home(sung: Sung) -> Path:
    return sung.home


def test_the_canary_is_in_no_file_and_no_table_that_the_runs_left_behind(sung: Sung) -> None:
    assert len(sung.places) > 200
    assert "waived" in (sung.home / "console.txt").read_text("utf-8")
    names = {**dict(enumerate(sung.places)), REASON.number: "the reason of a waiver"}
    assert {names.get(number, number): held for number, held in sung.holders.items()} == {}


def test_the_search_finds_what_is_there(sung: Sung) -> None:
    """In bytes, in packed tables and in Parquet; and the searched home has all of these."""
    assert canary.found((sung.home / "landing" / "crm" / "payments" / "twice.csv").read_bytes())
    folder = sung.home.parent / "found"
    folder.mkdir()
    with duckdb.connect(str(folder / "a.duckdb")) as connection:
        connection.execute("create table t as select ? as x from range(5000)", [REASON.email])
    duckdb.execute(f"copy (select '{REASON.phone}' as x) to '{folder / 'a.parquet'}'")
    held = canary.search([folder], sung.home / "landing")
    assert {"a.duckdb: main.t", "a.parquet: rows"} <= set(held[REASON.number])
    kinds = {path.suffix for path in files(sung.home)}
    assert {".duckdb", ".parquet", ".db", ".json", ".jsonl", ".html", ".log"} <= kinds


def test_a_file_of_each_reject_code_was_planted(sung: Sung) -> None:
    runbook = (ROOT / "docs" / "runbook.md").read_text("utf-8")
    listed = runbook.split("## File refused")[1].split("\n## ")[0]
    assert sung.codes == set(CODE.findall(listed)) - ELSEWHERE


def test_the_canary_is_in_quarantine_of_all_tables_as_shape_only(sung: Sung) -> None:
    with duckdb.connect(str(sung.home / "warehouse" / "warehouse.duckdb")) as connection:
        assert connection.execute(
            "select count(distinct table_name) from ops.quarantined_rows"
        ).fetchone() == (13,)
        masked = connection.execute(
            "select count(distinct (table_name, column_name)) from ops.drift_findings "
            "where kind = 'personal_data'"
        ).fetchone()
        assert masked is not None and masked[0] > 50


def test_the_subject_of_a_request_is_in_no_release(canary_home: Path) -> None:
    """Ben asked by his e-mail address; his contact, login, device and ticket go with it."""
    proof = json.loads((canary_home / "erasures" / "R-17.json").read_text("utf-8"))
    (done,) = proof["passes"]
    assert done["rows_removed"]["crm/contacts"] == 1 and done["rows_left"] == 0
    assert done["values_cleared"] == {"crm/orders": 2}
    assert done["landing_files"] and done["release"] and done["releases_removed"] == 1
    assert os.listdir(canary_home / "published" / "releases") == [done["release"]]
    with read_release(canary_home) as connection:
        held = connection.execute(
            "select identifier_type, identifier_value from marts.dim_person_identifiers"
        ).fetchall()
        assert ("contact", "c1") in held
        assert not {("contact", "c2"), ("user", "u2")} & set(held)
        # The money of his order stays, and is nobody's.
        revenue = connection.execute(
            "select distinct person_id, sum(paid_amount) over () > 0 "
            "from marts.fct_revenue_points where order_id = 'o2'"
        ).fetchall()
        assert revenue == [(None, True)]


def test_without_consent_visits_are_nobodys(canary_home: Path, story_home: Path) -> None:
    """Aoi withdrew: under opt_out her visits stay, without her."""

    def found(home: Path) -> list[tuple[object, ...]]:
        with read_release(home) as connection:
            return connection.execute(
                "select count(*) > 0, bool_or(person_id = (select person_id "
                "from marts.dim_person_identifiers "
                "where identifier_type = 'contact' and identifier_value = 'c1')) "
                "from marts.fct_sessions where visitor_id = 'v1'"
            ).fetchall()

    assert found(story_home) == [(True, True)]
    assert found(canary_home) == [(True, False)]
