"""Drift: each kind of change is found as the policy says, and nothing else is."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any

import duckdb
import pytest

from orchestration.gate import audits
from orchestration.loading import drift, ledger, privacy
from orchestration.readers.report import texts as words
from tests.unit.test_loader import ANSWERS, PAYMENTS, PEPPER, fetch, load, place

FOUND = "select kind, column_name, severity from ops.drift_findings order by all"


@pytest.fixture(autouse=True)
def told_in_both_languages(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever a test of this file finds, the report has Japanese and English words for it."""
    store = drift.store

    def checked(connection: Any, outcome: Any, found: list[drift.Finding]) -> None:
        for finding in found:
            column = f" {finding.column}" if finding.column else ""
            text = f"{finding.severity} {finding.kind}{column}: {finding.detail}"
            ((kind, _, (japanese, english)),) = words.drift(text)
            assert kind in words.DRIFT and re.search("[ぁ-ん一-龥]", japanese), text
            assert re.sub(r"\bR_\w+", "", english) and "R_" not in english, text
        store(connection, outcome, found)

    monkeypatch.setattr(drift, "store", checked)


class Watched:
    """A connection that notes how many rows Python is given by each statement."""

    def __init__(self, connection: duckdb.DuckDBPyConnection) -> None:
        self.connection, self.rows, self.query = connection, [], ""

    def execute(self, query: str, *arguments: Any) -> Any:
        self.query = query
        self.connection.execute(query, *arguments)
        return self

    def fetchall(self) -> list[Any]:
        found = self.connection.fetchall()
        self.rows.append((self.query, len(found)))
        return found

    def __getattr__(self, name: str) -> Any:
        return getattr(self.connection, name)


def orders(count: int, amount: str = "100", header: str = "", cells: str = "") -> str:
    text = "order_id,contact_id,ordered_at,order_amount,currency_code,status" + header + "\n"
    for number in range(count):
        text += f"o{number}-{amount},c,2026-01-01,{amount},JPY,open{cells}\n"
    return text


def nights(tmp_path: Path, label: str, *texts: str) -> duckdb.DuckDBPyConnection:
    """Load one file a night."""
    connection = duckdb.connect()
    for number, text in enumerate(texts):
        place(tmp_path, label, f"{number}.csv", text)
        load(connection, tmp_path, label)
    return connection


def test_equal_files_do_not_drift(tmp_path: Path) -> None:
    texts = [orders(30, str(amount)) for amount in (100, 101, 102, 103, 104, 105)]
    assert fetch(nights(tmp_path, "crm/orders", *texts), FOUND) == []


def test_a_new_column_is_told_once(tmp_path: Path) -> None:
    texts = [orders(30, str(amount), ",gift", ",yes") for amount in (101, 102)]
    connection = nights(tmp_path, "crm/orders", orders(30), *texts)
    name = "column:" + privacy.keyed_hash(PEPPER, "k1", "gift")[3:15]
    assert fetch(connection, FOUND) == [("new_column", name, "warn")]
    ((detail,),) = fetch(connection, "select detail from ops.drift_findings")
    assert str(detail).startswith("column 7 of the file, 4 characters, shape xxxx: not in the")
    assert audits.last_findings(connection) == {}


def test_a_column_that_was_filled_must_not_go_missing(tmp_path: Path) -> None:
    short = orders(30, "107").replace(",status", "").replace(",open", "")
    connection = nights(tmp_path, "crm/orders", orders(30), short)
    assert fetch(connection, FOUND) == [("missing_column", "status", "fail")]
    checks = [check for check in audits.load_checks(connection) if check.status == "fail"]
    assert [check.name for check in checks] == ["crm/orders/1.csv: missing_column of status"]
    ledger.waive(connection, "crm/orders/1.csv", "the shop dropped it")
    assert all(check.status != "fail" for check in audits.load_checks(connection))


def test_files_are_compared_with_those_of_their_feed(tmp_path: Path) -> None:
    """Another tracker, adapter or folder lost nothing; a later file of one of them may have."""
    short = orders(30, "107").replace(",status", "").replace(",open", "")
    connection = duckdb.connect()
    for name, text in (
        ("shop.csv", orders(30)),
        ("till.csv", short),
        ("tokyo/shop-2026-01-02.csv", short.replace("107", "108")),
        ("shop-2026-01-02.csv", orders(30, "101")),
    ):
        place(tmp_path, "crm/orders", name, text)
        load(connection, tmp_path, "crm/orders")
    assert fetch(connection, FOUND) == []
    place(tmp_path, "crm/orders", "shop_20260103.csv", short.replace("107", "109"))
    load(connection, tmp_path, "crm/orders")
    assert fetch(connection, FOUND) == [("missing_column", "status", "fail")]


