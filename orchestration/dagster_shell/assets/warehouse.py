"""The dbt models and seeds: one `dbt build` per run, in one process."""

import os
from collections.abc import Iterator
from contextlib import redirect_stdout, suppress
from functools import cached_property
from typing import Any

import dagster as dg
from dagster import AssetsDefinition
from dagster_dbt import DbtCliResource, dbt_assets

from orchestration.base.database import refuse_damage
from orchestration.building import builds
from orchestration.building.project import MANIFEST, Translator
from orchestration.dagster_shell.run_context import RunContext
from orchestration.gate import audits

# Dagster makes this set of a thousand keys anew for each event of a step.
_keys: Any = cached_property(vars(AssetsDefinition)["asset_and_check_keys"].fget)
_keys.__set_name__(AssetsDefinition, "asset_and_check_keys")
AssetsDefinition.asset_and_check_keys = _keys  # type: ignore[method-assign]  # the same, once


@dbt_assets(manifest=MANIFEST, dagster_dbt_translator=Translator(), name="warehouse")
def warehouse(
    context: dg.AssetExecutionContext, dbt: DbtCliResource, run: RunContext
) -> Iterator[Any]:
    """Build and test all models as of the instant of the run; any failure stops the run."""
    as_of_at = run.resolved_as_of()
    key, build_id = builds.build_key(run.settings, run.rules), builds.new_build_id()
    with run.warehouse() as connection:
        full = builds.begin(connection, key, as_of_at, run.full_refresh)
        vacuum_tasks = builds.vacuum_tasks(connection)
    kind = f"full ({full})" if full else "what was touched since the last build"
    run.progress("dbt build", f"as of {as_of_at} UTC; {kind}")
    os.environ.update(run.settings.environment(as_of_at))
    os.environ["JOURNEY_VACUUM_TASKS"] = str(vacuum_tasks)
    os.environ["DBT_ENV_CUSTOM_ENV_BUILD_ID"] = build_id  # dbt writes it into its results
    # What an earlier build left there is no evidence of this one.
    (run.settings.dbt_target / "run_results.json").unlink(missing_ok=True)
    run.recorded.build_id = build_id
    # Unit tests prove the code, not the data of this run: `make test` runs them. Of the same rules
    # come the same seeds; their tests run all the same.
    invocation = dbt.cli(
        [
            *("build", "--exclude-resource-type", "unit_test"),
            *run.rules.dbt_arguments,
            *(["--full-refresh"] if full else ["--exclude-resource-type", "seed"]),
        ],
        context=context,
        target_path=run.settings.dbt_target,
        raise_on_error=True,
        manifest=MANIFEST,
    )
    events = invocation.stream()
    done = 0
    with open(os.devnull, "w") as nowhere:
        while True:
            with redirect_stdout(nowhere):  # dbt's own lines say what the events say
                try:
                    event = next(events, None)
                except Exception as error:
                    refuse_damage(run.settings, [str(error)])
                    judged = _judged(run, build_id)
                    if any(check.status == "fail" for check in judged):
                        raise dg.Failure(audits.report(judged)) from None  # the cause, in words
                    raise
            if event is None:
                break
            done += 1
            if done % 50 == 0:
                run.progress("dbt build", f"{done} models, seeds and tests")
            # A test of several models is no check of one; the audit record holds it.
            if not isinstance(event, dg.AssetObservation):
                yield event
    if context.is_subset:
        run.progress("dbt build", "a part was built: nothing can be published from it")
        return
    with run.warehouse() as connection:
        builds.complete(connection, key, as_of_at, build_id)
    run.progress("dbt build", "all models built and tested")


def _judged(run: RunContext, build_id: str) -> list[audits.Check]:
    """Count and return what dbt came to check in a build that failed."""
    with suppress(audits.GateClosed):
        checks = audits.dbt_checks(run.settings.dbt_target, build_id, run.warehouse)
        judged = [check for check in checks if check.message != audits.DID_NOT_RUN]
        run.recorded.note_checks(judged)
        return judged
    return []
