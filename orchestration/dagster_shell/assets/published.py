"""The release: published only by `publish`, which verifies the audit by itself."""

import dagster as dg

from orchestration.dagster_shell.assets.warehouse import warehouse
from orchestration.dagster_shell.run_context import RunContext
from orchestration.gate.audits import GateClosed
from orchestration.publishing.releasing import PublishError, publish

MARTS = sorted(key for key in warehouse.keys if key.path[0] == "marts")


@dg.asset(
    key=["published", "release"],
    deps=MARTS,
    group_name="published",
    description="Release directory that readers open as published/current/journey.duckdb.",
)
def release(run: RunContext) -> dg.MaterializeResult:
    """Publish the audited candidate; refuses any other, also when launched alone."""
    try:
        release_id = publish(run.settings, say=lambda message: run.progress("publish", message))
    except (GateClosed, PublishError) as closed:
        raise dg.Failure(str(closed)) from closed
    run.recorded.release_id = release_id
    run.progress("publish", f"release {release_id} is current")
    return dg.MaterializeResult(
        metadata={"release": release_id, "path": str(run.settings.published / "current")}
    )
