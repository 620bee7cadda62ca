"""A warehouse that was lost or damaged is loaded again as it was, from landing zone and journal."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from orchestration.base import database
from orchestration.gate import audits
from orchestration.loading import journal, ledger, loader
from orchestration.loading.contract import load_contract
from orchestration.operating import reloading
from orchestration.settings import Settings
from tests.conftest import PEPPER, RULES
from tests.unit.test_drift import orders
from tests.unit.test_loader import ANSWERS, PAYMENTS, fetch, place

TABLES = {
    label: table
    for label, table in load_contract(RULES).items()
    if label in ("crm/orders", "crm/payments", "survey/answers")
}
START = datetime(2026, 2, 1, tzinfo=UTC)


def run(settings: Settings, day: int = 0, with_journal: bool = True) -> list[str]:
    """Load what lies there, as a run `day` days later does; returns what it said."""
    said: list[str] = []
    with database.open_warehouse(settings, said.append) as connection:
        for table in TABLES.values():
            loader.load_table(
                connection,
                table,
                settings.landing,
                pepper=PEPPER,
                loaded_at=START + timedelta(days=day),
                journal_path=settings.journal if with_journal else None,
                progress=said.append,
            )
    return said


def act(settings: Settings, what: str, file: str) -> None:
    """Retract, requeue or waive, as the commands do."""
    with database.open_warehouse(settings) as connection:
        if what == "waive":
            _, label = ledger.waive(connection, file, "as agreed")
            journal.keep(connection, TABLES[label], settings.journal)
        else:
            getattr(reloading, what)(connection, settings, file)


def state(settings: Settings) -> dict[str, list[tuple[object, ...]]]:
    """Raw tables and ledger, but for sizes and times of files, and the last try of a rejected."""
    tables = [table.relation for table in TABLES.values()]
    tables += ["ops.quarantined_rows", "ops.drift_findings", "ops.column_profiles"]
    with database.open_warehouse(settings) as connection:
        found = {name: fetch(connection, f"select * from {name} order by all") for name in tables}
        found["ops.files"] = fetch(
            connection,
            "select * exclude (journaled, file_size, modified_ns, changed_ns) replace ("
            "case when status != 'rejected' then load_batch end as load_batch, "
            "case when status != 'rejected' then loaded_at end as loaded_at) "
            "from ops.files order by all",
        )
    return found


def lose(settings: Settings) -> None:
    settings.warehouse.unlink()


def past(settings: Settings) -> None:
    """Several runs in which much depends on what came before."""
    payments, answers = "crm/payments", "survey/answers"
    bare = orders(30, "90").replace(",status", "").replace(",open", "")
    # Orders: the versions of an order are ranked by load; one file lacks a column that was filled.
    place(settings.landing, "crm/orders", "x.csv", orders(30, "100"))
    place(settings.landing, payments, "a.csv", PAYMENTS + "p,o,2026-01-02,1,JPY,\n"
          "q,o,2026-01-02,2,JPY,\nfuture,o,2026-02-04,2,JPY,\n"
          "v,o,2026-01-02,2,JPY,gift\n")  # fmt: skip
    place(settings.landing, payments, "bad.csv", "payment_id\np\n")
    place(settings.landing, payments, "worse.csv", "payment_id,order_id\np,\n")
    place(settings.landing, answers, "a.csv", ANSWERS + "".join(
        f"r{n},relationship,recommend,2026-01-01,5\n" for n in range(30)))  # fmt: skip
    run(settings)
    place(settings.landing, "crm/orders", "x9.csv", bare + "o1-100,d,2026-01-01,1,JPY\n")
    place(settings.landing, payments, "b.csv", PAYMENTS + "p,o,2026-01-02,1,JPY,\n"
          "q,o,2026-01-01,9,JPY,\nr,o,2026-01-02,3,JPY,\n")  # fmt: skip
    place(settings.landing, answers, "b.csv", ANSWERS + "".join(
        f"s{n},relationship,recommend,2026-01-01,10\n" for n in range(30)))  # fmt: skip
    run(settings, 2)
    for number, amount in enumerate((101, 9999, 103)):
        text = orders(30, str(amount), ",gift", ",yes")
        place(settings.landing, "crm/orders", f"x{number}.csv", text)
        place(settings.landing, payments, f"c{number}.csv",
              PAYMENTS + f"c{number},o,2026-01-02,{number + 1},JPY,\n")  # fmt: skip
        run(settings, 3 + number)
    act(settings, "waive", "crm/orders/x9.csv")
    act(settings, "waive", "crm/payments/bad.csv")
    act(settings, "retract", "crm/payments/c1.csv")
    act(settings, "retract", "survey/answers/a.csv")
    place(settings.landing, "crm/orders", "dt=2026-01-05/w.csv", orders(2, "100"))
    place(settings.landing, "crm/orders", "dt=2026-01-04/w.csv", orders(30, "9999"))
    run(settings, 8)
    place(settings.landing, "crm/orders", "dt=2026-01-09/v.csv", orders(2, "100"))
    act(settings, "retract", "crm/payments/c2.csv")
    act(settings, "requeue", "crm/payments/c2.csv")
    act(settings, "requeue", "survey/answers/b.csv")
    (settings.landing / payments / "worse.csv").unlink()
    place(settings.landing, payments, "late.csv", "payment_id\nlate\n")
    run(settings, 9)


def test_a_lost_warehouse_is_loaded_again_as_it_was(settings: Settings) -> None:
    past(settings)
    before = state(settings)
    statuses = {row[4] for row in before["ops.files"]}
    assert statuses == {"loaded", "rejected", "waived", "retracted", "withdrawn"}
    kinds = {row[3] for row in before["ops.drift_findings"]}
    assert {"missing_column", "new_column", "changed_scale"} <= kinds
    lines = settings.journal.read_text("utf-8").splitlines()
    assert settings.journal.stat().st_mode & 0o777 == 0o600

    for damage in (lose, lambda home: os.truncate(home.warehouse, 5000)):
        damage(settings)
        said = run(settings, 20)
        assert any("loaded again as the journal says" in line for line in said)
        assert state(settings) == before
        assert not any("loaded again" in line for line in run(settings, 21))
        assert state(settings) == before

    # What was done stays done, and what comes later is loaded as before.
    act(settings, "retract", "crm/payments/c0.csv")
    lose(settings)
    run(settings, 22)
    with database.open_warehouse(settings) as connection:
        held = {row[0] for row in fetch(connection, "select payment_id from raw_crm.payments")}
    assert "c0" not in held and "c2" in held and "c1" not in held
    assert len(settings.journal.read_text("utf-8").splitlines()) > len(lines)

    # Without the journal it is not what it was: the order and what was taken back are lost.
    lose(settings)
    run(settings, 22, with_journal=False)
    without = state(settings)
    assert {name for name in before if without[name] != before[name]} >= {
        "ops.files", "ops.drift_findings", TABLES["crm/orders"].relation,
    }  # fmt: skip


def small(settings: Settings) -> None:
    """Two runs, of which the second takes something back."""
    for name, day in (("a", 0), ("b", 1)):
        text = PAYMENTS + f"{name},o,2026-01-02,1,JPY,\np,o,2026-01-0{day + 1},{day},JPY,\n"
        place(settings.landing, "crm/payments", f"{name}.csv", text)
        place(settings.landing, "crm/orders", f"{name}.csv", orders(2, str(day + 1)))
        run(settings, day)
    act(settings, "retract", "crm/orders/a.csv")


def lines(settings: Settings) -> int:
    return settings.journal.read_bytes().count(b"\n")


def test_a_warehouse_that_was_set_back_catches_up(settings: Settings) -> None:
    place(settings.landing, "crm/orders", "0.csv", orders(2, "7"))
    run(settings)
    early = settings.warehouse.read_bytes()
    small(settings)
    before, written = state(settings), lines(settings)
    settings.warehouse.write_bytes(early)
    run(settings, 9)
    assert state(settings) == before
    # Killed while it loads again, the next run does it.
    settings.warehouse.write_bytes(early)
    with pytest.raises(KeyboardInterrupt), pytest.MonkeyPatch.context() as patch:
        patch.setattr(journal, "restore", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
        run(settings, 9)
    run(settings, 9)
    assert (state(settings), lines(settings)) == (before, written)


def test_what_was_not_written_is_appended_by_the_next_run(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Killed between commit and line; and a warehouse that is older than the journal."""
    with monkeypatch.context() as patch:
        patch.setattr(journal, "keep", lambda *_: None)
        small(settings)
    before = state(settings)
    with database.open_warehouse(settings) as connection:
        connection.execute("alter table ops.files drop column journaled")
        connection.execute("drop table ops.journal_positions")
    run(settings, 1)
    assert state(settings) == before and lines(settings) == 4
    # A retraction whose line is missing is not undone by the lines that are there.
    with monkeypatch.context() as patch:
        patch.setattr(journal, "keep", lambda *_: None)
        patch.setattr(journal, "reached", lambda *_: None)
        act(settings, "retract", "crm/payments/a.csv")
    with database.open_warehouse(settings) as connection:
        connection.execute("delete from ops.journal_positions")
    before = state(settings)
    run(settings, 1)
    assert state(settings) == before
    lose(settings)
    run(settings, 1)
    assert state(settings) == before


