"""Erasure: the subject goes, wherever and whenever their rows arrive; nobody else does."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import duckdb
import pytest

from orchestration.gate import audits
from orchestration.loading import erasing, erasure_proofs, ledger, loader
from orchestration.loading.contract import load_contract
from orchestration.operating import reloading
from orchestration.settings import Settings, load_settings
from tests.conftest import ROOT, RULES
from tests.unit.test_loader import NOW, PEPPER, fetch, place

TABLES = load_contract(RULES)
FILES = {
    "crm/contacts": "contact_id,created_at,email,user_id,visitor_id,referred_by_contact_id\n"
    "subject-1,2026-01-01,aoi@hana-mail.jp,user-1,device-1,\n"
    "other-2,2026-01-01,ken@hana-mail.jp,user-2,device-2,subject-1\n"
    "family-3,2026-01-01,home@hana-mail.jp,user-3,,\n"
    "family-4,2026-01-01,home@hana-mail.jp,user-4,,\n",
    "web/events": "event_id,occurred_at,visitor_id,event_name,user_id,email\n"
    "e1,2026-01-01,device-1,page_view,,\n"
    "e2,2026-01-01,device-9,login,user-1,\n"  # another device of the subject
    "e3,2026-01-02,device-9,page_view,,\n"
    "e4,2026-01-01,device-5,login,user-1,\n"  # a shared one
    "e5,2026-01-01,device-5,login,user-2,\n"
    "e6,2026-01-01,device-5,page_view,,\n"
    "e7,2026-01-01,device-2,sign_up,,aoi@hana-mail.jp\n"
    "e8,2026-01-01,device-2,page_view,,\n",
    "crm/orders": "order_id,contact_id,ordered_at,order_amount,currency_code\n"
    "o1,subject-1,2026-01-01,100,JPY\no2,other-2,2026-01-01,200,JPY\n",
    "crm/tickets": "ticket_id,opened_at,contact_id,email\n"
    "t1,2026-01-01,,AOI@hana-mail.jp\nt2,2026-01-01,other-2,\nt3,bad,subject-1,\n",
}
ERASED = datetime(2026, 1, 11, 9, tzinfo=UTC)
REQUEST = "request_id,requested_at,contact_id,email\nR-1,2026-01-10,subject-1,\n"


def night(connection: duckdb.DuckDBPyConnection, landing: Path) -> list[erasure_proofs.Proof]:
    for label, table in TABLES.items():
        if (landing / label).exists():
            loader.load_table(connection, table, landing, pepper=PEPPER, loaded_at=NOW)
    return erasing.erase(connection, TABLES, PEPPER, "k1", ERASED)


def everything(connection: duckdb.DuckDBPyConnection) -> str:
    """All that raw tables and quarantine hold."""
    names = fetch(
        connection,
        "select schema_name, table_name from duckdb_tables() "
        "where starts_with(schema_name, 'raw_') or table_name = 'quarantined_rows'",
    )
    return "\n".join(str(fetch(connection, f'select * from "{s}"."{t}"')) for s, t in names)


def contents(connection: duckdb.DuckDBPyConnection) -> list[object]:
    return [
        fetch(connection, "select contact_id, referred_by_contact_id from raw_crm.contacts "
              "order by all"),
        fetch(connection, "select event_id from raw_web.events order by all"),
        fetch(connection, "select order_id, contact_id, order_amount from raw_crm.orders "
              "order by all"),
        fetch(connection, "select ticket_id from raw_crm.tickets order by all"),
    ]  # fmt: skip


EXPECTED: list[object] = [
    [("family-3", None), ("family-4", None), ("other-2", None)],
    [("e5",), ("e6",), ("e8",)],
    [("o1", "(erased)", 100), ("o2", "other-2", 200)],
    [("t2",)],
]


@pytest.mark.parametrize("first", [None, *FILES])
def test_the_subject_goes_whenever_the_request_comes(tmp_path: Path, first: str | None) -> None:
    """All at once, and with the request before all but one of the tables."""
    connection = duckdb.connect()
    for label, text in FILES.items():
        if first in (None, label):
            place(tmp_path, label, "a.csv", text)
    place(tmp_path, "privacy/erasure_requests", "a.csv", REQUEST)
    night(connection, tmp_path)
    for label, text in FILES.items():
        place(tmp_path, label, "a.csv", text)
    proofs = night(connection, tmp_path)
    if first in (None, "crm/contacts"):
        # Once the contact was seen, also what arrives later is known to be theirs.
        assert contents(connection) == EXPECTED
    night(connection, tmp_path)
    assert contents(connection) == EXPECTED
    assert all(proof.rows_left == 0 for proof in proofs)
    text = everything(connection)
    for trace in ("subject-1", "user-1", "device-1", "aoi", "t3"):
        assert trace not in text.replace("'user-1'", "user-1")
    statuses = {check.name: check.status for check in audits.load_checks(connection)}
    assert statuses["rows are conserved"] == "pass"


def test_what_comes_again_goes_again(tmp_path: Path) -> None:
    connection = duckdb.connect()
    for label, text in FILES.items():
        place(tmp_path, label, "a.csv", text)
    place(tmp_path, "privacy/erasure_requests", "a.csv", REQUEST)
    night(connection, tmp_path)
    # The CRM exports the subject the next day still, with a new order.
    place(tmp_path, "crm/contacts", "b.csv", FILES["crm/contacts"] + "new-5,2026-01-03,,,,\n")
    place(tmp_path, "crm/orders", "b.csv",
          FILES["crm/orders"] + "o3,subject-1,2026-01-05,300,JPY\n")  # fmt: skip
    (proof,) = night(connection, tmp_path)
    assert proof.rows_removed == {"crm/contacts": 1} and proof.rows_left == 0
    assert "crm/contacts/b.csv" in proof.landing_files
    orders = fetch(connection, "select order_id, contact_id from raw_crm.orders order by all")
    assert orders == [("o1", "(erased)"), ("o2", "other-2"), ("o3", "(erased)")]
    assert night(connection, tmp_path) == []
    statuses = {check.name: check.status for check in audits.load_checks(connection)}
    assert statuses["rows are conserved"] == "pass"


def test_an_address_of_two_contacts_is_not_the_subjects_alone(tmp_path: Path) -> None:
    connection = duckdb.connect()
    for label, text in FILES.items():
        place(tmp_path, label, "a.csv", text)
    request = "request_id,requested_at,contact_id\nR-3,2026-01-10,family-3\n"
    place(tmp_path, "privacy/erasure_requests", "a.csv", request)
    night(connection, tmp_path)
    left = fetch(connection, "select contact_id from raw_crm.contacts order by all")
    assert left == [("family-4",), ("other-2",), ("subject-1",)]


def test_proofs_hold_counts_and_wait_for_a_release(tmp_path: Path) -> None:
    connection = duckdb.connect()
    for label, text in FILES.items():
        place(tmp_path, label, "a.csv", text)
    place(tmp_path, "privacy/erasure_requests", "a.csv", REQUEST)
    night(connection, tmp_path)
    for _ in range(2):  # told once, however often
        erasure_proofs.write_proofs(tmp_path / "proofs", erasing.owed(connection))
    assert erasure_proofs.last_erasure(tmp_path / "proofs") == "2026-01-11 09:00:00"
    path = tmp_path / "proofs" / "R-1.json"
    (done,) = json.loads(path.read_text("utf-8"))["passes"]
    assert done["rows_removed"] == {"crm/contacts": 1, "crm/tickets": 1, "web/events": 5}
    assert done["values_cleared"] == {"crm/contacts": 1, "crm/orders": 1}
    assert done["quarantined_rows_removed"] == 1 and done["rows_left"] == 0
    assert done["identifiers"] == {"contact": 1, "email": 1, "user": 1, "visitor": 2}
    dropped: list[int] = []

    def drop() -> list[str]:
        dropped.append(1)
        return ["old"]

    erasure_proofs.forget_releases(tmp_path / "proofs", "new", drop)
    erasure_proofs.forget_releases(tmp_path / "proofs", "newer", drop)
    (done,) = json.loads(path.read_text("utf-8"))["passes"]
    assert (done["release"], done["releases_removed"], dropped) == ("new", 1, [1])
    text = path.read_text("utf-8")
    assert not any(trace in text for trace in ("subject-1", "user-1", "device-1", "hana-mail"))


def test_compacting_leaves_no_trace_in_the_file(tmp_path: Path, settings: Settings) -> None:
    database = settings.warehouse
    with duckdb.connect(str(database)) as connection:
        for label, text in FILES.items():
            place(tmp_path, label, "a.csv", text)
        place(tmp_path, "privacy/erasure_requests", "a.csv", REQUEST)
        night(connection, tmp_path)
        before = contents(connection)
        connection.execute("create table old_model as select 'subject-1' as contact_id")
    assert b"subject-1" in database.read_bytes()
    erasing.compact(settings)
    assert b"subject-1" not in database.read_bytes()
    with duckdb.connect(str(database)) as connection:
        assert contents(connection) == before


KILLED = """
import os, signal, sys
from pathlib import Path
from orchestration.loading import erasing
from orchestration.settings import load_settings
def die(step):
    if step == sys.argv[1]:
        os.kill(os.getpid(), signal.SIGKILL)
