"""Scaffold a model: SQL skeleton, YAML entry and unit test stub, behind `journey model`."""

from __future__ import annotations

import re
import textwrap
from pathlib import Path

from orchestration.base import command
from orchestration.settings import DBT_PROJECT_DIR, ROOT

MODELS = DBT_PROJECT_DIR / "models"
NAMES = {
    "staging": r"stg_[a-z]+__[a-z_]+",
    "intermediate": r"int_[a-z_]+",
    "marts": r"(dim_[a-z0-9_]+|fct_[a-z_]+|kpi_[a-z_]+)",
}
SQL = """with source_model as (

    select * from {{{{ ref('REPLACE_ME') }}}}

)

select *
from source_model
"""
YAML = """  - name: {name}
    description: >-
      One row per REPLACE_ME.
    data_tests:
      - name: integrity_{name}
        test_name: integrity
        arguments:
          primary_key: [REPLACE_ME_id]
    columns:
      - name: REPLACE_ME_id
{data_type}        description: Key of the row.
"""
UNIT_TEST = """  - name: {name}__REPLACE_ME_what_must_hold
    model: {name}
    given:
      - input: ref('REPLACE_ME')
        rows: []
    expect:
      rows: []
"""


def scaffold(layer: str, domain: str, name: str) -> list[Path]:
    """
    Write the three stubs; returns the files touched.

    Raises `ValueError` when layer, folder or name break the naming rules, or the model exists.
    """
    if layer not in NAMES:
        raise ValueError(f"LAYER must be one of {', '.join(NAMES)}")
    if not re.fullmatch(NAMES[layer], name):
        raise ValueError(f"NAME {name!r} must match {NAMES[layer]} (docs/style.md)")
    folder = MODELS / layer / domain
    if not folder.is_dir():
        known = sorted(path.name for path in (MODELS / layer).iterdir() if path.is_dir())
        raise ValueError(f"DOMAIN must be one of {', '.join(known)}")
    query = folder / f"{name}.sql"
    if list(MODELS.rglob(f"{name}.*")):
        raise ValueError(f"model {name} exists already")
    query.write_text(SQL.format(), "utf-8")
    models = folder / f"_{domain}__models.yml"
    _append(
        models,
        "models:\n",
        YAML.format(name=name, data_type="        data_type: varchar\n" * (layer == "marts")),
    )
    touched = [query, models]
    if layer != "staging":
        unit_tests = folder / f"_{domain}__unit_tests.yml"
        _append(unit_tests, "unit_tests:\n", UNIT_TEST.format(name=name))
        touched.append(unit_tests)
    return touched


def _append(path: Path, header: str, text: str) -> None:
    """Add an entry to the list in a file, as deep as its other entries are."""
    content = path.read_text("utf-8") if path.exists() else header
    entries = re.search(r"^( *)- ", content, re.MULTILINE)
    if entries and not entries[1]:
        text = textwrap.dedent(text)
    path.write_text(content.rstrip("\n") + "\n" + text, "utf-8")


def run(layer: str, domain: str, name: str) -> None:
    """Write the stubs, and say which files they are in."""
    with command.failing_on(ValueError):
        written = scaffold(layer, domain, name)
    for path in written:
        print(path.relative_to(ROOT))
    print("next: replace every REPLACE_ME, write the unit test first; CONTRIBUTING.md, step 3")
