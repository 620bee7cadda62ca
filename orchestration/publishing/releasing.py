"""
Publish a release: readers see a whole, audited release or the one before, never anything else.

Steps: verify the audit of exactly this candidate; write tables and Parquet into a temporary
directory; compare them with the candidate; draw the report from them; fsync; rename to
`releases/<id>`; flip the symbolic link `current`; record; drop old releases. Killed at any step,
`current` still names a whole release, and the next run clears what was left. Run as a command it
publishes, lists or rolls back.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime
from itertools import count
from pathlib import Path
from typing import Any

import duckdb

from orchestration.base import command, files, sealed
from orchestration.base.database import WarehouseDamaged, open_warehouse, transaction
from orchestration.base.locking import single_writer
from orchestration.base.release import CHECKS_PAGE, DATABASE, PAGE, SCHEMA
from orchestration.building import builds
from orchestration.building.fingerprint import (
    TableHash,
    comments,
    fingerprint,
    hash_table,
    table_names,
)
from orchestration.gate import audits, restating, volume
from orchestration.loading import erasing, erasure_proofs
from orchestration.readers import checks, report
from orchestration.settings import ROOT, Settings, load_settings

STORAGE_VERSION = "v1.2.0"  # what DuckDB 1.4 and the BI tools that embed it can read
MANIFEST = "manifest.json"
STEPS = (
    "verified",
    "attached",
    "copied",
    "detached",
    "exported",
    "compared",
    "mapped",
    "synced",
    "renamed",
    "linked",
    "flipped",
    "recorded",
)


class PublishError(RuntimeError):
    """The release could not be written or is not what was audited; readers keep the last one."""


def publish(
    settings: Settings,
    on_step: Callable[[str], None] = lambda step: None,
    say: Callable[[str], None] = lambda message: None,
) -> str:
    """
    Publish the candidate in the warehouse; returns the release id.

    A candidate that is published already only becomes current again, after its files were compared
    with their checksums; a damaged one is written again, under a name of its own. Raises
    `GateClosed` without a passing audit of exactly this build. `say` takes one line per repair.
    """
    root = settings.published
    releases = root / "releases"
    if releases.exists() and not releases.is_dir():
        set_aside(releases)
    releases.mkdir(parents=True, exist_ok=True)
    clear_leftovers(root)
    if not settings.warehouse.exists():
        raise audits.GateClosed("there is no candidate yet; run `journey nightly`")
    with open_warehouse(settings, say) as connection:
        if not table_names(connection):
            raise audits.GateClosed("there is no candidate yet; run `journey nightly`")
        build = audits.require_build(connection)
        audit = audits.require_passed(settings.audits, build)
        candidate = fingerprint(connection)
        if candidate.value != build.fingerprint:
            raise audits.GateClosed(f"the marts changed after their build. {audits.REMEDY}")
        as_of_at, source_rows = build.as_of_at, volume.source_rows(connection)
        on_step("verified")
        name = f"{as_of_at[:10].replace('-', '')}-{candidate.value[:12]}"
        release_id, damaged = reusable(releases, name, say)
        final = releases / release_id
        if not final.exists():
            temporary = releases / f".tmp-{release_id}"
            temporary.mkdir()
            information = {
                "release_id": release_id,
                "content_hash": candidate.content_hash,
                "data_set_name": settings.data_set_name or None,
                "is_synthetic": settings.is_sample,
                "code_version": code_version(),
                "passed_check_count": audit.count("pass"),
                "warned_check_count": audit.count("warn"),
                "failed_check_count": audit.count("fail"),
                "built_at": datetime.now(UTC).replace(tzinfo=None, microsecond=0),
            }
            if restating.digest(connection) != audit.ledger_hash:  # edited since it was judged
                restating.forget(connection)
            restating.compare(connection, settings, build, previous_release(settings))
            information |= builds.made_of(connection)
            tables = _write_release(connection, temporary, information, candidate.tables, on_step)
            _write_pages(temporary, audit, release_id)
            on_step("mapped")
            write_manifest(temporary, information, audit, tables, source_rows)
            make_durable(temporary)
            on_step("synced")
            os.rename(temporary, final)
            files.sync_directory(releases)
            on_step("renamed")
    flip(root, release_id, on_step, say)
    record(root, release_id, as_of_at)
    on_step("recorded")
    for folder in damaged:
        set_aside(folder)
    prune(root, settings.keep_releases)
    erasure_proofs.forget_releases(settings.erasures, release_id, lambda: prune(root, 1))
    prune_audits(settings, candidate.value)
    return release_id


def _write_release(
    connection: duckdb.DuckDBPyConnection,
    folder: Path,
    information: dict[str, Any],
    expected: dict[str, TableHash],
    on_step: Callable[[str], None],
) -> dict[str, TableHash]:
    """Write the candidate's tables, with what only publishing knows; returns what was written."""
    target, tables = folder / DATABASE, dict(expected)
    connection.execute(f"attach '{_text(target)}' as release (storage_version '{STORAGE_VERSION}')")
    on_step("attached")
    with transaction(connection):  # one, or each of a thousand comments waits for the disk
        connection.execute(f"create schema release.{SCHEMA}")
        for name in expected:
            # Tables only: views would carry the name of the build database.
            columns = ", ".join(
                f'{_literal(information[c])}::{t} as "{c}"'
                if name == "release_info" and c in information
                else f'"{c}"'
                for c, t, *_ in connection.execute(f'describe {SCHEMA}."{name}"').fetchall()
            )
            rows = f'select {columns} from {SCHEMA}."{name}"'
            if name in restating.LEDGERS:  # the candidate holds none of it
                rows = restating.select(name, information["release_id"])
            connection.execute(f'create table release.{SCHEMA}."{name}" as {rows}')
        _copy_comments(connection)
    on_step("copied")
    connection.execute("checkpoint release")
    connection.execute("detach release")
    if list(folder.glob("*.wal")):
        raise PublishError(f"{target}: a write-ahead log was left; nothing was published")
    on_step("detached")
    with duckdb.connect(str(target), read_only=True) as reader:
        (folder / "parquet").mkdir()
        # Many small tables: side by side they take half the time.
        with ThreadPoolExecutor(max_workers=os.cpu_count()) as pool:
            list(pool.map(lambda name: _export(reader, folder, name), expected))
            on_step("exported")
            without = {"release_info": tuple(information)}  # all but what was filled in
            list(
                pool.map(
                    lambda name: _compare(connection, reader, folder, name, without.get(name, ())),
                    expected,
                )
            )
        with _cursor(reader) as cursor:
            for name in set(restating.LEDGERS) & set(expected):
                tables[name] = hash_table(cursor, f'{SCHEMA}."{name}"')
        on_step("compared")
    return tables


