"""
Run the suites of a boundary: what GX judges, as plain outcomes.

A suite is `suites/<boundary>__<schema>__<table>.json` in GX's own JSON; the reason of every bound
stands in `meta.notes`. An expectation of severity `critical` that fails blocks, one of severity
`warning` warns, and one that raises an error blocks whatever its severity.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from expectations.context import RESULT_FORMAT, open_source

SUITES_DIR = Path(__file__).parent / "suites"


@dataclass(frozen=True)
class Outcome:
    """Result of one expectation: status is pass, warn or fail."""

    suite: str
    expectation: str
    status: str
    message: str


def suite_paths(boundary: str) -> list[Path]:
    """The suites of a boundary, `raw` or `marts`."""
    return sorted(SUITES_DIR.glob(f"{boundary}__*.json"))


def suite_names(boundary: str) -> list[str]:
    """Names of the suites of a boundary."""
    return [path.stem for path in suite_paths(boundary)]


def run(boundary: str, database: Path, parameters: dict[str, Any]) -> list[Outcome]:
    """Judge a database file; `parameters` fill the suites' `$PARAMETER` values."""
    outcomes: list[Outcome] = []
    with open_source(database) as (gx, source):
        for path in suite_paths(boundary):
            _, schema, table = path.stem.split("__")
            suite = gx.ExpectationSuite(**json.loads(path.read_text("utf-8")))
            asset = source.add_table_asset(name=path.stem, table_name=f"{schema}.{table}")
            batch = asset.add_batch_definition_whole_table("all").get_batch()
            result = batch.validate(
                suite, result_format=RESULT_FORMAT, expectation_parameters=parameters
            )
            outcomes += [_outcome(path.stem, item) for item in result.results]
    return outcomes


def _outcome(suite: str, item: Any) -> Outcome:
    config = item.expectation_config
    notes = (config.meta or {}).get("notes", "")
    name = (config.meta or {}).get("name", config.type)
    errors = [
        info["exception_message"]
        for info in _exceptions(item.exception_info or {})
        if info.get("raised_exception")
    ]
    if errors:
        return Outcome(suite, name, "fail", f"could not be evaluated: {errors[0][:300]}")
    if item.success:
        return Outcome(suite, name, "pass", "")
    severity = str(getattr(config.severity, "value", config.severity))
    observed = item.result.get("observed_value")
    seen = "" if observed is None else f" (observed {observed})"
    return Outcome(suite, name, "fail" if severity == "critical" else "warn", f"{notes}{seen}")


def _exceptions(info: dict[str, Any]) -> list[dict[str, Any]]:
    """GX gives one exception or one per metric."""
    return [info] if "raised_exception" in info else [v for v in info.values() if v]
