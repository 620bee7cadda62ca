"""
Cases: small inputs that once gave wrong numbers, each with the right ones.

A case is a folder `tests/cases/<name>/`: files of the contract in `landing/`, or a vendor's export
in `export/<adapter>/`, or both; exports that are imported after a load in `export_2/`; rules of the
company in `rules/` where it needs some; and `expected.yml`: what is right and why (`right`), where
it was learned (`sources`), optionally the instant of the run (`as_of_at`, UTC) and settings of the
home that act on import and load (`settings`), under `refused` by adapter the words with which its
export is refused, and under `shows` the queries, each with its rows as text. The case goes through
import, load and all models, as compiled for JPY and Asia/Tokyo, and no check of the loads closes
the gate.
"""

from __future__ import annotations

import re
import shutil
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import yaml

from orchestration.building import builds
from orchestration.developing.compiled import Project
from orchestration.gate import audits
from orchestration.loading import erasing, loader
from orchestration.loading.adapters import ImportFailed
from orchestration.loading.contract import load_contract
from orchestration.loading.importing import import_export
from orchestration.rules import home as home_rules
from orchestration.settings import load_settings
from tests.conftest import PEPPER

CASES = Path(__file__).resolve().parent.parent / "cases"
NAMES = sorted(path.parent.name for path in CASES.glob("*/expected.yml"))


def text(value: Any) -> str:
    """A value as it stands in expected.yml; how many zeros end a decimal says nothing."""
    shown = "" if value is None else str(value)
    return shown.rstrip("0").rstrip(".") if re.fullmatch(r"-?\d+\.\d+", shown) else shown


@pytest.mark.parametrize("name", NAMES)
def test_case(name: str, project: Project, tmp_path: Path) -> None:
    case = CASES / name
    expected = yaml.safe_load((case / "expected.yml").read_text("utf-8"))
    home = tmp_path / "home"
    home.mkdir()
    for part in ("landing", "rules"):
        if (case / part).exists():
            shutil.copytree(case / part, home / part)
    given = "".join(f'{key} = "{value}"\n' for key, value in expected.get("settings", {}).items())
    (home / "journey.toml").write_text(given, "utf-8")
    settings = load_settings(home)
    settings.prepare()
    refused = expected.get("refused", {})

    def imported(exports: Path) -> None:
        for export in sorted(exports.glob("*")):
            if export.name in refused:
                with pytest.raises(ImportFailed, match=refused[export.name]):
                    import_export(export.name, export, settings)
            else:
                import_export(export.name, export, settings)

    imported(case / "export")
    if "shows" not in expected:
        return
    own = home_rules.load(home)
    as_of_at = str(expected.get("as_of_at", "2026-12-01 00:00:00"))
    with project.connect() as connection:
        project.give_rules(connection, own)
        contract = load_contract(own, business_timezone=settings.business_timezone)

        def load() -> None:
            for table in contract.values():
                loader.load_table(
                    connection,
                    table,
                    settings.landing,
                    pepper=PEPPER,
                    phone_region=settings.phone_region,
                )

        load()
        if (case / "export_2").exists():
            imported(case / "export_2")
            load()
        closing = [c for c in audits.load_checks(connection, own) if c.status == "fail"]
        assert closing == [] or not list(settings.landing.rglob("*.csv"))
        erasing.erase(connection, contract, PEPPER, "k1", datetime.now(UTC))
        builds.begin(connection, "key", as_of_at)
        project.build(connection, as_of_at, full=True)
        for show in expected["shows"]:
            found = connection.execute(show["sql"]).fetchall()
            right = [[text(value) for value in row] for row in show["rows"]]
            assert [[text(value) for value in row] for row in found] == right, show["says"]