def _export(reader: duckdb.DuckDBPyConnection, folder: Path, name: str) -> None:
    with _cursor(reader) as cursor:
        path = _text(folder / "parquet" / f"{name}.parquet")
        cursor.execute(f"copy {SCHEMA}.\"{name}\" to '{path}' (format parquet, compression zstd)")


def _compare(
    warehouse: duckdb.DuckDBPyConnection,
    reader: duckdb.DuckDBPyConnection,
    folder: Path,
    name: str,
    without: tuple[str, ...],
) -> None:
    """
    Raise `PublishError` unless a table and its Parquet file hold the candidate's rows.

    By DuckDB's own hashes: a sixth of the cost of those that name a release, and this process wrote
    all three.
    """
    table = f'{SCHEMA}."{name}"'
    parquet = f"read_parquet('{_text(folder / 'parquet' / f'{name}.parquet')}')"
    with _cursor(warehouse) as ours, _cursor(reader) as theirs:
        described = theirs.execute(f"describe {table}").fetchall()
        columns = ", ".join(f'"{c}"' for c, *_ in described if c not in without)

        def rows(cursor: duckdb.DuckDBPyConnection, relation: str) -> Any:
            row = f"hash({columns})"
            said = f"select count(*), sum({row}), bit_xor({row}) from {relation}"
            return cursor.execute(said).fetchone()

        written = rows(theirs, table)
        held = {"its Parquet file": rows(theirs, parquet)}
        if name not in restating.LEDGERS:  # of which the candidate holds nothing
            held["the candidate"] = rows(ours, table)
    for what, found in held.items():
        if found != written:
            raise PublishError(
                f"{name}: the release holds {written[0]} rows, {what} {found[0]}, and they are not "
                "the same; nothing was published"
            )