erasing.settle(load_settings(Path(sys.argv[2])), on_step=die)
"""


@pytest.mark.parametrize("step", [None, *erasing.STEPS])
def test_an_erasure_killed_anywhere_is_finished_by_the_next_run(
    settings: Settings, step: str | None
) -> None:
    """Killed right after the rows went, or at any step of what follows."""
    database, proofs, landing = settings.warehouse, settings.erasures, settings.landing
    with duckdb.connect(str(database)) as connection:
        for label, text in FILES.items():
            place(landing, label, "a.csv", text)
        place(landing, "privacy/erasure_requests", "a.csv", REQUEST)
        night(connection, landing)
        connection.execute("create table old_model as select 'subject-1' as contact_id")
    if step:
        killed = subprocess.run(
            [sys.executable, "-c", KILLED, step, str(settings.home)], cwd=ROOT, check=False
        )
        assert killed.returncode == -signal.SIGKILL
    owed = 0 if step == "settled" else 1
    assert erasing.settle(settings) == owed
    assert erasing.settle(settings) == 0
    assert b"subject-1" not in database.read_bytes()
    assert sorted(path.name for path in database.parent.glob("warehouse*")) == ["warehouse.duckdb"]
    (done,) = json.loads((proofs / "R-1.json").read_text("utf-8"))["passes"]
    assert done["rows_removed"]["crm/contacts"] == 1 and done["release"] is None
    with duckdb.connect(str(database)) as connection:
        assert contents(connection) == EXPECTED


def test_a_contact_marked_as_erased_goes_like_one_who_asked(tmp_path: Path) -> None:
    """And stays gone when the CRM's mark does not."""
    connection = duckdb.connect()
    for label, text in FILES.items():
        place(tmp_path, label, "a.csv", text)
    marked = "contact_id,created_at,updated_at,erased_at\nsubject-1,2026-01-01,2026-01-09,"
    place(tmp_path, "crm/contacts", "later.csv", marked + "2026-01-12\n")
    assert night(connection, tmp_path) == []  # not yet
    place(tmp_path, "crm/contacts", "marked.csv", marked + "2026-01-10\n")
    (proof,) = night(connection, tmp_path)
    assert re.fullmatch("contact-[0-9a-f]{16}", proof.request_id)
    assert contents(connection) == EXPECTED and proof.rows_left == 0
    place(tmp_path, "crm/contacts", "unmarked.csv", marked + "\n")
    (again,) = night(connection, tmp_path)
    assert again.rows_removed == {"crm/contacts": 1}
    assert contents(connection) == EXPECTED


