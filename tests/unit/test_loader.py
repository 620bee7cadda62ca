"""The loader: nothing lost, nothing twice, the same result in any order."""

from __future__ import annotations

import itertools
import json
import os
from datetime import UTC, datetime
from pathlib import Path

import duckdb
import pytest

from orchestration.loading import file_load, landing_zone, ledger, loader, privacy
from orchestration.loading.contract import Table, load_contract
from orchestration.loading.ledger import FileOutcome
from orchestration.rules import home as home_rules
from tests.conftest import RULES

TABLES = load_contract(RULES)
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
ACTIVITIES = "activity_id,contact_id,occurred_at,activity_type,cost_amount,currency_code\n"
EVENTS = "event_id,occurred_at,visitor_id,event_name\n"
ANSWERS = "response_id,survey_id,question_id,responded_at,score\n"


@pytest.mark.parametrize(
    ("label", "text", "reason", "column"),
    [
        ("crm/payments", PAYMENTS + ",o,2026-01-01,1,JPY,charge", "R_KEY_NULL", "payment_id"),
        ("crm/payments", PAYMENTS + "p,,2026-01-01,1,JPY,charge", "R_REQUIRED_NULL", "order_id"),
        ("crm/payments", PAYMENTS + "p,o,2026-02-30,1,JPY,charge", "R_CAST", "paid_at"),
        ("crm/payments", PAYMENTS + "p,1.18E+11,2026-01-01,1,JPY,charge", "R_CAST", "order_id"),
        ("crm/payments", PAYMENTS + "p,o,2026-01-01,1.2345,KWD,", "R_CAST", "payment_amount"),
        ("crm/payments", PAYMENTS + "p,o,2026-01-01,1.234,EUR,", "R_AMOUNT_DECIMALS",
         "payment_amount"),
        ("crm/payments", PAYMENTS + "p,o,2026-01-01,1000.5,JPY,", "R_AMOUNT_DECIMALS",
         "payment_amount"),
        ("crm/payments", PAYMENTS + 'p,o,2026-01-01,"1,234",JPY,', "R_CAST", "payment_amount"),
        ("crm/payments", PAYMENTS + "p,o,2026-01-01,-1,JPY,", "R_AMOUNT_SIGN", "payment_amount"),
        ("crm/payments", PAYMENTS + "p,o,2026-01-01,1,yen,", "R_CURRENCY_UNKNOWN", "currency_code"),
        ("crm/payments", PAYMENTS + "p,o,2026-01-01,1,JPY,gift", "R_ENUM_UNKNOWN", "payment_type"),
        ("crm/payments", PAYMENTS + "p,o,2026-02-03,1,JPY,", "R_TS_FUTURE", "paid_at"),
        ("crm/payments", PAYMENTS + "p,o,1969-12-31,1,JPY,", "R_TS_BEFORE_EPOCH", "paid_at"),
        ("crm/payments", PAYMENTS + "p,o,1970-01-01T09:00:00+09:00,1,JPY,", "R_TS_BEFORE_EPOCH",
         "paid_at"),
        ("crm/payments", PAYMENTS + "p,o,2000-01-01,1,JPY,", "R_TS_TOO_EARLY", "paid_at"),
        ("web/events", EVENTS + "e,2004-12-31T23:59:59Z,v,x", "R_TS_TOO_EARLY", "occurred_at"),
        ("crm/payments", PAYMENTS + "p\x00,o,2026-01-01,1,JPY,", "R_NUL_OR_CONTROL", "payment_id"),
        ("crm/payments", PAYMENTS + "p,o,2026-01-01,1,JPY", "R_STRUCTURE_MISSING_COLS", None),
        ("crm/payments", PAYMENTS + "p,o,2026-01-01,1,JPY,,x", "R_STRUCTURE_EXTRA_COLS", None),
        ("crm/payments", PAYMENTS + '"p,o,2026-01-01,1,JPY,', "R_UNTERMINATED_QUOTE", None),
        ("crm/contacts", f"contact_id,created_at,loyalty_tier\nc,2026-01-01,{'g' * 101}",
         "R_TEXT_TOO_LONG", "loyalty_tier"),
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


def test_no_clock_moves_the_release(tmp_path: Path) -> None:
    """What is a little ahead is loaded; the data reach no further than their load."""
    place(tmp_path, "crm/payments", "a.csv", PAYMENTS + "p,o,2005-04-01,1,JPY,\n"
          "q,o,2026-02-01 23:00:00Z,1,JPY,\nr,o,2026-02-02 00:00:01Z,1,JPY,\n")  # fmt: skip
    connection = duckdb.connect()
    load(connection, tmp_path, "crm/payments")
    assert fetch(connection, REASONS) == [(3, "R_TS_FUTURE", "paid_at")]
    assert fetch(connection, "select data_through_at from ops.files") == [
        (NOW.replace(tzinfo=None),)
    ]


def test_what_may_lie_long_ago_or_ahead_is_said_in_the_contract(tmp_path: Path) -> None:
    connection = duckdb.connect()
    place(tmp_path, "crm/contacts", "a.csv", "contact_id,created_at\nc,1985-04-01\n")
    place(tmp_path, "crm/subscriptions", "a.csv", "subscription_id,contact_id,started_at,"
          "period_amount,currency_code,billing_period\ns,c,2026-05-01,1,JPY,month\n")  # fmt: skip
    for label in ("crm/contacts", "crm/subscriptions"):
        (outcome,) = load(connection, tmp_path, label)
        assert outcome.rows_loaded == 1


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2026-01-01T10:00:00Z", "2026-01-01 10:00:00"),
        ("2026-01-01 10:00:00+09", "2026-01-01 01:00:00"),
        ("2026-01-01 10:00:00+0900", "2026-01-01 01:00:00"),
        ("2026-01-01T10:00:00.123456+09:00", "2026-01-01 01:00:00.123456"),
        ("2026-01-01 10:00:00 UTC", "2026-01-01 10:00:00"),
        ("2026-01-01t10:00:00z", "R_CAST"),
        ("2026-01-01 10:00z", "2026-01-01 10:00:00"),
        ("2026-01-01 10:00 +0900", "2026-01-01 01:00:00"),
        ("2026-01-01 10:00:00+99:00", "R_CAST"),
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
    found = fetch(connection, "select paid_at::varchar from raw_crm.payments "
                  "union all select reason from ops.quarantined_rows")  # fmt: skip
    assert found == [(expected,)]


def in_zone(label: str, zone: str | None) -> Table:
    """A contract table with another time zone of its source."""
    values = {k: v for k, v in vars(TABLES[label]).items() if k != "header_names"}
    return Table(**{**values, "time_zone": zone})


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2025-11-02 00:30", "2025-11-02 04:30:00"),  # summer time
        ("2025-11-02 01:30", "2025-11-02 06:30:00"),  # stands twice on the clock: the second pass
        ("2025-11-02 01:30-04:00", "2025-11-02 05:30:00"),  # an offset says which
        ("2025-11-02 02:30", "2025-11-02 07:30:00"),  # winter time
        ("2025-03-09 01:59", "2025-03-09 06:59:00"),
        ("2025-03-09 02:30", "R_TS_LOCAL_GAP"),  # never stood on the clock
        ("2025-03-09 03:00", "2025-03-09 07:00:00"),
    ],
)
def test_local_times_across_a_clock_change(tmp_path: Path, text: str, expected: str) -> None:
    place(tmp_path, "crm/payments", "a.csv", PAYMENTS + f"p,o,{text},1,JPY,\n")
    connection = duckdb.connect()
    table = in_zone("crm/payments", "America/New_York")
    loader.load_table(connection, table, tmp_path, pepper=PEPPER, loaded_at=NOW)
    found = fetch(connection, "select paid_at::varchar from raw_crm.payments "
                  "union all select reason from ops.quarantined_rows")  # fmt: skip
    assert found == [(expected,)]