def test_two_exports_under_one_name_are_told_apart_by_their_columns(tmp_path: Path) -> None:
    """In one run they come in any order; later, each is compared with its like."""
    long = [orders(30, str(amount)) for amount in (100, 101, 102)]
    short = [text.replace(",status", "").replace(",open", "") for text in
             (orders(30, str(amount)) for amount in (107, 108, 109))]  # fmt: skip
    connection = duckdb.connect()
    for night, texts in enumerate(zip(long, short, strict=True)):
        for number, text in enumerate(texts):
            place(tmp_path, "crm/orders", f"{night}-{number}.csv", text)
        load(connection, tmp_path, "crm/orders")
    assert fetch(connection, FOUND) == []


def test_an_empty_column_may_go_missing(tmp_path: Path) -> None:
    full = orders(30).replace(",open", ",")
    short = orders(30, "107").replace(",status", "").replace(",open", "")
    connection = nights(tmp_path, "crm/orders", full, short)
    assert fetch(connection, FOUND) == [("missing_column", "status", "warn")]


def test_renamed_and_reordered_columns_are_matched_by_name(tmp_path: Path) -> None:
    first = "response_id,survey_id,question_id,responded_at,score\nr,relationship,recommend,"
    second = "survey_id,question_id,responded_at,点数,response_id\nrelationship,recommend,"
    connection = nights(
        tmp_path, "survey/answers", first + "2026-01-01,9\n", second + "2026-01-02,7,s\n"
    )
    assert fetch(connection, "select score from raw_survey.answers order by 1") == [(7,), (9,)]
    assert fetch(connection, FOUND) == [
        ("renamed_column", "score", "info"), ("reordered_columns", None, "info"),
    ]  # fmt: skip


def test_a_column_of_another_type_parks_the_file(tmp_path: Path) -> None:
    place(tmp_path, "crm/orders", "a.csv", orders(30, "¥100"))
    connection = duckdb.connect()
    (outcome,) = load(connection, tmp_path, "crm/orders")
    assert (outcome.reject_code, outcome.reject_column) == ("F_TYPE_DRIFT", "order_amount")
    assert fetch(connection, "select count(*) from raw_crm.orders") == [(0,)]


def test_some_values_of_another_type_are_told(tmp_path: Path) -> None:
    text = orders(60) + "x,c,2026-01-01,¥5,JPY,open\n" + "y,c,2026-01-01,¥6,JPY,open\n"
    connection = nights(tmp_path, "crm/orders", text)
    assert fetch(connection, FOUND) == [("changed_type", "order_amount", "warn")]


def test_another_unit_is_told(tmp_path: Path) -> None:
    connection = nights(tmp_path, "crm/orders", orders(30, "100"), orders(30, "10000"))
    assert fetch(connection, FOUND) == [("changed_scale", "order_amount", "warn")]


def test_another_scale_of_a_question_is_told(tmp_path: Path) -> None:
    def answers(score: int) -> str:
        return ANSWERS + "".join(
            f"r{n}-{score},relationship,recommend,2026-01-01,{score}\n" for n in range(30)
        )

    connection = nights(tmp_path, "survey/answers", answers(5), answers(10))
    assert fetch(connection, FOUND) == [("changed_scale", "score", "warn")]


def test_a_new_value_is_told_without_its_text(tmp_path: Path) -> None:
    rows = [f"p{n},o,2026-01-01,1,JPY,{text}\n" for n, text in enumerate(["gift", "gift", "aoi@x"])]
    connection = nights(tmp_path, "crm/payments", PAYMENTS + "".join(rows))
    gift, aoi = (privacy.keyed_hash(PEPPER, "k1", text)[3:11] for text in ("gift", "aoi@x"))
    assert fetch(connection, "select kind, column_name, detail from ops.drift_findings") == [
        ("new_value", "payment_type", "3 of 3 rows quarantined, R_ENUM_UNKNOWN: "
         f"xxx@x (5 characters, {aoi}), xxxx (4 characters, {gift})"),
    ]  # fmt: skip


def test_personal_data_in_a_clear_column_is_told_without_it(tmp_path: Path) -> None:
    text = orders(30) + "x,aoi@hana-mail.jp,2026-01-01,5,JPY,call 090-1111-2222\n"
    connection = nights(tmp_path, "crm/orders", text)
    assert fetch(connection, FOUND) == [
        ("personal_data", "contact_id", "warn"), ("personal_data", "status", "warn"),
    ]  # fmt: skip
    assert fetch(connection, "select distinct detail from ops.drift_findings") == [
        ("1 values with an e-mail address, a phone or a card number in them, masked",)
    ]


def test_an_unusual_number_of_rows_is_told(tmp_path: Path) -> None:
    texts = [orders(100, str(amount)) for amount in (100, 101, 102, 103)]
    connection = nights(tmp_path, "crm/orders", *texts, orders(3, "104"))
    assert fetch(connection, FOUND) == [("row_count", None, "warn")]


