"""Nothing personal leaves the landing zone: warehouse, releases, logs, Dagster have none of it."""

from __future__ import annotations

import csv
import json
import os
import unicodedata
from collections.abc import Iterator
from pathlib import Path

import pytest

from orchestration.loading.contract import Column, Table, load_contract
from tests.conftest import ROOT, nightly, read_release

EMAIL, PHONE, NAME = "canary.bird@hana-mail.jp", "090-8765-4321", "金糸雀小鳥"
TRACES = [
    *(text.encode(code) for text in (EMAIL, PHONE, NAME) for code in ("utf-8", "utf-16-le")),
    EMAIL.replace("@", "%40").encode(), b"09087654321", NAME.encode("cp932"),
    json.dumps(NAME)[1:-1].encode(), unicodedata.normalize("NFD", NAME).encode(),
]  # fmt: skip
ROWS = 80


def value(column: Column, number: int) -> str:
    """A good value, personal where the contract expects personal data."""
    if column.pii:
        everything = f"{NAME} {EMAIL} {PHONE}"
        return {
            "email": EMAIL,
            "phone": PHONE,
            "id": f"cn{number}",
            "free_text": everything,
            "text": f"{EMAIL} {PHONE}",
            "email_text": f"Mozilla/5.0 ({EMAIL})",
            "properties": json.dumps({"name": NAME, "value": EMAIL, "note": [PHONE]}),
            "url": f"https://shop.jp/thanks?page=1&name={NAME}&mail={EMAIL}&tel={PHONE}",
        }[column.pii]
    if column.accepted_values:
        return column.accepted_values[0]
    if column.currency:
        return "JPY"
    if column.name in ("erased_at", "analytics_consent_withdrawn_at"):
        return ""
    if column.data_type in ("timestamp", "date"):
        return "2026-01-06"
    if column.data_type != "varchar":
        return "5"
    return {"survey_id": "support", "question_id": "satisfaction"}.get(column.name, f"cn{number}")


def plant(landing: Path, table: Table) -> None:
    """Good rows, a row that breaks in structure, and one with a name where a value should be."""
    path = landing / table.source / table.name / "canary.csv"
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.writer(stream)
        writer.writerow([*(column.name for column in table.columns), "full_name", "連絡先"])
        # Erasure requests and advertising costs have one person and day each at most.
        for number in range(1 if table.source == "privacy" else ROWS):
            cells = [value(column, number) for column in table.columns]
            if table.label == "web/ad_costs":
                cells[0] = f"2026-01-0{1 + number % 6}"
            writer.writerow([*cells, NAME, f"{EMAIL} {PHONE}"])
        if table.source != "privacy":
            writer.writerow([NAME, EMAIL, PHONE])
            bad = [
                NAME + EMAIL + PHONE if column.data_type not in ("varchar", "json") else cell
                for column, cell in zip(table.columns, cells, strict=True)
            ]
            writer.writerow([f"bad-{bad[0]}" if bad[0].startswith("cn") else bad[0], *bad[1:],
                             NAME, EMAIL])  # fmt: skip


def files(folder: Path) -> Iterator[Path]:
    return (path for path in folder.rglob("*") if path.is_file() and not path.is_symlink())


@pytest.fixture(scope="module")
def canary_home(story_home: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    import shutil

    home = tmp_path_factory.mktemp("canary") / "home"
    shutil.copytree(story_home, home, symlinks=True)
    for table in load_contract().values():
        plant(home / "landing", table)
    request = home / "landing" / "privacy" / "erasure_requests" / "canary.csv"
    request.write_text(
        "request_id,requested_at,email,full_name\n"
        f"R-17,2026-01-07 10:00,BEN@sora-mail.jp,{NAME}\n", "utf-8",
    )  # fmt: skip
    (home / "landing" / "crm" / "contacts" / "withdrawn.csv").write_text(
        "contact_id,created_at,updated_at,email,phone,user_id,persona,country_code,"
        "analytics_consent_withdrawn_at\n"
        "c1,2026-01-02T01:02:00Z,2026-01-06T00:00:00Z,aoi@hana-mail.jp,090-1111-2222,u1,"
        "individual,JP,2026-01-06T00:00:00Z\n", "utf-8",
    )  # fmt: skip
    before = {path for path in files(ROOT) if ".git" not in path.parts}
    result = nightly(home, JOURNEY_CONSENT_POLICY="opt_out")
    (home / "stdout.txt").write_text(result.stdout + result.stderr, "utf-8")
    assert result.returncode == 0, result.stdout + result.stderr
    written = {path for path in files(ROOT) if ".git" not in path.parts} - before
    (home / "written.txt").write_text("\n".join(map(str, written)), "utf-8")
    return home


def test_the_canary_is_in_no_file_that_the_run_left_behind(canary_home: Path) -> None:
    searched = 0
    own = [Path(line) for line in (canary_home / "written.txt").read_text("utf-8").splitlines()]
    logs = [*files(ROOT / "dbt_project" / "logs"), *files(ROOT / "dbt_project" / "target")]
    for path in [*files(canary_home), *own, *logs]:
        if path.is_relative_to(canary_home / "landing"):
            continue
        searched += 1
        data = path.read_bytes()
        for trace in TRACES:
            assert trace not in data, f"{path} holds {trace!r}"
    assert searched > 50  # warehouse, releases, Parquet, dbt, Dagster's storage, audits


def test_the_canary_is_in_no_table(canary_home: Path) -> None:
    """Compressed pages would hide it from the search of bytes."""
    import duckdb

    with duckdb.connect(str(canary_home / "warehouse" / "warehouse.duckdb")) as connection:
        tables = connection.execute(
            "select schema_name, table_name from duckdb_tables() order by 1, 2"
        ).fetchall()
        assert len(tables) > 60
        for schema, name in tables:
            text = str(connection.execute(f'select * from "{schema}"."{name}"').fetchall())
            for trace in (EMAIL, PHONE, NAME, "09087654321"):
                assert trace not in text, f"{schema}.{name} holds {trace}"
        quarantined = connection.execute(
            "select count(distinct table_name) from ops.quarantined_rows where reason != 'x'"
        ).fetchone()
        assert quarantined == (13,)


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
