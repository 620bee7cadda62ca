"""The only code location: one asset graph from landing files to the published release."""

from __future__ import annotations

import os

import dagster as dg

from orchestration.settings import load_settings

# dbt and the assets read the home's settings from the environment that this process hands on.
os.environ.update(load_settings().environment())

from orchestration.project import dbt_resource, ensure_manifest

ensure_manifest(load_settings().environment())

from orchestration.assets.published import release  # noqa: E402  needs the manifest
from orchestration.assets.raw import landing_files, load_ledger, raw_assets  # noqa: E402
from orchestration.assets.warehouse import warehouse  # noqa: E402
from orchestration.checks import marts_boundary, raw_boundary  # noqa: E402
from orchestration.jobs import nightly  # noqa: E402
from orchestration.run_context import RunContext  # noqa: E402
from orchestration.schedules import nightly_schedule  # noqa: E402

defs = dg.Definitions(
    assets=[landing_files, *raw_assets, load_ledger, warehouse, release],
    asset_checks=[raw_boundary, marts_boundary],
    jobs=[nightly],
    schedules=[nightly_schedule],
    resources={"dbt": dbt_resource(), "run": RunContext()},
)