def test_another_content_under_a_loaded_name_is_told(tmp_path: Path) -> None:
    """An extract that grows is usual; one without its former rows is not."""
    header = "activity_id,contact_id,occurred_at,activity_type\n"
    path = place(tmp_path, "crm/activities", "a.csv", header + "p,c,2026-01-01,call\n")
    connection = duckdb.connect()
    found = []
    for rows, touch in (("q", True), ("r", True), ("s", False)):
        before = path.stat()
        kept = path.read_text("utf-8") if rows == "q" else header
        load(connection, tmp_path, "crm/activities")
        path.write_text(kept + f"{rows},c,2026-01-01,call\n", "utf-8")
        if not touch:
            os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
        (outcome,) = load(connection, tmp_path, "crm/activities")
        found += fetch(connection, "select kind, severity, detail from ops.drift_findings "
                       f"where file_id = '{outcome.file_id}'")  # fmt: skip
    assert [row[:2] for row in found] == [
        ("changed_file", "info"), ("changed_file", "warn"), ("changed_file", "warn"),
    ]  # fmt: skip
    assert "2 of its 2 rows" in str(found[1]) and "same size and time" in str(found[2])
    former = str(found[2][2]).removesuffix(".").split("journey retract ")[1]
    assert ledger.find(connection, former, ("loaded",))[3] == "crm/activities/a.csv"


def test_a_file_costs_the_same_after_many_as_after_few(tmp_path: Path) -> None:
    """No statement for one more file gives Python the rows of all earlier files."""
    connection = nights(tmp_path, "crm/orders", orders(30), orders(30, "101"))
    counts = []
    for night, copies in ((2, 0), (3, 3000)):
        for name, renewed in (("files", "load_sequence + 3 + i as load_sequence, 'x' || i as "
                                        "file_name,"), ("column_profiles", "")):  # fmt: skip
            rest = "file_id, load_sequence, file_name" if renewed else "file_id"
            connection.execute(
                f"insert into ops.{name} by name select f.* exclude ({rest}), {renewed} "
                f"f.file_id || i as file_id from ops.{name} f, range({copies}) t(i) "
                "where f.source = 'crm'"
            )
        place(tmp_path, "crm/orders", f"{night}.csv", orders(30, str(100 + night)))
        watched = Watched(connection)
        (outcome,) = load(watched, tmp_path, "crm/orders")  # type: ignore[arg-type]  # duck-typed
        assert outcome.rows_loaded == 30
        counts.append(watched.rows)
    few, many = counts
    assert len(few) == len(many)
    per_run = [(query, n) for query, n in many if n > 100]
    assert len(per_run) == 1 and "from ops.files" in per_run[0][0]  # known_files, once a run


def test_a_late_file_is_told(tmp_path: Path) -> None:
    connection = duckdb.connect()
    for day, amount in (("2026-01-20", "100"), ("2026-01-15", "101"), ("2026-01-02", "102")):
        place(tmp_path, "crm/orders", f"dt={day}/a.csv", orders(5, amount))
        load(connection, tmp_path, "crm/orders")
    assert fetch(connection, FOUND) == [("late_file", None, "warn")]


@pytest.mark.parametrize(("bad", "status"), [(0, "pass"), (3, "warn"), (10, "fail")])
def test_the_quarantine_rate_of_the_last_files_is_judged(
    tmp_path: Path, bad: int, status: str
) -> None:
    history = PAYMENTS + "".join(f"h{n},o,2026-01-01,1,JPY,\n" for n in range(5000))
    rows = "".join(f"p{n},o,2026-01-01,1,{'x' if n < bad else 'JPY'},\n" for n in range(100))
    connection = nights(tmp_path, "crm/payments", history, PAYMENTS + rows)
    (found,) = [c for c in audits.load_checks(connection) if c.name == "quarantine of crm"]
    assert found.status == status
    assert found.message.startswith("F_REJECT_RATE") == (status != "pass")


def test_one_bad_row_of_few_closes_no_gate(tmp_path: Path) -> None:
    """Of a file of three rows, one is a third: told, and the others are published."""
    rows = "p1,o,1970-01-01T00:00:00Z,1,JPY,\np2,o,2026-01-01,1,JPY,\np3,o,2026-01-01,1,JPY,\n"
    connection = nights(tmp_path, "crm/payments", PAYMENTS + rows)
    (found,) = [c for c in audits.load_checks(connection) if c.name == "quarantine of crm"]
    assert (found.status, "33.3%" in found.message) == ("warn", True)
    bad = "".join(f"b{n},o,2000-01-01,1,JPY,\n" for n in range(6))
    place(tmp_path, "crm/payments", "9.csv", PAYMENTS + bad)
    load(connection, tmp_path, "crm/payments")
    (found,) = [c for c in audits.load_checks(connection) if c.name == "quarantine of crm"]
    assert found.status == "fail"


def test_lost_rows_close_the_gate(tmp_path: Path) -> None:
    connection = nights(tmp_path, "crm/payments", PAYMENTS + "p,o,2026-01-01,1,JPY,\n")
    assert audits.load_checks(connection)[0].status == "pass"
    connection.execute("delete from raw_crm.payments")
    assert audits.load_checks(connection)[0].status == "fail"