def home(tmp_path: Path) -> tuple[duckdb.DuckDBPyConnection, Settings, Path]:
    landing = tmp_path / "landing"
    for label, text in FILES.items():
        place(landing, label, "a.csv", text)
    return duckdb.connect(), replace(load_settings(tmp_path), pepper=PEPPER), landing


def failures(connection: duckdb.DuckDBPyConnection, name: str) -> list[str]:
    checks = audits.load_checks(connection)
    return [check.message for check in checks if check.name == name and check.status == "fail"]


MARK = "contact_id,created_at,updated_at,erased_at\n{},2026-01-01,2026-01-09,2026-01-10\n"
DEVICES = ("event_id,occurred_at,visitor_id,event_name,user_id\nn1,2026-01-05,device-1,page_view,\n"
           "n2,2026-01-05,device-7,login,user-1\n")  # fmt: skip


@pytest.mark.parametrize("other", ["request", "mark"])
def test_who_asked_twice_stays_gone_when_one_request_is_retracted(
    tmp_path: Path, other: str
) -> None:
    """Also by identifiers that only their removed rows had told."""
    connection, settings, landing = home(tmp_path)
    place(landing, "privacy/erasure_requests", "a.csv", REQUEST)
    night(connection, landing)
    if other == "request":
        place(landing, "privacy/erasure_requests", "b.csv", REQUEST.replace("R-1", "R-2"))
    else:
        place(landing, "crm/contacts", "m.csv", MARK.format("subject-1"))
    assert "R-1" not in [proof.request_id for proof in night(connection, landing)[-1:]]
    reloading.retract(connection, settings, "privacy/erasure_requests/a.csv")
    place(landing, "web/events", "b.csv", DEVICES)
    place(landing, "crm/contacts", "b.csv", "contact_id,created_at\nsubject-1,2026-01-03\n")
    night(connection, landing)
    assert contents(connection) == EXPECTED
    assert failures(connection, "rows are conserved") == []


