"""
`make nightly`: the main job without a server, with progress, ending in a summary or in the reasons.

The same Dagster job that the schedule runs, in this process. Exit status 0 only when a release that
passed every check is current.
"""

from __future__ import annotations

import argparse
import os
import signal
import sys
import time
import traceback
import warnings
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

from orchestration import command
from orchestration.locking import single_writer
from orchestration.publishing import PAGE
from orchestration.settings import ROOT, Settings, SettingsError, is_instant, load_settings

NOT_PUBLISHED = "NOT PUBLISHED. Readers keep the previous release."


def run(as_of_at: str = "", full_refresh: bool = False) -> int:
    """Run the nightly job on the home; returns the exit status. Raises `SettingsError`."""
    # A service manager's polite end is Ctrl-C to everything below.
    signal.signal(signal.SIGTERM, lambda *_: signal.raise_signal(signal.SIGINT))
    settings = load_settings()
    if as_of_at and not is_instant(as_of_at):
        raise SettingsError(f"as_of_at = {as_of_at!r} is no instant YYYY-MM-DD HH:MM:SS (UTC)")
    settings.prepare()
    try:
        with single_writer(settings.home):
            return _run(settings, as_of_at, full_refresh)
    except BlockingIOError as error:
        reason, status = str(error), 1
    except Exception as error:
        reason, status = _unexpected(settings, error), 1
    except BaseException as error:  # Ctrl-C, or Dagster's own name for it
        if isinstance(error, SystemExit):
            raise
        reason, status = "interrupted", 130
    print(f"\nnightly failed: {reason}\n{NOT_PUBLISHED}", file=sys.stderr)
    return status


def _unexpected(settings: Settings, error: Exception) -> str:
    """One line about an error of the machine or of the code; its traceback goes into a file."""
    text = " ".join(str(error).split())
    if any(sign in text.lower() for sign in command.FULL):
        return command.told(error)
    with suppress(OSError):
        path = settings.home / "last_failure.txt"
        path.write_text(traceback.format_exc(), "utf-8")
        text = f"{text[:400]} (details: {path})"
    return text


def _run(settings: Settings, as_of_at: str, full_refresh: bool) -> int:
    """The job under the home's lock."""
    started = time.monotonic()
    os.environ.update(settings.environment())
    os.environ["DAGSTER_HOME"] = str(ROOT)
    warnings.filterwarnings("ignore")
    print(f"journey home: {settings.home}", flush=True)
    print("starting (imports and dbt manifest) …", flush=True)

    from orchestration import dagster_store
    from orchestration.definitions import defs

    with dagster_store.open_instance(settings.home / "dagster") as instance:
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
    if any("Interrupted" in cls for cls, _ in failures(result)):
        raise KeyboardInterrupt
    print(explain(result, settings), file=sys.stderr)
    return 1


def failures(result: Any) -> Iterator[tuple[str, str]]:
    """Class name and message of the first cause of each failed step, the step in front of it."""
    for event in result.all_events:
        kind = event.event_type_value
        if kind in ("STEP_FAILURE", "RESOURCE_INIT_FAILURE"):
            data = event.step_failure_data if kind == "STEP_FAILURE" else event.engine_event_data
            error = data.error
            while error and error.cause:
                error = error.cause
            if error:
                where = f"step {event.step_key}: " if event.step_key else ""
                yield error.cls_name or "", f"{where}{error.message.strip()[:1500]}"


def summary(settings: Settings, elapsed: float) -> str:
    """What was published and where it is."""
    import duckdb

    database = settings.published / "current" / "journey.duckdb"
    with duckdb.connect(str(database), read_only=True) as connection:
        row = connection.execute(
            "select release_id, as_of_at, passed_check_count, warned_check_count, "
            "(select count(*) from marts.dim_persons), (select count(*) from marts.fct_sessions), "
            "(select count(*) from marts.fct_revenue_points), is_synthetic "
            "from marts.release_info"
        ).fetchone()
    assert row is not None
    return (
        f"\nrelease {row[0]} is current, as of {row[1]} UTC, {elapsed:.0f} s\n"
        + ("  SYNTHETIC SAMPLE: nobody in it exists\n" if row[7] else "")
        + f"  {row[2]} checks passed, {row[3]} warned, 0 failed\n"
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
    reasons += [text for cls, text in failures(result) if "AssetCheckFailed" not in cls]
    if not reasons:
        reasons = [
            str(e.message)[:1500] for e in result.all_events if "FAILURE" in e.event_type_value
        ]
    lines = ["", f"{NOT_PUBLISHED} Why:"]
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
    sys.exit(command.run("nightly", main))
