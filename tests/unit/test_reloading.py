"""Retract and requeue: the raw tables are as if it had always been so."""

from __future__ import annotations

import itertools
import shutil
from datetime import datetime

import duckdb
import pytest

from orchestration.loading import loader
from orchestration.loading.contract import load_contract
from orchestration.operating import reloading
from orchestration.settings import Settings
from tests.conftest import PEPPER, RULES
from tests.unit.test_loader import PAYMENTS, fetch, place

ROWS = {
    # b repeats a row of a, c has an earlier version of another, d is alone.
    "a": "p,o,2026-01-02,1,JPY,\nq,o,2026-01-02,2,JPY,\n",
    "b": "p,o,2026-01-02,1,JPY,\nr,o,2026-01-02,3,JPY,\n",
    "c": "q,o,2026-01-01,9,JPY,\n",
    "d": "s,o,2026-01-02,4,JPY,\nt,o,bad,4,JPY,\n",
}


def load(settings: Settings, names: str, connection: duckdb.DuckDBPyConnection | None = None
         ) -> duckdb.DuckDBPyConnection:  # fmt: skip
    connection = connection or duckdb.connect()
    for name in names:
        place(settings.landing, "crm/payments", f"{name}.csv", PAYMENTS + ROWS[name])
        loader.load_table(
            connection, load_contract(RULES)["crm/payments"], settings.landing, pepper=PEPPER
        )
    return connection


def state(connection: duckdb.DuckDBPyConnection) -> tuple[object, ...]:
    return (
        fetch(connection, "select payment_id, payment_amount from raw_crm.payments order by 1"),
        fetch(connection, "select reason, row_number from ops.quarantined_rows order by all"),
        fetch(
            connection,
            "select sum(rows_in), sum(rows_loaded), sum(rows_duplicate), sum(rows_quarantined) "
            "from ops.files where status = 'loaded'",
        ),
    )


@pytest.mark.parametrize("retracted", "abcd")
def test_a_retracted_load_is_as_if_it_had_never_come(settings: Settings, retracted: str) -> None:
    rest = "".join(name for name in "abcd" if name != retracted)
    expected = state(load(settings, rest))
    for order in itertools.islice(itertools.permutations("abcd"), 1, 24, 11):
        shutil.rmtree(settings.landing)
        connection = load(settings, "".join(order))
        reloading.retract(connection, settings, f"crm/payments/{retracted}.csv")
        load(settings, retracted, connection)  # the file lies there still, and stays out
        assert state(connection) == expected


def test_requeue_after_a_repair_of_the_contract(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    place(settings.landing, "crm/payments", "e.csv", PAYMENTS + "u,o,2026-01-02,1,JPY,gift\n")
    connection = load(settings, "abcd")
    assert "R_ENUM_UNKNOWN" in str(state(connection))
    tables = load_contract(RULES)
    repaired = tables["crm/payments"]
    columns = tuple(
        type(column)(**{**vars(column), "accepted_values": ()}) for column in repaired.columns
    )
    tables["crm/payments"] = type(repaired)(**{
        **{k: v for k, v in vars(repaired).items() if k != "header_names"}, "columns": columns,
    })  # fmt: skip
    monkeypatch.setattr(reloading, "load_contract", lambda rules, business_timezone: tables)
    lines = reloading.requeue(connection, settings, "R_ENUM_UNKNOWN")
    assert any("e.csv: 1 rows = 1 loaded" in line for line in lines)
    assert fetch(connection, "select payment_type from raw_crm.payments where payment_id = 'u'")
    assert "R_ENUM_UNKNOWN" not in str(state(connection))


def test_nothing_changes_when_a_file_is_gone(settings: Settings) -> None:
    connection = load(settings, "ab")
    before = state(connection)
    (settings.landing / "crm/payments/b.csv").unlink()
    with pytest.raises(reloading.ReloadError, match=r"crm/payments/b\.csv"):
        reloading.retract(connection, settings, "crm/payments/a.csv")
    assert state(connection) == before


def test_a_retracted_load_can_come_back(settings: Settings) -> None:
    connection = load(settings, "abcd")
    before = state(connection)
    reloading.retract(connection, settings, "crm/payments/d.csv")
    reloading.requeue(connection, settings, "crm/payments/d.csv")
    assert state(connection) == before


def test_what_is_meant_must_be_one_file(settings: Settings) -> None:
    connection = load(settings, "a")
    with pytest.raises(LookupError, match="names 0"):
        reloading.retract(connection, settings, "crm/payments/z.csv")
    with pytest.raises(LookupError, match="R_CAST"):
        reloading.requeue(connection, settings, "R_CAST")


def test_what_a_clock_that_stood_behind_called_future_is_loaded_again(settings: Settings) -> None:
    connection = duckdb.connect()
    table = load_contract(RULES)["crm/payments"]
    for name, at in (("a", datetime(2026, 2, 1)), ("d", datetime(2025, 2, 1))):
        place(settings.landing, "crm/payments", f"{name}.csv", PAYMENTS + ROWS[name])
        loader.load_table(connection, table, settings.landing, pepper=PEPPER, loaded_at=at)
    future = "select count(*) from ops.quarantined_rows where reason = 'R_TS_FUTURE'"
    assert fetch(connection, future) == [(1,)]
    lines = reloading.requeue_after_a_wrong_clock(connection, settings)
    assert len(lines) == 1 and "d.csv" in lines[0]
    assert fetch(connection, future) == [(0,)]
    assert reloading.requeue_after_a_wrong_clock(connection, settings) == []
    # Nothing is done where the clock was right, and the row is of a future that has not come.
    place(settings.landing, "crm/payments", "e.csv", PAYMENTS + "z,o,2999-01-02,1,JPY,\n")
    loader.load_table(connection, table, settings.landing, pepper=PEPPER)
    assert fetch(connection, future) == [(1,)]
    assert reloading.requeue_after_a_wrong_clock(connection, settings) == []
