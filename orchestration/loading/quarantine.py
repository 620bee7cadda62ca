"""Refused rows: kept with their reason and redacted, so that nothing is lost or revealed."""

from __future__ import annotations

import duckdb

from orchestration.loading import ledger, privacy
from orchestration.loading.contract import Column, Table
from orchestration.loading.ledger import FileOutcome
from orchestration.loading.reading import Opened, tables_of


def store(
    connection: duckdb.DuckDBPyConnection,
    table: Table,
    texts: str,
    outcome: FileOutcome,
    opened: Opened,
    has_lines: bool,
) -> int:
    """
    Keep the rows of `temp.judged` that have a verdict; returns how many.

    `texts` is the relation of these rows with their numbers; `has_lines` says that it knows the
    line of each, which otherwise is found in the file.
    """
    if not ledger.count(connection, "temp.judged where verdict is not null"):
        return 0
    bad = "select rowid + 1 as row_number, verdict from temp.judged where verdict is not null"
    line = "texts._line" if has_lines else "null"
    row = connection.execute(
        f"""
        insert into ops.quarantined_rows (file_id, source, table_name, row_number, line_number,
            reason, column_name, row_redacted)
        select ?, ?, ?, bad.row_number, {line}, split_part(bad.verdict, '|', 1),
            nullif(split_part(bad.verdict, '|', 2), ''), {_redacted(table)}
        from {texts} as texts
        inner join ({bad}) as bad on bad.row_number = texts._row_number
        """,
        [outcome.file_id, table.source, table.name],
    ).fetchone()
    if not has_lines and opened.lines is not None:
        _number_lines(connection, table, outcome, opened)
    return int(row[0]) if row else 0


def _number_lines(
    connection: duckdb.DuckDBPyConnection, table: Table, outcome: FileOutcome, opened: Opened
) -> None:
    """Lines of the quarantined rows: row n stands in line n + 1, or has to be looked up."""
    mine = "file_id = ? and source = ? and table_name = ?"
    who = [outcome.file_id, table.source, table.name]
    if opened.lines == outcome.rows_in + 1:
        connection.execute(
            f"update ops.quarantined_rows set line_number = row_number + 1 where {mine}", who
        )
        return
    rows = connection.execute(
        f"select row_number from ops.quarantined_rows where {mine}", who
    ).fetchall()
    wanted = {row[0] for row in rows}
    before, last = 0, max(wanted)
    for block in tables_of(table, opened):
        for number in wanted.intersection(range(before + 1, before + block.num_rows + 1)):
            connection.execute(
                f"update ops.quarantined_rows set line_number = ? where {mine} and row_number = ?",
                [block["_line"][number - before - 1].as_py(), *who, number],
            )
        before += block.num_rows
        if before >= last:
            return


def _redacted(table: Table) -> str:
    """
    SQL: a row as JSON, of which each value is shown as far as it can tell nothing personal.

    Of the value that is the reason only the shape is shown. In a row of broken structure nobody
    knows what stands where: only the lengths are shown.
    """
    parts = []
    for column in table.columns:
        text = f'texts."{column.name}"'
        value = shown(column, f'texts."{column.name}$"', text)
        reason = privacy.told_apart(text) if column.accepted_values else privacy.shape(text)
        broken = f"'(' || length({text}) || ' characters)'"
        parts.append(
            f"'{column.name}', case when nullif({text}, '') is null then null "
            f"when texts._structure is not null then {broken} "
            f"when split_part(bad.verdict, '|', 2) = '{column.name}' then {reason} "
            f"else {value} end"
        )
    return f"json_object({', '.join(parts)})::varchar"


def shown(column: Column, typed: str, text: str) -> str:
    """
    SQL of what a quarantined row shows of a value.

    Numbers, times, identifiers, hashes and listed values as the raw table has them; of any other
    text, and of one that is no value of its type, the shape: cells may have moved.
    """
    if column.accepted_values:
        values = ", ".join(f"'{value}'" for value in column.accepted_values)
        return f"case when {typed} in ({values}) then {typed} else {privacy.told_apart(text)} end"
    if column.currency:
        return (
            f"case when regexp_full_match({typed}, '[A-Z]{{3}}') then {typed} "
            f"else {privacy.shape(text)} end"
        )
    if column.data_type == "varchar" and not (column.is_hashed or column.is_id):
        return privacy.shape(text)
    return f"coalesce({typed}::varchar, {privacy.shape(text)})"