def test_a_journal_that_is_cut_or_gone_is_written_again(settings: Settings) -> None:
    small(settings)
    before, whole = state(settings), settings.journal.read_bytes()
    for size in (len(whole) - 5, len(whole) // 2, 3, 0):
        os.truncate(settings.journal, size)
        run(settings, 3)
        for line in settings.journal.read_text("utf-8").splitlines():
            json.loads(line)
        lose(settings)
        said = run(settings, 3)
        assert not any("cut off" in line for line in said)
        assert state(settings) == before
    with settings.journal.open("ab") as stream:
        stream.write(b'{"source": "crm", "table_na')
    lose(settings)
    assert any("its last line, cut off" in line for line in run(settings, 3))
    assert state(settings) == before


@pytest.mark.parametrize("damage", [b"garbage", b"[1]", b"{}", b"\xff\xfe", b"null"])
def test_a_damaged_line_stops_the_loading_again(settings: Settings, damage: bytes) -> None:
    small(settings)
    whole = settings.journal.read_bytes().splitlines()
    whole[2] = damage.ljust(len(whole[2]))
    settings.journal.write_bytes(b"\n".join(whole) + b"\n")
    run(settings, 3)  # the warehouse lives: nobody needs the journal
    lose(settings)
    with pytest.raises(journal.JournalDamaged, match=r"journal\.jsonl: line 3 is damaged"):
        run(settings, 3)


def test_a_file_that_is_gone_is_missed_by_the_gate(settings: Settings) -> None:
    small(settings)
    before = state(settings)
    away = settings.landing / "crm/payments/a.csv"
    text = away.read_text("utf-8")
    away.unlink()
    run(settings, 3)  # loaded before it went: that is in order
    assert state(settings) == before
    lose(settings)
    run(settings, 3)
    with database.open_warehouse(settings) as connection:
        (failed,) = [c for c in audits.load_checks(connection) if c.status == "fail"]
    assert "crm/payments/a.csv: not in the landing zone" in failed.message
    assert "put them back, or `journey retract <name>`" in failed.message
    away.write_text(text, "utf-8")
    run(settings, 3)
    payments = TABLES["crm/payments"].relation
    assert state(settings)[payments] == before[payments]
    away.unlink()
    lose(settings)
    run(settings, 3)
    act(settings, "retract", "crm/payments/a.csv")
    with database.open_warehouse(settings) as connection:
        assert not [c for c in audits.load_checks(connection) if c.status == "fail"]


def fill(settings: Settings) -> None:
    with database.open_warehouse(settings) as connection:
        connection.execute("create table t as select range as i, md5(range::varchar) as s "
                           "from range(100000)")  # fmt: skip


def cut(size: int) -> Callable[[Settings], None]:
    return lambda settings: os.truncate(settings.warehouse, size)


def flip(place: int) -> Callable[[Settings], None]:
    def spoil(settings: Settings) -> None:
        with settings.warehouse.open("r+b") as stream:
            stream.seek(place)
            found = stream.read(64)
            stream.seek(place)
            stream.write(bytes(byte ^ 0x5A for byte in found))

    return spoil


def leave_log(settings: Settings) -> None:
    """A process that died left a log."""
    code = "import duckdb, os, sys; c = duckdb.connect(sys.argv[1]); c.execute('insert into t "
    code += "select 1, 2 from range(1000)'); os._exit(9)"
    subprocess.run([sys.executable, "-c", code, str(settings.warehouse)], check=False)


def spoil_log(settings: Settings) -> None:
    leave_log(settings)
    with settings.warehouse.with_name("warehouse.duckdb.wal").open("r+b") as stream:
        stream.seek(200)
        stream.write(b"\xff" * 50)


def log_alone(settings: Settings) -> None:
    leave_log(settings)
    settings.warehouse.unlink()


def text(settings: Settings) -> None:
    settings.warehouse.write_text("hello\n" * 5000)


def folder(settings: Settings) -> None:
    settings.warehouse.unlink()
    settings.warehouse.mkdir()


@pytest.mark.parametrize(
    "spoil",
    [cut(0), cut(100), cut(5000), flip(20), flip(100), flip(4112), text, folder,
     spoil_log, log_alone],
)  # fmt: skip
def test_a_damaged_warehouse_is_set_aside(
    settings: Settings, spoil: Callable[[Settings], None]
) -> None:
    fill(settings)
    spoil(settings)
    said: list[str] = []
    with database.open_warehouse(settings, said.append) as connection:
        assert fetch(connection, "select count(*) from duckdb_tables()") == [(0,)]
    (line,) = said
    assert "warehouse/damaged-1" in line and "\n" not in line
    assert any((settings.warehouse.parent / "damaged-1").iterdir())
    with database.open_warehouse(settings, said.append):
        pass
    assert said == [line]


@pytest.mark.parametrize("spoil", [flip(12288 + 2 * 262144), cut(300_000)])
def test_damage_that_shows_while_reading_is_healed_by_the_next_run(
    settings: Settings, spoil: Callable[[Settings], None]
) -> None:
    fill(settings)
    spoil(settings)
    read = "select count(*), max(s) from t"
    with (
        pytest.raises(database.WarehouseDamaged, match=r"set aside as warehouse/damaged-1; run"),
        database.open_warehouse(settings) as connection,
    ):
        connection.execute(read).fetchall()
    fill(settings)
    with database.open_warehouse(settings) as connection:
        assert connection.execute(read).fetchall()[0][0] == 100000


def test_a_warehouse_that_is_not_damaged_stays(settings: Settings) -> None:
    fill(settings)
    code = "import duckdb, sys; c = duckdb.connect(sys.argv[1]); print(1, flush=True); input()"
    holder = subprocess.Popen(
        [sys.executable, "-c", code, str(settings.warehouse)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    assert holder.stdout and holder.stdout.readline()
    try:
        with (
            pytest.raises(BlockingIOError, match=f"process {holder.pid} has .* open"),
            database.open_warehouse(settings),
        ):
            pass
    finally:
        holder.communicate(b"\n")
    path = settings.warehouse
    for message in (
        "IO Error: Cannot open file: Permission denied",
        "IO Error: Could not write file: No space left on device",
        "Out of Memory Error: failed to pin block",
        f'IO Error: Failure while replaying WAL file "{path}.wal": Out of Memory Error',
        'IO Error: Could not read enough bytes from file "/landing/a.parquet"',
    ):
        database.refuse_damage(settings, [message])
    with database.open_warehouse(settings) as connection:
        assert fetch(connection, "select count(*) from t") == [(100000,)]
