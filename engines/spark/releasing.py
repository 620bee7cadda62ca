"""
Judge and publish what Spark built: the same verdict, the same fingerprint, the same switch.

The marts are hashed on Spark, row by row as `orchestration/building/fingerprint.py` does on DuckDB,
so that both engines name the same content by the same hash. A release is a folder of Parquet
files below `<home>/spark/published`; readers follow the one link `current`.
"""

from __future__ import annotations

import json
import os
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb

from engines.spark import inputs
from orchestration.base import files, sealed
from orchestration.base.release import SCHEMA
from orchestration.building.builds import Build
from orchestration.building.fingerprint import (
    Comment,
    Fingerprint,
    TableHash,
    of_tables,
    part_of,
    table_hash,
)
from orchestration.gate import audits
from orchestration.publishing import releasing
from orchestration.settings import Settings

BUILD, AUDITS, PUBLISHED = "build.json", "audit", "published"
_TYPES = {  # what DuckDB calls a mart's type; decimals are called alike
    "boolean": "BOOLEAN",
    "int": "INTEGER",
    "bigint": "BIGINT",
    "double": "DOUBLE",
    "string": "VARCHAR",
    "date": "DATE",
    "timestamp_ntz": "TIMESTAMP",
}


def fingerprint(session: Any, manifest: dict[str, Any]) -> Fingerprint:
    """Fingerprint of the marts, which DuckDB's of the same marts is equal to."""
    marts = _marts(manifest)
    tables = {name: hash_table(session, f"{SCHEMA}.`{name}`") for name in marts}
    return of_tables(tables, comments(marts))


def hash_table(session: Any, relation: str, without: tuple[str, ...] = ()) -> TableHash:
    """Hash one table on Spark, some columns left out."""
    return hash_frame(session, session.table(relation), without)


def hash_frame(session: Any, frame: Any, without: tuple[str, ...] = ()) -> TableHash:
    """Hash the rows of a data frame: the sum of their MD5 sums, halves read as DuckDB does."""
    from pyspark.sql import functions

    fields = [field for field in frame.schema.fields if field.name not in without]
    types = {field.name: _duckdb_type(field.dataType.simpleString()) for field in fields}
    # The shortest digits that are a double; Java's text is another. By value: workers lack us.
    session.udf.register(
        "_text_of_double", lambda value: None if value is None else repr(value + 0.0), "string"
    )
    texts = ", ".join(f"coalesce({_text(n, t)}, char(30))" for n, t in types.items())

    def half(first: int) -> str:
        """Eight bytes of the hash, the least first, as a whole number."""
        digits = ", ".join(
            f"substr(h, {2 * byte + 1}, 2)" for byte in range(first + 7, first - 1, -1)
        )
        return f"sum(cast(conv(concat({digits}), 16, 10) as decimal(38, 0)))"

    month = (part_of(types) or "null").replace('"', "`")
    hashed = frame.selectExpr(f"md5(concat_ws(char(31), {texts})) as h", f"{month} as part")
    sums = hashed.groupBy("part").agg(*map(functions.expr, ("count(*)", half(8), half(0))))
    return table_hash(types, sums.collect())


def _text(name: str, data_type: str) -> str:
    """A column's text as DuckDB writes it."""
    if data_type == "DOUBLE":
        return f"_text_of_double(`{name}`)"
    return f"cast(`{name}` as string)"


def _duckdb_type(data_type: str) -> str:
    if data_type.startswith("decimal"):
        return data_type.upper()
    if data_type not in _TYPES:
        raise audits.GateClosed(f"a mart has a column of the type {data_type}")
    return _TYPES[data_type]


