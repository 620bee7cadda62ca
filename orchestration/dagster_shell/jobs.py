"""Jobs: `nightly` is everything from the landing zone to the release."""

import dagster as dg

nightly = dg.define_asset_job(
    "nightly",
    selection=dg.AssetSelection.all(),
    description="Landing zone → raw → dbt → audit → release.",
)
