"""
MetricFlow on the published release: `journey metrics query --metrics cvr ...`.

`mf` reads a dbt project and the database that its profile names. Here both are of the release: a
folder of links to the project, parsed for the release's file, which is opened read-only. What `mf`
would ask the network (for its newest version) is not asked.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

from orchestration.base import command
from orchestration.base.release import DATABASE
from orchestration.building.project import is_stale
from orchestration.settings import DBT, DBT_PROJECT_DIR, SEEDS_DIR, Settings, load_settings

LIBRARIES = Path(sys.prefix) / "semantic"


def prepare(settings: Settings) -> Path:
    """Link and parse the project for the current release; returns its folder."""
    release = (settings.published / "current").resolve() / DATABASE
    if not release.exists():
        raise FileNotFoundError(f"{release}: there is no release yet; run `journey nightly`")
    folder = settings.home / "work" / "semantic" / "dbt_project"
    folder.mkdir(parents=True, exist_ok=True)
    for target in [*DBT_PROJECT_DIR.iterdir(), SEEDS_DIR]:
        link = (folder.parent if target == SEEDS_DIR else folder) / target.name
        if target.name not in ("target", "logs") and not link.is_symlink():
            link.symlink_to(target)
    os.environ.update(
        settings.environment()
        | {
            "JOURNEY_WAREHOUSE": str(release),
            "JOURNEY_TARGET": "release",
            "DBT_PROJECT_DIR": str(folder),
            "DBT_PROFILES_DIR": str(folder),
        }
    )
    if is_stale(folder / "target" / "manifest.json"):
        subprocess.run([*DBT, "--quiet", "parse"], cwd=folder, check=True)
        _hide_parts(folder / "target" / "semantic_manifest.json")
    return folder


def _hide_parts(path: Path) -> None:
    """Let MetricFlow list no numerators and denominators; dbt has no word for that yet."""
    manifest = json.loads(path.read_text("utf-8"))
    for metric in manifest["metrics"]:
        if ((metric.get("config") or {}).get("meta") or {}).get("is_part"):
            metric["type_params"]["is_private"] = True
    path.write_text(json.dumps(manifest), "utf-8")


def run(arguments: list[str]) -> int:
    """Run `mf` with these arguments on the published release."""
    if not LIBRARIES.exists():
        raise command.Failed("MetricFlow is not installed: run `make metricflow` once")
    with command.failing_on(FileNotFoundError):
        folder = prepare(load_settings())
    os.chdir(folder)
    sys.path.append(str(LIBRARIES))
    import update_checker

    update_checker.UpdateChecker.check = lambda *_, **__: None
    from dbt_metricflow.cli.main import cli

    cli(args=arguments, prog_name="mf")
    return 0