def test_a_mark_by_mistake_is_taken_back_with_its_file(tmp_path: Path) -> None:
    """After a requeue it is as if it had never come; as long as another file has it, it holds."""
    connection, settings, landing = home(tmp_path)
    for name in ("m.csv", "n.csv"):
        text = MARK.format("other-2") + ("new-5,2026-01-03,,\n" if name == "n.csv" else "")
        place(landing, "crm/contacts", name, text)
        night(connection, landing)
    others = "select count(*) from raw_crm.contacts where contact_id = 'other-2'"
    for name, count in (("m.csv", 0), ("n.csv", 1)):
        reloading.retract(connection, settings, f"crm/contacts/{name}")
        reloading.requeue(connection, settings, "crm/contacts/a.csv")
        night(connection, landing)
        assert fetch(connection, others) == [(count,)]


def test_a_request_may_be_named_like_a_mark(tmp_path: Path) -> None:
    connection, settings, landing = home(tmp_path)
    place(landing, "privacy/erasure_requests", "a.csv", REQUEST.replace("R-1", "contact-4711"))
    night(connection, landing)
    reloading.retract(connection, settings, "privacy/erasure_requests/a.csv")
    night(connection, landing)
    assert fetch(connection, "select * from ops.erased_identifiers") == []


def test_the_gate_asks_whether_erasures_are_carried_out(tmp_path: Path) -> None:
    """What is reloaded by hand is not published unsearched; a request has to name somebody."""
    connection, settings, landing = home(tmp_path)
    place(landing, "privacy/erasure_requests", "a.csv", REQUEST)
    name = "erasures are carried out"
    night(connection, landing)
    assert failures(connection, name) == []
    reloading.requeue(connection, settings, "crm/contacts/a.csv")
    (message,) = failures(connection, name)
    assert message.startswith("1 files were not searched yet")
    night(connection, landing)
    assert failures(connection, name) == []
    nobody = (
        "request_id,requested_at,email\naoi@hana-mail.jp,2026-01-10,\nR-9,2026-01-10,noreply@x.jp\n"
    )
    place(landing, "privacy/erasure_requests", "b.csv", nobody)
    night(connection, landing)
    (message,) = failures(connection, name)
    assert message.startswith(
        "privacy/erasure_requests/b.csv, row 1; privacy/erasure_requests/b.csv, row 2 (2 erasure"
    )


