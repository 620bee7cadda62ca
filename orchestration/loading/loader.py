"""
Load the landing zone into the raw tables: every physical row ends loaded, duplicate or quarantined.

One file is one transaction. The result does not depend on file names or on the order in which
files arrive, with one stated exception: versions of an entity that carry neither a version column
nor a `dt=` folder are ordered by load.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.compute as pc

from orchestration.loading import casting, ledger, privacy, reading
from orchestration.loading.contract import Table
from orchestration.loading.ledger import FileOutcome
from orchestration.loading.reading import BATCH_ROWS, RejectedFile, Row

_DT_FOLDER = re.compile(r"^dt=(\d{4}-\d{2}-\d{2})$")


class ConservationError(AssertionError):
    """Rows of a file would be lost or doubled; the load is rolled back."""


def landing_files(landing: Path, table: Table) -> list[Path]:
    """All data files of a table, sub-folders included; hidden and `_` files are no data."""
    folder = landing / table.source / table.name
    return sorted(
        path
        for path in folder.rglob("*")
        if path.is_file() and not path.name.startswith((".", "_")) and path.suffix != ".tmp"
    )


def stray_files(landing: Path, tables: dict[str, Table]) -> list[Path]:
    """Data files that lie in no folder of the contract, so nothing would ever read them."""
    return sorted(
        path
        for path in landing.rglob("*")
        if path.is_file()
        and not path.name.startswith((".", "_"))
        and "/".join(path.relative_to(landing).parts[:2]) not in tables
    )


def load_table(
    connection: duckdb.DuckDBPyConnection,
    table: Table,
    landing: Path,
    *,
    pepper: str | None,
    pepper_key_id: str = "k1",
    loaded_at: datetime | None = None,
    progress: Callable[[str], None] = lambda message: None,
) -> list[FileOutcome]:
    """
    Load the files of one table that the ledger does not know yet; returns their outcomes.

    `loaded_at` (UTC, the clock when not given) only serves to refuse rows dated later than a day
    after it. A rejected file is recorded and does not stop the others.
    """
    ledger.create(connection, [table])
    connection.execute("set TimeZone = 'UTC'")
    limit = (loaded_at or datetime.now(UTC)) + timedelta(hours=24)
    files = [(path, reading.file_id(path)) for path in landing_files(landing, table)]
    # Order by extraction day, then content: the same whatever the files are called.
    files.sort(key=lambda item: (str(_extracted_on(item[0], landing)), item[1]))
    outcomes: list[FileOutcome] = []
    for path, file_id in files:
        status = ledger.status_of(connection, table, file_id)
        if status in ("loaded", "waived"):
            continue
        if outcomes and outcomes[-1].file_id == file_id:
            continue
        outcome = FileOutcome(
            file_id, table.source, table.name, path.relative_to(landing).as_posix(), "loaded"
        )
        connection.execute("begin")
        try:
            _load_file(connection, table, path, outcome, landing, pepper, pepper_key_id, limit)
            connection.execute("commit")
        except RejectedFile as reject:
            connection.execute("rollback")
            outcome.status = "rejected"
            outcome.reject_code, outcome.reject_column = reject.code, reject.column
            outcome.reject_message, outcome.reject_remedy = reject.message, reject.remedy
            ledger.record(connection, outcome)
        except BaseException:
            connection.execute("rollback")
            raise
        finally:
            connection.execute("drop table if exists temp.incoming")
        progress(describe(outcome))
        outcomes.append(outcome)
    ledger.withdraw_absent(connection, table, {file_id for _, file_id in files})
    return outcomes


def describe(outcome: FileOutcome) -> str:
    """One line about a file, as shown while loading."""
    where = outcome.file_name
    if outcome.status == "rejected":
        return f"{where}: REJECTED {outcome.reject_code}: {outcome.reject_message}"
    return (
        f"{where}: {outcome.rows_in:,} rows = {outcome.rows_loaded:,} loaded"
        f" + {outcome.rows_duplicate:,} duplicate + {outcome.rows_quarantined:,} quarantined"
    )


def _extracted_on(path: Path, landing: Path) -> str | None:
    """The day that a `dt=` folder on the way to the file states."""
    for part in reversed(path.relative_to(landing).parts[:-1]):
        if match := _DT_FOLDER.match(part):
            return match.group(1)
    return None


def _load_file(
    connection: duckdb.DuckDBPyConnection,
    table: Table,
    path: Path,
    outcome: FileOutcome,
    landing: Path,
    pepper: str | None,
    pepper_key_id: str,
    future_limit: datetime,
) -> None:
    opened = reading.read(path, table)
    outcome.new_columns = opened.new_columns
    outcome.missing_columns = [c.name for c in table.columns if c.name not in opened.columns]
    outcome.rows_in = _stage_rows(connection, table, opened.rows)
    if pepper is None:
        _refuse_clear_personal_data(connection, table, path)
    privacy.set_pepper(connection, pepper or "", pepper_key_id)
    sequence = ledger.next_sequence(connection)
    _cast_rows(connection, table, future_limit)
    _quarantine_rows(connection, table, outcome.file_id)
    _merge_rows(connection, table, outcome.file_id, _extracted_on(path, landing), sequence)
    through = None
    if table.time_column:
        row = connection.execute(
            f'select max("{table.time_column}") from temp.cast_rows where _reason is null'
        ).fetchone()
        through = row[0] if row else None
    counted = connection.execute(
        f"""
        select
            (select count(*) from {table.relation} where _file_id = $1),
            (select count(*) from temp.cast_rows where _fate = 'duplicate'),
            (
                select count(*) from ops.quarantined_rows
                where file_id = $1 and source = $2 and table_name = $3
            )
        """,
        [outcome.file_id, table.source, table.name],
    ).fetchone()
    assert counted is not None
    outcome.rows_loaded, outcome.rows_duplicate, outcome.rows_quarantined = counted
    if outcome.rows_in != sum(counted):
        raise ConservationError(
            f"{outcome.file_name}: {outcome.rows_in} rows in, but {counted[0]} loaded + "
            f"{counted[1]} duplicate + {counted[2]} quarantined; nothing was loaded"
        )
    ledger.record(connection, outcome, sequence, through)
    connection.execute("drop table temp.cast_rows")


def _stage_rows(connection: duckdb.DuckDBPyConnection, table: Table, rows: Iterator[Row]) -> int:
    """Stream the text rows into `temp.incoming`; returns how many there are."""
    names = [column.name for column in table.columns]
    body = ", ".join(f'"{name}" varchar' for name in names)
    connection.execute(
        f"create or replace temp table incoming ({body}, _extra varchar, "
        "_structure varchar, _row_number bigint)"
    )
    total = 0
    batch: list[Row] = []

    def flush() -> None:
        arrays: list[pa.Array] = []
        for position, column in enumerate(table.columns):
            array = pa.array([row.values[position] for row in batch], pa.string())
            if column.pii in ("email", "phone"):
                normalise = privacy.NORMALISERS[column.pii]
                array = pa.array(
                    [
                        normalise(v) if v is not None and v.strip() else None
                        for v in array.to_pylist()
                    ],
                    pa.string(),
                )
            elif column.data_type != "varchar":
                array = pc.utf8_normalize(array, form="NFKC")
            arrays.append(array)
        extras = [json.dumps(r.extra, ensure_ascii=False) if r.extra else None for r in batch]
        arrays.append(pa.array(extras, pa.string()))
        arrays.append(pa.array([row.structure_reason for row in batch], pa.string()))
        arrays.append(pa.array([row.number for row in batch], pa.int64()))
        arrow = pa.table(arrays, names=[*names, "_extra", "_structure", "_row_number"])
        connection.register("arriving", arrow)
        connection.execute("insert into temp.incoming select * from arriving")
        connection.unregister("arriving")
        batch.clear()

    for row in rows:
        batch.append(row)
        total += 1
        if len(batch) >= BATCH_ROWS:
            flush()
    if batch:
        flush()
    return total


def _refuse_clear_personal_data(
    connection: duckdb.DuckDBPyConnection, table: Table, path: Path
) -> None:
    """Without a pepper, no file with personal data is loaded."""
    for column in table.columns:
        if column.pii in ("email", "phone"):
            row = connection.execute(f'select count("{column.name}") from temp.incoming').fetchone()
            if row and row[0]:
                raise RejectedFile(
                    "F_PEPPER_MISSING",
                    f"{path.name} has {row[0]} values of personal data in column {column.name} "
                    "and there is no secret pepper to hash them with",
                    "run `make pepper` once (writes $JOURNEY_HOME/pepper, keep a copy), "
                    "or set JOURNEY_PEPPER or JOURNEY_PEPPER_FILE",
                    column.name,
                )


def _cast_rows(connection: duckdb.DuckDBPyConnection, table: Table, future_limit: datetime) -> None:
    """`temp.cast_rows`: typed values, reason and column of the first failed check, content hash."""
    typed = ", ".join(
        f'{casting.typed_expression(column, table)} as "{column.name}"' for column in table.columns
    )
    cases = casting.checks(table, future_limit.strftime("%Y-%m-%d %H:%M:%S"))
    reason = " ".join(f"when {c.condition} then '{c.reason}'" for c in cases)
    column = " ".join(f"when {c.condition} then '{c.column}'" for c in cases)
    values = ", ".join(f'typed."{c.name}"' for c in table.columns)
    # A column that the contract does not know is kept keyed-hashed: it may be personal data.
    extra = (
        "case when _extra is not null then (select json_group_object(key, "
        f"{privacy.hmac_expression('value')}) from (select unnest(json_keys(_extra)) as key, "
        "json_extract_string(_extra, '$.\"' || unnest(json_keys(_extra)) || '\"') as value)) end"
    )
    connection.execute(
        f"""
        create or replace temp table cast_rows as
        with typed as (
            select {typed}, {extra} as _extra, _row_number from temp.incoming
        )
        select
            {values},
            typed._extra,
            md5(row({values}, typed._extra)::varchar) as _content_hash,
            typed._row_number,
            case when source._structure is not null then source._structure {reason} end as _reason,
            case when source._structure is not null then null {column} end as _column,
            null::varchar as _fate
        from typed
        inner join temp.incoming as source on source._row_number = typed._row_number
        """
    )


def _redacted(table: Table) -> str:
    """SQL: a row as JSON with personal data redacted and every other text masked."""
    parts = []
    for column in table.columns:
        value = f'source."{column.name}"'
        if column.pii in ("email", "phone"):
            value = f"case when {value} is not null then '[redacted]' end"
        else:
            value = privacy.mask_expression(value)
        parts.append(f"'{column.name}', {value}")
    return f"json_object({', '.join(parts)})::varchar"


def _quarantine_rows(connection: duckdb.DuckDBPyConnection, table: Table, file_id: str) -> None:
    connection.execute(
        f"""
        insert into ops.quarantined_rows
        select ?, ?, ?, cast_rows._row_number, cast_rows._reason, cast_rows._column,
            {_redacted(table)}
        from temp.cast_rows as cast_rows
        inner join temp.incoming as source on source._row_number = cast_rows._row_number
        where cast_rows._reason is not null
        """,
        [file_id, table.source, table.name],
    )


def _merge_rows(
    connection: duckdb.DuckDBPyConnection,
    table: Table,
    file_id: str,
    extracted_on: str | None,
    sequence: int,
) -> None:
    """Set each good row's fate and bring the new ones into the raw table."""
    key = [f'"{name}"' for name in table.key]
    same_key = " and ".join(f"stored.{name} = cast_rows.{name}" for name in key)
    # The first physical row of a content in this file stands for it; the others are duplicates.
    connection.execute(
        f"""
        update temp.cast_rows set _fate = case
            when _row_number in (
                select min(_row_number) from temp.cast_rows
                where _reason is null group by {", ".join(key)}, _content_hash
            ) and not exists (
                select 1 from {table.relation} as stored
                where {same_key} and stored._content_hash = cast_rows._content_hash
            ) then 'new' else 'duplicate' end
        where _reason is null
        """
    )
    if table.kind == "entity":
        # A version seen again is as young as its youngest sighting.
        connection.execute(
            f"""
            update {table.relation} as stored set
                _extracted_on = greatest(stored._extracted_on, ?::date),
                _load_sequence = greatest(stored._load_sequence, ?)
            from (select * from temp.cast_rows where _fate = 'duplicate') as cast_rows
            where {same_key} and stored._content_hash = cast_rows._content_hash
            """,
            [extracted_on, sequence],
        )
    else:
        _settle_conflicts(connection, table, file_id, key, same_key)
    names = ", ".join(f'"{column.name}"' for column in table.columns)
    connection.execute(
        f"""
        insert into {table.relation} ({names}, _extra, _content_hash, _file_id, _row_number,
            _extracted_on, _load_sequence)
        select {names}, _extra, _content_hash, ?, _row_number, ?::date, ?
        from temp.cast_rows where _fate = 'new'
        """,
        [file_id, extracted_on, sequence],
    )


