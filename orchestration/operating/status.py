"""
`journey status`: how a home is, on one screen; `journey settings`: what holds in it, and why.

Both only look: they take no lock, write nothing, and answer while a run goes on. The run has the
warehouse to itself then, and the published release says what it can instead. All instants are UTC.
"""

from __future__ import annotations

import json
import os
import shutil
import textwrap
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb

from orchestration.base import locking
from orchestration.base.release import CHECKS_PAGE, DATABASE
from orchestration.gate import audits
from orchestration.loading.adapters import adapters, read_adapter
from orchestration.operating import runs
from orchestration.publishing import releasing
from orchestration.settings import (
    ADAPTER_CHOICES,
    Settings,
    SettingsError,
    default_settings,
    home_path,
    load_settings,
    pepper_source,
    read_adapter_choices,
    read_retention,
    read_settings,
    variables,
)

LAST_RUNS = 5
LISTED = 5
PARTS = ("landing", "warehouse", "published", "work", "audit", "erasures", "dagster")
MINUTES = "%Y-%m-%d %H:%M"


def status(home: Path, now: datetime) -> str:
    """
    What can be said of a home at an instant; whatever is missing or damaged is reported as well.

    Raises `SettingsError` when the home is no folder.
    """
    if not home.exists():
        return f"{'home':11} {home} does not exist yet; `journey nightly` makes it"
    try:
        settings, problem = load_settings(home), ""
    except SettingsError as error:
        if not home.is_dir():
            raise
        settings, problem = default_settings(home), str(error)
    holder = locking.holder(home)
    if settings.is_sample:
        kind = "synthetic sample"
    else:
        kind = "own data" if _has_files(settings.landing) else "nothing in the landing zone yet"
    sections = [("home", [f"{settings.home} ({kind})"])]
    if problem:
        sections.append(("settings", [problem]))
    sections += [
        ("now", [f"a run is going on (process {holder})" if holder else "nothing is running"]),
        ("release", list(_release(settings, now))),
        *_data(settings, holder),
        *_runs(settings, holder),
        ("disk", [_disk(settings)]),
    ]
    return "\n".join(
        f"{name if number == 0 else '':11} {line}"
        for name, lines in sections
        for number, line in enumerate(lines)
    )


def _has_files(folder: Path) -> bool:
    return any(files for _, _, files in os.walk(folder))


def _release(settings: Settings, now: datetime) -> Iterator[str]:
    root = settings.published
    current, link = releasing.current_release(root), root / "current"
    if current is None:
        is_there = link.exists() or link.is_symlink()
        yield (
            f"{link} is no link to a release; `journey nightly` sets it right"
            if is_there
            else "none yet; run `journey nightly`"
        )
    else:
        folder = root / "releases" / current
        manifest = releasing.read_manifest(folder)
        if problem := releasing.damage(folder, thorough=False):
            yield f"{current} is damaged ({problem}); `journey nightly` or `journey rollback`"
        elif manifest:
            built_at = datetime.fromisoformat(manifest["built_at"]).replace(tzinfo=UTC)
            yield f"{current}, as of {manifest['as_of_at']} UTC"
            age = _lasting((now - built_at).total_seconds())
            yield f"built {built_at:{MINUTES}} UTC, {age} ago"
            warnings = manifest.get("warnings", [])
            yield from (f"warning: {text}"[:400] for text in warnings[:LISTED])
            if len(warnings) > LISTED:
                yield f"and {len(warnings) - LISTED} more warnings: {folder / CHECKS_PAGE}"
    if whole := len(releasing.release_ids(root)):
        yield f"{whole} kept, of at most {settings.keep_releases}"


