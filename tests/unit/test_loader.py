"""The loader: nothing lost, nothing twice, the same result in any order."""

from __future__ import annotations

import itertools
import os
from datetime import UTC, datetime
from pathlib import Path

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orchestration.loading import ledger, loader
from orchestration.loading.contract import Table, load_contract
from orchestration.loading.ledger import FileOutcome

TABLES = load_contract()
PEPPER = "p" * 40
NOW = datetime(2026, 2, 1, tzinfo=UTC)


def load(
    connection: duckdb.DuckDBPyConnection, landing: Path, label: str, pepper: str | None = PEPPER
) -> list[FileOutcome]:
    return loader.load_table(connection, TABLES[label], landing, pepper=pepper, loaded_at=NOW)


def place(landing: Path, label: str, name: str, text: str) -> Path:
    path = landing / label / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, "utf-8")
    return path


def fetch(connection: duckdb.DuckDBPyConnection, query: str) -> list[tuple[object, ...]]:
    return connection.execute(query).fetchall()


REASONS = "select row_number, reason, column_name from ops.quarantined_rows order by row_number"

PAYMENTS = "payment_id,order_id,paid_at,payment_amount,currency_code,payment_type\n"
ANSWERS = "response_id,survey_id,question_id,responded_at,score\n"


@pytest.mark.parametrize(
    ("label", "text", "reason", "column"),
    [
        ("crm/payments", PAYMENTS + ",o,2026-01-01,1,JPY,charge", "R_KEY_NULL", "payment_id"),
        ("crm/payments", PAYMENTS + "p,,2026-01-01,1,JPY,charge", "R_REQUIRED_NULL", "order_id"),
        ("crm/payments", PAYMENTS + "p,o,2026-02-30,1,JPY,charge", "R_CAST", "paid_at"),
        ("crm/payments", PAYMENTS + "p,o,2026-01-01,1.234,JPY,", "R_CAST", "payment_amount"),
        ("crm/payments", PAYMENTS + 'p,o,2026-01-01,"1,234",JPY,', "R_CAST", "payment_amount"),
        ("crm/payments", PAYMENTS + "p,o,2026-01-01,-1,JPY,", "R_AMOUNT_SIGN", "payment_amount"),
        ("crm/payments", PAYMENTS + "p,o,2026-01-01,1,yen,", "R_CURRENCY_UNKNOWN", "currency_code"),
        ("crm/payments", PAYMENTS + "p,o,2026-01-01,1,JPY,gift", "R_ENUM_UNKNOWN", "payment_type"),
        ("crm/payments", PAYMENTS + "p,o,2026-02-03,1,JPY,", "R_TS_FUTURE", "paid_at"),
        ("crm/payments", PAYMENTS + "p,o,1969-12-31,1,JPY,", "R_TS_BEFORE_EPOCH", "paid_at"),
        ("crm/payments", PAYMENTS + "p\x00,o,2026-01-01,1,JPY,", "R_NUL_OR_CONTROL", "payment_id"),
        ("crm/payments", PAYMENTS + "p,o,2026-01-01,1,JPY", "R_STRUCTURE_MISSING_COLS", None),
        ("crm/payments", PAYMENTS + "p,o,2026-01-01,1,JPY,,", "R_STRUCTURE_EXTRA_COLS", None),
        ("crm/payments", PAYMENTS + f"p,{'o' * 100_001},2026-01-01,1,JPY,", "R_TEXT_TOO_LONG",
         "order_id"),
        ("survey/answers", ANSWERS + "r,relationship,recommend,2026-01-01,11", "R_SCORE_RANGE",
         "score"),
        ("survey/answers", ANSWERS + "r,relationship,recommend,2026-01-01,9.6",
         "R_SCORE_NOT_INTEGER", "score"),
        ("survey/answers", ANSWERS + "r,relationship,recommend,2026-01-01,nine", "R_CAST", "score"),
    ],
)  # fmt: skip
def test_each_reason(
    tmp_path: Path, label: str, text: str, reason: str, column: str | None
) -> None:
    place(tmp_path, label, "a.csv", text + "\n")
    connection = duckdb.connect()
    (outcome,) = load(connection, tmp_path, label)
    assert (outcome.rows_in, outcome.rows_loaded, outcome.rows_quarantined) == (1, 0, 1)
    assert fetch(connection, REASONS) == [(1, reason, column)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2026-01-01T10:00:00Z", "2026-01-01 10:00:00"),
        ("2026-01-01 10:00:00+09", "2026-01-01 01:00:00"),
        ("2026-01-01 10:00:00+0900", "2026-01-01 01:00:00"),
        ("2026-01-01T10:00:00.123456+09:00", "2026-01-01 01:00:00.123456"),
        ("2026-01-01 10:00:00 UTC", "2026-01-01 10:00:00"),
        ("2026-01-01 10:00:00", "2026-01-01 01:00:00"),  # the source's declared zone, Tokyo
        ("2026/1/1 10:00", "2026-01-01 01:00:00"),
        ("2026-01-01", "2025-12-31 15:00:00"),
        ("２０２６-01-01", "2025-12-31 15:00:00"),
    ],
)
def test_timestamps_become_utc(tmp_path: Path, text: str, expected: str) -> None:
    place(tmp_path, "crm/payments", "a.csv", PAYMENTS + f"p,o,{text},1,JPY,\n")
    connection = duckdb.connect()
    load(connection, tmp_path, "crm/payments")
    assert fetch(connection, "select paid_at::varchar from raw_crm.payments") == [(expected,)]