@contextmanager
def _cursor(reader: duckdb.DuckDBPyConnection) -> Iterator[duckdb.DuckDBPyConnection]:
    """A connection for one thread, in UTC."""
    with reader.cursor() as cursor:
        cursor.execute("set TimeZone = 'UTC'")
        yield cursor


def _write_pages(folder: Path, audit: audits.Audit, release_id: str) -> None:
    """Draw the report from the tables that were written, and show the checks beside it."""
    with duckdb.connect(str(folder / DATABASE), read_only=True) as reader:
        reader.execute("set TimeZone = 'UTC'")
        page = report.render(reader, warnings=warnings_of(audit))
    (folder / PAGE).write_text(page, "utf-8")
    (folder / CHECKS_PAGE).write_text(checks.render(audit, release_id), "utf-8")


def warnings_of(audit: audits.Audit) -> list[str]:
    """The checks that warned, each with what it says."""
    return [f"{c.boundary}: {c.name}: {c.message}" for c in audit.checks if c.status == "warn"]


def _copy_comments(connection: duckdb.DuckDBPyConnection) -> None:
    """Descriptions of tables and columns, as BI tools show them."""
    for table, column, comment in comments(connection):
        what = f'table release.{SCHEMA}."{table}"'
        if column:
            what = f'column release.{SCHEMA}."{table}"."{column}"'
        connection.execute(f"comment on {what} is {_literal(comment)}")


def write_manifest(
    folder: Path,
    information: dict[str, Any],
    audit: audits.Audit,
    tables: dict[str, TableHash],
    source_rows: dict[str, dict[str, int]],
) -> None:
    """Say in a release's folder what it was made of, and seal its files by their checksums."""
    checksums = {}
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            name = path.relative_to(folder).as_posix()
            checksums[name] = {"sha256": _sha256(path), "bytes": path.stat().st_size}
    manifest = {
        **{
            key: value if value is None or isinstance(value, bool) else str(value)
            for key, value in information.items()
        },
        "as_of_at": audit.as_of_at,
        "fingerprint": audit.fingerprint,
        "minimum_reader": "DuckDB 1.4",
        "tables": {
            name: {"rows": table.rows, "hash": table.digest, "parts": dict(table.parts)}
            for name, table in tables.items()
        },
        "source_rows": source_rows,
        "warnings": warnings_of(audit),
        "files": checksums,
    }
    sealed.write(folder / MANIFEST, manifest)


def read_manifest(folder: Path) -> dict[str, Any] | None:
    """The manifest of a release folder; None when it is missing, cut or edited."""
    return sealed.read(folder / MANIFEST)


def damage(folder: Path, thorough: bool = True) -> str | None:
    """
    What is wrong with a release folder, in a few words; None when every file is as published.

    Not `thorough` looks at names and sizes only; otherwise every byte is read.
    """
    manifest = read_manifest(folder)
    if manifest is None or not isinstance(manifest.get("files"), dict):
        return f"{MANIFEST} is missing, cut or edited"
    if manifest["release_id"] != folder.name:
        return f"it is release {manifest['release_id']} under another name"
    present = {p.relative_to(folder).as_posix() for p in folder.rglob("*") if not p.is_dir()}
    if strange := sorted(present - {*manifest["files"], MANIFEST}):
        return f"{strange[0]} does not belong to it"
    for name, file in manifest["files"].items():
        path = folder / name
        if not path.is_file() or path.is_symlink():
            return f"{name} is missing"
        if path.stat().st_size != file["bytes"]:
            return f"{name} has another size"
        try:
            if thorough and _sha256(path) != file["sha256"]:
                return f"{name} was changed"
        except OSError as error:
            return f"{name} cannot be read ({error.strerror})"
    return None