def _data(settings: Settings, holder: int | None) -> Iterator[tuple[str, list[str]]]:
    """Sections about the loads: from the warehouse, or from the release while that is in use."""
    if holder is None:
        if not settings.warehouse.exists():
            yield "data", ["nothing is loaded; `journey nightly` loads the landing zone"]
            return
        try:
            with closing(_connect(settings.warehouse)) as connection:
                yield from _of_ledger(connection)
            return
        except duckdb.CatalogException:
            yield "data", ["nothing is loaded; `journey nightly` loads the landing zone"]
            return
        except duckdb.Error as error:
            if "Could not set lock" not in str(error):
                yield (
                    "data",
                    [
                        "the warehouse cannot be read: it is damaged, or of another version; "
                        "`journey nightly` loads it again where it has to"
                    ],
                )
                return
    try:
        database = settings.published / "current" / DATABASE
        with closing(_connect(database)) as connection:
            yield from _of_release(connection)
    except duckdb.Error:
        yield "data", ["the warehouse is in use, and there is no release to look at"]


def _connect(path: Path) -> duckdb.DuckDBPyConnection:
    config: dict[str, Any] = {
        "enable_external_access": "false",
        "autoinstall_known_extensions": "false",
        "autoload_known_extensions": "false",
        "memory_limit": "500MB",
        "threads": 1,
    }
    return duckdb.connect(str(path), read_only=True, config=config)


def _of_ledger(connection: duckdb.DuckDBPyConnection) -> Iterator[tuple[str, list[str]]]:
    sources = connection.execute(
        "select source, max(data_through_at) filter (where status = 'loaded'), "
        "count(*) filter (where status = 'loaded'), count(*) filter (where status = 'rejected') "
        "from ops.files group by source order by source"
    ).fetchall()
    reasons = connection.execute(
        "select reason, count(*) from ops.quarantined_rows "
        "inner join ops.files using (file_id, source, table_name) where status = 'loaded' "
        "group by reason order by count(*) desc, reason"
    ).fetchall()
    findings = [pair for found in audits.last_findings(connection).values() for pair in found]
    yield "data", _sources(sources) or ["no file is loaded"]
    yield "quarantine", [_quarantined(Counter(dict(reasons)))]
    yield "drift", _drift(findings)
    if left := _retained(connection):
        yield "retention", left


def _retained(connection: duckdb.DuckDBPyConnection) -> list[str]:
    """What has left raw tables by their limits."""
    known = connection.execute(
        "select count(*) from duckdb_tables() "
        "where schema_name = 'ops' and table_name = 'retentions'"
    ).fetchone()
    if known == (0,):  # of an earlier version
        return []
    return [
        f"{source}/{name} from {cutoff_at:{MINUTES}} UTC on: of what was loaded before, "
        f"{versions:,} replaced versions and {quarantined:,} quarantined rows have left"
        for source, name, cutoff_at, versions, quarantined in connection.execute(
            "select source, table_name, max(cutoff_at), sum(versions), sum(quarantined_rows) "
            "from ops.retentions group by all having sum(versions + quarantined_rows) > 0 "
            "order by all"
        ).fetchall()
    ]


def _of_release(connection: duckdb.DuckDBPyConnection) -> Iterator[tuple[str, list[str]]]:
    sources = connection.execute(
        "select source, max(data_through_at) filter (where file_status = 'loaded'), "
        "count(*) filter (where file_status = 'loaded'), "
        "count(*) filter (where file_status = 'rejected') "
        "from marts.load_quality group by source order by source"
    ).fetchall()
    files = connection.execute(
        "select quarantine_reasons, drift is not null from marts.load_quality "
        "where file_status = 'loaded'"
    ).fetchall()
    reasons: Counter[str] = Counter()
    for text, _ in files:
        for part in (text or "").split(", "):
            reason, _, count = part.partition("=")
            reasons.update({reason: int(count)} if count else {})
    drifted = sum(has_drift for _, has_drift in files)
    yield "data", [*_sources(sources), "by the release: the warehouse is in use"]
    yield "quarantine", [_quarantined(reasons)]
    yield "drift", [f"{drifted} of {len(files)} files of the release differed"]


def _sources(rows: list[Any]) -> list[str]:
    return [
        f"{source:8} through {through:{MINUTES}} UTC, {loaded} files"
        + (f", {rejected} refused" if rejected else "")
        if through
        else f"{source:8} {loaded} files, no instants" + (f", {rejected} refused" * bool(rejected))
        for source, through, loaded, rejected in rows
    ]


