"""
The restatement ledger: what a candidate says otherwise than the release before it, and why.

Both are compared when the candidate is judged, since a gate looks at the size of the difference.
The ledger waits in `ops` of the warehouse, bound to the build and to the release it was compared
with, and is written into the release by publishing. It is about two releases, not about customers:
the candidate's own tables of these names are empty, so that neither fingerprint nor name of a
release depends on what came before it. Each release carries the ledger of the one before on.

A mart whose hash is equal is not looked at, and of another one only the months whose hash is not
(`fingerprint.TableHash.parts`): the cost follows what changed.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import duckdb

from orchestration.base.database import transaction
from orchestration.base.release import DATABASE, SCHEMA
from orchestration.building import builds
from orchestration.building.builds import Build
from orchestration.building.fingerprint import NO_MONTH, TableHash, hash_table, month_of, part_of
from orchestration.gate import audits, causes
from orchestration.loading import erasure_proofs
from orchestration.loading.contract import Table, load_contract
from orchestration.settings import Settings

MARTS, KPIS = "fct_restatements", "kpi_restatements"
LEDGERS = (MARTS, KPIS)
UNCOMPARED = ("release_info", *LEDGERS)  # these are about the release itself
KEPT_DAYS = 400  # a year, and the month before to compare it with


_UNREADABLE = (
    duckdb.IOException,
    duckdb.FatalException,
    duckdb.InternalException,
    duckdb.SerializationException,
)


@dataclass(frozen=True)
class Release:
    """A release that a candidate is compared with: its folder and its manifest."""

    folder: Path
    manifest: Mapping[str, Any]

    @property
    def release_id(self) -> str:
        """Its name."""
        return str(self.manifest["release_id"])

    def parts(self, mart: str) -> dict[str, str] | None:
        """Hashes of a mart by month; None when it had no such mart, or told none."""
        found: dict[str, str] | None = self.manifest["tables"].get(mart, {}).get("parts")
        return found if found and all(name.isdigit() for name in found) else None


@dataclass(frozen=True)
class Candidate:
    """What is to be published: its build, its marts and their keys; and what raw tables hold."""

    settings: Settings
    build: Build
    tables: Mapping[str, TableHash]
    keys: Mapping[str, list[str]]
    contract: Mapping[str, Table]


def compare(
    connection: duckdb.DuckDBPyConnection,
    settings: Settings,
    build: Build,
    before: Release | None,
    contract: Mapping[str, Table] | None = None,
) -> str | None:
    """
    Write the ledger of a candidate into `ops`, unless it is there: what the release before carried,
    and how the candidate differs from it. Without one there is nothing to tell.

    Returns why nothing can be told when the release before cannot be read.
    """
    tables = builds.mart_hashes(connection)
    if not set(LEDGERS) <= set(tables) or is_of(connection, build, before):
        return None
    contract = contract or load_contract(business_timezone=settings.business_timezone)
    candidate = Candidate(settings, build, tables, audits.mart_keys(settings.dbt_target), contract)
    _begin(connection)
    problem = None
    if before:
        try:
            with _attached(connection, before.folder / DATABASE), transaction(connection):
                _compare(connection, candidate, before)
        except _UNREADABLE as error:
            _begin(connection)
            problem = (
                f"nothing can be said against release {before.release_id}, which cannot be read: "
                + " ".join(str(error).split())[:200]
            )
    connection.execute(
        "create table ops.restatement_runs as select ?::varchar as build_id, ?::varchar as "
        "previous_release_id",
        [build.build_id, before.release_id if before else None],
    )
    return problem


def _begin(connection: duckdb.DuckDBPyConnection) -> None:
    forget(connection)
    for ledger in LEDGERS:
        connection.execute(
            f"create or replace table ops.{ledger} as select * from {SCHEMA}.{ledger} limit 0"
        )


def _compare(connection: duckdb.DuckDBPyConnection, candidate: Candidate, before: Release) -> None:
    known_through = _known_through(candidate, before)
    was = _marts(connection, "previous")
    _carry_on(connection, was, known_through)
    if before.manifest["fingerprint"] != candidate.build.fingerprint:
        _compare_marts(connection, candidate, before, was, known_through)
        if {"kpi_daily", "kpi_monthly", "load_quality"} <= was:
            _compare_kpis(connection, candidate, before, known_through)


def is_of(connection: duckdb.DuckDBPyConnection, build: Build, before: Release | None) -> bool:
    """Whether the ledger in `ops` is of this build and this release before."""
    try:
        row = connection.execute("select * from ops.restatement_runs").fetchone()
    except duckdb.CatalogException:
        return False
    return row == (build.build_id, before.release_id if before else None)


def digest(connection: duckdb.DuckDBPyConnection) -> str:
    """A hash of the ledger in `ops`, by which publishing knows what was judged; empty without."""
    try:
        return "".join(hash_table(connection, f"ops.{ledger}").digest[:32] for ledger in LEDGERS)
    except duckdb.CatalogException:
        return ""


def forget(connection: duckdb.DuckDBPyConnection) -> None:
    """Let the next comparison be made anew."""
    connection.execute("drop table if exists ops.restatement_runs")


def select(ledger: str, release_id: str) -> str:
    """The rows of a ledger for the release that gets this name."""
    key, of = {
        MARTS: ("restatement_id", "mart_name"),
        KPIS: ("kpi_restatement_id", "period, kpi, period_start_date"),
    }[ledger]
    return (
        f"select * replace (coalesce({key}, md5(concat_ws('|', '{release_id}', {of}))) as {key}, "
        f"coalesce(release_id, '{release_id}') as release_id) from ops.{ledger}"
    )


@contextmanager
def _attached(connection: duckdb.DuckDBPyConnection, database: Path) -> Iterator[None]:
    path = str(database).replace("'", "''")
    connection.execute(f"attach '{path}' as previous (read_only)")
    try:
        yield
    finally:
        connection.execute("detach previous")


def _known_through(candidate: Candidate, before: Release) -> dict[str, date]:
    """Last business day that the candidate knows whole (`now`), and that both do (`both`)."""
    zone = candidate.settings.business_timezone
    now = last_whole_day(candidate.build.as_of_at, zone)
    return {"now": now, "both": min(now, last_whole_day(before.manifest["as_of_at"], zone))}


def last_whole_day(as_of_at: str, zone: str) -> date:
    """The last business day that is over at an instant (UTC text)."""
    instant = datetime.fromisoformat(as_of_at).replace(tzinfo=UTC)
    return instant.astimezone(ZoneInfo(zone)).date() - timedelta(days=1)


def _carry_on(
    connection: duckdb.DuckDBPyConnection, was: set[str], known_through: dict[str, date]
) -> None:
    for ledger in LEDGERS:
        if ledger in was:
            connection.execute(
                f"insert into ops.{ledger} by name select * from previous.{SCHEMA}.{ledger} "
                f"where known_through_date > ?::date - {KEPT_DAYS}",
                [known_through["now"]],
            )


def _compare_marts(
    connection: duckdb.DuckDBPyConnection,
    candidate: Candidate,
    before: Release,
    was: set[str],
    known_through: dict[str, date],
) -> None:
    """Rows added, removed and changed, by mart, over the columns that both sides have."""
    now = set(candidate.tables)
    for mart in sorted(now | was):
        hashed, told = candidate.tables.get(mart), before.manifest["tables"].get(mart)
        is_equal = hashed and told and hashed.digest == told["hash"]
        if mart in UNCOMPARED or is_equal:
            continue
        ours = _types(connection, f'{SCHEMA}."{mart}"') if mart in now else {}
        theirs = _types(connection, f'previous.{SCHEMA}."{mart}"') if mart in was else {}
        won, lost = sorted(set(ours) - set(theirs)), sorted(set(theirs) - set(ours))
        columns = [name for name in ours if name in theirs]
        parts = changed_parts(hashed, before.parts(mart)) if ours == theirs else None
        rows, rows_before = hashed.rows if hashed else 0, int(told["rows"]) if told else 0
        if columns:
            different = _different_rows(connection, mart, columns, ours, candidate.keys, parts)
        else:  # a mart that is new, or is gone
            different = (rows, rows_before, 0)
        if any(different) or won or lost:
            connection.execute(
                f"insert into ops.{MARTS} by name select ? as previous_release_id, "
                "? as mart_name, nullif(?, '') as changed_columns, ? as previous_row_count, "
                "? as current_row_count, ? as added_row_count, ? as removed_row_count, "
                "? as changed_row_count, ?::date as known_through_date",
                [before.release_id, mart,
                 ", ".join([f"+{c}" for c in won] + [f"-{c}" for c in lost]) if columns else "",
                 rows_before, rows, *different, known_through["now"]],
            )  # fmt: skip


def changed_parts(now: TableHash | None, was: Mapping[str, str] | None) -> list[str] | None:
    """Months of a mart whose hash is another one; None when that cannot be told."""
    if now is None or not was or not now.parts:
        return None
    names = {*now.parts, *was}
    return sorted(name for name in names if now.parts.get(name) != was.get(name))


def _different_rows(
    connection: duckdb.DuckDBPyConnection,
    mart: str,
    columns: list[str],
    types: Mapping[str, str],
    keys: Mapping[str, list[str]],
    parts: list[str] | None,
) -> tuple[int, int, int]:
    """
    Rows added, removed and changed.

    A mart without a known key has no changed rows: one was removed and another one added.
    """
    row = f"hash({', '.join(_plain(name, types[name]) for name in columns)})"
    key = f"hash({', '.join(keys[mart])})" if mart in keys else row
    month = part_of(types)
    where = (
        ""
        if parts is None or month is None
        else f" where coalesce({month}, {NO_MONTH}) in ({_listed(parts)})"
    )
    found = connection.execute(
        f"""
        select
            coalesce(sum(greatest(now_count - was_count, 0)), 0)::bigint,
            coalesce(sum(greatest(was_count - now_count, 0)), 0)::bigint,
            count(*) filter (where now_count = was_count and is_changed)
        from (
            select
                count(*) filter (where is_now) as now_count,
                count(*) filter (where not is_now) as was_count,
                min(row_hash) != max(row_hash) as is_changed
            from (
                select {key} as row_key, {row} as row_hash, true as is_now
                from {SCHEMA}."{mart}"{where}
                union all
                select {key}, {row}, false from previous.{SCHEMA}."{mart}"{where}
            )
            group by row_key
        )
        """
    ).fetchone()
    assert found is not None
    return int(found[0]), int(found[1]), int(found[2])


def _compare_kpis(
    connection: duckdb.DuckDBPyConnection,
    candidate: Candidate,
    before: Release,
    known_through: dict[str, date],
) -> None:
    """KPIs of days and finished months that both know whole, with the cause of each change."""
    connection.execute(
        "create or replace temp table restated_kpis (period varchar, kpi varchar, "
        "period_start_date date, period_end_date date, previous_value decimal(24, 6), "
        "restated_value decimal(24, 6), changed_slice_count bigint)"
    )
    for mart, period, day, end in (
        ("kpi_daily", "day", "kpi_date", "kpi_date"),
        ("kpi_monthly", "month", "month_start_date", "last_day(month_start_date)"),
    ):
        parts = changed_parts(candidate.tables[mart], before.parts(mart))
        within = f"{end} <= date '{known_through['both']}'"
        if parts is not None:
            within += f" and {month_of(day)} in ({_listed(parts)})"
        connection.execute(
            f"""
            insert into restated_kpis
            select '{period}', kpi, {day}, {end},
                max(was.kpi_value) filter (where dimension = 'all'),
                max(now.kpi_value) filter (where dimension = 'all'),
                count(*) filter (where dimension != 'all' and {_is_other})
            from (select * from {SCHEMA}.{mart} where {within}) as now
            full join (select * from previous.{SCHEMA}.{mart} where {within}) as was
                using (kpi, dimension, dimension_value, {day})
            group by all
            having bool_or({_is_other})
            """
        )
    made_of = builds.made_of(connection)
    is_erasing = erasure_proofs.is_waiting(candidate.settings.erasures)
    zone = candidate.settings.business_timezone
    causes.find(
        connection,
        causes.Between(
            contract=candidate.contract,
            business_timezone=zone,
            as_of_at=candidate.build.as_of_at,
            previous_as_of_at=str(before.manifest["as_of_at"]),
            has_other_rules=made_of["rules_hash"] != before.manifest.get("rules_hash"),
            has_other_code=made_of["code_hash"] != before.manifest.get("code_hash"),
            is_erasing=is_erasing,
        ),
    )
    connection.execute(
        f"""
        insert into ops.{KPIS} by name
        select
            ? as previous_release_id, period, kpi, dim_kpis.unit, cause, possible_causes,
            cause_records, case when not {is_erasing} then previous_value end as previous_value,
            restated_value, cause_record_count, changed_slice_count,
            {is_erasing} as is_value_withheld, period_start_date, ?::date as known_through_date
        from explained_kpis
        left join {SCHEMA}.dim_kpis using (kpi)
        """,
        [before.release_id, known_through["now"]],
    )
    if is_erasing:
        _withhold(connection)


def _withhold(connection: duckdb.DuckDBPyConnection) -> None:
    """
    Take the values of before the erasure out of the ledger, where the erased may be in them.

    That is every value that changed together with it, and those of the days of the erased.
    """
    connection.execute(
        f"""
        update ops.{KPIS} as carried
        set previous_value = null, restated_value = null, is_value_withheld = true
        where release_id is not null and (
            exists (
                select 1 from explained_kpis as now
                where now.period = carried.period and now.kpi = carried.kpi
                    and now.period_start_date = carried.period_start_date
            ) or exists (
                select 1 from evidence
                where cause = 'erasure' and evidence_date between carried.period_start_date
                    and case carried.period when 'month' then last_day(carried.period_start_date)
                        else carried.period_start_date end
            )
        )
        """
    )


_is_other = (
    "(now.kpi_value is distinct from was.kpi_value or now.numerator is distinct from was.numerator "
    "or now.denominator is distinct from was.denominator)"
)


def _marts(connection: duckdb.DuckDBPyConnection, database: str) -> set[str]:
    """Names of the marts of an attached database."""
    rows = connection.execute(
        "select table_name from duckdb_tables() where schema_name = ? and database_name = ?",
        [SCHEMA, database],
    ).fetchall()
    return {name for (name,) in rows}


def _types(connection: duckdb.DuckDBPyConnection, relation: str) -> dict[str, str]:
    """Columns of a mart and their types."""
    return {row[0]: row[1] for row in connection.execute(f"describe {relation}").fetchall()}


def _plain(name: str, data_type: str) -> str:
    """A column of which both zeros are one, as in the fingerprint."""
    return f'"{name}" + 0' if data_type == "DOUBLE" else f'"{name}"'


def _listed(texts: list[str]) -> str:
    return ", ".join(texts) or "null"
