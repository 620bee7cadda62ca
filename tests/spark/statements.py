"""The statements of statements.yml, for the tests with Spark and without it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

STATEMENTS = yaml.safe_load(Path(__file__).with_suffix(".yml").read_text("utf-8"))
PROVEN: list[dict[str, Any]] = STATEMENTS["proven"]
REFUSED: list[dict[str, Any]] = STATEMENTS["refused"]
IDS = [f"{number}-{statement['rule']}" for number, statement in enumerate(PROVEN)]


def text(rows: list[Any]) -> list[list[str]]:
    """Rows of either engine as texts."""
    return [["" if value is None else str(value) for value in row] for row in rows]