def _quarantined(reasons: Counter[str]) -> str:
    listed = ", ".join(f"{reason} {count:,}" for reason, count in reasons.most_common(LISTED))
    others = len(reasons) - LISTED
    return f"{reasons.total():,} rows" + (f": {listed}" if listed else "") + (
        f" and {others} more reasons" if others > 0 else ""
    )  # fmt: skip


def _drift(findings: list[tuple[str, str]]) -> list[str]:
    counts = Counter(severity for severity, _ in findings)
    shown = [text for severity, text in findings if severity != "info"]
    return [
        f"{counts['fail']} failures, {counts['warn']} warnings, {counts['info']} notes "
        "in the last files of each table",
        *(text[:160] for text in shown[:LISTED]),
        *([f"and {len(shown) - LISTED} more"] if len(shown) > LISTED else []),
    ]


def _runs(settings: Settings, holder: int | None) -> Iterator[tuple[str, list[str]]]:
    past = runs.past_runs(settings.home)
    lines = []
    for run in past[: -LAST_RUNS - 1 : -1]:
        # In containers every run has the same number: only the last can go on.
        goes_on = run is past[-1] and run.pid == holder
        how = run.outcome or ("goes on" if goes_on else "killed")
        took = f"{run.seconds:,.0f} s" if run.seconds is not None else ""
        lines.append(
            f"{run.started_at:{MINUTES}} UTC {took:>8}  {how:11} "
            f"{run.release_id or '':21} {run.launched_by}".rstrip()
        )
    yield "last runs", lines or ["none is recorded"]
    ended = [run for run in past if run.outcome not in (None, "unchanged")]
    if ended:
        counts = ended[-1].checks or {}
        words = {"pass": "passed", "warn": "warned", "fail": "failed"}
        counted = ", ".join(f"{counts.get(name, 0)} {word}" for name, word in words.items())
        yield (
            "checks",
            [f"{counted} in the last run that ended" if counts else "none in the last run"],
        )
    for name in (runs.FAILURE, runs.REFUSAL):
        path = settings.home / name
        try:
            lines = path.read_text("utf-8", errors="replace").splitlines()
        except OSError:
            continue
        reasons = [
            part
            for line in lines
            if "✗" in line
            for part in textwrap.wrap(line.strip(), 100, subsequent_indent="  ")
        ]
        yield "failure", [*reasons[: 2 * LISTED], f"all of it: {path}"]


def _disk(settings: Settings) -> str:
    free = shutil.disk_usage(settings.home).free
    sizes = {part: _size(settings.home / part) for part in PARTS}
    parts = ", ".join(f"{part} {_bytes(size)}" for part, size in sizes.items() if size)
    whole = _bytes(_size(settings.home))
    return f"{_bytes(free)} free; the home takes {whole}" + (f": {parts}" if parts else "")


def _size(folder: Path) -> int:
    """Bytes of the files below a folder; links are not followed."""
    total = 0
    for parent, _, names in os.walk(folder):
        for name in names:
            try:
                total += os.lstat(os.path.join(parent, name)).st_size
            except OSError:  # it went while we looked
                continue
    return total


