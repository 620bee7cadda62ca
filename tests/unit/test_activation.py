"""Lists of people: what the files hold, read back; who is on none; the ledger and its erasure."""

from __future__ import annotations

import csv
import io
import json
import stat
from pathlib import Path

import duckdb
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from orchestration.loading import ledger, list_ledger, privacy
from orchestration.readers import activation
from orchestration.settings import Settings, SettingsError, load_settings
from tests.conftest import PEPPER

HOSTILE = ["=1+1", "+81", "-2", "@SUM(A1)", "\t=1", "\r=1", "＝1", "plain", "a,b", 'say "x"', None]


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    monkeypatch.setenv("JOURNEY_PEPPER", PEPPER)
    found = load_settings(tmp_path / "home")
    found.prepare()
    release(found)
    return found


def release(settings: Settings, day: str = "2026-10-01") -> None:
    """A release of five persons: chosen, held out, without consent, only a visitor, lapsed."""
    folder = settings.published / "current"
    folder.mkdir(exist_ok=True)
    (folder / "journey.duckdb").unlink(missing_ok=True)
    with duckdb.connect(str(folder / "journey.duckdb")) as connection:
        connection.execute(
            f"""
            create schema marts;
            create table marts.release_info as
                select 'r-{day}' as release_id, timestamp '{day}' - interval '9 hours' as as_of_at;
            create table marts.dim_labels as
                select 'next_action' as code_type, 'mail' as code, 'メール' as name_ja,
                    'Mail' as name_en;
            create table marts.dim_person_identifiers as
                select * from (values
                    ('p1', 'contact', 'c1'), ('p1', 'user', '=u1'), ('p1', 'email', 'k1:aa'),
                    ('p2', 'contact', 'c2'), ('p3', 'contact', 'c3'), ('p4', 'visitor', 'v4'),
                    ('p5', 'contact', 'c5'), ('p5', 'contact', 'c50')
                ) as t(person_id, identifier_type, identifier_value);
            create table marts.fct_next_actions as
                select *, date '{day}' as action_date, 'email' as channel,
                    'evening' as best_daypart, '理由 髙橋' as reason_ja, 'why' as reason_en
                from (values
                    ('p1', 'mail', false), ('p2', 'mail', true), ('p3', null, false),
                    ('p4', null, false), ('p5', null, false)
                ) as t(person_id, next_action, is_hold_out);
            create table marts.dim_customers_360 as
                select *, null::varchar as own_segments, null::varchar as persona,
                    null::varchar as rfm_segment, null::varchar as value_tier,
                    200 as days_since_purchase
                from (values
                    ('p1', 'use', 'active', true), ('p2', 'use', 'lapsed', true),
                    ('p3', 'use', 'lapsed', false), ('p4', 'consideration', null, null),
                    ('p5', 'use', 'lapsed', true)
                ) as t(person_id, current_stage, lifecycle, has_marketing_consent);
            create table marts.fct_person_segments as
                select person_id, 'lifecycle' as segmentation, lifecycle as segment
                from marts.dim_customers_360 where lifecycle is not null;
            """
        )


