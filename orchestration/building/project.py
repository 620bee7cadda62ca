"""The dbt project as Dagster sees it: manifest, executable, resource."""

from __future__ import annotations

import importlib.metadata
import os
import subprocess
import time
from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

from dagster_dbt import DagsterDbtTranslator, DagsterDbtTranslatorSettings, DbtCliResource
from dagster_dbt.core import dbt_cli_invocation
from packaging.version import Version

from orchestration.base.command import Failed
from orchestration.building import dbt_ahead
from orchestration.settings import DBT, DBT_PROJECT_DIR, SEEDS_DIR

MANIFEST = DBT_PROJECT_DIR / "target" / "manifest.json"
# Time of the manifest that `ensure_manifest` made: one that plain `dbt parse` wrote is another.
OWN_MANIFEST = MANIFEST.with_name("own_manifest.txt")


class OfflineDbtCliResource(DbtCliResource):
    """
    dagster-dbt without what it does before dbt starts.

    It asks `dbt --version`, which asks the package index, and imports dbt to open the warehouse for
    metadata of columns, which nobody asks it for.
    """

    @cached_property
    def _cli_version(self) -> Version:
        return Version(importlib.metadata.version("dbt-core"))

    def _initialize_dbt_core_adapter(self, args: Sequence[str]) -> Any:
        """No adapter; dagster-dbt's invocation does without."""
        return None


class _Processes:
    """`subprocess` as dagster-dbt uses it, where dbt may have been started before."""

    PIPE, STDOUT = subprocess.PIPE, subprocess.STDOUT
    Popen = staticmethod(dbt_ahead.popen)


dbt_cli_invocation.subprocess = _Processes  # type: ignore[assignment]  # stands in for the module


def dbt_resource() -> OfflineDbtCliResource:
    """The dbt command line of this environment on this project."""
    return OfflineDbtCliResource(
        project_dir=str(DBT_PROJECT_DIR),
        profiles_dir=str(DBT_PROJECT_DIR),
        dbt_executable=DBT[0],
        global_config_flags=[*DBT[1:], "--no-use-colors", "--log-level-file", "warn"],
    )


def is_stale(manifest: Path = MANIFEST) -> bool:
    """Whether a file of the project is younger than the manifest, or none of our own is there."""
    if not manifest.exists() or (manifest == MANIFEST and not _is_own(manifest)):
        return True
    files = [
        path
        for folder in (DBT_PROJECT_DIR, SEEDS_DIR)
        for path in folder.rglob("*")
        if path.is_file() and "target" not in path.parts and "logs" not in path.parts
    ]
    return max(path.stat().st_mtime for path in files) > manifest.stat().st_mtime


def ensure_manifest(environment: dict[str, str]) -> Path:
    """
    Parse the project when its manifest is stale; yesterday's manifest is never used.

    All of it: after some edits of macros dbt's partial parsing misses dependencies or descriptions.
    Raises `Failed` when dbt cannot read the project.
    """
    if is_stale():
        if not os.access(MANIFEST.parent if MANIFEST.parent.exists() else DBT_PROJECT_DIR, os.W_OK):
            raise Failed(
                f"the models in {DBT_PROJECT_DIR} are newer than what was read of them, and its "
                "folder target cannot be written; run `make setup` as the owner of the checkout"
            )
        parsed = subprocess.run(
            [
                *DBT,
                "--quiet",
                "parse",
                "--no-partial-parse",
                "--project-dir",
                str(DBT_PROJECT_DIR),
                "--profiles-dir",
                str(DBT_PROJECT_DIR),
                "--log-path",
                str(MANIFEST.parent),
            ],
            env={**os.environ, **environment},
            check=False,
        )
        if parsed.returncode:
            raise Failed("dbt cannot read the project; correct what it says above")
        now = int(time.time())
        os.utime(MANIFEST, (now, now))  # whole seconds: an image keeps no fractions
        OWN_MANIFEST.write_text(str(MANIFEST.stat().st_mtime_ns), "utf-8")
    return MANIFEST


def _is_own(manifest: Path) -> bool:
    try:
        return OWN_MANIFEST.read_text("utf-8") == str(manifest.stat().st_mtime_ns)
    except OSError:
        return False


class Translator(DagsterDbtTranslator):
    """Group = domain folder; a dbt test of severity error blocks what is downstream."""

    def __init__(self) -> None:
        """Make asset checks of dbt tests, also those of sources."""
        super().__init__(
            settings=DagsterDbtTranslatorSettings(
                enable_asset_checks=True, enable_source_tests_as_checks=True
            )
        )

    def get_group_name(self, dbt_resource_props: Mapping[str, Any]) -> str | None:
        """The domain folder of a model, `seeds` for seeds."""
        if dbt_resource_props["resource_type"] == "seed":
            return "seeds"
        return str(dbt_resource_props["fqn"][-2])
