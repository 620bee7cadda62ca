"""The only code location: one asset graph from landing files to the published release."""

from __future__ import annotations

import dagster as dg

from orchestration.settings import SettingsError, load_settings

# For the manifest only: what it says depends on no setting, and each run reads them again.
try:
    environment = load_settings().environment()
except SettingsError:
    environment = {}  # the graph is shown all the same; each run says what is wrong, on its page

from orchestration.building.project import dbt_resource, ensure_manifest

ensure_manifest(environment)

from orchestration.dagster_shell.assets.published import release
from orchestration.dagster_shell.assets.raw import landing_files, load_ledger, raw_assets
from orchestration.dagster_shell.assets.warehouse import warehouse
from orchestration.dagster_shell.checks import marts_boundary, raw_boundary
from orchestration.dagster_shell.jobs import nightly
from orchestration.dagster_shell.run_context import RunContext
from orchestration.dagster_shell.schedules import nightly_schedule

defs = dg.Definitions(
    assets=[landing_files, *raw_assets, load_ledger, warehouse, release],
    asset_checks=[raw_boundary, marts_boundary],
    jobs=[nightly],
    schedules=[nightly_schedule],
    executor=dg.in_process_executor,  # the home's lock belongs to one process
    resources={"dbt": dbt_resource(), "run": RunContext()},
)
