from pathlib import Path

import duckdb

from orchestration.building import builds
from orchestration.loading import ledger


def night(warehouse: Path, tenth: int) -> tuple[int, int, int]:
    """Delete a tenth of the rows as a night would; its vacuum tasks, then row groups and rows."""
    with duckdb.connect(str(warehouse)) as connection:
        tasks = builds.vacuum_tasks(connection)
    with duckdb.connect(str(warehouse), config={"max_vacuum_tasks": str(tasks)}) as connection:
        connection.execute("delete from marts.fct where tenth = ?", [tenth])
    with duckdb.connect(str(warehouse)) as connection:
        groups, rows = connection.execute(
            "select (select count(distinct row_group_id) from pragma_storage_info('marts.fct')), "
            "(select count(*) from marts.fct)"
        ).fetchall()[0]
    return tasks, groups, rows


def test_room_of_replaced_rows_is_given_back_when_there_is_much_of_it(tmp_path: Path) -> None:
    warehouse = tmp_path / "warehouse.duckdb"
    with duckdb.connect(str(warehouse)) as connection:
        ledger.create(connection, [])
        connection.execute("create schema marts")
        connection.execute(
            "create table marts.fct as select i % 10 as tenth from range(1200000) t(i)"
        )
    before = [night(warehouse, tenth) for tenth in range(4)]
    assert before == [(0, 10, rows * 120_000) for rows in (9, 8, 7, 6)]
    tasks, groups, rows = night(warehouse, 4)
    assert tasks > 0
    assert groups < 10
    assert rows == 600_000
    assert night(warehouse, 5)[0] == 0  # counted from what is left


def test_loads_of_many_nights_do_not_lie_apart(tmp_path: Path) -> None:
    """A row group per night and table is 256 KiB of disk, and what a full scan costs."""
    warehouse = tmp_path / "warehouse.duckdb"
    with duckdb.connect(str(warehouse)) as connection:
        ledger.create(connection, [])
        connection.execute("create table raw (night integer); create table built (night integer)")
    apart, merged = [], 0
    for number in range(40):
        with duckdb.connect(str(warehouse), config={"max_vacuum_tasks": "0"}) as connection:
            connection.execute("insert into raw values (?)", [number])
            connection.execute(
                "insert into ops.files (file_id, status) values (?, 'loaded')", [str(number)]
            )
        with duckdb.connect(str(warehouse)) as connection:
            tasks = builds.vacuum_tasks(connection)
        merged += tasks > 0
        with duckdb.connect(str(warehouse), config={"max_vacuum_tasks": str(tasks)}) as connection:
            connection.execute("create or replace table built as select max(night) from raw")
        with duckdb.connect(str(warehouse)) as connection:
            groups, rows = connection.execute(
                "select count(distinct row_group_id), (select count(*) from raw) "
                "from pragma_storage_info('raw')"
            ).fetchall()[0]
        apart.append(groups)
        assert rows == number + 1
    assert max(apart) <= builds.LOADS_APART + 1
    assert merged == 2  # and not each night, which reads all tables


def test_a_warehouse_that_somebody_else_wrote_is_nothing_to_build_on(tmp_path: Path) -> None:
    """An incremental build would keep the edit of a mart and take its fingerprint."""
    warehouse, seen = tmp_path / "warehouse.duckdb", tmp_path / "seen"
    with duckdb.connect(str(warehouse)) as connection:
        ledger.create(connection, [])
        connection.execute("create schema marts; create table marts.a as select 1 as paid")
        builds.complete(connection, "key", "2026-01-01", "id")
    builds.note_warehouse(warehouse, seen)
    with duckdb.connect(str(warehouse)) as connection:
        assert not builds.distrust_changed(connection, warehouse, seen)
        assert builds.last_complete(connection)
        connection.execute("update marts.a set paid = 1000")
    with duckdb.connect(str(warehouse)) as connection:
        assert builds.distrust_changed(connection, warehouse, seen)
        assert builds.begin(connection, "key", "2026-01-01") == "no build to rest on"