def read_csv(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8-sig", newline="") as stream:
        return list(csv.DictReader(stream))


def test_lists_hold_those_who_may_be_contacted(settings: Settings) -> None:
    folder, written, added = activation.activate(settings, (), "utf-8", False)
    assert folder == settings.home / "activation" / "exports" / "2026-10-01"
    persons = {one.name: [row["person_id"] for row in one.rows.to_pylist()] for one, _ in written}
    # Nobody held out, nobody without consent: p2 and p3 have lapsed as well.
    assert persons == {"next_action": ["p1"], "retarget": [], "win_back": ["p5"], "at_risk": []}
    rows = read_csv(folder / "next_action.csv")
    assert [(r["person_id"], r["contact_ids"], r["email_hashes"], r["next_action"], r["action_ja"])
            for r in rows] == [("p1", "c1", "k1:aa", "mail", "メール")]  # fmt: skip
    assert rows[0]["user_ids"] == "'=u1"  # a formula in the sheet, the id itself in Parquet
    assert pq.read_table(folder / "next_action.parquet").to_pylist()[0]["user_ids"] == "=u1"
    assert read_csv(folder / "win_back.csv")[0]["contact_ids"] == "c5 | c50"
    entries = [(e.list_name, e.identifier_value, e.action, e.is_hold_out)
               for e in list_ledger.read(settings)]  # fmt: skip
    assert entries == [
        ("next_action", "c1", "mail", False), ("next_action", "c2", "mail", True),
        ("win_back", "c2", None, True), ("win_back", "c5", None, False),
    ] and added == 4  # fmt: skip


def test_everything_is_its_owner_s_alone(settings: Settings) -> None:
    activation.activate(settings, (), "utf-8", False)
    for path in (settings.home / "activation").rglob("*"):
        assert stat.S_IMODE(path.stat().st_mode) == (0o700 if path.is_dir() else 0o600), path
    assert stat.S_IMODE((settings.home / "activation").stat().st_mode) == 0o700


def test_the_same_release_twice_is_one_entry_a_day(settings: Settings) -> None:
    activation.activate(settings, (), "utf-8", False)
    text = (settings.home / "activation" / "ledger.jsonl").read_bytes()
    assert activation.activate(settings, (), "cp932", False)[2] == 0
    assert (settings.home / "activation" / "ledger.jsonl").read_bytes() == text
    release(settings, "2026-10-02")
    assert activation.activate(settings, ("next_action",), "utf-8", False)[2] == 2
    # What a killed process left half-written is no entry, and goes with the next write.
    with (settings.home / "activation" / "ledger.jsonl").open("a") as stream:
        stream.write('{"list_name": "next_')
    assert len(list_ledger.read(settings)) == 6
    release(settings, "2026-10-03")
    activation.activate(settings, ("next_action",), "utf-8", False)
    lines = (settings.home / "activation" / "ledger.jsonl").read_text("utf-8").splitlines()
    assert [json.loads(line)["listed_date"] for line in lines][-2:] == ["2026-10-03"] * 2


def test_a_line_that_is_no_entry_is_told_by_its_place(settings: Settings) -> None:
    activation.activate(settings, (), "utf-8", False)
    path = settings.home / "activation" / "ledger.jsonl"
    path.write_text(path.read_text("utf-8") + '{"list_name": 3}\n', "utf-8")
    with pytest.raises(SettingsError, match=r"ledger\.jsonl, line 5: it is no entry"):
        list_ledger.read(settings)


def test_unknown_lists_and_homes_without_a_release(settings: Settings, tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="there is no list 'win_bak'; there are: next_action, "):
        activation.activate(settings, ("win_bak",), "utf-8", False)
    empty = load_settings(tmp_path / "other")
    with pytest.raises(activation.command.Failed, match="nothing is published yet"):
        activation.activate(empty, (), "utf-8", False)


def test_no_text_is_read_as_a_formula() -> None:
    data, losses = activation.csv_bytes(
        pa.table({"text": HOSTILE, "number": list(range(-5, 6))}), "utf-8", False
    )
    found = list(csv.reader(io.StringIO(data.decode("utf-8"), newline="")))
    assert losses == [] and found[0] == ["text", "number"]
    cells = [row[0] for row in found[1:]]
    assert cells == ["'=1+1", "'+81", "'-2", "'@SUM(A1)", "'\t=1", "'\r=1", "'＝1", "plain",
                     "a,b", 'say "x"', ""]  # fmt: skip
    assert [row[1] for row in found[1:]] == [str(number) for number in range(-5, 6)]


def test_a_mark_is_written_on_request(settings: Settings) -> None:
    folder, *_ = activation.activate(settings, ("next_action",), "utf-8", True)
    assert (folder / "next_action.csv").read_bytes().startswith(b"\xef\xbb\xbfperson_id")
    activation.activate(settings, ("next_action",), "utf-8", False)
    assert (folder / "next_action.csv").read_bytes().startswith(b"person_id")


def test_cp932_tells_what_it_lacks_and_loses_no_row() -> None:
    texts = ["髙橋", "𠮷野", "森鷗外", "Zoë", "①㈱"]
    data, losses = activation.csv_bytes(pa.table({"name": texts, "n": range(5)}), "cp932", True)
    found = pd.read_csv(io.BytesIO(data), encoding="cp932")
    assert list(found["name"]) == ["髙橋", "?野", "森?外", "Zo?", "①㈱"]
    assert [(one.row, one.column, one.character) for one in losses] == [
        (2, "name", "𠮷"), (3, "name", "鷗"), (4, "name", "ë"),
    ]  # fmt: skip
    assert list(found["n"]) == list(range(5))


def test_losses_are_told_by_place_and_code_point(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with duckdb.connect(str(settings.published / "current" / "journey.duckdb")) as connection:
        connection.execute("update marts.fct_next_actions set reason_ja = '𠮷'")
    monkeypatch.setattr(activation, "load_settings", lambda: settings)
    activation.run(("next_action",), "cp932", False)
    told = capsys.readouterr().out
    assert "row 1, column reason_ja: cp932 has no U+20BB7; ? was written" in told
    assert "1 persons, 1 held out" in told and "c1" not in told and "k1:aa" not in told


def test_who_was_erased_leaves_lists_ledger_and_exports(settings: Settings) -> None:
    folder, *_ = activation.activate(settings, (), "utf-8", False)
    with duckdb.connect(str(settings.warehouse)) as connection:
        ledger.create(connection, [])
        assert list_ledger.take_in(settings, connection) == 0
        assert ledger.count(connection, "ops.list_entries") == 4
        privacy.prepare(connection, PEPPER, "k1")
        connection.execute(
            "insert into ops.erased_identifiers "
            f"select 'R-1', 'contact', {privacy.hmac_expression('value')} "
            "from (select 'c1' as value)"
        )
        assert list_ledger.take_in(settings, connection) == 1
        assert ledger.count(connection, "ops.list_entries") == 3
    assert not folder.exists()
    assert "c1" not in (settings.home / "activation" / "ledger.jsonl").read_text("utf-8")
    # The release still knows them, until the next one: no list does.
    folder, _, added = activation.activate(settings, (), "utf-8", False)
    assert read_csv(folder / "next_action.csv") == [] and added == 0