def _bytes(size: int) -> str:
    for unit, factor in (("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if size >= factor:
            return f"{size / factor:.1f} {unit}"
    return f"{size} B"


def _lasting(seconds: float) -> str:
    for unit, length in (("days", 86400), ("hours", 3600), ("minutes", 60)):
        if seconds >= 2 * length:
            return f"{seconds / length:.0f} {unit}"
    return f"{max(seconds, 0):.0f} seconds"


def settings_table(home: Path) -> str:
    """
    Each setting with its value and source, what holds by environment only (never a secret), and
    how the exports of each adapter are written where the adapter or the home says so.

    Raises `SettingsError` when they cannot be read.
    """
    values, sources = read_settings(home)
    rows = [("home", str(home), "JOURNEY_HOME" if _is_set("JOURNEY_HOME") else "default")]
    rows += [(name, value, sources[name]) for name, value in values.items()]
    source = pepper_source(home)
    rows.append(("pepper", "none" if source == "default" else "set, not shown", source))
    rows += [(name, value, "environment only") for name, value in variables().items()]
    rows += [
        (f"retention.{label}", f"{months} months", str(home / "journey.toml"))
        for label, months in read_retention(home).items()
    ]
    rows += _adapter_rows(home)
    widths = [max(len(row[column]) for row in rows) for column in (0, 1)]
    widths[1] = min(widths[1], 40)  # a long pattern moves its own source alone
    return "\n".join(f"{n:{widths[0]}}  {v:{widths[1]}}  {s}" for n, v, s in rows)


def _adapter_rows(home: Path) -> Iterator[tuple[str, str, str]]:
    own = read_adapter_choices(home)
    for adapter in adapters():
        inputs = read_adapter(adapter).inputs.values()
        for key in ADAPTER_CHOICES:
            name = f"adapters.{adapter}.{key}"
            if key in own.get(adapter, {}):
                yield name, own[adapter][key], str(home / "journey.toml")
            elif shipped := {value for one in inputs if (value := getattr(one, key))}:
                yield name, "; ".join(sorted(shipped)), f"adapters/{adapter}/adapter.toml"


def _is_set(variable: str) -> bool:
    return variables()[variable] != "not set"


def health(home: Path, now: datetime, maximum_hours: float | None = None) -> dict[str, Any]:
    """
    How a home is, for a program: `problems` is empty when it is as it should be.

    It is when a whole release is current, built not more than `maximum_hours` ago (or found
    unchanged by a run since), and the last run that ended did not fail. A run that goes on is none.
    """
    found: dict[str, Any] = {"home": str(home), "problems": []}
    try:
        settings = load_settings(home)
    except SettingsError as error:
        return found | {"problems": [str(error)]}
    past = runs.past_runs(home)
    ended = next((run for run in reversed(past) if run.outcome), None)
    release_id = releasing.current_release(settings.published)
    found |= {
        "running_process": locking.holder(home),
        "release": release_id,
        "last_outcome": ended.outcome if ended else None,
        "last_started_at": ended.started_at.isoformat() if ended else None,
        "last_checks": ended.checks if ended else None,
    }
    if (home / runs.FAILURE).exists():
        found["problems"].append(f"the last run failed: {home / runs.FAILURE}")
    elif ended and ended.outcome == "failed":  # on a full disk, which took no file
        found["problems"].append("the last run failed")
    if past and not past[-1].outcome and past[-1].pid != found["running_process"]:
        found["problems"].append("the last run was killed")
    if release_id is None:
        return found | {"problems": [*found["problems"], "no release is current"]}
    folder = settings.published / "releases" / release_id
    manifest = releasing.read_manifest(folder)
    if problem := releasing.damage(folder, thorough=False):
        found["problems"].append(f"release {release_id} is damaged: {problem}")
    if manifest is None:
        return found
    built_at = datetime.fromisoformat(manifest["built_at"]).replace(tzinfo=UTC)
    seen = [run.started_at for run in past if run.outcome in ("published", "unchanged")]
    age = (now - max([built_at, *seen])).total_seconds() / 3600
    found |= {
        "as_of_at": manifest["as_of_at"],
        "built_at": built_at.isoformat(),
        "warnings": manifest["warnings"],
    }
    if maximum_hours is not None and age > maximum_hours:
        found["problems"].append(f"no run has published for {age:.0f} hours")
    return found


def run(as_json: bool = False, maximum_hours: float | None = None) -> int:
    """Print how the home is; as JSON, the status is 1 when something is wrong with it."""
    home, now = home_path(), datetime.now(UTC)
    if not as_json:
        print(status(home, now))
        return 0
    found = health(home, now, maximum_hours)
    print(json.dumps(found, indent=1, ensure_ascii=False))
    return int(bool(found["problems"]))


def run_settings() -> None:
    """Print every setting with its value and where that comes from; one that is wrong is named."""
    home = home_path()
    print(settings_table(home))
    load_settings(home)