def test_a_time_of_no_zone_needs_an_offset(tmp_path: Path) -> None:
    rows = "p,o,2026-01-01 10:00,1,JPY,\nq,o,2026-01-01 10:00Z,1,JPY,\n"
    place(tmp_path, "crm/payments", "a.csv", PAYMENTS + rows)
    connection = duckdb.connect()
    table = in_zone("crm/payments", None)
    loader.load_table(connection, table, tmp_path, pepper=PEPPER, loaded_at=NOW)
    assert fetch(connection, REASONS) == [(1, "R_NAIVE_TIMESTAMP", "paid_at")]


def test_a_changed_scale_counts_from_its_day(
    tmp_path: Path,
) -> None:
    home = tmp_path / "home"
    (home / "rules").mkdir(parents=True)
    (home / "rules" / "survey_questions.yml").write_text("".join(
        "- {survey_id: relationship, question_id: recommend, metric: nps, scale_minimum: 0, "
        f"scale_maximum: {maximum}, is_public_review: false, valid_from: {day}, name_ja: ?, "
        "name_en: How likely}\n".replace("?", "お勧め度")
        for maximum, day in ((5, "2000-01-01"), (10, "2026-01-10"))
    ))  # fmt: skip
    table = load_contract(home_rules.load(home))["survey/answers"]
    rows = "r,relationship,recommend,2026-01-09,9\ns,relationship,recommend,2026-01-11,9\n"
    place(tmp_path, "survey/answers", "a.csv", ANSWERS + rows)
    connection = duckdb.connect()
    loader.load_table(connection, table, tmp_path, pepper=PEPPER, loaded_at=NOW)
    assert fetch(connection, REASONS) == [(1, "R_SCORE_RANGE", "score")]


