"""Records that notice when they were cut or edited: a JSON object with a checksum of the rest."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

from orchestration.base import files


def write(path: Path, record: dict[str, Any]) -> None:
    """Write the record whole or not at all, durably."""
    text = json.dumps(record | {"checksum": _checksum(record)}, indent=1, ensure_ascii=False)
    files.write_whole(path, text + "\n")


def read(path: Path) -> dict[str, Any] | None:
    """The record without its checksum; None when it is missing, cut, edited or no record."""
    try:
        record = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError):
        return None
    if not isinstance(record, dict) or record.pop("checksum", None) != _checksum(record):
        return None
    return record


def _checksum(record: dict[str, Any]) -> str:
    text = json.dumps(record, sort_keys=True, ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()
