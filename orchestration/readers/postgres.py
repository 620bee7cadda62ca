"""
Push the published release into PostgreSQL, for BI tools that cannot read files.

All marts are written into a new schema, compared, and take the name `marts` in the same
transaction, in which the old ones are dropped. Readers see the old release or the new one, also
within one statement or transaction: the names change only while nobody reads an old table. Killed
at any step, the old release stays. Types, comments and the rights of readers are kept.
"""

from __future__ import annotations

import io
import os
import re
import time
from collections.abc import Callable
from pathlib import Path

import duckdb
import psycopg
import pyarrow as pa
import pyarrow.csv
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict

from orchestration.base import command
from orchestration.base.release import DATABASE
from orchestration.settings import load_settings

SCHEMA = "marts"
INCOMING = "marts_incoming"
LOCK = 7_238_194  # of pg_advisory_xact_lock: one push at a time
PATIENCE = 600  # seconds to wait for readers of the old release
BATCH = 100_000
LOCAL = ("localhost", "127.0.0.1", "::1")
STEPS = ("connected", "created", "copied", "compared", "locked", "renamed", "dropped", "committed")
TYPES = {
    "VARCHAR": "text",
    "BOOLEAN": "boolean",
    "INTEGER": "integer",
    "BIGINT": "bigint",
    "DOUBLE": "double precision",
    "DATE": "date",
    "TIMESTAMP": "timestamp",
}


class PushError(RuntimeError):
    """The release was not pushed; PostgreSQL is as it was."""


def postgres_type(duckdb_type: str) -> str:
    """The type of a mart's column in PostgreSQL; decimals keep their digits."""
    if decimal := re.fullmatch(r"DECIMAL\((\d+),(\d+)\)", duckdb_type):
        return f"numeric({decimal[1]}, {decimal[2]})"
    if duckdb_type not in TYPES:
        raise PushError(f"type {duckdb_type} has no counterpart in PostgreSQL")
    return TYPES[duckdb_type]


def push(
    release_path: Path,
    address: str,
    on_step: Callable[[str], None] = lambda step: None,
    patience: float = PATIENCE,
) -> dict[str, int]:
    """
    Push the release at `release_path` (a DuckDB file) to the database at `address`.

    `address` is a connection string of libpq; what it leaves out comes from the `PG*` variables.
    Returns rows per table. Raises `PushError`.
    """
    if not release_path.exists():
        raise PushError(f"{release_path}: there is no release yet; run `journey nightly`")
    refuse_unverified(address)
    try:
        with (
            duckdb.connect(str(release_path), read_only=True) as release,
            psycopg.connect(address, autocommit=False) as postgres,
        ):
            release.execute("set TimeZone = 'UTC'")
            on_step("connected")
            rows = _copy_all(release, postgres, on_step)
            _flip(postgres, on_step, patience)
            postgres.commit()
            on_step("committed")
    except psycopg.Error as error:
        raise PushError(f"PostgreSQL says: {_told(error, address)}") from None
    return rows


def refuse_unverified(address: str) -> None:
    """
    Raises `PushError` for a server over the network that nothing proves to be the right one.

    By default libpq speaks in the clear where TLS is not offered, and asks for no certificate: who
    stands between could read the release and change it. Whoever says `sslmode` has chosen.
    """
    try:
        in_address = conninfo_to_dict(address)
    except psycopg.ProgrammingError:
        return  # connecting says that it cannot be read

    def said(name: str) -> str:
        return str(in_address.get(name) or os.environ.get(f"PG{name.upper()}", ""))

    hosts = [host for host in (said("hostaddr") or said("host")).split(",") if host]
    is_local = all(host.startswith(("/", "@")) or host in LOCAL for host in hosts)
    if not (is_local or said("sslmode") or said("service")):
        raise PushError(
            f"{hosts[0]} is another machine, and nothing says how it is known; add "
            "sslmode=verify-full and sslrootcert=system (or the file of your certificate "
            "authority) to the address, or set PGSSLMODE"
        )


