"""
Erasure requests: the subject disappears from raw tables and quarantine, and so from what follows.

The landing table `privacy/erasure_requests` names a subject by contact, user, visitor, e-mail or
phone; a contact that the CRM marks with `erased_at` is a request of its own. To these come the
other identifiers of the subject: those on the CRM contacts found, and the visitors who logged in as
them, unless somebody else carries them too. Rows that name the subject go; where the contract says
`erase: clear`, as for orders, only the identifier goes, so that money stays conserved. The requests
hold for whatever arrives later. Only keyed hashes are remembered.

What follows, the proof and the warehouse without the rows' pages, is owed from the transaction that
removed the rows on, and `settle` pays it, in a later run where this one is killed.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable
from dataclasses import asdict
from datetime import datetime

import duckdb

from orchestration.base import files
from orchestration.base.database import open_warehouse, transaction
from orchestration.loading import ledger, privacy
from orchestration.loading.contract import Column, Table
from orchestration.loading.erasure_proofs import Proof, write_proofs
from orchestration.settings import Settings

CLEARED = "(erased)"
_SUBJECT = "crm/contacts"
_EVENTS = "web/events"
_REQUESTS = "privacy/erasure_requests"
_LISTS = "activation/ledger"  # how proofs name the ledger of lists
_BY_CONTACT = "contact-"  # begins the ids of requests that the CRM made by `erased_at`
STEPS = ("proved", "copied", "compacted", "settled")


class ErasureError(ValueError):
    """People are to be erased and cannot be found; the message says what is missing."""


# Who was looked for before has to be looked for only in what came since.
_UNCHECKED = (
    "_file_id in (select file_id from ops.files where is_erasure_checked is distinct from true)"
)


def erase(
    connection: duckdb.DuckDBPyConnection,
    tables: dict[str, Table],
    pepper: str | None,
    pepper_key_id: str,
    now: datetime,
) -> list[Proof]:
    """
    Carry out all requests, in one transaction; returns what was found of each.

    A request already carried out looks only at what was loaded since. `now` (UTC) is the instant of
    the erasure; an `erased_at` after it is none yet. Raises `ErasureError` without a pepper, since
    the subject could not be remembered.
    """
    ledger.create(connection, list(tables.values()))
    now = now.replace(tzinfo=None, microsecond=0)
    is_asked = (
        ledger.count(connection, tables[_REQUESTS].relation)
        + ledger.count(connection, "ops.erased_identifiers")
        + ledger.count(connection, f"{tables[_SUBJECT].relation} where erased_at <= '{now}'")
    )
    if not is_asked:
        return []
    if not pepper:
        raise ErasureError(
            "people asked to be erased, and without a pepper nobody can be remembered as erased; "
            "run `journey pepper` once"
        )
    privacy.prepare(connection, pepper, pepper_key_id)
    try:
        with transaction(connection):
            proofs = _Erasure(connection, tables, now).run()
            if proofs:
                ledger.forget_build(connection)
                connection.execute("delete from ops.removed_events")
            for proof in proofs:
                connection.execute(
                    "insert into ops.erasure_dues values (?, ?, ?)",
                    [secrets.token_hex(8), now, json.dumps(asdict(proof), ensure_ascii=False)],
                )
    finally:
        for name in ("subjects", "matched", "matched_contacts"):
            connection.execute(f"drop table if exists temp.{name}")
    return proofs


def owed(connection: duckdb.DuckDBPyConnection) -> list[tuple[str, datetime, str]]:
    """What erasures owe: id, instant (UTC) and proof (JSON) of each."""
    known = connection.execute(
        "select count(*) from duckdb_tables() "
        "where schema_name = 'ops' and table_name = 'erasure_dues'"
    ).fetchone()
    if known == (0,):
        return []
    return connection.execute("select * from ops.erasure_dues order by all").fetchall()


def settle(
    settings: Settings,
    say: Callable[[str], None] = print,
    on_step: Callable[[str], None] = lambda step: None,
) -> int:
    """
    Write the proofs that are owed and the warehouse anew; returns how many there were.

    Nothing may be connected to the warehouse. Killed anywhere, it is done again by the next call.
    Raises what `open_warehouse` does.
    """
    if not settings.warehouse.exists():
        return 0
    with open_warehouse(settings, say) as connection:
        dues = owed(connection)
    if not dues:
        return 0
    write_proofs(settings.erasures, dues)
    on_step("proved")
    compact(settings, on_step)
    on_step("compacted")
    with open_warehouse(settings, say) as connection:
        connection.execute("delete from ops.erasure_dues")
    on_step("settled")
    return len(dues)


def compact(settings: Settings, on_step: Callable[[str], None] = lambda step: None) -> None:
    """
    Write raw tables and ledger into a new file: a deleted row stays in the pages of the old one.

    The models are left out, since they are built anew. The new file takes the old one's place.
    """
    database = settings.warehouse
    fresh = database.with_suffix(".compacting")
    for leftover in (fresh, fresh.with_suffix(".compacting.wal")):
        leftover.unlink(missing_ok=True)
    with open_warehouse(settings) as connection:
        connection.execute(f"attach '{str(fresh).replace(chr(39), chr(39) * 2)}' as fresh")
        for schema, name in connection.execute(
            "select schema_name, table_name from duckdb_tables() where database_name = "
            "current_database() and (schema_name in ('ops', 'rules') "
            "or starts_with(schema_name, 'raw_')) "
            "order by 1, 2"
        ).fetchall():
            connection.execute(f'create schema if not exists fresh."{schema}"')
            connection.execute(
                f'create table fresh."{schema}"."{name}" as select * from "{schema}"."{name}"'
            )
        connection.execute("checkpoint fresh")
        connection.execute("detach fresh")
    on_step("copied")
    if (log := database.with_suffix(database.suffix + ".wal")).exists():
        raise ErasureError(f"{log} was left; run again")  # it may not meet the new file
    fresh.replace(database)
    files.sync_directory(database.parent)  # before what is owed is struck off


class _Erasure:
    def __init__(
        self, connection: duckdb.DuckDBPyConnection, tables: dict[str, Table], now: datetime
    ) -> None:
        self.connection, self.tables, self.now = connection, tables, now

    def run(self) -> list[Proof]:
        requests = self.tables[_REQUESTS].relation
        is_new = self._find_subjects()
        proofs = {
            row[0]: Proof(*row)
            for row in self.connection.execute(
                f"""
                select request_id, coalesce(max(requested_at), ?)::varchar
                from (
                    select request_id, requested_at from {requests}
                    union all
                    select request_id, null from ops.erased_identifiers
                )
                group by 1 order by 1
                """,
                [self.now],
            ).fetchall()
        }
        scope = "" if is_new else _UNCHECKED
        for table in self._searched():
            self._remove(table, scope, proofs)
        for table in self._searched():
            self._remove_quarantined(table, proofs)
        self._remove_listed(proofs)
        if any(proof.changed for proof in proofs.values()):
            self._look_again(proofs)
        self.connection.execute(
            "update ops.files set is_erasure_checked = true "
            "where is_erasure_checked is distinct from true"
        )
        for proof in proofs.values():
            proof.identifiers = dict(
                self.connection.execute(
                    "select identifier_type, count(*) from ops.erased_identifiers "
                    "where request_id = ? group by 1 order by 1",
                    [proof.request_id],
                ).fetchall()
            )
        return [proof for proof in proofs.values() if proof.changed or proof.request_id in is_new]

    def _searched(self) -> list[Table]:
        return [t for t in self.tables.values() if t.identifiers and t.label != _REQUESTS]

    def _find_subjects(self) -> set[str]:
        """Complete `ops.erased_identifiers`; returns the requests that brought new ones."""
        before = self._known()
        contacts = self.tables[_SUBJECT]
        # What the CRM marks as erased stays so, also when a later version is without the mark.
        contact = privacy.hmac_expression("contact_id")
        self.connection.execute(
            f"""
            insert into ops.erasure_marks (request_id, identifier_hash, file_id)
            select distinct
                '{_BY_CONTACT}' || left(split_part({contact}, ':', -1), 16), {contact}, _file_id
            from {contacts.relation} where erased_at <= '{self.now}'
            except select request_id, identifier_hash, file_id from ops.erasure_marks
            """
        )
        self._take_back()
        self._add(self._named())
        scope = "" if self._known() - before else _UNCHECKED
        columns = [column for column in contacts.identifiers if column.erase == "row"]
        self.connection.execute(
            f"create or replace temp table matched_contacts as "
            f"{self._matches(contacts, columns, scope)}"
        )
        for column in columns:
            value = hashed(column, "contacts")
            # What another contact carries too is not the subject's alone.
            self._add(
                f"""
                select matched.request_id, '{column.identifier}', {value}
                from {contacts.relation} as contacts
                inner join temp.matched_contacts as matched on matched.row_id = contacts.rowid
                where contacts."{column.name}" is not null and contacts."{column.name}" not in (
                    select others."{column.name}" from {contacts.relation} as others
                    where others."{column.name}" is not null and others.contact_id not in (
                        select mine.contact_id from {contacts.relation} as mine
                        where mine.rowid in (select row_id from temp.matched_contacts)
                    )
                ) and not starts_with({value}, 'invalid:')
                """
            )
        self._add_visitors("" if self._known() - before else _UNCHECKED)
        return {request_id for request_id, _, _ in self._known() - before}

    def _named(self) -> str:
        """SQL of what requests and marks say themselves: request, type and hash."""
        requests = self.tables[_REQUESTS]
        parts = ["select request_id, 'contact', identifier_hash from ops.erasure_marks"]
        parts += [
            # A value that a seed says belongs to nobody is not the subject's.
            f"select request_id, '{column.identifier}', \"{column.name}\" "
            f'from {requests.relation} where "{column.name}" is not null '
            f"and not starts_with(\"{column.name}\", 'invalid:')"
            for column in requests.identifiers
        ]
        return " union ".join(parts)

    def _take_back(self) -> None:
        """
        A request or mark whose file was retracted is none any more.

        What it removed is back by `journey requeue`. The identifiers found for it stay with
        another request that names its subject, who could not be found again without their rows.
        """
        self.connection.execute(
            """
            delete from ops.erasure_marks where file_id in (
                select file_id from ops.files
                where source || '/' || table_name = ? and status = 'retracted'
            )
            """,
            [_SUBJECT],
        )
        in_force = (
            f"(select request_id from {self.tables[_REQUESTS].relation} "
            "union all select request_id from ops.erasure_marks)"
        )
        self._add(
            f"""
            select heirs.request_id, theirs.identifier_type, theirs.identifier_hash
            from ops.erased_identifiers as theirs
            inner join ops.erased_identifiers as shared on shared.request_id = theirs.request_id
            inner join ({self._named()}) as heirs(request_id, identifier_type, identifier_hash)
                on heirs.identifier_type = shared.identifier_type
                and heirs.identifier_hash = shared.identifier_hash
            where theirs.request_id not in {in_force}
            """
        )
        self.connection.execute(
            f"delete from ops.erased_identifiers where request_id not in {in_force}"
        )

    def _add_visitors(self, scope: str) -> None:
        """Visitors who logged in as the subject and as nobody else, nor are another contact's."""
        events = self.tables[_EVENTS]
        logins = [c for c in events.identifiers if c.identifier in ("user", "email")]
        self.connection.execute(
            f"create or replace temp table matched as {self._matches(events, logins, scope)}"
        )
        if not ledger.count(self.connection, "temp.matched"):
            return
        visitor = next(c for c in events.identifiers if c.identifier == "visitor")
        named = " or ".join(f'events."{column.name}" is not null' for column in logins)
        self._add(
            f"""
            select min(matched.request_id), 'visitor', {hashed(visitor, "events")}
            from {events.relation} as events
            left join temp.matched as matched on matched.row_id = events.rowid
            where events.visitor_id in (
                select visitor_id from {events.relation}
                where rowid in (select row_id from temp.matched)
            ) and events.visitor_id not in (
                select visitor_id from {self.tables[_SUBJECT].relation}
                where visitor_id is not null
                    and rowid not in (select row_id from temp.matched_contacts)
            )
            group by all
            having bool_and(matched.row_id is not null) filter (where {named})
            """
        )

    def _known(self) -> set[tuple[str, str, str]]:
        return set(
            self.connection.execute(
                "select request_id, identifier_type, identifier_hash from ops.erased_identifiers"
            ).fetchall()
        )

    def _add(self, query: str) -> None:
        self.connection.execute(
            f"insert into ops.erased_identifiers (request_id, identifier_type, identifier_hash) "
            f"select distinct * from ({query}) as found(request_id, kind, value) "
            "where (request_id, kind, value) not in "
            "(select (request_id, identifier_type, identifier_hash) from ops.erased_identifiers)"
        )

    def _matches(self, table: Table, columns: list[Column], scope: str) -> str:
        """Rows of a table that carry an erased identifier in one of some columns."""
        parts = [
            f"""
            select a.rowid as row_id, erased.request_id
            from {table.relation} as a
            inner join ops.erased_identifiers as erased
                on erased.identifier_type = '{column.identifier}'
                and erased.identifier_hash = {hashed(column, "a")}
            where a."{column.name}" is not null {f"and a.{scope}" if scope else ""}
            """
            for column in columns
        ]
        return (
            f"select row_id, min(request_id) as request_id from ({' union all '.join(parts)}) "
            "group by row_id"
        )

    def _remove(self, table: Table, scope: str, proofs: dict[str, Proof]) -> None:
        whole = [column for column in table.identifiers if column.erase == "row"]
        if whole:
            self.connection.execute(
                f"create or replace temp table matched as {self._matches(table, whole, scope)}"
            )
            self._tell(table, proofs, "rows_removed")
            self._recount(table, "rows_loaded", f"select _file_id from {table.relation} "
                          "where rowid in (select row_id from temp.matched)")  # fmt: skip
            self.connection.execute(
                f"delete from {table.relation} where rowid in (select row_id from temp.matched)"
            )
        for column in table.identifiers:
            if column.erase != "clear":
                continue
            self.connection.execute(
                f"create or replace temp table matched as {self._matches(table, [column], scope)}"
            )
            self._tell(table, proofs, "values_cleared")
            value = f"'{CLEARED}'" if column.required else "null"
            self.connection.execute(
                f'update {table.relation} set "{column.name}" = {value} '
                "where rowid in (select row_id from temp.matched)"
            )
            if ledger.count(self.connection, "temp.matched"):
                self._merge_equal_versions(table)

    def _merge_equal_versions(self, table: Table) -> None:
        """Versions that differed in what was cleared only are one; the youngest stays."""
        self.connection.execute(
            f"update {table.relation} set _content_hash = {table.content_hash} "
            "where rowid in (select row_id from temp.matched)"
        )
        keys = ", ".join(f'"{name}"' for name in table.key)
        self.connection.execute(
            f"""
            create or replace temp table matched as
            select rowid as row_id from {table.relation}
            qualify row_number() over (
                partition by {keys}, _content_hash
                order by _extracted_on desc nulls last, _load_sequence desc, _file_id, _row_number
            ) > 1
            """
        )
        self.connection.execute(
            f"""
            update ops.files set
                rows_loaded = rows_loaded - merged.row_count,
                rows_duplicate = rows_duplicate + merged.row_count
            from (
                select _file_id, count(*) as row_count from {table.relation}
                where rowid in (select row_id from temp.matched) group by _file_id
            ) as merged
            where files.file_id = merged._file_id and source = ? and table_name = ?
            """,
            [table.source, table.name],
        )
        self.connection.execute(
            f"delete from {table.relation} where rowid in (select row_id from temp.matched)"
        )

    def _tell(self, table: Table, proofs: dict[str, Proof], what: str) -> None:
        """Count the matched rows into the proofs, and name the files that brought them."""
        for request_id, count, names in self.connection.execute(
            f"""
            select matched.request_id, count(*), list_sort(list(distinct files.file_name))
            from temp.matched as matched
            inner join {table.relation} as a on a.rowid = matched.row_id
            left join ops.files as files
                on files.file_id = a._file_id and files.source = ? and files.table_name = ?
            group by 1
            """,
            [table.source, table.name],
        ).fetchall():
            counts = getattr(proofs[request_id], what)
            counts[table.label] = counts.get(table.label, 0) + count
            proofs[request_id].landing_files = sorted(
                {*proofs[request_id].landing_files, *(name for name in names if name)}
            )

    def _recount(self, table: Table, fate: str, removed: str) -> None:
        self.connection.execute(
            f"""
            update ops.files set
                {fate} = {fate} - gone.row_count,
                rows_erased = coalesce(rows_erased, 0) + gone.row_count
            from (select _file_id, count(*) as row_count from ({removed}) group by 1) as gone
            where files.file_id = gone._file_id and source = ? and table_name = ?
            """,
            [table.source, table.name],
        )

    def _quarantined(self, table: Table) -> str:
        parts = [
            f"""
            select a.rowid as row_id, erased.request_id
            from ops.quarantined_rows as a
            inner join ops.erased_identifiers as erased
                on erased.identifier_type = '{column.identifier}'
                and erased.identifier_hash = {
                hashed(column, f"json_extract_string(a.row_redacted, '$.{column.name}')", raw=True)
            }
            where a.source = '{table.source}' and a.table_name = '{table.name}'
            """
            for column in table.identifiers
        ]
        return (
            f"select row_id, min(request_id) as request_id from ({' union all '.join(parts)}) "
            "group by row_id"
        )

    def _remove_quarantined(self, table: Table, proofs: dict[str, Proof]) -> None:
        self.connection.execute(
            f"create or replace temp table matched as {self._quarantined(table)}"
        )
        for request_id, count in self.connection.execute(
            "select request_id, count(*) from temp.matched group by 1"
        ).fetchall():
            proofs[request_id].quarantined_rows_removed += count
        self._recount(
            table,
            "rows_quarantined",
            "select file_id as _file_id from ops.quarantined_rows "
            "where rowid in (select row_id from temp.matched)",
        )
        self.connection.execute(
            "delete from ops.quarantined_rows where rowid in (select row_id from temp.matched)"
        )

    def _remove_listed(self, proofs: dict[str, Proof]) -> None:
        """Entries of the ledger of lists; the file follows them (`list_ledger.take_in`)."""
        value = "listed.identifier_value"
        is_subject = f"""
            erased.identifier_type = listed.identifier_type and erased.identifier_hash = case
                when listed.identifier_type in ('email', 'phone') then {value}
                else {privacy.hmac_expression(value)}
            end
        """
        for request_id, count in self.connection.execute(
            f"""
            select erased.request_id, count(*) from ops.list_entries as listed
            inner join ops.erased_identifiers as erased on {is_subject} group by 1
            """
        ).fetchall():
            proofs[request_id].rows_removed[_LISTS] = count
        self.connection.execute(
            f"""
            delete from ops.list_entries as listed
            where exists (select 1 from ops.erased_identifiers as erased where {is_subject})
            """
        )

    def _look_again(self, proofs: dict[str, Proof]) -> None:
        """Search everything once more: what is left is the proof."""
        for table in self._searched():
            for query in (self._matches(table, table.identifiers, ""), self._quarantined(table)):
                for request_id, count in self.connection.execute(
                    f"select request_id, count(*) from ({query}) group by 1"
                ).fetchall():
                    proofs[request_id].rows_left += count


def hashed(column: Column, relation: str, raw: bool = False) -> str:
    """SQL of the keyed hash of an identifier, of a column of a relation or of an expression."""
    value = relation if raw else f'{relation}."{column.name}"'
    return value if column.is_hashed else privacy.hmac_expression(value)
