"""
Load one file into its raw table, in one transaction.

How a file is loaded, so that its cost is near that of reading it:

1. *judge*: one parallel pass over the text leaves a narrow table, one row per row of the file, with
   a hash of its key and the first reason against it;
2. rows with a reason go to quarantine, redacted;
3. rows whose key occurs again, in the file or in the raw table, are *contested*: they are settled
   one by one, as duplicate, version or conflict;
4. all others stream from the file into the raw table.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any

import duckdb
import pyarrow as pa

from orchestration.base.database import transaction
from orchestration.loading import (
    casting,
    contested_rows,
    drift,
    ledger,
    privacy,
    quarantine,
    reading,
)
from orchestration.loading.contested_rows import ContestedRows
from orchestration.loading.contract import Table
from orchestration.loading.landing_zone import LandingFile
from orchestration.loading.ledger import FileOutcome
from orchestration.loading.reading import BATCH_ROWS, Opened, RejectedFile

_TEMPORARY = ("incoming", "judged", *contested_rows.TEMPORARY)


class ConservationError(AssertionError):
    """Rows of a file would be lost or doubled; the load is rolled back."""


class FileLoad:
    """Loads files of one table on one connection."""

    def __init__(
        self,
        connection: duckdb.DuckDBPyConnection,
        table: Table,
        has_pepper: bool,
        history: drift.History,
    ) -> None:
        """Files of `table` on `connection`; `history` tells what its columns held so far."""
        self.connection, self.table, self.has_pepper = connection, table, has_pepper
        self.history = history
        self.loaded_at: datetime | None = None
        self.former: dict[str, dict[str, Any]] = {}  # by name: the content loaded last
        names = [column.name for column in table.columns]
        self.columns = ", ".join(f'"{name}"' for name in names)
        self.typed_keys = ", ".join(f'"{name}$"' for name in table.key)
        self.clear = [column for column in table.columns if column.is_clear]
        self.personal: set[str] = set()  # clear columns in which the file has personal data
        self.values = ", ".join(f'"{name}$" as "{name}"' for name in names)
        self.values += f", {privacy.hashed_entries('_extra')} as _extra"
        self.labels: dict[str, str | None] = {}  # of columns that the contract does not know
        self.contested = ContestedRows(connection, table)

    def begin(self, now: datetime, batch: int) -> None:
        """Files loaded from here on belong to a batch and are held to the limits of its instant."""
        self.batch = batch
        if self.loaded_at != (now := now.replace(tzinfo=None)):
            self.loaded_at = now
            self.limits = self.table.limits(now.date())
            self.latest = f"{now + timedelta(hours=self.limits.ahead_hours):%Y-%m-%d %H:%M:%S}"

    def outcome_of(self, file: LandingFile) -> FileOutcome:
        """What is known of a file before it is read."""
        return FileOutcome(
            file.file_id,
            self.table.source,
            self.table.name,
            file.name,
            extracted_on=file.extracted_on,
            file_size=file.stamp[0],
            modified_ns=file.stamp[1],
            changed_ns=file.stamp[2],
            load_batch=self.batch,
            loaded_at=self.loaded_at,
        )

    def load(self, file: LandingFile, sequence: int | None) -> FileOutcome:
        """Load a file whole, or not at all."""
        outcome = self.outcome_of(file)
        self.history.feed(outcome)  # as it was before this file
        try:
            if file.problem:
                raise file.problem
            with self._file_at_fault(file):
                opened, source = self._judge(file, outcome)
                with transaction(self.connection):
                    outcome.load_sequence = sequence or ledger.next_sequence(self.connection)
                    self._write(file, outcome, opened, source)
            self.history.add(outcome)
        except RejectedFile as reject:
            outcome.status = "rejected"
            outcome.reject_code, outcome.reject_column = reject.code, reject.column
            outcome.reject_message, outcome.reject_remedy = reject.message, reject.remedy
            ledger.record(self.connection, [outcome])
        finally:
            self._clear()
        return outcome

    def sight_again(self, file: LandingFile) -> None:
        """
        A known file under a later `dt=` folder: its versions are as young as that day.

        Raises `RejectedFile` when it cannot be read any more.
        """
        outcome = FileOutcome(file.file_id, self.table.source, self.table.name, file.name)
        try:
            with self._file_at_fault(file):
                _, source = self._judge(file, outcome)
                with transaction(self.connection):
                    if self._read_contested(source):
                        self.contested.sight(file.extracted_on, None)
                    self.connection.execute(
                        "update ops.files set extracted_on = ?::date "
                        "where file_id = ? and source = ? and table_name = ?",
                        [file.extracted_on, file.file_id, self.table.source, self.table.name],
                    )
        finally:
            self._clear()

    @contextmanager
    def _file_at_fault(self, file: LandingFile) -> Iterator[None]:
        """An error refuses the file if it is the file's: if it changed, or cannot be read."""
        try:
            yield
        except (duckdb.Error, ConservationError) as error:
            self.refuse_changed(file)
            reading.file_id(file.path)
            if isinstance(error, duckdb.DataError | duckdb.InvalidInputException):
                raise reading.reject_for(error) from None  # its text quotes the value
            raise

    def refuse_changed(self, file: LandingFile) -> None:
        """Raise `RejectedFile` when the file is no more what it was when it was found."""
        with reading.refusing():
            stamp = reading.stamp(file.path)
            # Also a link or a right that is changed changes the last time.
            if stamp[:2] != file.stamp[:2] or (
                stamp != file.stamp and reading.file_id(file.path) != file.file_id
            ):
                raise reading.changed("the file changed while it was read")

    # ---- 1. judge --------------------------------------------------------------------------------

    def _judge(self, file: LandingFile, outcome: FileOutcome) -> tuple[Opened, str]:
        """`temp.judged` and `temp.contested`; returns the file and the relation of its texts."""
        opened = reading.read(file.path, self.table)
        self.note_columns(outcome, opened)
        source = ""
        if opened.scan:
            source = opened.scan
            try:
                self._judge_rows(source, opened)
            except duckdb.Error:
                source = ""  # DuckDB's reader stumbled over a row: read exactly, row by row
            else:
                if opened.row_count not in (None, self._count("temp.judged")):
                    source = ""  # it lost or made up rows
        if not source:
            self._stage(opened)
            source = "temp.incoming"
            self._judge_rows(source, opened)
        personal = self._personal()
        if not self.has_pepper:
            self._refuse_clear_personal_data(source, personal)
        drift.refuse_changed_types(self.connection, self.table, source, self.limits)
        # What lies ahead of the load is loaded, but the data do not reach beyond the load.
        row = self.connection.execute(
            "select count(*), max(least(event_at, ?)) filter (where verdict is null "
            "and event_at is not null) from temp.judged",
            [self.loaded_at],
        ).fetchone()
        assert row is not None
        outcome.rows_in, outcome.data_through_at = row
        outcome.personal, self.personal = personal, set(personal)
        self.contested.find()
        return opened, source

    def note_columns(self, outcome: FileOutcome, opened: Opened) -> None:
        """What the header of a file says."""
        outcome.columns, outcome.new_columns = opened.columns, self._unknown(opened)
        outcome.renamed_columns = opened.renamed
        outcome.missing_columns = [
            column.name for column in self.table.columns if column.name not in opened.columns
        ]

    def _judge_rows(self, source: str, opened: Opened) -> None:
        self.connection.execute(
            f"""
            create or replace temp table judged as
            select {self.judgement(opened.columns, opened.has_control)}
            from {casting.typed_rows(self.table, source)}
            """
        )

    def judgement(self, columns: Collection[str], has_control: bool) -> str:
        """SQL: hash of the key, first reason against a row, its time, where it is personal."""
        cases = casting.checks(self.table, self.limits.earliest_day, self.latest, has_control)
        whens = " ".join(
            f"when {case.condition} then '{case.reason}|{case.column}'" for case in cases
        )
        personal = ["0"]
        for place, column in enumerate(self.clear):
            if column.name not in columns:
                continue
            is_personal = privacy.is_personal(column, f'"{column.name}~"')
            personal.append(f"case when {is_personal} then {1 << place} else 0 end")
        time = "null::timestamp"
        if self.table.time_column:
            time = f'"{self.table.time_column}$"::timestamp'
        return f"""
                hash({self.typed_keys}) as key_hash,
                case when _structure is not null then _structure || '|' {whens} end as verdict,
                {time} as event_at,
                ({" + ".join(personal)})::bigint as personal"""

    def _unknown(self, opened: Opened) -> dict[str, str]:
        """What stands for the names of columns that the contract does not know: description."""
        names = [name for name in opened.new_columns.values() if name not in self.labels]
        if names:
            query = (
                f"select name, {privacy.unknown_name('name')} "
                "from (select unnest(?::varchar[]) as name)"
            )
            self.labels |= dict(self.connection.execute(query, [names]).fetchall())
        found = {}
        for place, name in opened.new_columns.items():
            label = self.labels[name] or f"column_{place + 1}"
            found[label] = f"column {place + 1} of the file, {privacy.described(name)}"
        return found

    def _personal(self) -> dict[str, int]:
        """How many values of clear columns hold personal data."""
        row = self.connection.execute("select bit_or(personal) from temp.judged").fetchone()
        bits = (row and row[0]) or 0
        return {
            column.name: self._count(f"temp.judged where personal & {1 << place} != 0")
            for place, column in enumerate(self.clear)
            if bits & 1 << place
        }

    def _stage(self, opened: Opened) -> None:
        """Stream the text rows of the exact reader into `temp.incoming`."""
        body = ", ".join(f'"{column.name}" varchar' for column in self.table.columns)
        self.connection.execute(
            f"create or replace temp table incoming ({body}, _extra varchar, "
            "_structure varchar, _line bigint)"
        )
        waiting: list[pa.Table] = []

        def flush() -> None:
            self.connection.register("arriving", pa.concat_tables(waiting))
            self.connection.execute("insert into temp.incoming select * from arriving")
            self.connection.unregister("arriving")
            waiting.clear()

        for block in reading.tables_of(self.table, opened):
            waiting.append(block)
            if sum(one.num_rows for one in waiting) >= BATCH_ROWS:
                flush()
        if waiting:
            flush()

    def _refuse_clear_personal_data(self, source: str, personal: dict[str, int]) -> None:
        """Without a pepper, no file is loaded of which something would have to be hashed."""
        for column in self.table.columns:
            count = personal.get(column.name, 0)
            if column.pii in ("email", "phone", "id"):
                row = self.connection.execute(
                    f"select count(nullif(\"{column.name}\", '')) from {source}"
                ).fetchone()
                count = row[0] if row else 0
            if count:
                raise RejectedFile(
                    "F_PEPPER_MISSING",
                    f"{count} values of column {column.name} are personal data "
                    "and there is no secret pepper to hash them with",
                    "run `journey pepper` once (writes $JOURNEY_HOME/pepper, keep a copy), "
                    "or set JOURNEY_PEPPER or JOURNEY_PEPPER_FILE",
                    column.name,
                )

    # ---- 2.–4. write -----------------------------------------------------------------------------

    def _write(self, file: LandingFile, outcome: FileOutcome, opened: Opened, source: str) -> None:
        quarantined = quarantine.store(
            self.connection,
            self.table,
            self._numbered(source, "verdict is not null"),
            outcome,
            opened,
            has_lines=source == "temp.incoming",
        )
        contested = self._read_contested(source)
        loaded = self._insert(
            f"""
            select *, {self.table.content_hash} as _content_hash
            from (
                select {self.values}, good._row_number
                from {casting.typed_rows(self.table, source, self.personal)} as texts
                inner join (
                    select key_hash, rowid + 1 as _row_number from temp.judged
                    where verdict is null and key_hash not in (select key_hash from temp.contested)
                ) as good on good.key_hash = hash({self.typed_keys})
            )
            """,
            file,
            outcome,
        )
        duplicate = 0
        if contested:
            duplicate = contested - self.contested.fresh()
            if self.table.kind == "entity":
                self.contested.sight(file.extracted_on, outcome.load_sequence)
            else:
                quarantined += self.contested.settle_conflicts(outcome)
            loaded += self._insert(
                f"select {self.columns}, _extra, _row_number, _content_hash from temp.fresh",
                file,
                outcome,
            )
        outcome.rows_loaded, outcome.rows_duplicate = loaded, duplicate
        outcome.rows_quarantined = quarantined
        if outcome.rows_in != loaded + duplicate + quarantined:
            raise ConservationError(
                f"{outcome.file_name}: {outcome.rows_in} rows in, but {loaded} loaded + "
                f"{duplicate} duplicate + {quarantined} quarantined; nothing was loaded"
            )
        self.refuse_changed(file)
        ledger.record(self.connection, [outcome])
        self.compare([outcome])

    def compare(self, outcomes: list[FileOutcome], relation: str | None = None) -> None:
        """
        Compare files, just loaded, with those of their feeds before them, one after the other.

        `relation` holds their rows and no others, if they are not to be sought in the raw table.
        """
        relation = relation or self.table.relation
        drift.profile(self.connection, self.table, outcomes, self.history, relation)
        for outcome in outcomes:
            former = self.former.get(outcome.file_name)
            found = drift.findings(
                self.connection, self.table, outcome, self.limits, self.history, former
            )
            drift.store(self.connection, outcome, found)
            if outcome is not outcomes[-1]:
                self.history.add(outcome)

    def _insert(self, query: str, file: LandingFile, outcome: FileOutcome) -> int:
        """Insert rows (columns, _extra, row number, content hash); returns how many."""
        names, values = "_file_id, _row_number", "?, _row_number"
        parameters: list[object] = [outcome.file_id]
        if self.table.kind == "entity":
            names += ", _content_hash, _extracted_on, _load_sequence"
            values += ", _content_hash, ?::date, ?"
            parameters += [file.extracted_on, outcome.load_sequence]
        # DuckDB guesses too few rows for a text file and would hash all of its text: the narrow
        # side, which stands last, is to be hashed.
        self.connection.execute("set disabled_optimizers = 'join_order,build_side_probe_side'")
        try:
            row = self.connection.execute(
                f"insert into {self.table.relation} ({self.columns}, _extra, {names}) "
                f"select {self.columns}, _extra, {values} from ({query})",
                parameters,
            ).fetchone()
        finally:
            self.connection.execute("set disabled_optimizers = ''")
        return int(row[0]) if row else 0

    def _read_contested(self, source: str) -> int:
        are_contested = "verdict is null and key_hash in (select key_hash from temp.contested)"
        return self.contested.read(self.values, self._numbered(source, are_contested))

    def _numbered(self, source: str, condition: str) -> str:
        """Those typed rows, with their numbers, that were judged so."""
        rows = f"select rowid + 1 from temp.judged where {condition}"
        return casting.typed_rows(
            self.table,
            f"(from (select *, row_number() over () as _row_number from {source}) "
            f"where _row_number in ({rows}))",
            self.personal,
        )

    def _count(self, relation: str) -> int:
        return ledger.count(self.connection, relation)

    def _clear(self) -> None:
        for name in _TEMPORARY:
            self.connection.execute(f"drop table if exists temp.{name}")