def _settle_conflicts(
    connection: duckdb.DuckDBPyConnection,
    table: Table,
    file_id: str,
    key: list[str],
    same_key: str,
) -> None:
    """
    Events: of several contents under one key the earliest stays, ties by content hash.

    The others are quarantined as key conflicts, also one that an earlier load had brought in: so
    the raw table does not depend on which file came first.
    """
    keys, time = ", ".join(key), f'"{table.time_column}"'
    connection.execute(
        f"""
        create or replace temp table losers as
        with contenders as (
            select {keys}, {time} as event_at, _content_hash, _file_id, _row_number
            from {table.relation} as stored
            where exists (
                select 1 from temp.cast_rows as cast_rows where {same_key} and _fate = 'new'
            )
            union all
            select {keys}, {time}, _content_hash, ?, _row_number
            from temp.cast_rows where _fate = 'new'
        )
        select * from contenders
        qualify row_number() over (partition by {keys} order by event_at, _content_hash) > 1
        """,
        [file_id],
    )
    values = ", ".join(f"'{c.name}', stored.\"{c.name}\"" for c in table.columns)
    source = f"json_object({values})::varchar"
    for relation in (table.relation, "(select *, $1 as _file_id from temp.cast_rows)"):
        connection.execute(
            f"""
            insert into ops.quarantined_rows
            select losers._file_id, $2, $3, losers._row_number, 'R_KEY_CONFLICT',
                '{", ".join(table.key)}', {source}
            from {relation} as stored
            inner join temp.losers as losers
                on losers._file_id = stored._file_id and losers._row_number = stored._row_number
                and losers._content_hash = stored._content_hash
            where $1 is not null
            """,
            [file_id, table.source, table.name],
        )
    connection.execute(
        f"""
        delete from {table.relation} as stored using temp.losers as losers
        where losers._file_id = stored._file_id and losers._row_number = stored._row_number
        """
    )
    connection.execute(
        """
        update temp.cast_rows set _fate = 'conflict'
        where _row_number in (select _row_number from temp.losers where _file_id = ?)
        """,
        [file_id],
    )
    connection.execute(
        """
        update ops.files set
            rows_loaded = rows_loaded - displaced.row_count,
            rows_quarantined = rows_quarantined + displaced.row_count
        from (
            select _file_id, count(*) as row_count from temp.losers group by _file_id
        ) as displaced
        where files.file_id = displaced._file_id and files.source = ? and files.table_name = ?
        """,
        [table.source, table.name],
    )
    connection.execute("drop table temp.losers")