def test_scores_are_parsed_never_rounded(tmp_path: Path) -> None:
    rows = "".join(
        f"r{n},relationship,recommend,2026-01-01,{text}\n"
        for n, text in enumerate(["9", " 9 ", "９", "9.0", "9.5", "9.99", ""])
    )
    place(tmp_path, "survey/answers", "a.csv", ANSWERS + rows)
    connection = duckdb.connect()
    load(connection, tmp_path, "survey/answers")
    scores = fetch(connection, "select score from raw_survey.answers order by response_id")
    assert scores == [(9,), (9,), (9,), (9,), (None,)]


def test_the_same_content_under_any_name_is_loaded_once(tmp_path: Path) -> None:
    text = PAYMENTS + "p,o,2026-01-01,1,JPY,\n"
    place(tmp_path, "crm/payments", "a.csv", text)
    place(tmp_path, "crm/payments", "dt=2026-01-02/b.csv", text)
    connection = duckdb.connect()
    assert len(load(connection, tmp_path, "crm/payments")) == 1
    os.rename(tmp_path / "crm/payments/a.csv", tmp_path / "crm/payments/c.csv")
    assert load(connection, tmp_path, "crm/payments") == []
    assert fetch(connection, "select count(*) from raw_crm.payments") == [(1,)]


