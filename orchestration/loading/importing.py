"""
Map somebody's export onto the raw contracts.

An adapter (`loading/adapters.py`) has one DuckDB `SELECT` per contract table, over the relations
that `loading/export_files.py` makes of the export; what several adapters need is a macro of
`adapters/macros.sql`, what several SELECTs of one need a view of its `views.sql`. `journey import
<name> <dir>` writes one CSV per table into the landing zone; the same input gives the same bytes,
so importing twice changes nothing.
"""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import duckdb
import jinja2
from duckdb.func import FunctionNullHandling

from orchestration.base import command
from orchestration.base.locking import single_writer
from orchestration.loading import spelling
from orchestration.loading.adapters import ADAPTERS_DIR, Adapter, ImportFailed, Input, read_adapter
from orchestration.loading.contract import load_contract
from orchestration.loading.export_files import doubled, file_stem, open_input
from orchestration.loading.sample_home import ANOTHER_HOME, copy_rules
from orchestration.loading.spelling import Spelling, SpellingError
from orchestration.rules import home as home_rules
from orchestration.settings import DBT_PROJECT_DIR, Settings, load_settings


def import_export(adapter: str, source_dir: Path, settings: Settings) -> dict[str, int]:
    """
    Write the contract files of an export into the landing zone; returns rows per table.

    Raises `ImportFailed`; then the landing zone is as it was.
    """
    described = read_adapter(adapter, settings.adapters.get(adapter))
    inputs, file_by_file = described.inputs, described.file_by_file
    if settings.is_sample:
        raise ImportFailed(
            f"{settings.home} holds the synthetic sample, and sample and real data are never "
            f"mixed: {ANOTHER_HOME}"
        )
    found = {relation: _matching(source_dir, entry) for relation, entry in inputs.items()}
    if not any(found.values()):
        patterns = ", ".join(entry.files for entry in inputs.values())
        raise ImportFailed(
            f"{source_dir}: no file {patterns} is there; FROM must name the folder that holds them"
        )
    runs: list[tuple[str, dict[str, list[Path]]]] = [(adapter, found)]
    if file_by_file:
        runs = [
            (f"{adapter}-{file_stem(path)}", {**found, file_by_file: [path]})
            for path in found[file_by_file]
        ]
    staging = settings.landing / f"_import_{adapter}"
    shutil.rmtree(staging, ignore_errors=True)
    counts: dict[str, int] = {}
    try:
        for name, files in runs:
            for label, count in _map(described, files, staging, name, settings).items():
                counts[label] = counts.get(label, 0) + count
        for path in sorted(staging.rglob("*.csv")):
            final = settings.landing / path.relative_to(staging)
            final.parent.mkdir(parents=True, exist_ok=True)
            if not final.exists() or final.read_bytes() != path.read_bytes():
                os.replace(path, final)
    finally:
        shutil.rmtree(staging, ignore_errors=True)
    home_config = settings.home / "journey.toml"
    if not home_config.exists():
        lines = [f'{key} = "{value}"' for key, value in described.home.items()]
        home_config.write_text("\n".join(lines) + "\n", "utf-8")
    if copied := copy_rules(ADAPTERS_DIR / adapter / "rules", settings):
        print(
            f"{copied} files of rules were put into {settings.home / 'rules'}; they are yours now"
        )
    return counts


def _matching(source_dir: Path, entry: Input) -> list[Path]:
    """The files of an input; raises `ImportFailed` when there are none and there must be."""
    found = sorted(path for path in source_dir.glob(entry.files) if path.is_file())
    if not found and not entry.optional:
        raise ImportFailed(
            f"{source_dir / entry.files}: file is missing; FROM must name the folder that holds it"
        )
    return found


def _map(
    adapter: Adapter,
    files: dict[str, list[Path]],
    staging: Path,
    name: str,
    settings: Settings,
) -> dict[str, int]:
    """Run an adapter's SELECTs on its inputs; writes `<staging>/<label>/<name>.csv`."""
    tables = load_contract()
    counts: dict[str, int] = {}
    with duckdb.connect(config={"python_enable_replacements": "false"}) as connection:
        connection.execute("set TimeZone = 'UTC'")
        _add_placeholders(connection, settings)
        remedy = f"[adapters.{adapter.name}] in {settings.home / 'journey.toml'}"
        for relation, entry in adapter.inputs.items():
            zone = entry.time_zone or settings.business_timezone
            entry = replace(entry, time_zone=zone)
            open_input(connection, relation, entry, files[relation], remedy)
        zone = adapter.choices.get("time_zone", settings.business_timezone)
        orders = (adapter.choices.get(key) for key in ("date_order", "decimal_mark"))
        problems = _add_functions(connection, Spelling(zone, *orders))
        connection.execute((ADAPTERS_DIR / "macros.sql").read_text("utf-8"))
        if (views := ADAPTERS_DIR / adapter.name / "views.sql").exists():
            connection.execute(views.read_text("utf-8"))
        for query_path in sorted((ADAPTERS_DIR / adapter.name).glob("*__*.sql")):
            label = query_path.stem.replace("__", "/")
            if label not in tables:
                raise ImportFailed(f"{query_path.name}: there is no contract table {label}")
            target = staging / label / f"{name}.csv"
            target.parent.mkdir(parents=True, exist_ok=True)
            try:
                connection.execute(f"create temp table mapped as {query_path.read_text('utf-8')}")
                row = connection.execute(
                    f"copy ({_written(connection)}) to "
                    f"'{str(target).replace(chr(39), chr(39) * 2)}' "
                    "(format csv, header, force_quote *)"
                ).fetchone()
                connection.execute("drop table mapped")
            except duckdb.Error as error:
                if problems:
                    raise ImportFailed(f"{query_path.name}: {problems[0]}; {remedy}") from None
                raise ImportFailed(_unmapped(query_path, error)) from None
            counts[label] = int(row[0]) if row else 0
            if not counts[label]:
                target.unlink()  # an empty file would be refused, rightly
    return counts


