"""
Rows whose key occurs again, in the file or in the raw table: duplicate, version or conflict.

They are few, and settled one by one, in tables of the session: `temp.contested_rows` are those of
the file, `temp.held` those of the raw table, `temp.fresh` what the raw table lacks.
"""

from __future__ import annotations

import duckdb

from orchestration.loading import ledger
from orchestration.loading.contract import Table
from orchestration.loading.ledger import FileOutcome
from orchestration.loading.quarantine import shown

TEMPORARY = ("contested", "contested_rows", "held", "fresh", "losers")


class ContestedRows:
    """Settles the contested rows of files of one table."""

    def __init__(self, connection: duckdb.DuckDBPyConnection, table: Table) -> None:
        """Of files of `table`, judged on `connection`."""
        self.connection, self.table = connection, table
        self.keys = ", ".join(f'"{name}"' for name in table.key)
        self.same_key = " and ".join(
            f'a."{name}" is not distinct from b."{name}"' for name in table.key
        )

    def find(self) -> None:
        """`temp.contested`: the hashes of the keys that occur again."""
        self.connection.execute(
            f"""
            create or replace temp table contested as
            select key_hash from temp.judged group by key_hash having count(*) > 1
            union
            select hash({self.keys}) from {self.table.relation}
            where hash({self.keys}) in (select key_hash from temp.judged)
            """
        )

    def read(self, values: str, texts: str) -> int:
        """
        `temp.contested_rows`, the good ones among the contested rows, and `temp.held`; how many.

        `values` are the typed columns of `texts`, the relation of these rows with their numbers.
        """
        if not ledger.count(self.connection, "temp.contested"):
            return 0
        self.connection.execute(
            f"""
            create or replace temp table contested_rows as
            select *, {self.table.content_hash} as _content_hash
            from (
                select {values}, _row_number from {texts}
            )
            """
        )
        # The rows under the same keys that the raw table holds.
        self.connection.execute(
            f"""
            create or replace temp table held as
            select rowid as held_row, {self.keys}, _file_id, _row_number,
                {f'"{self.table.time_column}"' if self.table.time_column else "null"} as event_at,
                {self.table.content_hash} as _content_hash
            from {self.table.relation}
            where hash({self.keys}) in (select key_hash from temp.contested)
            """
        )
        return ledger.count(self.connection, "temp.contested_rows")

    def fresh(self) -> int:
        """`temp.fresh`: the first row of each content that the raw table lacks; how many."""
        self.connection.execute(
            f"""
            create or replace temp table fresh as
            select a.* from temp.contested_rows as a
            where not exists (
                select 1 from temp.held as b
                where {self.same_key} and a._content_hash = b._content_hash
            )
            qualify row_number() over (
                partition by {self.keys}, _content_hash order by _row_number
            ) = 1
            """
        )
        return ledger.count(self.connection, "temp.fresh")

    def sight(self, extracted_on: str | None, sequence: int | None) -> None:
        """Entities: a version seen again is as young as its youngest sighting."""
        self.connection.execute(
            f"""
            update {self.table.relation} set
                _extracted_on = greatest(_extracted_on, ?::date),
                _load_sequence = greatest(_load_sequence, ?)
            where rowid in (
                select b.held_row from temp.held as b
                inner join temp.contested_rows as a
                    on {self.same_key} and a._content_hash = b._content_hash
            )
            """,
            [extracted_on, sequence],
        )

    def settle_conflicts(self, outcome: FileOutcome) -> int:
        """
        Events: of several contents under one key the earliest stays, ties by content hash.

        The others are quarantined as key conflicts, also one that an earlier load had brought in:
        so the raw table does not depend on which file came first. Returns how many of this file
        lost.
        """
        self.connection.execute(
            f"""
            create or replace temp table losers as
            select * from (
                select b.held_row, {self.keys}, b._file_id, b._row_number, b.event_at,
                    b._content_hash
                from temp.held as b
                union all
                select null, {self.keys}, ?, a._row_number, a."{self.table.time_column}",
                    a._content_hash
                from temp.fresh as a
            )
            qualify row_number() over (
                partition by {self.keys} order by event_at, _content_hash
            ) > 1
            """,
            [outcome.file_id],
        )
        names = {column: f'a."{column.name}"' for column in self.table.columns}
        values = ", ".join(
            f"'{column.name}', {shown(column, name, f'{name}::varchar')}"
            for column, name in names.items()
        )
        for relation, match in (
            (self.table.relation, "a.rowid = losers.held_row"),
            ("temp.fresh", "losers.held_row is null and a._row_number = losers._row_number"),
        ):
            self.connection.execute(
                f"""
                insert into ops.quarantined_rows (file_id, source, table_name, row_number,
                    line_number, reason, column_name, row_redacted)
                select losers._file_id, ?, ?, losers._row_number, null, 'R_KEY_CONFLICT',
                    '{", ".join(self.table.key)}', json_object({values})::varchar
                from {relation} as a
                inner join temp.losers as losers on {match}
                """,
                [self.table.source, self.table.name],
            )
        displaced = "rowid in (select held_row from temp.losers where held_row is not null)"
        ledger.note_removed(self.connection, self.table, displaced)
        self.connection.execute(f"delete from {self.table.relation} where {displaced}")
        self.connection.execute(
            """
            update ops.files set
                rows_loaded = rows_loaded - displaced.row_count,
                rows_quarantined = rows_quarantined + displaced.row_count
            from (
                select _file_id, count(*) as row_count from temp.losers
                where held_row is not null group by _file_id
            ) as displaced
            where files.file_id = displaced._file_id and files.source = ? and files.table_name = ?
            """,
            [self.table.source, self.table.name],
        )
        self.connection.execute(
            "delete from temp.fresh where _row_number in "
            "(select _row_number from temp.losers where held_row is null)"
        )
        row = self.connection.execute(
            "select count(*) from temp.losers where held_row is null"
        ).fetchone()
        return int(row[0]) if row else 0