def test_a_crash_leaves_nothing_of_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place(tmp_path, "crm/payments", "a.csv", PAYMENTS + "p,o,2026-01-01,1,JPY,\nq,o,x,1,JPY,\n")
    connection = duckdb.connect()

    def crash(*arguments: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(ledger, "record", crash)
        with pytest.raises(KeyboardInterrupt):
            load(connection, tmp_path, "crm/payments")
    for relation in ("raw_crm.payments", "ops.files", "ops.quarantined_rows"):
        assert fetch(connection, f"select count(*) from {relation}") == [(0,)]
    (outcome,) = load(connection, tmp_path, "crm/payments")
    assert (outcome.rows_loaded, outcome.rows_quarantined) == (1, 1)


def test_lost_rows_are_noticed_and_rolled_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place(tmp_path, "crm/payments", "a.csv", PAYMENTS + "p,o,2026-01-01,1,JPY,\n")
    connection = duckdb.connect()
    monkeypatch.setattr(loader, "_merge_rows", lambda *arguments: None)
    with pytest.raises(loader.ConservationError, match=r"a\.csv: 1 rows in"):
        load(connection, tmp_path, "crm/payments")
    assert fetch(connection, "select count(*) from ops.files") == [(0,)]


def test_events_keep_the_earliest_in_any_order(tmp_path: Path) -> None:
    """Of several contents under one key one stays, also when a better one comes a night later."""
    texts = [PAYMENTS + f"p,o,2026-01-0{day},{day},JPY,\n" for day in (1, 2, 3)]
    results = set()
    for number, order in enumerate(itertools.permutations(texts)):
        connection = duckdb.connect()
        landing = tmp_path / str(number)
        for night, text in enumerate(order):
            place(landing, "crm/payments", f"{night}.csv", text)
            load(connection, landing, "crm/payments")
        kept = fetch(connection, "select payment_amount from raw_crm.payments")
        files = fetch(
            connection,
            "select sum(rows_in), sum(rows_loaded), sum(rows_quarantined) from ops.files",
        )
        reasons = fetch(connection, "select reason, count(*) from ops.quarantined_rows group by 1")
        results.add(str((kept, files, reasons)))
    assert len(results) == 1
    assert "('R_KEY_CONFLICT', 2)" in results.pop()


def test_an_entity_seen_again_is_as_young_as_its_youngest_sighting(tmp_path: Path) -> None:
    """a, b, a by extraction day: a is the newest, whatever the order of the loads."""
    header = "order_id,contact_id,ordered_at,order_amount,currency_code\n"
    days = {"2026-01-01": "1", "2026-01-02": "2", "2026-01-03": "1"}
    for number, order in enumerate(itertools.permutations(days)):
        connection = duckdb.connect()
        landing = tmp_path / str(number)
        for day in order:
            text = header + f"o,c,2026-01-01,{days[day]},JPY\n" + "x,c,2026-01-01,9,JPY\n"
            place(
                landing, "crm/orders", f"dt={day}/{day}.csv", text + f"{day},c,2026-01-01,9,JPY\n"
            )
            load(connection, landing, "crm/orders")
        newest = fetch(
            connection,
            "select order_amount, _extracted_on::varchar from raw_crm.orders where order_id = 'o' "
            "order by _extracted_on desc limit 1",
        )
        assert str(newest) == "[(Decimal('1.00'), '2026-01-03')]"


def test_new_columns_are_kept_hashed_and_reported(tmp_path: Path) -> None:
    place(
        tmp_path, "crm/payments", "a.csv",
        PAYMENTS.strip() + ",氏名\np,o,2026-01-01,1,JPY,,髙橋\n",
    )  # fmt: skip
    connection = duckdb.connect()
    (outcome,) = load(connection, tmp_path, "crm/payments")
    assert outcome.new_columns == ["氏名"]
    ((extra,),) = fetch(connection, "select _extra from raw_crm.payments")
    assert "氏名" in str(extra) and "髙橋" not in str(extra)


def test_real_personal_data_needs_a_pepper(tmp_path: Path) -> None:
    place(tmp_path, "crm/contacts", "a.csv", "contact_id,created_at,email\nc,2026-01-01,a@b.jp\n")
    connection = duckdb.connect()
    (outcome,) = load(connection, tmp_path, "crm/contacts", pepper=None)
    assert (outcome.status, outcome.reject_code, outcome.reject_column) == (
        "rejected", "F_PEPPER_MISSING", "email",
    )  # fmt: skip
    assert "make pepper" in str(outcome.reject_remedy)


def test_a_repaired_file_withdraws_its_rejection(tmp_path: Path) -> None:
    path = place(tmp_path, "crm/payments", "a.csv", "payment_id\np\n")
    connection = duckdb.connect()
    load(connection, tmp_path, "crm/payments")
    path.write_text(PAYMENTS + "p,o,2026-01-01,1,JPY,\n", "utf-8")
    load(connection, tmp_path, "crm/payments")
    statuses = fetch(connection, "select status from ops.files order by status")
    assert statuses == [("loaded",), ("withdrawn",)]


def test_files_outside_the_contract_are_found(tmp_path: Path) -> None:
    stray = place(tmp_path, "crm/order", "a.csv", "x\n")
    place(tmp_path, "crm/orders", "a.csv", "x\n")
    assert loader.stray_files(tmp_path, TABLES) == [stray]


CELL = st.one_of(
    st.sampled_from(["p1", "p2", "", "2026-01-01", "2026-13-01", "1.00", "-1", "JPY", "refund",
                     '"', "\n", "髙", "a@b.jp", "\x00"]),
    st.text(max_size=5),
)  # fmt: skip


@settings(max_examples=60, deadline=None)
@given(rows=st.lists(st.lists(CELL, min_size=4, max_size=7), max_size=8), cuts=st.integers(0, 8))
def test_conservation_holds_for_any_rows(
    tmp_path_factory: pytest.TempPathFactory, rows: list[list[str]], cuts: int
) -> None:
    import csv
    import io

    landing = tmp_path_factory.mktemp("fuzz")
    connection = duckdb.connect()
    for number, part in enumerate((rows[:cuts], rows[cuts:])):
        buffer = io.StringIO(newline="")
        csv.writer(buffer).writerows(part)
        text = PAYMENTS + buffer.getvalue()
        place(landing, "crm/payments", f"{number}.csv", text.encode("utf-8", "replace").decode())
    for outcome in load(connection, landing, "crm/payments"):
        assert outcome.status == "loaded"
    assert fetch(
        connection,
        "select count(*) from ops.files "
        "where rows_in != rows_loaded + rows_duplicate + rows_quarantined",
    ) == [(0,)]
    held = fetch(
        connection,
        "select coalesce(sum(rows_loaded), 0) = (select count(*) from raw_crm.payments), "
        "coalesce(sum(rows_quarantined), 0) = (select count(*) from ops.quarantined_rows) "
        "from ops.files",
    )
    assert held == [(True, True)]
    unique = "select count(*) = count(distinct payment_id) from raw_crm.payments"
    assert fetch(connection, unique) == [(True,)]


def test_adding_a_raw_table_is_yaml_only(tmp_path: Path) -> None:
    staging = tmp_path / "staging" / "shop"
    staging.mkdir(parents=True)
    (staging / "_shop__sources.yml").write_text(
        """
sources:
  - name: raw_shop
    config: {meta: {time_zone: UTC}}
    tables:
      - name: visits
        config: {meta: {kind: event, key: [visit_id], time_column: visited_at}}
        columns:
          - {name: visit_id, data_type: varchar, config: {meta: {required: true}}}
          - {name: visited_at, data_type: timestamp, config: {meta: {required: true}}}
""",
        "utf-8",
    )
    table: Table = load_contract(tmp_path / "staging")["shop/visits"]
    place(tmp_path / "landing", "shop/visits", "a.csv", "visit_id,visited_at\n1,2026-01-01\n")
    connection = duckdb.connect()
    loader.load_table(connection, table, tmp_path / "landing", pepper=PEPPER, loaded_at=NOW)
    assert fetch(connection, "select visit_id from raw_shop.visits") == [("1",)]
