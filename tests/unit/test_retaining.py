"""Retention: what no number rests on leaves raw tables, counted; what displaces others stays."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import datetime

import duckdb
import pytest

from orchestration.gate import audits
from orchestration.loading import loader, retaining
from orchestration.operating import reloading, status
from orchestration.settings import DBT_PROJECT_DIR, Settings, SettingsError, load_settings
from tests.conftest import PEPPER
from tests.unit.test_loader import TABLES, fetch, place

ORDERS = "order_id,contact_id,ordered_at,order_amount,currency_code,status,updated_at\n"
CONTACTS = "contact_id,created_at,updated_at\n"
EVENTS = "event_id,occurred_at,visitor_id,event_name\n"
ORDER = "{},c1,2026-01-05 10:00:00,{},JPY,placed,2026-0{}-10 10:00:00\n"
NIGHTS = {
    1: {
        "crm/orders": ORDERS + ORDER.format("o1", 100, 1) + ORDER.format("o2", "many", 1),
        "crm/contacts": CONTACTS + "c1,2026-01-01,2026-01-02\n",
        "web/events": EVENTS + "e1,2026-01-05,v1,page_view\ne2,never,v1,page_view\n",
    },
    2: {
        "crm/orders": ORDERS + ORDER.format("o1", 120, 2) + ORDER.format("o3", 50, 2),
        "crm/contacts": CONTACTS + "c1,2026-01-01,2026-02-02\n",
        "web/events": EVENTS + "e1,2026-01-07,v2,page_view\n",  # another event under that key
    },
    3: {"crm/orders": ORDERS + ORDER.format("o1", 130, 3)},
}
LIMITS = {"crm/orders": 1, "crm/contacts": 1, "web/events": 1}


def lived(settings: Settings) -> duckdb.DuckDBPyConnection:
    """A home whose nights each had a file of some tables."""
    connection = duckdb.connect()
    for month, files in NIGHTS.items():
        for label, text in files.items():
            place(settings.landing, label, f"{month}.csv", text)
            loader.load_table(connection, TABLES[label], settings.landing, pepper=PEPPER,
                              loaded_at=datetime(2026, month, 15))  # fmt: skip
    return connection


def expire(connection: duckdb.DuckDBPyConnection, settings: Settings, as_of_at: str) -> object:
    limited = replace(settings, retention=LIMITS)
    return retaining.expire(connection, TABLES, limited, as_of_at)


VERSIONS = (
    "select order_id, order_amount::integer from raw_crm.orders order by order_id, updated_at"
)
# What staging takes (macro is_newest_version): all that any model sees of an order.
NEWEST = """
    select * from raw_crm.orders qualify row_number() over (
        partition by order_id order by updated_at desc nulls last, _extracted_on desc nulls last,
            _load_sequence desc, _content_hash desc
    ) = 1 order by order_id
"""
QUARANTINED = "select table_name, reason from ops.quarantined_rows order by all"


def test_replaced_versions_and_quarantined_rows_leave_after_their_months(
    settings: Settings,
) -> None:
    connection = lived(settings)
    before, newest = fetch(connection, QUARANTINED), fetch(connection, NEWEST)
    assert len(newest) == 2
    assert expire(connection, settings, "2026-02-20 15:00:00") == {}  # loaded in this month
    found = expire(connection, settings, "2026-03-20 15:00:00")
    assert found == {
        "crm/orders": (datetime(2026, 1, 31, 15), 2),
        "web/events": (datetime(2026, 1, 31, 15), 1),
    }
    assert fetch(connection, VERSIONS) == [("o1", 120), ("o1", 130), ("o3", 50)]
    assert before == [
        ("events", "R_CAST"), ("events", "R_KEY_CONFLICT"), ("orders", "R_CAST")
    ]  # fmt: skip
    # Of two events under one key the other counts again when the first is taken back.
    assert fetch(connection, QUARANTINED) == [("events", "R_KEY_CONFLICT")]
    # Models read all versions of a contact.
    assert fetch(connection, "select count(*) from raw_crm.contacts") == [(2,)]
    assert expire(connection, settings, "2026-03-31 14:59:59") == {}
    assert list(expire(connection, settings, "2026-04-01 15:00:00") or ()) == ["crm/orders"]
    assert fetch(connection, VERSIONS) == [("o1", 130), ("o3", 50)]
    assert fetch(connection, NEWEST) == newest
    # An old version that comes late changes nothing either, and leaves with the next month.
    place(settings.landing, "crm/orders", "late.csv", ORDERS + ORDER.format("o1", 90, 2))
    loader.load_table(connection, TABLES["crm/orders"], settings.landing, pepper=PEPPER,
                      loaded_at=datetime(2026, 4, 2))  # fmt: skip
    assert fetch(connection, NEWEST) == newest
    assert expire(connection, settings, "2026-04-02 15:00:00") == {}
    (conserved,) = [
        check for check in audits.load_checks(connection) if check.name == "rows are conserved"
    ]
    assert conserved.status == "pass", conserved.message
    assert fetch(connection, "select sum(versions), sum(quarantined_rows) from ops.retentions") == [
        (2, 2)
    ]
    assert status._retained(connection) == [
        "crm/orders from 2026-02-28 15:00 UTC on: of what was loaded before, 2 replaced versions "
        "and 1 quarantined rows have left",
        "web/events from 2026-02-28 15:00 UTC on: of what was loaded before, 0 replaced versions "
        "and 1 quarantined rows have left",
    ]


def test_a_version_that_left_counts_again_when_the_newer_ones_are_retracted(
    settings: Settings,
) -> None:
    connection = lived(settings)
    expire(connection, settings, "2026-04-20 15:00:00")
    for month in (3, 2):
        reloading.retract(connection, settings, f"crm/orders/{month}.csv")
    assert fetch(connection, VERSIONS) == [("o1", 100)]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('[retention]\n"crm/orders" = 0\n', "retention.crm/orders must be a whole number"),
        ('[retention]\n"crm/orders" = "12"\n', "retention.crm/orders must be a whole number"),
        ("retention = 12\n", "retention must be a table"),
        ('[retention]\n"crm/order" = 12\n', "crm/order is no raw table with a limit; did you mean"),
        ('[retention]\n"privacy/erasure_requests" = 12\n', "is no raw table with a limit"),
    ],
)
def test_a_wrong_limit_is_refused(settings: Settings, text: str, message: str) -> None:
    (settings.home / "journey.toml").write_text(text)
    with pytest.raises(SettingsError, match="retention") as error:
        retaining.check(load_settings(settings.home), TABLES)
    assert message in str(error.value) and "journey.toml" in str(error.value)


def test_models_that_read_replaced_versions_say_so() -> None:
    read = {}
    for path in (DBT_PROJECT_DIR / "models" / "staging").glob("*/stg_*.sql"):
        text = path.read_text("utf-8")
        for source, name in re.findall(r"source\('raw_(\w+)', '(\w+)'\)", text):
            is_whole = "qualify {{ is_newest_version(" not in text
            read[f"{source}/{name}"] = is_whole or read.get(f"{source}/{name}", False)
    whole = {label for label, table in TABLES.items() if table.version_column and read[label]}
    assert whole == {label for label, table in TABLES.items() if table.versions_are_read}
