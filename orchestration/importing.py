"""
Adapters: map somebody's export onto the raw contracts.

An adapter is a folder `adapters/<name>/` with one DuckDB `SELECT` per contract table,
`<source>__<table>.sql`, over the relations that `adapter.toml` names, all of whose columns are
text. `make import ADAPTER=<name> FROM=<dir>` writes one CSV per table into the landing zone; the
same input gives the same bytes, so importing twice changes nothing.
"""

from __future__ import annotations

import argparse
import csv
import gzip
import io
import os
import shutil
import sys
import tomllib
from pathlib import Path

import duckdb

from orchestration.loading.contract import load_contract
from orchestration.settings import ROOT, SAMPLE_DIR, Settings, SettingsError, load_settings

ADAPTERS_DIR = ROOT / "adapters"


class ImportFailed(ValueError):
    """The export cannot be mapped; the message names file, column and remedy."""


def adapters() -> list[str]:
    """Names of the shipped adapters."""
    return sorted(path.parent.name for path in ADAPTERS_DIR.glob("*/adapter.toml"))


def import_export(adapter: str, source_dir: Path, settings: Settings) -> dict[str, int]:
    """
    Write the contract files of an export into the landing zone; returns rows per table.

    Raises `ImportFailed`; then the landing zone is as it was.
    """
    if adapter not in adapters():
        raise ImportFailed(f"no adapter {adapter!r}; there are: {', '.join(adapters())}")
    if settings.is_sample:
        raise ImportFailed(
            f"{settings.landing} holds the synthetic sample, and sample and real data are never "
            "mixed; set JOURNEY_HOME to a new folder, or empty this one with `make clean`"
        )
    folder = ADAPTERS_DIR / adapter
    config = tomllib.loads((folder / "adapter.toml").read_text("utf-8"))
    tables = load_contract()
    staging = settings.landing / f"_import_{adapter}"
    shutil.rmtree(staging, ignore_errors=True)
    counts: dict[str, int] = {}
    connection = duckdb.connect(config={"python_enable_replacements": "false"})
    try:
        connection.execute("set TimeZone = 'UTC'")
        for relation, name in config["inputs"].items():
            _open_input(connection, relation, source_dir / name)
        for query_path in sorted(folder.glob("*__*.sql")):
            label = query_path.stem.replace("__", "/")
            if label not in tables:
                raise ImportFailed(f"{query_path.name}: there is no contract table {label}")
            query = query_path.read_text("utf-8")
            target = staging / label / f"{adapter}.csv"
            target.parent.mkdir(parents=True)
            try:
                row = connection.execute(
                    f"copy ({query}) to '{str(target).replace(chr(39), chr(39) * 2)}' "
                    "(format csv, header, force_quote *)"
                ).fetchone()
            except duckdb.Error as error:
                raise ImportFailed(f"{query_path.name}: {error}") from error
            counts[label] = int(row[0]) if row else 0
        for label in counts:
            final = settings.landing / label
            final.mkdir(parents=True, exist_ok=True)
            os.replace(staging / label / f"{adapter}.csv", final / f"{adapter}.csv")
    finally:
        connection.close()
        shutil.rmtree(staging, ignore_errors=True)
    home_config = settings.home / "journey.toml"
    if not home_config.exists():
        lines = [f'{key} = "{value}"' for key, value in config.get("home", {}).items()]
        home_config.write_text("\n".join(lines) + "\n", "utf-8")
    return counts


def _open_input(connection: duckdb.DuckDBPyConnection, relation: str, path: Path) -> None:
    if not path.exists():
        raise ImportFailed(f"{path}: file is missing; FROM must name the folder that holds it")
    quoted = str(path).replace("'", "''")
    try:
        # Quoting and delimiter are stated, not guessed; a malformed row stops the import.
        connection.execute(
            f"create table {relation} as select * from read_csv('{quoted}', header = true, "
            "auto_detect = false, delim = ',', quote = '\"', escape = '\"', new_line = '\\n', "
            f"columns = {_header_columns(path)}, nullstr = '', parallel = false, "
            "max_line_size = 16777216)"
        )
    except duckdb.Error as error:
        raise ImportFailed(f"{path}: {error}") from error


def _header_columns(path: Path) -> str:
    """The columns of a CSV file, in its own order, all as text."""
    opener = gzip.open if path.suffix == ".gz" else open
    with opener(path, "rb") as raw:
        reader = csv.reader(io.TextIOWrapper(raw, encoding="utf-8-sig", newline=""))
        header = next(reader)
    names = ", ".join(f"'{name.replace(chr(39), chr(39) * 2)}': 'VARCHAR'" for name in header)
    return "{" + names + "}"


def fill_with_sample(settings: Settings) -> bool:
    """
    Copy the shipped sample into an empty landing zone; returns whether it did.

    Raises `ImportFailed` when other files lie beside the sample.
    """
    shipped = {p.relative_to(SAMPLE_DIR) for p in SAMPLE_DIR.rglob("*") if p.is_file()}
    present = {
        path.relative_to(settings.landing)
        for path in settings.landing.rglob("*")
        if path.is_file() and not path.name.startswith(".")
    }
    if not present:
        shutil.copytree(SAMPLE_DIR, settings.landing, dirs_exist_ok=True)
        return True
    strangers = sorted(str(path) for path in present - shipped)
    if settings.is_sample and strangers:
        raise ImportFailed(
            f"{settings.landing} holds the synthetic sample and also {', '.join(strangers[:5])}; "
            "sample and real data are never mixed: move your files to a new JOURNEY_HOME, "
            "or empty this one with `make clean`"
        )
    return False


def main(arguments: list[str] | None = None) -> int:
    """Command line of `make import`."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("adapter", help=f"one of: {', '.join(adapters())}")
    parser.add_argument("source_dir", type=Path, help="folder of the export")
    options = parser.parse_args(arguments)
    try:
        settings = load_settings()
        settings.prepare()
        counts = import_export(options.adapter, options.source_dir.expanduser(), settings)
    except (ImportFailed, SettingsError) as error:
        print(f"import failed: {error}", file=sys.stderr)
        return 1
    for label, count in counts.items():
        print(f"  {label:<28}{count:>10,} rows")
    print(f"written to {settings.landing}; next: make nightly")
    return 0


if __name__ == "__main__":
    sys.exit(main())