def _sha256(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def reusable(releases: Path, name: str, say: Callable[[str], None]) -> tuple[str, list[Path]]:
    """The whole release of this candidate, or else a name that is free, and damaged ones of it."""
    damaged: list[Path] = []
    taken = sorted(releases.glob(f"{name}*"))
    for folder in taken:
        problem = damage(folder)
        if problem is None:
            return folder.name, damaged
        say(f"release {folder.name} is damaged ({problem}): written again")
        damaged.append(folder)
    names = (name if number == 1 else f"{name}.{number}" for number in count(1))
    return next(free for free in names if releases / free not in taken), damaged


def set_aside(path: Path) -> None:
    """Give a path a hidden name, in one step; it is deleted later."""
    path.rename(files.first_free(lambda number: path.with_name(f".old-{path.name}-{number}")))


def flip(
    root: Path,
    release_id: str,
    on_step: Callable[[str], None] = lambda step: None,
    say: Callable[[str], None] = lambda message: None,
) -> None:
    """Let `current` name a release, in one step."""
    current = root / "current"
    if current.exists() and not current.is_symlink():
        say(f"{current} was no link to a release: set right")
        set_aside(current)
    link = root / ".current-new"
    link.unlink(missing_ok=True)
    link.symlink_to(Path("releases") / release_id, target_is_directory=True)
    on_step("linked")
    os.replace(link, root / "current")
    files.sync_directory(root)
    on_step("flipped")


def current_release(root: Path) -> str | None:
    """Id of the release that readers see, None before the first."""
    link = root / "current"
    target = Path(os.readlink(link)) if link.is_symlink() else Path()
    return target.name if target.parent == Path("releases") else None


def release_ids(root: Path) -> list[str]:
    """Whole releases, oldest first, by the time they were built."""
    folders = [
        path
        for path in (root / "releases").glob("[!.]*")
        if path.is_dir() and damage(path, thorough=False) is None
    ]
    return [p.name for p in sorted(folders, key=lambda p: (p.stat().st_mtime_ns, p.name))]


def rollback(settings: Settings, release_id: str | None = None, root: Path | None = None) -> str:
    """
    Make an earlier release current, the one before the current by default.

    `root` is where the releases lie, by default the home's.
    """
    root = root or settings.published
    ids, current = release_ids(root), current_release(root)
    if release_id is None:
        earlier = ids[: ids.index(current)] if current in ids else ids
        if not earlier:
            raise PublishError(
                f"there is no release before {current}; there are: {', '.join(ids) or 'none'}"
            )
        release_id = earlier[-1]
    if release_id not in ids:
        raise PublishError(
            f"there is no whole release {release_id}; there are: {', '.join(ids) or 'none'}"
        )
    if problem := damage(root / "releases" / release_id):
        raise PublishError(f"release {release_id} is damaged ({problem}); choose another of: {ids}")
    _refuse_older_than_erasure(settings, root / "releases" / release_id)
    flip(root, release_id)
    record(root, release_id, "rollback")
    return release_id


def _refuse_older_than_erasure(settings: Settings, release: Path) -> None:
    """A release that was built before somebody was erased still shows them."""
    manifest = read_manifest(release)
    is_older = manifest is None or manifest["built_at"] < erasure_proofs.last_erasure(
        settings.erasures
    )
    if not is_older and settings.warehouse.exists():
        with open_warehouse(settings) as connection:
            is_older = bool(erasing.owed(connection))
    if is_older:
        raise PublishError(
            f"release {release.name} is older than an erasure and shows who was erased; "
            "run `journey nightly` for one without them"
        )


def previous_manifest(settings: Settings, as_of_at: str) -> dict[str, Any] | None:
    """
    The manifest of the current release, which a candidate may not fall far below.

    None before the first release, and when the candidate looks back to an earlier instant.
    """
    root = settings.published
    manifest = read_manifest(root / "current")
    if manifest is None and (whole := release_ids(root)):
        manifest = read_manifest(root / "releases" / whole[-1])  # the current one is damaged
    return None if manifest is None or as_of_at < manifest["as_of_at"] else manifest


def previous_release(settings: Settings) -> restating.Release | None:
    """The release that readers see, or where it is damaged the last whole one; None without."""
    root = settings.published
    current, whole = current_release(root), release_ids(root)
    name = current if current in whole else next(reversed(whole), None)
    manifest = read_manifest(root / "releases" / name) if name else None
    return restating.Release(root / "releases" / str(name), manifest) if manifest else None


def code_version() -> str:
    """Project version, with the commit where there is a checkout."""
    import tomllib

    version = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]["version"]
    git = shutil.which("git")
    if git is None:
        return str(version)
    commit = subprocess.run(
        [git, "-C", str(ROOT), "rev-parse", "--short=12", "HEAD"],
        capture_output=True,
        text=True,
        check=False,
    )
    return f"{version}+{commit.stdout.strip()}" if commit.returncode == 0 else str(version)