def _written(connection: duckdb.DuckDBPyConnection) -> str:
    """The SELECT that writes what was mapped: times as `2026-01-05 00:00:00Z`."""
    columns = connection.execute("describe mapped").fetchall()
    texts = [
        f"replace(\"{doubled(name)}\"::varchar, '+00', 'Z') as \"{doubled(name)}\""
        for name, kind, *_ in columns
        if kind == "TIMESTAMP WITH TIME ZONE"
    ]
    replaced = f"replace ({', '.join(texts)})" if texts else ""
    return f"select * {replaced} from mapped"


def _add_placeholders(connection: duckdb.DuckDBPyConnection, settings: Settings) -> None:
    """Give SELECTs the identifiers that are nobody's, and the models' way to compare with them."""
    try:
        rules = home_rules.load(settings.home)
    except home_rules.RulesError as error:
        raise ImportFailed(str(error)) from None
    macro = (DBT_PROJECT_DIR / "macros" / "bare_value.sql").read_text("utf-8")
    body = jinja2.Template(f"{macro}{{{{ bare_value('identifier') }}}}").render()
    connection.execute(f"create macro bare_value(identifier) as ({body})")
    values = [
        f"{row['identifier_type']} {row['invalid_value']}"
        for row in rules.rows("identifier_invalid_values")
        if row["invalid_value"]
    ]
    connection.execute("create table placeholders as select unnest($1) as placeholder", [values])


def _add_functions(connection: duckdb.DuckDBPyConnection, spelled: Spelling) -> list[str]:
    """
    Give SELECTs the functions of `spelling.py`, for what no column of an input declares.

    Returns a list that will hold why one of them failed.
    """
    problems: list[str] = []

    def function(name: str, read: Callable[[str], object], kind: str) -> None:
        def call(text: str | None) -> Any:
            try:
                return None if text is None else read(text)
            except SpellingError as error:
                problems.append(f"{spelling.shown(text or '')} {error}")
                raise

        connection.create_function(
            name, call, ["VARCHAR"], kind, null_handling=FunctionNullHandling.SPECIAL
        )

    # DuckDB takes a Python datetime as a local one; in UTC, as this connection is, they are equal.
    function("instant_", lambda t: spelling.instant(t, spelled).replace(tzinfo=None), "TIMESTAMP")
    connection.execute("create macro instant(text) as (instant_(text) at time zone 'UTC')")
    function("calendar_day", lambda text: spelling.day(text, spelled), "DATE")
    function("amount", lambda text: spelling.amount(text, spelled), "DECIMAL(24, 6)")
    function("amount_if_any", lambda t: spelling.amount_if_any(t, spelled), "DECIMAL(24, 6)")
    function("flag", spelling.flag, "BOOLEAN")
    function("score_of", spelling.score, "INTEGER")
    function("words_of", spelling.words, "VARCHAR")
    codes = ", ".join(f"'{code}'" for code in spelling.THREE_DECIMALS)
    connection.execute(
        "create macro money(amount, currency_code) as case "
        f"when upper(currency_code) in ({codes}) then round(amount, 3)::decimal(38, 3)::varchar "
        "else round(amount, 2)::decimal(38, 2)::varchar end"
    )
    return problems


def _unmapped(query_path: Path, error: duckdb.Error) -> str:
    """Why a SELECT failed; DuckDB's own words may repeat a value of the export."""
    for words in re.findall(r"\berror\('([^']+)'\)", query_path.read_text("utf-8")):
        if words in str(error):  # of the SELECT, too
            return f"{query_path.name}: {words}; export it as the adapter's page says"
    column = re.search(r'(?:Referenced column|column named) "(\w+)"', str(error))
    if column:  # a name of the SELECT, not of the export
        return f"{query_path.name}: column {column[1]} is in no file of the export; export it too"
    if isinstance(error, duckdb.BinderException | duckdb.CatalogException | duckdb.ParserException):
        return f"{query_path.name}: no SELECT over the relations of adapter.toml; mend it"
    return (
        f"{query_path.name}: a value of the export is not of the type that the SELECT converts it "
        "to; export it as the adapter's folder says, or mend the SELECT"
    )


def run(adapter: str, source_dir: Path) -> None:
    """Map an export into the landing zone of the home, and say how many rows it gave."""
    with command.failing_on(ImportFailed):
        settings = load_settings()
        settings.prepare()
        with single_writer(settings.home):  # no run loads one half of an export
            counts = import_export(adapter, source_dir.expanduser(), settings)
    for label, count in counts.items():
        print(f"  {label:<28}{count:>10,} rows")
    print(f"written to {settings.landing}; next: journey nightly")