def test_another_pepper_is_refused(tmp_path: Path) -> None:
    place(tmp_path, "crm/payments", "a.csv", PAYMENTS + "p,o,2026-01-01,1,JPY,\n")
    connection = duckdb.connect()
    load(connection, tmp_path, "crm/payments")
    with pytest.raises(ledger.PepperChanged, match="another one under the same id"):
        load(connection, tmp_path, "crm/payments", pepper="q" * 40)
    with pytest.raises(ledger.PepperChanged, match="key k2"):
        loader.load_table(connection, TABLES["crm/payments"], tmp_path, pepper="q" * 40,
                          pepper_key_id="k2")  # fmt: skip


def test_quarantine_tells_line_and_shows_nothing_personal(tmp_path: Path) -> None:
    header = "contact_id,created_at,email,phone,persona\n"
    rows = (
        'c1,2026-01-01,aoi@hana-mail.jp,,"two\nlines"\n'
        "c2,山田太郎,aoi@hana-mail.jp,090-1111-2222,vip\n"
        "c3,2026-01-01,山田太郎\n"
    )
    place(tmp_path, "crm/contacts", "a.csv", header + rows)
    connection = duckdb.connect()
    load(connection, tmp_path, "crm/contacts")
    found = fetch(connection, "select row_number, line_number, reason, row_redacted "
                  "from ops.quarantined_rows order by 1")  # fmt: skip
    assert [row[:3] for row in found] == [(2, 4, "R_CAST"), (3, 5, "R_STRUCTURE_MISSING_COLS")]
    assert not any(trace in str(found) for trace in ("aoi", "1111", "山田"))
    assert '"created_at":"＊＊＊＊"' in str(found[0][3]) and "c2" in str(found[0][3])
    assert '"contact_id":"(2 characters)"' in str(found[1][3])


def test_fast_files_are_loaded_as_exact_ones(tmp_path: Path) -> None:
    """One broken row sends a file to the exact reader; the good rows come out the same."""
    rows = "".join(
        f'a{n % 90},"c ""{n}""\nx",2026-01-{1 + n % 28:02d},call,{n},JPY\n' for n in range(100)
    )
    found = []
    for name, tail in (("fast", ""), ("exact", "x,y\n")):
        place(tmp_path / name, "crm/activities", "a.csv", ACTIVITIES + rows + tail)
        connection = duckdb.connect()
        (outcome,) = load(connection, tmp_path / name, "crm/activities")
        assert outcome.rows_in == 100 + bool(tail)
        found.append((
            fetch(connection, "select * exclude (_file_id) from raw_crm.activities order by all"),
            fetch(connection, "select * exclude (file_id) from ops.quarantined_rows "
                  "where reason = 'R_KEY_CONFLICT' order by all"),
        ))  # fmt: skip
    assert found[0] == found[1]


def test_a_file_that_changes_while_it_is_read_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = place(tmp_path, "crm/payments", "a.csv", PAYMENTS + "p,o,2026-01-01,1,JPY,\n")
    connection = duckdb.connect()
    original = file_load.FileLoad._read_contested

    def meanwhile(self: file_load.FileLoad, source: str) -> int:
        path.write_text(PAYMENTS + "p,o,2026-01-01,1,JPY,\nq,o,2026-01-01,1,JPY,\n", "utf-8")
        return original(self, source)

    monkeypatch.setattr(file_load.FileLoad, "_read_contested", meanwhile)
    (outcome,) = load(connection, tmp_path, "crm/payments")
    assert outcome.reject_code == "F_CHANGED"
    assert fetch(connection, "select count(*) from raw_crm.payments") == [(0,)]