def record(root: Path, release_id: str, note: str) -> None:
    """Add a line to the ledger of releases: when which became current, and why."""
    line = {
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "release": release_id,
        "note": note,
    }
    path = root / "ledger.jsonl"
    if path.exists() and not path.is_file():
        set_aside(path)
    with path.open("a", encoding="utf-8") as stream:
        stream.write(json.dumps(line) + "\n")
        stream.flush()
        os.fsync(stream.fileno())


def prune(root: Path, keep: int) -> list[str]:
    """Drop old releases, never the current one; returns which."""
    current = current_release(root)
    kept = set([name for name in release_ids(root) if name != current][::-1][: keep - 1])
    dropped = [p for p in (root / "releases").glob("[!.]*") if p.name not in {*kept, current}]
    for path in dropped:  # damaged ones go, too
        set_aside(path)
    clear_leftovers(root)
    return [path.name for path in dropped]


def prune_audits(settings: Settings, candidate: str) -> None:
    """Drop the audits of releases that are gone, and of candidates that none was made of."""
    kept = {candidate}
    for name in release_ids(settings.published):
        if manifest := read_manifest(settings.published / "releases" / name):
            kept.add(str(manifest["fingerprint"]))
    for path in settings.audits.glob("*.json"):
        if path.stem not in kept:
            path.unlink()


def clear_leftovers(root: Path) -> None:
    """What a killed publish left behind."""
    for path in [*(root / "releases").glob(".tmp-*"), *(root / "releases").glob(".old-*"),
                 *root.glob(".old-*"), *root.glob(".current-new")]:  # fmt: skip
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink()


def make_durable(folder: Path) -> None:
    """Make the release read-only and durable."""
    for path in [*folder.rglob("*"), folder]:
        if path.is_dir():
            path.chmod(0o755)
            files.sync_directory(path)
        else:
            path.chmod(0o444)
            with path.open("rb") as stream:
                os.fsync(stream.fileno())


def _text(path: Path) -> str:
    return str(path).replace("'", "''")


def _literal(value: Any) -> str:
    if value is None:
        return "null"
    return str(value) if isinstance(value, int) else "'" + str(value).replace("'", "''") + "'"


def run_list() -> None:
    """List the releases of the home, the current one starred, damaged ones with their damage."""
    settings = load_settings()
    current = current_release(settings.published)
    for folder in sorted((settings.published / "releases").glob("[!.]*")):
        problem = damage(folder, thorough=False)
        print(
            ("* " if folder.name == current else "  ")
            + folder.name
            + (f"  DAMAGED: {problem}" if problem else "")
        )


def run_publish() -> None:
    """Publish the candidate of the home."""
    _make_current(lambda settings: publish(settings, say=print))


def run_rollback(release_id: str = "") -> None:
    """Make a release current again; without its id, the one before the current."""
    _make_current(lambda settings: rollback(settings, release_id or None))


def _make_current(choose: Callable[[Settings], str]) -> None:
    settings = load_settings()
    with (
        command.failing_on(audits.GateClosed, PublishError, WarehouseDamaged, duckdb.Error),
        single_writer(settings.home),
    ):
        release = choose(settings)
    print(f"current release: {release}")