def _told(error: psycopg.Error, address: str) -> str:
    """What PostgreSQL says, without the password that the address may hold."""
    try:
        password = conninfo_to_dict(address).get("password")
    except psycopg.ProgrammingError:
        return "the address cannot be read; write it as postgresql://user@host/database"
    words = str(error).strip()
    return words.replace(str(password), "***") if password else words


def _copy_all(
    release: duckdb.DuckDBPyConnection,
    postgres: psycopg.Connection,
    on_step: Callable[[str], None],
) -> dict[str, int]:
    """Write every mart into the incoming schema and compare the counts."""
    postgres.execute("select pg_advisory_xact_lock(%s)", [LOCK])
    postgres.execute(sql.SQL("drop schema if exists {} cascade").format(sql.Identifier(INCOMING)))
    postgres.execute(sql.SQL("create schema {}").format(sql.Identifier(INCOMING)))
    tables = release.execute(
        "select table_name, comment from duckdb_tables() "
        "where schema_name = $1 order by 1", [SCHEMA],
    ).fetchall()  # fmt: skip
    for name, comment in tables:
        _create(release, postgres, name, comment)
    on_step("created")
    rows = {}
    for number, (name, _) in enumerate(tables, start=1):
        rows[name] = _copy(release, postgres, name)
        print(f"  {number}/{len(tables)} {name}: {rows[name]:,} rows", flush=True)
    on_step("copied")
    for name, expected in rows.items():
        row = release.execute(f'select count(*) from {SCHEMA}."{name}"').fetchone()
        found = postgres.execute(
            sql.SQL("select count(*) from {}").format(sql.Identifier(INCOMING, name))
        ).fetchone()
        if not row or not found or not row[0] == found[0] == expected:
            raise PushError(f"{name}: {found} of {row} rows arrived; nothing was pushed")
        postgres.execute(sql.SQL("analyze {}").format(sql.Identifier(INCOMING, name)))
    on_step("compared")
    return rows


def _create(
    release: duckdb.DuckDBPyConnection, postgres: psycopg.Connection, name: str, comment: str | None
) -> None:
    """Create one table with its comments."""
    columns = release.execute(
        "select column_name, data_type, comment from duckdb_columns() "
        "where schema_name = $1 and table_name = $2 order by column_index", [SCHEMA, name],
    ).fetchall()  # fmt: skip
    table = sql.Identifier(INCOMING, name)
    body = sql.SQL(", ").join(
        sql.SQL("{} {}").format(sql.Identifier(column), sql.SQL(postgres_type(kind)))
        for column, kind, _ in columns
    )
    postgres.execute(sql.SQL("create table {} ({})").format(table, body))
    if comment:
        postgres.execute(sql.SQL("comment on table {} is {}").format(table, sql.Literal(comment)))
    for column, _, text in columns:
        if text:
            postgres.execute(
                sql.SQL("comment on column {} is {}").format(
                    sql.Identifier(INCOMING, name, column), sql.Literal(text)
                )
            )


def _copy(release: duckdb.DuckDBPyConnection, postgres: psycopg.Connection, name: str) -> int:
    """Stream one table, a batch at a time; returns its rows."""
    reader = release.execute(f'select * from {SCHEMA}."{name}"').to_arrow_reader(BATCH)
    statement = sql.SQL("copy {} from stdin (format csv)").format(sql.Identifier(INCOMING, name))
    # Texts in quotes, nulls without: so an empty text is not a null.
    options = pa.csv.WriteOptions(include_header=False, quoting_style="all_valid")
    count = 0
    with postgres.cursor() as cursor, cursor.copy(statement) as copy:
        for batch in reader:
            texts = pa.table(
                [column.cast(pa.string()) for column in batch.columns], batch.schema.names
            )
            buffer = io.BytesIO()
            pa.csv.write_csv(texts, buffer, options)
            copy.write(buffer.getvalue())
            count += batch.num_rows
    return count