def test_each_request_has_a_proof_of_its_own_whatever_its_id(tmp_path: Path) -> None:
    ids = ("R/1", "R_1", "x" * 300)
    dues = [
        (str(number), ERASED, json.dumps({"request_id": request_id}))
        for number, request_id in enumerate(ids)
    ]
    erasure_proofs.write_proofs(tmp_path, dues)
    found = [json.loads(path.read_text("utf-8")) for path in tmp_path.iterdir()]
    assert sorted(report["request_id"] for report in found) == sorted(ids)
    assert all(len(report["passes"]) == 1 for report in found)


@pytest.mark.parametrize("text", ["", '{"passes": [', "[]", '{"passes": [{}]}'])
def test_a_damaged_proof_stops_nothing_and_allows_nothing(tmp_path: Path, text: str) -> None:
    path = tmp_path / "R-1.json"
    path.write_text(text, "utf-8")
    os.utime(path, (ERASED.timestamp(), ERASED.timestamp()))
    assert erasure_proofs.last_erasure(tmp_path) == "2026-01-11 09:00:00"
    dropped: list[int] = []

    def drop() -> list[str]:
        dropped.append(1)
        return []

    for _ in range(2):
        erasure_proofs.forget_releases(tmp_path, "new", drop)
    assert dropped == [1] and [p.name for p in tmp_path.iterdir()] == ["R-1.damaged"]


def test_without_a_pepper_nobody_is_silently_kept(tmp_path: Path) -> None:
    connection = duckdb.connect()
    text = "contact_id,created_at,erased_at\nsubject-1,2026-01-01,2026-01-02\n"
    place(tmp_path, "crm/contacts", "a.csv", text)
    loader.load_table(connection, TABLES["crm/contacts"], tmp_path, pepper=None, loaded_at=NOW)
    with pytest.raises(erasing.ErasureError, match="journey pepper"):
        erasing.erase(connection, TABLES, None, "k1", ERASED)


def test_a_retracted_request_is_none_any_more(tmp_path: Path) -> None:
    """Two requests, one retracted; then somebody of its subject's arrives."""
    settings = load_settings(tmp_path)
    connection = duckdb.connect()
    landing = tmp_path / "landing"
    for label, text in FILES.items():
        place(landing, label, "a.csv", text)
    place(landing, "privacy/erasure_requests", "a.csv", REQUEST)
    place(landing, "privacy/erasure_requests", "b.csv",
          "request_id,requested_at,contact_id\nR-2,2026-01-10,other-2\n")  # fmt: skip
    assert len(night(connection, landing)) == 2
    reloading.retract(connection, settings, "privacy/erasure_requests/b.csv")
    place(landing, "crm/contacts", "b.csv",
          "contact_id,created_at\nother-2,2026-01-03\nsubject-1,2026-01-03\n")  # fmt: skip
    (proof,) = night(connection, landing)
    assert proof.request_id == "R-1" and proof.rows_removed == {"crm/contacts": 1}
    left = fetch(connection, "select contact_id from raw_crm.contacts order by all")
    assert left == [("family-3",), ("family-4",), ("other-2",)]
    statuses = {check.name: check.status for check in audits.load_checks(connection)}
    assert statuses["rows are conserved"] == "pass"


def test_entries_of_exported_lists_go_with_their_subject(tmp_path: Path) -> None:
    connection = duckdb.connect()
    for label, text in FILES.items():
        place(tmp_path, label, "a.csv", text)
    place(tmp_path, "privacy/erasure_requests", "a.csv", REQUEST)
    ledger.create(connection, list(TABLES.values()))
    connection.executemany(
        "insert into ops.list_entries values ('win_back', '2026-01-05', '2026-01-04 15:00:00', "
        "null, false, ?, ?)",
        [["contact", "subject-1"], ["visitor", "device-9"], ["contact", "other-2"],
         ["user", "subject-1"], ["visitor", "device-5"]],
    )  # fmt: skip
    (proof,) = night(connection, tmp_path)
    assert proof.rows_removed["activation/ledger"] == 2
    left = "select identifier_type, identifier_value from ops.list_entries order by all"
    assert fetch(connection, left) == [
        ("contact", "other-2"), ("user", "subject-1"), ("visitor", "device-5"),
    ]  # fmt: skip
