"""The checks of a release as a page beside its report: every check, and the bounds learned."""

from __future__ import annotations

from itertools import groupby
from pathlib import Path

from orchestration.base.release import PAGE
from orchestration.base.rendering import templates
from orchestration.gate import learning
from orchestration.gate.audits import Audit


def render(audit: Audit, release_id: str) -> str:
    """The page, as HTML text; it loads nothing."""
    checks = sorted(audit.checks, key=lambda check: check.boundary)
    return (
        templates(Path(__file__).parent)
        .get_template("checks.html.j2")
        .render(
            audit=audit,
            release_id=release_id,
            page=PAGE,
            number=learning.number,
            boundaries=[
                (boundary, list(found))
                for boundary, found in groupby(checks, key=lambda check: check.boundary)
            ],
        )
    )
