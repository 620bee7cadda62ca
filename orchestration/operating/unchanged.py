"""
A night that brings nothing new: everything that a run takes in is as it was for the last release.

A whole run that published leaves in `<home>/work/inputs.json` what it took in: files of the landing
zone, rules, settings, warehouse, code, libraries, and the instant that it was asked for. Files are
compared by size and times, as the loader does, so that a landing zone of many files costs their
listing. Where only the landing zone differs, the ledger tells whether a load would bring anything:
files that were touched, renamed or copied are known by their content. Where all is the same and the
release is whole, another run would publish it again.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import os
import sys
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import asdict
from datetime import UTC, date, datetime
from pathlib import Path

import duckdb

from orchestration.base import sealed
from orchestration.base.database import open_warehouse
from orchestration.loading import contract, erasing, ledger, loader
from orchestration.publishing import releasing
from orchestration.rules import home as home_rules
from orchestration.settings import DBT_PROJECT_DIR, ROOT, SEEDS_DIR, Settings

_CODE = (DBT_PROJECT_DIR, SEEDS_DIR, ROOT / "expectations", ROOT / "orchestration")
_NO_CODE = ("__pycache__", "target", "logs")


def release(settings: Settings, as_of_at: str) -> str | None:
    """The current release, when a run as of that instant (empty: the data's) would say the same."""
    record = sealed.read(_path(settings))
    if record is None or record["inputs"] != _inputs(settings, as_of_at):
        return None
    release_id = str(record["release_id"])
    if releasing.current_release(settings.published) != release_id:
        return None
    if releasing.damage(settings.published / "releases" / release_id) is not None:
        return None
    landing = _landing(settings)
    if record["landing"] != landing:
        if not _brings_nothing(settings):
            return None
        sealed.write(_path(settings), record | {"landing": landing})
    return release_id


def forget(settings: Settings) -> None:
    """A run begins: until it has published, nothing is known to be unchanged."""
    _path(settings).unlink(missing_ok=True)


def remember(settings: Settings, as_of_at: str, release_id: str) -> None:
    """A whole run published a release, and has closed the warehouse."""
    if not _waits_for_the_clock(settings):
        inputs, landing = _inputs(settings, as_of_at), _landing(settings)
        record = {"release_id": release_id, "inputs": inputs, "landing": landing}
        sealed.write(_path(settings), record)


def _path(settings: Settings) -> Path:
    return settings.home / "work" / "inputs.json"


def _waits_for_the_clock(settings: Settings) -> bool:
    """Whether people are to be erased later, or an erasure is not settled yet."""
    with open_warehouse(settings) as connection:
        if erasing.owed(connection):
            return True
        now = datetime.now(UTC).replace(tzinfo=None)
        with suppress(duckdb.CatalogException):  # no contacts were ever loaded
            return ledger.count(connection, f"raw_crm.contacts where erased_at > '{now}'") > 0
    return False


def _brings_nothing(settings: Settings) -> bool:
    """Whether all that lies in the landing zone is known, so that a load would change nothing."""
    if settings.is_sample:  # nothing may lie beside it, not even a copy
        return False
    rules = home_rules.load(settings.home)
    tables = contract.load_contract(rules, business_timezone=settings.business_timezone)
    with suppress(duckdb.Error), duckdb.connect(settings.warehouse, read_only=True) as connection:
        # When such a file was written tells that the clock of its load stood behind.
        is_clock_doubted = ledger.count(
            connection, "ops.quarantined_rows where reason = 'R_TS_FUTURE'"
        )
        return not is_clock_doubted and loader.brings_nothing(connection, tables, settings.landing)
    return False


def _landing(settings: Settings) -> str:
    """Digest of the names, sizes and times of all files of the landing zone."""
    return hashlib.sha256(json.dumps(list(_stamps(settings.landing))).encode()).hexdigest()


def _inputs(settings: Settings, as_of_at: str) -> str:
    """Digest of all that a run takes in beside the landing zone."""
    home, pepper = settings.home, settings.effective_pepper or ""
    try:
        rules = home_rules.load(home)
    except home_rules.RulesError:
        return "wrong rules"
    limits = [
        asdict(contract.limits(rules.rows("load_thresholds"), source, date.today()))
        for source in ("web", "crm", "survey", "privacy")
    ]
    values = {
        "as_of_at": as_of_at,
        "root": str(ROOT),
        "settings": {
            name: value
            for name, value in asdict(settings).items()
            if name not in ("home", "pepper", "sources")
        },
        "pepper": hmac.digest(pepper.encode(), b"inputs of a run", "sha256").hex(),
        "rules": rules.digest,
        "limits": limits,
        "versions": [duckdb.__version__, sys.version],
        "files": [
            *_stamps(settings.warehouse),
            *_stamps(settings.journal),
            *_stamps(settings.sample_mark),
            *_stamps(home / "activation" / "ledger.jsonl"),
            *(stamp for folder in _CODE for stamp in _stamps(folder)),
            *_stamps(ROOT / "requirements.lock"),
        ],
    }
    text = json.dumps(values, sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()


def _stamps(path: str | Path) -> Iterator[tuple[str, int, int, int]]:
    """Name, size and times of a file, or of all files below a folder, sorted; none are read."""
    path = str(path)
    try:
        stat = os.stat(path)
        if not os.path.isdir(path):
            yield path, stat.st_size, stat.st_mtime_ns, stat.st_ctime_ns
            return
        names = sorted(os.listdir(path))
    except FileNotFoundError:
        yield path, -1, -1, -1
        return
    for name in names:
        if name not in _NO_CODE:
            yield from _stamps(os.path.join(path, name))