def test_an_extract_that_flips_back_is_the_newest_again(tmp_path: Path) -> None:
    """The very bytes of an earlier day, under a later one: no row twice, but the newest version."""
    header = "order_id,contact_id,ordered_at,order_amount,currency_code\n"
    connection = duckdb.connect()
    for day, amount in (("2026-01-01", 1), ("2026-01-02", 2), ("2026-01-03", 1)):
        text = header + f"o,c,2026-01-01,{amount},JPY\n"
        place(tmp_path, "crm/orders", f"dt={day}/a.csv", text)
        load(connection, tmp_path, "crm/orders")
    versions = fetch(connection, "select order_amount::integer, _extracted_on::varchar "
                     "from raw_crm.orders order by 1")  # fmt: skip
    assert versions == [(1, "2026-01-03"), (2, "2026-01-02")]


def test_capitals_and_empty_fractions_are_a_matter_of_spelling(tmp_path: Path) -> None:
    rows = ["p1,12.0,2026-01-01,1.0,jpy,Charge", "p2,12,2026-01-01,1,Yen,Refund"]
    place(tmp_path, "crm/payments", "p.csv", PAYMENTS + "\n".join(rows))
    connection = duckdb.connect()
    load(connection, tmp_path, "crm/payments")
    loaded = "select order_id, currency_code, payment_type from raw_crm.payments"
    assert fetch(connection, loaded) == [("12", "JPY", "charge")]
    assert fetch(connection, "select reason from ops.quarantined_rows") == [("R_CURRENCY_UNKNOWN",)]


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
    monkeypatch.setattr(file_load.FileLoad, "_insert", lambda *arguments: 0)
    with pytest.raises(file_load.ConservationError, match=r"a\.csv: 1 rows in"):
        load(connection, tmp_path, "crm/payments")
    assert fetch(connection, "select count(*) from ops.files") == [(0,)]


def test_events_keep_the_earliest_in_any_order(tmp_path: Path) -> None:
    """Of several contents under one key one stays, also when a better one comes a night later."""
    texts = [ACTIVITIES + f"a,c,2026-01-0{day},call,{day},JPY\n" for day in (1, 2, 3)]
    results = set()
    for number, order in enumerate(itertools.permutations(texts)):
        connection = duckdb.connect()
        landing = tmp_path / str(number)
        for night, text in enumerate(order):
            place(landing, "crm/activities", f"{night}.csv", text)
            load(connection, landing, "crm/activities")
        kept = fetch(connection, "select cost_amount from raw_crm.activities")
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
        assert str(newest) == "[(Decimal('1.000'), '2026-01-03')]"


def test_new_columns_are_kept_hashed_and_reported(tmp_path: Path) -> None:
    place(
        tmp_path, "crm/payments", "a.csv",
        PAYMENTS.strip() + ",氏名\np,o,2026-01-01,1,JPY,,髙橋\n",
    )  # fmt: skip
    connection = duckdb.connect()
    (outcome,) = load(connection, tmp_path, "crm/payments")
    ((name, text),) = outcome.new_columns.items()
    assert text == "column 7 of the file, 2 characters, shape ＊＊"
    ((extra,),) = fetch(connection, "select _extra from raw_crm.payments")
    assert set(json.loads(str(extra))) == {name}
    assert "氏名" not in str(extra) + name and "髙橋" not in str(extra)


def test_real_personal_data_needs_a_pepper(tmp_path: Path) -> None:
    place(tmp_path, "crm/contacts", "a.csv", "contact_id,created_at,email\nc,2026-01-01,a@b.jp\n")
    connection = duckdb.connect()
    (outcome,) = load(connection, tmp_path, "crm/contacts", pepper=None)
    assert (outcome.status, outcome.reject_code, outcome.reject_column) == (
        "rejected", "F_PEPPER_MISSING", "email",
    )  # fmt: skip
    assert "journey pepper" in str(outcome.reject_remedy)