def _marts(manifest: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """The marts by name, in alphabetical order."""
    nodes = manifest["nodes"].values()
    marts = [n for n in nodes if n["resource_type"] == "model" and n["schema"] == SCHEMA]
    return {node["name"]: node for node in sorted(marts, key=lambda node: str(node["name"]))}


def comments(marts: dict[str, dict[str, Any]]) -> list[Comment]:
    """The comments on marts and columns, as dbt sets them on DuckDB, in order."""
    found: list[Comment] = []
    for name, node in marts.items():
        columns = sorted((column["name"], _comment(column)) for column in node["columns"].values())
        found += [(name, column, text) for column, text in columns if text]
        found += [(name, None, text)] if (text := _comment(node)) else []
    return found


def _comment(node: dict[str, Any]) -> str:
    """What macros/labelled_comment.sql says."""
    meta, description = node["config"].get("meta") or {}, node["description"]
    if meta.get("label_ja") and meta.get("label_en"):
        return f"{meta['label_ja']} / {meta['label_en']}: {description}"
    return str(description)


def missing(session: Any, folder: Path) -> list[str]:
    """The marts of the project that are not built."""
    manifest = json.loads((folder / "dbt" / "manifest.json").read_text("utf-8"))
    return [m for m in _marts(manifest) if not session.catalog.tableExists(f"{SCHEMA}.{m}")]


def judge(session: Any, folder: Path, build_id: str) -> audits.Audit:
    """Write the verdict about the marts of a build, and what was built."""
    target = folder / "dbt"
    manifest = json.loads((target / "manifest.json").read_text("utf-8"))
    record = inputs.record(folder)
    assert record is not None
    marts = fingerprint(session, manifest)
    checks = (inputs.conservation(session, folder), *audits.dbt_checks(target, build_id))
    audit = audits.Audit(build_id, marts.value, marts.content_hash, record["as_of_at"], checks)
    (folder / AUDITS).mkdir(exist_ok=True)
    audits.write_audit(folder / AUDITS, audit)
    build = Build(
        build_id, marts.value, marts.content_hash, record["as_of_at"], record["load_state"]
    )
    sealed.write(folder / BUILD, asdict(build))
    return audit


def publish(settings: Settings, session: Any, folder: Path) -> str:
    """
    Publish the marts that the last build made; returns the release id.

    Raises `GateClosed` without a passing audit of exactly these marts, and of these loads.
    """
    root = folder / PUBLISHED
    releases = root / "releases"
    releases.mkdir(parents=True, exist_ok=True)
    releasing.clear_leftovers(root)
    said, record = sealed.read(folder / BUILD), inputs.record(folder)
    if said is None or record is None:
        raise audits.GateClosed("there is no complete build; `python -m engines.spark build`")
    build = Build(**said)
    if build.load_state != record["load_state"]:
        raise audits.GateClosed("the loads changed since the build; build again")
    audit = audits.require_passed(folder / AUDITS, build)
    manifest = json.loads((folder / "dbt" / "manifest.json").read_text("utf-8"))
    candidate = fingerprint(session, manifest)
    if candidate.value != build.fingerprint:
        raise audits.GateClosed("the marts changed after their build; build again")
    name = f"{build.as_of_at[:10].replace('-', '')}-{candidate.value[:12]}"
    release_id, damaged = releasing.reusable(releases, name, print)
    if not (releases / release_id).exists():
        temporary = releases / f".tmp-{release_id}"
        temporary.mkdir()
        information = {
            "release_id": release_id,
            "content_hash": candidate.content_hash,
            "data_set_name": settings.data_set_name or None,
            "is_synthetic": settings.is_sample,
            "code_version": releasing.code_version(),
            "passed_check_count": audit.count("pass"),
            "warned_check_count": audit.count("warn"),
            "failed_check_count": audit.count("fail"),
            "built_at": datetime.now(UTC).replace(tzinfo=None, microsecond=0),
        }
        _write(session, temporary, information, candidate, _marts(manifest))
        releasing.write_manifest(temporary, information, audit, candidate.tables, {})
        releasing.make_durable(temporary)
        os.rename(temporary, releases / release_id)
        files.sync_directory(releases)
    releasing.flip(root, release_id)
    releasing.record(root, release_id, build.as_of_at)
    for release in damaged:
        releasing.set_aside(release)
    releasing.prune(root, settings.keep_releases)
    return release_id


def _write(
    session: Any,
    folder: Path,
    information: dict[str, Any],
    candidate: Fingerprint,
    marts: dict[str, dict[str, Any]],
) -> None:
    """The marts as Parquet with the comments of columns, each compared with the candidate."""
    from pyspark.sql import functions

    texts = {(mart, column): text for mart, column, text in comments(marts)}
    for name in marts:
        frame = session.table(f"{SCHEMA}.`{name}`")
        filled = tuple(information) if name == "release_info" else ()
        columns = []
        for field in frame.schema.fields:
            value = functions.col(field.name)
            if field.name in filled:
                value = functions.lit(information[field.name]).cast(field.dataType)
            comment = {"comment": texts.get((name, field.name), "")}
            columns.append(value.alias(field.name, metadata=comment))
        target = str(folder / "parquet" / name)
        frame.select(*columns).write.option("compression", "zstd").parquet(target)
        for leftover in (*Path(target).glob(".*.crc"), Path(target, "_SUCCESS")):
            leftover.unlink(missing_ok=True)
        written = hash_frame(session, session.read.parquet(target), filled)
        expected = candidate.tables[name]
        if filled:
            expected = hash_table(session, f"{SCHEMA}.`{name}`", filled)
        if written != expected:
            raise releasing.PublishError(f"{name}: what was written is not what was judged")


def compare(session: Any, warehouse: duckdb.DuckDBPyConnection, marts: list[str]) -> list[str]:
    """
    The marts of both engines, column by column; returns the lines of a table, unequal ones starred.

    Equal are column names, types, rows, and every value: decimals and doubles to the last digit.
    """
    from orchestration.building import fingerprint as duckdb_side

    lines = [f"  {'mart':34} {'rows':>8} {'columns':>8}  equal"]
    for name in marts:
        ours = duckdb_side.hash_table(warehouse, f'{SCHEMA}."{name}"')
        theirs = hash_table(session, f"{SCHEMA}.`{name}`")
        columns = [row[0] for row in warehouse.execute(f'describe {SCHEMA}."{name}"').fetchall()]
        equal = "yes"
        if ours != theirs:
            differing = [c for c in columns if not _is_equal(session, warehouse, name, columns, c)]
            equal = f"NO: {ours.rows} and {theirs.rows} rows; {', '.join(differing) or 'rows'}"
        mark = " " if ours == theirs else "*"
        lines.append(f"{mark} {name:34} {ours.rows:>8} {len(columns):>8}  {equal}")
    return lines


def _is_equal(
    session: Any, warehouse: duckdb.DuckDBPyConnection, name: str, columns: list[str], column: str
) -> bool:
    from orchestration.building import fingerprint as duckdb_side

    others = tuple(c for c in columns if c != column)
    ours = duckdb_side.hash_table(warehouse, f'{SCHEMA}."{name}"', without=others)
    return ours == hash_table(session, f"{SCHEMA}.`{name}`", others)
