"""
What an erasure did, in counts: one sealed file per request, `erasures/<request id>.json`.

A proof waits for the release without its subjects; with its publish the releases before it go.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from orchestration.base import sealed


@dataclass
class Proof:
    """What an erasure did, in counts and names of files; no value of the subject's."""

    request_id: str
    requested_at: str
    identifiers: dict[str, int] = field(default_factory=dict)  # by type
    rows_removed: dict[str, int] = field(default_factory=dict)  # by raw table
    values_cleared: dict[str, int] = field(default_factory=dict)
    quarantined_rows_removed: int = 0
    rows_left: int = 0  # found by looking again, in raw tables and quarantine
    landing_files: list[str] = field(default_factory=list)  # still to be cleaned by their owner

    @property
    def changed(self) -> bool:
        """Whether anything of the subject was found this time."""
        return bool(self.rows_removed or self.values_cleared or self.quarantined_rows_removed)


def write_proofs(folder: Path, dues: list[tuple[str, datetime, str]]) -> None:
    """Add what was done to the report of each request, `<folder>/<request id>.json`, once."""
    folder.mkdir(parents=True, exist_ok=True)
    for due_id, erased_at, text in dues:
        proof = json.loads(text)
        path = proof_path(folder, proof["request_id"])
        passes = (_passes(path) or []) if path.exists() else []
        if all(done.get("due_id") != due_id for done in passes):
            done = {"due_id": due_id, "at": str(erased_at), **proof, "release": None}
            sealed.write(path, {"request_id": proof["request_id"], "passes": [*passes, done]})


def proof_path(folder: Path, request_id: str) -> Path:
    """Where the report of a request lies; ids that are no name of a file get a hash behind."""
    name = re.sub(r"[^A-Za-z0-9_-]", "_", request_id)[:100]
    if name != request_id:
        name += f"-{hashlib.sha256(request_id.encode()).hexdigest()[:12]}"
    return folder / f"{name}.json"


def _passes(path: Path) -> list[dict[str, object]] | None:
    """What a report tells of its request; None when it was cut or is no report."""
    try:
        passes = json.loads(path.read_text("utf-8"))["passes"]
        return passes if all(isinstance(done["at"], str) for done in passes) else None
    except (ValueError, KeyError, TypeError):
        return None


def last_erasure(folder: Path) -> str:
    """
    Instant (UTC text) of the last erasure that has a proof; empty when there is none.

    A damaged proof counts as of its file's last change, which is not before the erasure.
    """
    instants = []
    for path in folder.glob("*.json"):
        changed = datetime.fromtimestamp(path.stat().st_mtime, UTC)
        passes = _passes(path)
        damaged = [{"at": f"{changed:%Y-%m-%d %H:%M:%S}"}]
        instants += [str(done["at"]) for done in (damaged if passes is None else passes)]
    return max(instants, default="")[:19].replace("T", " ")


def is_waiting(folder: Path) -> bool:
    """Whether somebody was erased since the last release; a damaged proof may say so."""
    reports = [_passes(path) for path in folder.glob("*.json")]
    return any(
        passes is None or any(done.get("release") is None for done in passes) for passes in reports
    )


def forget_releases(folder: Path, release_id: str, drop_others: Callable[[], list[str]]) -> None:
    """
    After a release without the subjects is published, the ones before it go.

    Called with each publish; does nothing unless an erasure waits for it. A damaged proof may have
    waited, and is set aside.
    """
    for path in sorted(folder.glob("*.json")):
        passes = _passes(path)
        if passes is None:
            drop_others()
            path.rename(path.with_suffix(".damaged"))
            continue
        waiting = [done for done in passes if done.get("release") is None]
        if waiting:
            removed = drop_others()
            for done in waiting:
                done |= {"release": release_id, "releases_removed": len(removed)}
            sealed.write(path, {"request_id": waiting[0]["request_id"], "passes": passes})