def test_a_link_out_of_the_landing_zone_is_not_followed(tmp_path: Path) -> None:
    landing, good = tmp_path / "landing", PAYMENTS + "p,o,2026-01-01,1,JPY,\n"
    outside = place(tmp_path, "outside", "pepper", "the secret,of the home\n")
    place(tmp_path, "outside", "a.csv", good)
    folder = place(landing, "crm/payments", "a.csv", good).parent
    (folder / "pepper.csv").symlink_to(outside)
    (folder / "outside").symlink_to(outside.parent)
    (folder / "same.csv").symlink_to("a.csv")  # within, it is a file as any other
    (landing / "survey").mkdir()
    (landing / "survey" / "invitations").symlink_to(outside.parent)
    connection = duckdb.connect()
    found = {o.file_name: (o.status, o.reject_code, o.reject_message)
             for label in ("crm/payments", "survey/invitations")
             for o in load(connection, landing, label)}  # fmt: skip
    out = ("rejected", "F_LINK", "a link leads out of the landing zone")
    assert found == {
        "crm/payments/a.csv": ("loaded", None, None),
        "crm/payments/pepper.csv": out, "crm/payments/outside": out,
        "survey/invitations/pepper": out, "survey/invitations/a.csv": out,
    }  # fmt: skip
    ledger.waive(connection, "crm/payments/pepper.csv", "ours")
    # The landing zone itself may be a link.
    (tmp_path / "linked").symlink_to(landing)
    (outcome,) = load(duckdb.connect(), tmp_path / "linked", "crm/payments")[:1]
    assert outcome.status == "loaded"


def test_names_of_files_are_known_masked(tmp_path: Path) -> None:
    for number, name in enumerate(["aoi@hana-mail.jp.csv", "ben@sora-mail.jp.csv"]):
        place(tmp_path, "crm/payments", name, PAYMENTS + f"p{number},o,2026-01-01,1,JPY,\n")
    place(tmp_path, "crm/payments", "ben_090-1111-2222.csv", PAYMENTS + "x,,2026-01-01,1,JPY,\n")
    connection = duckdb.connect()
    outcomes = load(connection, tmp_path, "crm/payments")
    names = sorted(outcome.file_name for outcome in outcomes)
    assert names == ["crm/payments/[email]", "crm/payments/[email]", "crm/payments/ben_[phone].csv"]
    assert load(connection, tmp_path, "crm/payments") == []
    assert fetch(connection, "select count(*) from raw_crm.payments") == [(2,)]
    # The owner may use the real name, and ids where a masked one is of two files.
    assert ledger.waive(connection, "crm/payments/ben_090-1111-2222.csv", "x")[0] == names[2]
    with pytest.raises(LookupError, match=r"'crm/payments/\[email\]' names 2 .* files"):
        ledger.waive(connection, "crm/payments/aoi@hana-mail.jp.csv", "x")
    ledger.waive(connection, outcomes[0].file_id[:12], "x")


def test_joins_of_masked_ids_hold_and_need_a_pepper(tmp_path: Path) -> None:
    orders = "order_id,contact_id,ordered_at,order_amount,currency_code\n"
    place(
        tmp_path,
        "crm/contacts",
        "a.csv",
        "contact_id,created_at\naoi@hana-mail.jp,2026-01-01\n090-1111-2222,2026-01-01\n",
    )
    place(tmp_path, "crm/orders", "a.csv", orders + "o1,aoi@hana-mail.jp,2026-01-01,1,JPY\n"
          "o2,090-1111-2222,2026-01-01,1,JPY\no3,c3,2026-01-01,1,JPY\n")  # fmt: skip
    connection = duckdb.connect()
    for label in ("crm/contacts", "crm/orders"):
        load(connection, tmp_path, label)
    joined = fetch(connection, "select order_id, left(contact_id, 11) from raw_crm.orders "
                   "inner join raw_crm.contacts using (contact_id) order by 1")  # fmt: skip
    assert joined == [("o1", "[email]:k1:"), ("o2", "[phone]:k1:")]
    (outcome,) = load(duckdb.connect(), tmp_path, "crm/orders", pepper=None)
    assert (outcome.reject_code, outcome.reject_column) == ("F_PEPPER_MISSING", "contact_id")
    assert outcome.reject_message == (
        "2 values of column contact_id are personal data and there is no secret pepper to hash "
        "them with"
    )


@pytest.mark.parametrize("number", ["09012345678", "4111111111111111", "+819012345678"])
def test_the_number_of_a_phone_or_card_is_no_amount(tmp_path: Path, number: str) -> None:
    place(tmp_path, "crm/payments", "a.csv", PAYMENTS + f"p,o,2026-01-01,{number},JPY,\n"
          "q,o,2026-01-01,123456789012.50,EUR,\n")  # fmt: skip
    connection = duckdb.connect()
    load(connection, tmp_path, "crm/payments")
    assert fetch(connection, REASONS) == [(1, "R_CAST", "payment_amount")]
    assert number not in str(fetch(connection, "from ops.quarantined_rows"))


