"""
`make nightly`: the main job without a server, with progress, ending in a summary or in the reasons.

The same Dagster job that the schedule runs, in this process. Exit status 0 only when a release that
passed every check is current.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
import warnings
from typing import Any

from orchestration.locking import single_writer
from orchestration.publishing import PAGE
from orchestration.settings import ROOT, Settings, SettingsError, load_settings


def run(as_of_at: str = "", full_refresh: bool = False) -> int:
    """Run the nightly job on the home, whose lock is held from first to last; the exit status."""
    try:
        settings = load_settings()
        with single_writer(settings.home):
            return _run(settings, as_of_at, full_refresh)
    except (SettingsError, BlockingIOError) as error:
        print(f"nightly failed: {error}", file=sys.stderr)
        return 1


def _run(settings: Settings, as_of_at: str, full_refresh: bool) -> int:
    started = time.monotonic()
    settings.prepare()
    os.environ.update(settings.environment())
    os.environ["DAGSTER_HOME"] = str(ROOT)
    warnings.filterwarnings("ignore")
    print(f"journey home: {settings.home}", flush=True)
    print("starting (imports and dbt manifest) …", flush=True)

    import dagster as dg

    from orchestration.definitions import defs

    with dg.DagsterInstance.get() as instance:
        result = defs.resolve_job_def("nightly").execute_in_process(
            instance=instance,
            raise_on_error=False,
            run_config={
                "resources": {
                    "run": {"config": {"as_of_at": as_of_at, "full_refresh": full_refresh}}
                },
                "loggers": {"console": {"config": {"log_level": "CRITICAL"}}},
            },
        )
    elapsed = time.monotonic() - started
    if result.success:
        print(summary(settings, elapsed))
        return 0
    print(explain(result, settings), file=sys.stderr)
    return 1


def summary(settings: Settings, elapsed: float) -> str:
    """What was published and where it is."""
    import duckdb

    database = settings.published / "current" / "journey.duckdb"
    with duckdb.connect(str(database), read_only=True) as connection:
        row = connection.execute(
            "select release_id, as_of_at, passed_check_count, warned_check_count, "
            "(select count(*) from marts.dim_persons), (select count(*) from marts.fct_sessions), "
            "(select count(*) from marts.fct_revenue_points) from marts.release_info"
        ).fetchone()
    assert row is not None
    return (
        f"\nrelease {row[0]} is current, as of {row[1]} UTC, {elapsed:.0f} s\n"
        f"  {row[2]} checks passed, {row[3]} warned, 0 failed\n"
        f"  {row[4]:,} persons, {row[5]:,} sessions, {row[6]:,} revenue points\n"
        f"  look at: {database.with_name(PAGE)}\n"
        f"  open read-only: {database} (schema marts); Parquet beside it in parquet/"
    )


def explain(result: Any, settings: Settings) -> str:
    """Why nothing was published, on one screen."""
    reasons: list[str] = []
    for event in result.all_events:
        kind = event.event_type_value
        if kind == "ASSET_CHECK_EVALUATION":
            check = event.asset_check_evaluation_data
            if not check.passed and check.severity.value == "ERROR":
                where = check.asset_key.to_user_string()
                reasons.append(f"{where}: {check.check_name}: {check.description or 'failed'}")
        elif kind in ("STEP_FAILURE", "RESOURCE_INIT_FAILURE"):
            data = event.step_failure_data if kind == "STEP_FAILURE" else event.engine_event_data
            error = data.error
            while error and error.cause:
                error = error.cause
            if error and "AssetCheckFailed" not in (error.cls_name or ""):
                where = f"step {event.step_key}: " if event.step_key else ""
                reasons.append(f"{where}{error.message.strip()[:1500]}")
    if not reasons:
        reasons = [
            str(e.message)[:1500] for e in result.all_events if "FAILURE" in e.event_type_value
        ]
    lines = ["", "NOT PUBLISHED. Readers keep the previous release. Why:"]
    lines += [f"  ✗ {reason}" for reason in dict.fromkeys(reasons)]
    lines += ["What to do: docs/runbook.md. Details: make dev (Dagster UI)."]
    text = "\n".join(lines)
    if len(text.splitlines()) > 40:
        text = "\n".join([*text.splitlines()[:39], f"  … all of it: {settings.dbt_target}"])
    return text


def main(arguments: list[str] | None = None) -> int:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--as-of", default="", help="UTC instant YYYY-MM-DD HH:MM:SS; default: end of the data"
    )
    parser.add_argument(
        "--full", action="store_true", help="build all models anew from the raw tables"
    )
    parsed = parser.parse_args(arguments)
    return run(parsed.as_of, parsed.full)


if __name__ == "__main__":
    sys.exit(main())
