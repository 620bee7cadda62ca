"""
Drift: how a file differs from its contract and from the files of its feed before it.

Each difference is one finding with a severity: `info` is reported, `warn` warns, `fail` closes the
gate until the file is repaired, retracted or waived. The limits are `seeds/load_thresholds.csv`.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import date
from statistics import median
from typing import Any

import duckdb

from orchestration.loading import privacy
from orchestration.loading.contract import Table, Thresholds
from orchestration.loading.ledger import FileOutcome
from orchestration.loading.reading import RejectedFile

TRAILING_LOADS = 8
MINIMUM_LOADS = 4
MINIMUM_VALUES = 20


@dataclass(frozen=True)
class Finding:
    """One difference: what kind, of which column, how bad, and in words."""

    kind: str
    severity: str
    detail: str
    column: str | None = None


def refuse_changed_types(
    connection: duckdb.DuckDBPyConnection, table: Table, source: str, limits: Thresholds
) -> None:
    """
    Refuse a file of which most values of a column are no values of its type.

    Reads `temp.judged` and the text rows `source`. Raises `RejectedFile` F_TYPE_DRIFT.
    """
    failed = connection.execute(
        "select split_part(verdict, '|', 2), count(*) from temp.judged "
        "where verdict similar to '(R_CAST|R_SCORE_NOT_INTEGER)[|].*' group by 1 order by 1"
    ).fetchall()
    for column, count in failed:
        row = connection.execute(
            f"select count(nullif(trim(\"{column}\"), '')) from {source}"
        ).fetchone()
        filled = row[0] if row else 0
        if filled >= limits.type_drift_minimum_rows and count >= limits.type_drift_rate * filled:
            kind = next(c.data_type for c in table.columns if c.name == column)
            raise RejectedFile(
                "F_TYPE_DRIFT",
                f"{count} of {filled} values of column {column} are no {kind}",
                f"export {column} as {kind} again, or change its data_type in the contract",
                column,
            )


@dataclass(frozen=True)
class Earlier:
    """What is looked at of a file that was loaded before."""

    load_sequence: int
    file_id: str
    rows_in: int
    columns: list[str]
    missing_columns: list[str]
    renamed_columns: dict[str, str]


def feed_of(name: str) -> str:
    """
    SQL: the feed that a file belongs to, of its name: what delivers it again and again.

    It is the folder and the words of the name, without days, numbers, ids and endings: the files of
    an adapter, of an export that puts the day into the name, or of a folder are one feed.
    """
    below = f"regexp_replace(lower({name}), '^[^/]*/[^/]*/|dt=[^/]*/|([.][a-z]+)+$', '', 'g')"
    # A word that begins with a digit, or has one amid its letters, is a day, a number or an id.
    words = f"regexp_replace({below}, '\\pL*\\pN+\\pL[\\pL\\pN]*', '', 'g')"
    return f"trim(regexp_replace({words}, '[^\\pL]+', ' ', 'g'))"


class Feed:
    """
    What a file is compared with: the last files of its feed.

    Read once a run and kept up with `add`, so that a file costs the same after many as after few.
    """

    def __init__(self, connection: duckdb.DuckDBPyConnection, table: Table, name: str) -> None:
        """Read the ledger, once."""
        self._connection = connection
        self._loaded = (
            "from ops.files where source = ? and table_name = ? and status = 'loaded' "
            f"and {feed_of('file_name')} = ?"
        )
        self._who = [table.source, table.name, name]
        rows = connection.execute(
            f"select {', '.join(Earlier.__dataclass_fields__)} {self._loaded} "
            "order by load_sequence desc limit ?",
            [*self._who, TRAILING_LOADS],
        ).fetchall()
        self.last = [Earlier(*row[:3], *(json.loads(text) for text in row[3:])) for row in rows]
        row = connection.execute(f"select max(extracted_on) {self._loaded}", self._who).fetchone()
        self.newest_day: date | None = row[0] if row else None
        self._medians: dict[tuple[str, str], list[tuple[int, float]]] | None = None
        self._batch: int | None = None
        self._before: list[Earlier] = []

    def before(self, batch: int | None) -> list[Earlier]:
        """
        The last files of earlier runs: those of one run come in no order.

        To be asked for each file of a run before it is added.
        """
        if self._batch is None or batch != self._batch:
            self._batch, self._before = batch, list(self.last)
        return self._before

    def medians(self) -> dict[tuple[str, str], list[tuple[int, float]]]:
        """By column and part: sequence and median of the last files that had enough values."""
        if self._medians is None:
            self._medians = {}
            for column, part, sequence, value in self._connection.execute(
                f"""
                select column_name, part, load_sequence, median_value
                from ops.column_profiles
                inner join (select file_id, source, table_name, load_sequence {self._loaded})
                    using (file_id, source, table_name)
                where value_count >= ?
                qualify row_number() over (
                    partition by column_name, part order by load_sequence desc
                ) <= {TRAILING_LOADS}
                """,
                [*self._who, MINIMUM_VALUES],
            ).fetchall():
                self._medians.setdefault((column, part), []).append((sequence, value))
        return self._medians

    def add(self, outcome: FileOutcome) -> None:
        """The file is loaded: the next ones are compared with it too."""
        assert outcome.load_sequence is not None
        self.last.append(Earlier(*(getattr(outcome, n) for n in Earlier.__dataclass_fields__)))
        self.last.sort(key=lambda file: file.load_sequence, reverse=True)
        del self.last[TRAILING_LOADS:]
        if outcome.extracted_on:
            day = date.fromisoformat(outcome.extracted_on)
            self.newest_day = max(self.newest_day or day, day)
        for name, value in outcome.medians.items():
            kept = self.medians().setdefault(name, [])
            kept.append((outcome.load_sequence, value))
            kept.sort(reverse=True)
            del kept[TRAILING_LOADS:]


class History:
    """The feeds of a table, and the unknown columns that any of its files had."""

    def __init__(self, connection: duckdb.DuckDBPyConnection, table: Table) -> None:
        """Read the ledger, once."""
        self._connection, self._table = connection, table
        self._feeds: dict[str, Feed] = {}
        self._names: dict[str, str] = {}  # of the feed of each file
        lists = connection.execute(
            "select distinct new_columns from ops.files where source = ? and table_name = ? "
            "and status = 'loaded' and new_columns != '[]'",
            [table.source, table.name],
        ).fetchall()
        self.new_columns = {name for (text,) in lists for name in json.loads(text)}

    def feed(self, outcome: FileOutcome) -> Feed:
        """The feed of a file."""
        if outcome.file_name not in self._names:
            self.look_up([outcome])
        return self._feeds[self._names[outcome.file_name]]

    def look_up(self, outcomes: list[FileOutcome]) -> None:
        """Find the feeds of files that are about to be loaded, as they were before them."""
        self._names |= dict(
            self._connection.execute(
                f"select name, {feed_of('name')} from (select unnest(?::varchar[]) as name)",
                [[outcome.file_name for outcome in outcomes]],
            ).fetchall()
        )
        for outcome in outcomes:
            name = self._names[outcome.file_name]
            if name not in self._feeds:
                self._feeds[name] = Feed(self._connection, self._table, name)

    def add(self, outcome: FileOutcome) -> None:
        """The file is loaded: the next ones are compared with it too."""
        self.feed(outcome).add(outcome)
        self.new_columns.update(outcome.new_columns)


def findings(
    connection: duckdb.DuckDBPyConnection,
    table: Table,
    outcome: FileOutcome,
    limits: Thresholds,
    history: History,
    former: dict[str, Any] | None,
) -> list[Finding]:
    """
    Compare a file, just loaded, with the files of its feed that were loaded before.

    `former` is the ledger row of the content that was loaded last under the same name.
    """
    feed = history.feed(outcome)
    found = [
        *_changed_file(table, outcome, former),
        *_new_columns(outcome, history),
        *_columns(connection, table, outcome, feed, limits),
        *_quarantined(connection, table, outcome, limits),
        *_personal(outcome),
        *_row_count(outcome, feed, limits),
        *_scales(table, outcome, feed, limits),
    ]
    if outcome.extracted_on and feed.newest_day:
        behind = (feed.newest_day - date.fromisoformat(outcome.extracted_on)).days
        if behind > limits.late_days:
            found.append(
                Finding("late_file", "warn", f"extracted {behind} days before the newest file")
            )
    return found


def store(
    connection: duckdb.DuckDBPyConnection, outcome: FileOutcome, found: list[Finding]
) -> None:
    """Write the findings of a file to `ops.drift_findings`."""
    if not found:
        return
    columns = ("kind", "column", "severity", "detail")
    connection.execute(
        "insert into ops.drift_findings (file_id, source, table_name, kind, column_name, "
        f"severity, detail) select ?, ?, ?{', unnest(?::varchar[])' * len(columns)}",
        [
            *(outcome.file_id, outcome.source, outcome.table_name),
            *([getattr(finding, column) for finding in found] for column in columns),
        ],
    )


def _changed_file(
    table: Table, outcome: FileOutcome, former: dict[str, Any] | None
) -> list[Finding]:
    """Another content under a name that was loaded: rows that the former one had stay."""
    if former is None:
        return []
    left = max(former["rows_in"] - outcome.rows_duplicate, 0)
    same_time = (former["file_size"], former["modified_ns"]) == (
        outcome.file_size,
        outcome.modified_ns,
    )
    start = former["file_id"][:12]
    text = (
        f"under this name another content was loaded, {start}"
        f"{', of the same size and time' if same_time else ''}; {left} of its "
        f"{former['rows_in']} rows are not in this one and stay. "
        f"If this one replaces it: journey retract {start}"
    )
    # New versions of entities are what they are there for.
    is_usual = not same_time and (table.kind == "entity" or not left)
    return [Finding("changed_file", "info" if is_usual else "warn", text)]


def _new_columns(outcome: FileOutcome, history: History) -> list[Finding]:
    text = "not in the contract; kept, hashed, in _extra"
    return [
        Finding("new_column", "warn", f"{description}: {text}", name)
        for name, description in outcome.new_columns.items()
        if name not in history.new_columns
    ]


def _columns(
    connection: duckdb.DuckDBPyConnection,
    table: Table,
    outcome: FileOutcome,
    feed: Feed,
    limits: Thresholds,
) -> list[Finding]:
    earlier = feed.before(outcome.load_batch)
    if not earlier:
        return []
    found: list[Finding] = []
    # Two exports may come under one name: those with the same columns are the same.
    alike = [file for file in earlier if set(file.columns) == set(outcome.columns)]
    last = (alike or earlier)[0]
    for name in outcome.missing_columns:
        if name in last.missing_columns:
            continue
        ids = [file.file_id for file in earlier[:3]]
        row = connection.execute(
            f'select count("{name}"), count(*) from {table.relation} '
            "where list_contains(?::varchar[], _file_id)",
            [ids],
        ).fetchone()
        filled, rows = row or (0, 0)
        share = filled / max(rows, 1)
        enough = rows >= limits.type_drift_minimum_rows
        found.append(
            Finding(
                "missing_column",
                "fail" if enough and share > limits.filled_rate else "warn",
                f"gone; {share:.0%} of the rows of the last {len(ids)} files had a value. "
                "Export it again; or retract the file; or waive it",
                name,
            )
        )
    for name, alias in outcome.renamed_columns.items():
        if last.renamed_columns.get(name) != alias and name in last.columns:
            found.append(Finding("renamed_column", "info", f"read from its alias {alias}", name))
    both = set(outcome.columns) & set(last.columns)
    order = [[n for n in names if n in both] for names in (outcome.columns, last.columns)]
    if order[0] != order[1]:
        found.append(Finding("reordered_columns", "info", "matched by name, so nothing moved"))
    return found


def _quarantined(
    connection: duckdb.DuckDBPyConnection,
    table: Table,
    outcome: FileOutcome,
    limits: Thresholds,
) -> list[Finding]:
    if not outcome.rows_quarantined:
        return []
    rows = connection.execute(
        """
        select reason, column_name, count(*),
            list_sort(list_distinct(list(
                json_extract_string(row_redacted, '$."' || column_name || '"')
            )))[:5]
        from ops.quarantined_rows
        where file_id = ? and source = ? and table_name = ?
            and reason in ('R_CAST', 'R_SCORE_NOT_INTEGER', 'R_ENUM_UNKNOWN', 'R_SCORE_RANGE')
        group by all order by 1, 2
        """,
        [outcome.file_id, table.source, table.name],
    ).fetchall()
    kinds = {"R_ENUM_UNKNOWN": "new_value", "R_SCORE_RANGE": "changed_scale"}
    return [
        Finding(
            kinds.get(reason, "changed_type"),
            # One row may be broken; many are a change. A new value needs a meaning at once.
            "warn"
            if reason in kinds or count > limits.reject_rate_warn * outcome.rows_in
            else "info",
            f"{count} of {outcome.rows_in} rows quarantined, {reason}: "
            + ", ".join(str(value) for value in values),
            column,
        )
        for reason, column, count, values in rows
    ]


def _personal(outcome: FileOutcome) -> list[Finding]:
    """Clear columns in which somebody wrote what has to be masked."""
    text = "values with an e-mail address, a phone or a card number in them, masked"
    return [
        Finding("personal_data", "warn", f"{count} {text}", column)
        for column, count in outcome.personal.items()
    ]


def _row_count(outcome: FileOutcome, feed: Feed, limits: Thresholds) -> list[Finding]:
    if len(feed.last) < MINIMUM_LOADS:
        return []
    usual = median(file.rows_in for file in feed.last)
    ratio = max(outcome.rows_in, 1) / max(usual, 1)
    if max(ratio, 1 / ratio) <= limits.row_count_factor:
        return []
    text = (
        f"{outcome.rows_in} rows where the last {TRAILING_LOADS} files had {usual:g} in the middle"
    )
    return [Finding("row_count", "warn", text)]


def profile(
    connection: duckdb.DuckDBPyConnection,
    table: Table,
    outcomes: list[FileOutcome],
    history: History,
    relation: str,
) -> None:
    """
    Keep the medians of the number columns of files, just loaded, whose rows `relation` holds.

    To be called before their `findings`, which need them.
    """
    by_id = {outcome.file_id: outcome for outcome in outcomes}
    names = {column.name for column in table.columns}
    for column in table.columns:
        if column.decimal_scale is None and column.data_type not in ("integer", "bigint"):
            continue
        for outcome in outcomes:
            history.feed(outcome).medians()  # without those of these files
        if column.scale_seed:
            part = "survey_id || '/' || question_id"
        elif column.decimal_scale is not None and "currency_code" in names:
            part = "coalesce(currency_code, '')"
        else:
            part = "''"
        found = connection.execute(
            f"""
            insert into ops.column_profiles
            select _file_id, ?, ?, ?, {part}, approx_quantile("{column.name}", 0.5),
                count("{column.name}")
            from {relation}
            where _file_id in ({", ".join("?" * len(by_id))}) and "{column.name}" is not null
            group by all
            returning file_id, part, median_value, value_count
            """,
            [table.source, table.name, column.name, *by_id],
        ).fetchall()
        for file_id, name, value, count in sorted(found, key=lambda row: (row[0], row[1] or "")):
            if count >= MINIMUM_VALUES:
                by_id[file_id].medians[column.name, name] = value


def _scales(table: Table, outcome: FileOutcome, feed: Feed, limits: Thresholds) -> list[Finding]:
    """Medians of number columns against those of earlier files."""
    found: list[Finding] = []
    columns = {column.name: column for column in table.columns}
    for (column_name, name), value in outcome.medians.items():
        column = columns[column_name]
        factor = limits.score_scale_factor if column.scale_seed else limits.scale_factor
        earlier = [one for _, one in feed.medians().get((column_name, name), [])]
        usual = median(earlier) if earlier else None
        if usual and value and not 1 / factor < value / usual < factor:
            listed = {f"{scale.survey_id}/{scale.question_id}" for scale in column.scales}
            where = f" of {name}" if name else ""
            if column.scale_seed and name not in listed:
                where = f" of a question ({privacy.described(name)})"
            text = f"median{where} is {value:g}, it was {usual:g}: another unit or scale?"
            found.append(Finding("changed_scale", "warn", text, column_name))
    return found