def test_quarantined_rows_show_only_what_is_harmless(tmp_path: Path) -> None:
    """Cells may have moved: of texts that are no ids, listed values or hashes only the shape."""
    header = "activity_id,contact_id,occurred_at,activity_type,direction,campaign,currency_code\n"
    rows = "a1,c1,2026-01-32,山田,inbound,山田,JPY\na2,c2,2026-01-32,call,山田,x,山田\n"
    rows += "a3,c3,2026-01-02T00:00:00Z,ca\x00ll,inbound,x,JPY\n"
    place(tmp_path, "crm/activities", "a.csv", header + rows)
    connection = duckdb.connect()
    load(connection, tmp_path, "crm/activities")
    shown = [
        {k: v for k, v in json.loads(str(row)).items() if v is not None}
        for (row,) in fetch(connection, "select row_redacted from ops.quarantined_rows order by 1")
    ]
    digest = privacy.keyed_hash(PEPPER, "k1", "山田")[3:11]
    assert shown == [
        {"activity_id": "a1", "contact_id": "c1", "occurred_at": "9999-99-99",
         "activity_type": "＊＊", "direction": "inbound", "campaign": "＊＊",
         "currency_code": "JPY"},
        {"activity_id": "a2", "contact_id": "c2", "occurred_at": "9999-99-99",
         "activity_type": "xxxx", "direction": f"＊＊ (2 characters, {digest})", "campaign": "x",
         "currency_code": "＊＊"},
        {"activity_id": "a3", "contact_id": "c3", "occurred_at": "2026-01-02 00:00:00",
         "activity_type": "xx\x00xx", "direction": "inbound", "campaign": "x",
         "currency_code": "JPY"},
    ]  # fmt: skip


@pytest.mark.parametrize("kind", [duckdb.ConversionException, duckdb.InvalidInputException])
def test_an_error_of_the_database_is_not_repeated(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: type[duckdb.Error]
) -> None:
    def fail(*arguments: object) -> int:
        raise kind("Could not convert string 'aoi@hana-mail.jp' to INT32")

    monkeypatch.setattr(file_load.FileLoad, "_insert", fail)
    place(tmp_path, "crm/payments", "a.csv", PAYMENTS + "p,o,2026-01-01,1,JPY,\n")
    connection = duckdb.connect()
    (outcome,) = load(connection, tmp_path, "crm/payments")
    assert (outcome.status, outcome.reject_code) == ("rejected", "F_UNREADABLE")
    assert "aoi" not in str(fetch(connection, "from ops.files"))
    assert fetch(connection, "select count(*) from ops.quarantined_rows") == [(0,)]


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
    assert landing_zone.stray_files(tmp_path, TABLES) == [stray]


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
    table: Table = load_contract(staging=tmp_path / "staging")["shop/visits"]
    place(tmp_path / "landing", "shop/visits", "a.csv", "visit_id,visited_at\n1,2026-01-01\n")
    connection = duckdb.connect()
    loader.load_table(connection, table, tmp_path / "landing", pepper=PEPPER, loaded_at=NOW)
    assert fetch(connection, "select visit_id from raw_shop.visits") == [("1",)]


def test_amounts_of_an_earlier_warehouse_are_widened(tmp_path: Path) -> None:
    connection = duckdb.connect()
    place(tmp_path, "crm/payments", "a.csv", PAYMENTS + "p,o,2026-01-01,1.25,KWD,\n")
    load(connection, tmp_path, "crm/payments")
    connection.execute("alter table raw_crm.payments alter payment_amount type decimal(18, 2)")
    place(tmp_path, "crm/payments", "b.csv", PAYMENTS + "q,o,2026-01-01,1.255,KWD,\n")
    load(connection, tmp_path, "crm/payments")
    found = fetch(connection, "select payment_amount::varchar from raw_crm.payments order by 1")
    assert found == [("1.250",), ("1.255",)]


def test_local_times_and_days_of_rules_are_those_of_the_home() -> None:
    """A time without offset, and the day from which a scale holds, in the business time zone."""
    found = {}
    for zone in ("Asia/Tokyo", "America/New_York"):
        tables = load_contract(RULES, business_timezone=zone)
        assert {t.source: t.time_zone for t in tables.values()} == {
            "crm": zone, "survey": zone, "privacy": zone, "web": "UTC",
        }  # fmt: skip
        (score,) = (c for c in tables["survey/answers"].columns if c.scale_seed)
        found[zone] = {scale.valid_from[-8:] for scale in score.scales}
    assert found["Asia/Tokyo"] == {"15:00:00"}
    assert found["America/New_York"] <= {"04:00:00", "05:00:00"}
