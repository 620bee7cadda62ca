"""A new home is filled with the shipped sample, which is never mixed with other data."""

from __future__ import annotations

import shutil
from pathlib import Path

import duckdb

from orchestration.base import files
from orchestration.loading import ledger, reading
from orchestration.loading.adapters import ImportFailed
from orchestration.rules import home as home_rules
from orchestration.settings import SAMPLE_DIR, SAMPLE_RULES, Settings

SAMPLE_MARK = "This home holds the shipped synthetic sample. Nobody in it exists.\n"
ANOTHER_HOME = "set JOURNEY_HOME to a new folder for your data, or empty this one with `make clean`"


def fill_with_sample(settings: Settings, connection: duckdb.DuckDBPyConnection) -> bool:
    """
    Copy the shipped sample and its rules into a home in which nothing was ever loaded.

    Returns whether it did. Raises `ImportFailed` when other files lie beside the sample.
    """
    shipped = {p.relative_to(SAMPLE_DIR) for p in SAMPLE_DIR.rglob("*") if p.is_file()}
    present = {
        path.relative_to(settings.landing)
        for path in reading.files_below(settings.landing)
        if not path.name.startswith(".")
    }
    strangers = sorted(reading.shown(path) for path in present - shipped)
    if settings.is_sample and strangers:
        raise ImportFailed(
            f"{settings.landing} holds the synthetic sample and also {', '.join(strangers[:5])}; "
            f"sample and real data are never mixed: {ANOTHER_HOME}"
        )
    # A home that is marked as the sample's, and in which nothing is loaded, was killed here.
    if was_ever_loaded(settings, connection) or (present and not settings.is_sample):
        return False
    if not settings.is_sample and has_own_rules(settings):
        return False  # it was made for somebody's own data
    files.write_whole(settings.sample_mark, SAMPLE_MARK)
    copy_rules(SAMPLE_RULES, settings)
    shutil.copytree(SAMPLE_DIR, settings.landing, dirs_exist_ok=True)
    return True


def was_ever_loaded(settings: Settings, connection: duckdb.DuckDBPyConnection) -> bool:
    """Whether any file ever was, also a refused one, by all that a run leaves."""
    ledger.create(connection, [])
    return bool(
        ledger.count(connection, "ops.files")
        or settings.journal.exists()
        or any((settings.published / "releases").iterdir())
        or any(settings.warehouse.parent.glob("damaged-*"))
    )


def has_own_rules(settings: Settings) -> bool:
    """Whether the home has rules of its own, right or wrong; templates without a row are none."""
    try:
        return home_rules.load(settings.home).are_own
    except home_rules.RulesError:
        return True


def copy_rules(source: Path, settings: Settings) -> int:
    """
    Copy a folder of rules into a home that has none; returns how many files it copied.

    Templates that nobody filled in make room.
    """
    if not source.is_dir() or has_own_rules(settings):
        return 0
    folder = settings.home / "rules"
    folder.mkdir(mode=0o700, exist_ok=True)
    paths = sorted(path for path in source.iterdir() if path.is_file())
    for path in paths:
        shutil.copyfile(path, folder / path.name)
    return len(paths)
