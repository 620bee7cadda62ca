"""
Load many small files of a table together: what costs the same for few rows as for many, once.

Files wait until there are enough of them. One statement then judges and types the rows of all, and
those of which nothing has to be settled, each row good and of a key that occurs nowhere else, are
written in one transaction, with the ledger and the findings that each would have had alone. Any
other file is loaded alone, at its place in the order.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import groupby, islice

import duckdb
import pyarrow as pa

from orchestration.base.database import transaction
from orchestration.loading import casting, ledger, reading
from orchestration.loading.file_load import ConservationError, FileLoad
from orchestration.loading.landing_zone import LandingFile
from orchestration.loading.ledger import FileOutcome
from orchestration.loading.reading import BATCH_ROWS, RejectedFile, Row

SMALL = 128 << 10  # bytes: above, a statement of its own costs less than the exact reader
MAXIMUM_FILES = 500
MAXIMUM_BYTES = 16 << 20
_COMPRESSED = 16  # times as many bytes as it seems


@dataclass
class _Waiting:
    """A small file that was read."""

    file: LandingFile
    sequence: int | None
    outcome: FileOutcome
    rows: list[Row]


class Together:
    """Loads files of one table, in the order in which they are added; small ones together."""

    def __init__(self, load: FileLoad) -> None:
        """By way of `load`, which loads a file alone."""
        self.load, self.connection, self.table = load, load.connection, load.table
        self._waiting: dict[str, _Waiting] = {}
        self._bytes = self._rows = 0

    def holds(self, file_id: str) -> bool:
        """Whether a file of this content waits."""
        return file_id in self._waiting

    def add(self, file: LandingFile, sequence: int | None) -> list[FileOutcome]:
        """Take a file; returns the outcomes of those that were loaded by now."""
        size = file.size * (_COMPRESSED if file.path.suffix in (".gz", ".zst") else 1)
        if self._bytes + size > MAXIMUM_BYTES or len(self._waiting) == MAXIMUM_FILES:
            outcomes = self.finish()
        else:
            outcomes = []
        waiting = self._read(file, sequence) if size <= SMALL else None
        if waiting is None:
            return [*outcomes, *self.finish(), self.load.load(file, sequence)]
        if self._rows + len(waiting.rows) > BATCH_ROWS:
            outcomes += self.finish()
        self._waiting[file.file_id] = waiting
        self._bytes += size
        self._rows += len(waiting.rows)
        return outcomes

    def finish(self) -> list[FileOutcome]:
        """Load all files that wait; returns their outcomes, in order."""
        files, self._waiting, self._bytes, self._rows = list(self._waiting.values()), {}, 0, 0
        try:
            even = self._judge(files) if len(files) > 1 else set()
            outcomes = []
            for is_even, group in groupby(files, lambda one: one.file.file_id in even):
                run = list(group)
                if not (is_even and self._write(run)):
                    for one in run:
                        one.outcome = self.load.load(one.file, one.sequence)
                outcomes += [one.outcome for one in run]
        finally:
            self.connection.execute("drop table if exists temp.together")
        return outcomes

    def _read(self, file: LandingFile, sequence: int | None) -> _Waiting | None:
        """The rows of a file, unless something is wrong with it or no e-mail could be hashed."""
        is_text = reading.format_of(file.path) in (".csv", ".jsonl")
        if file.problem or not is_text or not self.load.has_pepper:
            return None
        outcome = self.load.outcome_of(file)
        try:
            opened = reading.read(file.path, self.table)
            rows = list(islice(opened.rows(), BATCH_ROWS))
        except RejectedFile:
            return None
        self.load.note_columns(outcome, opened)
        return _Waiting(file, sequence, outcome, rows) if len(rows) < BATCH_ROWS else None

    def _judge(self, files: list[_Waiting]) -> set[str]:
        """`temp.together`, the typed rows of the files; returns the ids of the even ones."""
        table, load = self.table, self.load
        texts = reading.table_of_rows(table, [row for one in files for row in one.rows])
        ids = [one.file.file_id for one in files for _ in one.rows]
        numbers = [row.number for one in files for row in one.rows]
        texts = texts.append_column("_file_id", pa.array(ids, pa.string()))
        texts = texts.append_column("_row_number", pa.array(numbers, pa.int64()))
        self.connection.register("arriving", texts)
        names = [column.name for column in table.columns]
        try:
            self.connection.execute(
                f"""
                create or replace temp table together as
                select *, {table.content_hash} as _content_hash
                from (
                    select _file_id, _row_number, {load.judgement(names, True)}, {load.values}
                    from {casting.typed_rows(table, "arriving")}
                )
                """
            )
        except duckdb.Error:
            return set()  # alone, the file at fault is refused
        finally:
            self.connection.unregister("arriving")
        counts = ", ".join(
            f"count(*) filter (where personal & {1 << place} != 0)"
            for place in range(len(load.clear))
        )
        keys = load.contested.keys
        found = self.connection.execute(
            f"""
            with contested as (
                select key_hash from temp.together group by key_hash having count(*) > 1
                union
                select hash({keys}) from {table.relation}
                where hash({keys}) in (select key_hash from temp.together)
            )
            select _file_id, max(least(event_at, ?)) filter (where event_at is not null),
                bool_or(verdict is not null or key_hash in (select key_hash from contested)),
                [{counts}]
            from temp.together
            group by _file_id
            """,
            [load.loaded_at],
        ).fetchall()
        facts = {row[0]: row[1:] for row in found}
        for one in files:
            outcome = one.outcome
            outcome.rows_in = outcome.rows_loaded = len(one.rows)
            through_at, _, personal = facts.get(one.file.file_id, (None, False, []))
            outcome.data_through_at = through_at
            outcome.personal = {
                column.name: count
                for column, count in zip(load.clear, personal, strict=False)
                if count
            }
        return {
            one.file.file_id
            for one in files
            if not facts.get(one.file.file_id, (None, False, []))[1]
        }

    def _write(self, run: list[_Waiting]) -> bool:
        """Load even files in one transaction; false, and nothing is, if one has changed."""
        load, outcomes = self.load, [one.outcome for one in run]
        load.history.look_up(outcomes)
        try:
            with transaction(self.connection):
                sequence = ledger.next_sequence(self.connection)
                for one in run:
                    one.outcome.load_sequence = one.sequence or sequence
                    sequence += one.sequence is None
                self._insert(outcomes)
                for one in run:
                    load.refuse_changed(one.file)
                ledger.record(self.connection, outcomes)
                load.compare(outcomes, "temp.together")
        except RejectedFile:
            return False
        load.history.add(outcomes[-1])
        return True

    def _insert(self, outcomes: list[FileOutcome]) -> None:
        columns, technical, values = self.load.columns, "_file_id, _row_number", ""
        if self.table.kind == "entity":
            technical += ", _content_hash, _extracted_on, _load_sequence"
            values = ", _content_hash, _extracted_on, _load_sequence"
        row = self.connection.execute(
            f"""
            insert into {self.table.relation} ({columns}, _extra, {technical})
            select {columns}, _extra, _file_id, _row_number{values}
            from temp.together
            inner join (
                select unnest(?::varchar[]) as _file_id, unnest(?::date[]) as _extracted_on,
                    unnest(?::bigint[]) as _load_sequence
            ) using (_file_id)
            """,
            [
                [outcome.file_id for outcome in outcomes],
                [outcome.extracted_on for outcome in outcomes],
                [outcome.load_sequence for outcome in outcomes],
            ],
        ).fetchone()
        rows = sum(outcome.rows_in for outcome in outcomes)
        if row is None or row[0] != rows:
            raise ConservationError(f"{row and row[0]} rows of {rows} were loaded")