def _flip(postgres: psycopg.Connection, on_step: Callable[[str], None], patience: float) -> None:
    """Give the incoming schema the name of the old one, once nobody reads an old table."""
    old = [
        row[0]
        for row in postgres.execute(
            "select tablename from pg_tables where schemaname = %s order by 1", [SCHEMA]
        ).fetchall()
    ]
    exists = postgres.execute(
        "select 1 from pg_namespace where nspname = %s", [SCHEMA]
    ).fetchone()  # fmt: skip
    if exists and old:
        _lock(postgres, old, patience)
    on_step("locked")
    incoming, schema = sql.Identifier(INCOMING), sql.Identifier(SCHEMA)
    if exists:
        for (role,) in postgres.execute(
            "select case when grantee = 0 then null else grantee::regrole::text end "
            "from pg_namespace, aclexplode(nspacl) "
            "where nspname = %s and privilege_type = 'USAGE' and grantee != nspowner", [SCHEMA],
        ).fetchall():  # fmt: skip
            reader = sql.SQL(role or "public")  # regrole comes quoted where it must be
            postgres.execute(sql.SQL("grant usage on schema {} to {}").format(incoming, reader))
            postgres.execute(
                sql.SQL("grant select on all tables in schema {} to {}").format(incoming, reader)
            )
        outgoing = sql.Identifier("marts_outgoing")
        postgres.execute(sql.SQL("alter schema {} rename to {}").format(schema, outgoing))
    postgres.execute(sql.SQL("alter schema {} rename to {}").format(incoming, schema))
    on_step("renamed")
    if exists:
        try:
            for name in old:
                table = sql.Identifier("marts_outgoing", name)
                postgres.execute(sql.SQL("drop table {}").format(table))
            postgres.execute(sql.SQL("drop schema {}").format(outgoing))
        except psycopg.errors.DependentObjectsStillExist as error:
            raise PushError(
                f"something of yours stands on the old tables ({error.diag.message_detail}); drop "
                "it before the push and create it again after it, or keep it as a query in the "
                "BI tool; nothing was pushed"
            ) from None
    on_step("dropped")


def _lock(postgres: psycopg.Connection, tables: list[str], patience: float) -> None:
    """
    Take all old tables for ourselves, or none.

    Waiting for one while holding another could end in a deadlock with a reader of both, so a try
    that fails lets go of all and is made again.
    """
    names = sql.SQL(", ").join(sql.Identifier(SCHEMA, name) for name in tables)
    statement = sql.SQL("lock table {} in access exclusive mode nowait").format(names)
    until = time.monotonic() + patience
    while True:
        try:
            with postgres.transaction():
                postgres.execute(statement)
            return
        except psycopg.errors.LockNotAvailable:
            if time.monotonic() > until:
                raise PushError(
                    f"somebody has been reading the old release for {patience:.0f} s without a "
                    "pause; end long transactions of BI tools (pg_stat_activity) and push again"
                ) from None
            time.sleep(0.02)


def run() -> None:
    """Push the published release, and say how many rows it has there."""
    settings = load_settings()
    address = os.environ.get("JOURNEY_POSTGRES_URL", "")
    with command.failing_on(PushError):
        if not address and "PGHOST" not in os.environ and "PGSERVICE" not in os.environ:
            raise PushError(
                "set JOURNEY_POSTGRES_URL, as in postgresql://loader@db.example/bi, or the PG* "
                "variables of libpq; keep the password in ~/.pgpass"
            )
        # The release is resolved once: one that is published meanwhile is pushed next time.
        release = (settings.published / "current").resolve() / DATABASE
        started = time.monotonic()
        rows = push(release, address)
    print(
        f"release {release.parent.name} is in PostgreSQL: schema {SCHEMA}, {len(rows)} tables, "
        f"{sum(rows.values()):,} rows, {time.monotonic() - started:.0f} s"
    )
