"""The landing zone and the raw tables: one asset per contract table, and the ledger."""

from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime

import dagster as dg

from orchestration.dagster_shell.run_context import RunContext
from orchestration.loading import (
    erasing,
    journal,
    landing_zone,
    ledger,
    list_ledger,
    loader,
    reading,
    retaining,
)
from orchestration.loading.contract import Table, load_contract
from orchestration.loading.sample_home import fill_with_sample
from orchestration.operating import reloading
from orchestration.settings import INSTANT, SettingsError


@dg.asset(
    key=["landing", "files"],
    group_name="raw",
    description="Files waiting in the landing zone; an empty one is filled with the sample.",
)
def landing_files(run: RunContext) -> dg.MaterializeResult:
    """Fill an empty landing zone with the sample; refuse a mixed one and stray files."""
    settings = run.settings
    if count := erasing.settle(settings, lambda message: run.progress("landing", message)):
        run.progress("landing", f"finished {count} erasures of a run that was killed")
    with run.warehouse() as connection:
        if fill_with_sample(settings, connection):
            run.progress(
                "landing",
                f"{settings.landing} was empty: filled with the shipped SYNTHETIC sample",
            )
        gone = landing_zone.gone_folders(connection, settings.landing)
        is_loaded = ledger.count(connection, "ops.files where status = 'loaded'") > 0
        again = [] if gone else reloading.requeue_after_a_wrong_clock(connection, settings)
    for line in again:
        run.progress("landing", f"the clock stood behind: {line}")
    if gone:
        raise dg.Failure(
            f"{', '.join(gone[:5])}: gone from {settings.landing}, and files were loaded from "
            "there. Remedy: bring the folder back (is a disk missing?); an empty one will do if "
            "nothing more is to come"
        )
    tables = run.tables
    try:
        retaining.check(settings, tables)
    except SettingsError as error:
        raise dg.Failure(str(error)) from error
    if strays := landing_zone.stray_files(settings.landing, tables):
        names = ", ".join(reading.shown(path.relative_to(settings.landing)) for path in strays[:5])
        raise dg.Failure(
            f"{names}: no contract table is loaded from there. Remedy: move it to "
            f"<source>/<table>/ in {settings.landing}; tables: {', '.join(tables)}"
        )
    count = sum(
        len(landing_zone.landing_files(settings.landing, table)) for table in tables.values()
    )
    kind = "synthetic sample" if settings.is_sample else "own data"
    if not (count or is_loaded or journal.file_names(settings.journal)):
        raise dg.Failure(
            f"there are no files in {settings.landing}, and none are loaded. Remedy: put files "
            "into <source>/<table>/ there, or map an export with `journey import`"
        )
    state = f"{count} files" if count else "no new files: as of the data loaded before,"
    run.progress("landing", f"{state} in {settings.landing} ({kind})")
    return dg.MaterializeResult(metadata={"files": count, "is_sample": settings.is_sample})


def raw_asset(table: Table) -> dg.AssetsDefinition:
    """The asset of one raw table."""

    @dg.asset(
        key=["raw", table.source, table.name],
        group_name=f"raw_{table.source}",
        deps=[["landing", "files"]],
        description=table.description,
        kinds={"duckdb"},
    )
    def load(run: RunContext) -> dg.MaterializeResult:
        with run.warehouse() as connection:
            outcomes = loader.load_table(
                connection,
                run.tables[table.label],
                run.settings.landing,
                pepper=run.settings.effective_pepper,
                pepper_key_id=run.settings.pepper_key_id,
                phone_region=run.settings.phone_region,
                journal_path=run.settings.journal,
                progress=lambda message: run.progress("raw loads", message),
            )
            row = connection.execute(f"select count(*) from {table.relation}").fetchone()
        return dg.MaterializeResult(
            metadata={
                "files": len(outcomes),
                "rows_in": sum(outcome.rows_in for outcome in outcomes),
                "loaded": sum(outcome.rows_loaded for outcome in outcomes),
                "duplicate": sum(outcome.rows_duplicate for outcome in outcomes),
                "quarantined": sum(outcome.rows_quarantined for outcome in outcomes),
                "rejected_files": [o.file_name for o in outcomes if o.status == "rejected"],
                "dagster/row_count": row[0] if row else 0,
            }
        )

    return load


raw_assets = [raw_asset(table) for table in load_contract().values()]


_LEDGER = {
    "files": "One row per file content and raw table.",
    "quarantined_rows": "One row per quarantined physical row.",
    "drift_findings": "One row per change of a file against contract or earlier files.",
    "removed_events": "One row per web event that left the raw table since the last build.",
    "list_entries": "One row per person and exported list of a day.",
    "builds": "The last build of the models.",
    "rules": "One row per rule table: where its rows come from.",
}


@dg.multi_asset(
    name="load_ledger",
    specs=[
        dg.AssetSpec(
            ["ops", name],
            deps=[asset.key for asset in raw_assets],
            group_name="raw",
            description=text,
        )
        for name, text in _LEDGER.items()
    ],
)
def load_ledger(run: RunContext) -> Iterator[dg.MaterializeResult]:
    """Carry out erasure requests and retention limits, then sum the ledger up."""
    settings = run.settings
    with run.warehouse() as connection:
        ledger.create(connection, list(run.tables.values()))
        try:
            listed = list_ledger.take_in(settings, connection)
            proofs = erasing.erase(
                connection,
                run.tables,
                settings.effective_pepper,
                settings.pepper_key_id,
                datetime.now(UTC),
            )
        except (erasing.ErasureError, SettingsError) as error:
            raise dg.Failure(str(error)) from error
        listed += list_ledger.take_in(settings, connection)
    if listed:
        run.progress("raw loads", f"{listed:,} entries of erased people left the ledger of lists")
    if proofs:
        erasing.settle(settings)
        rows = sum(sum(proof.rows_removed.values()) for proof in proofs)
        run.progress(
            "raw loads",
            f"{len(proofs)} erasure requests: {rows:,} rows removed; proof in {settings.erasures}",
        )
    if settings.retention:
        _expire(run)
    with run.warehouse() as connection:
        totals = connection.execute(
            "select count(*) filter (where status = 'loaded'), coalesce(sum(rows_in), 0), "
            "coalesce(sum(rows_loaded), 0), coalesce(sum(rows_duplicate), 0), "
            "coalesce(sum(rows_quarantined), 0), coalesce(sum(rows_erased), 0), "
            "coalesce(sum(rows_expired), 0), count(*) filter (where status = 'rejected'), "
            "(select count(*) from ops.drift_findings), "
            "(select count(*) from ops.removed_events), (select count(*) from ops.list_entries), "
            "(select count(*) from ops.builds), (select count(*) from ops.rules) from ops.files"
        ).fetchone()
    assert totals is not None
    files, rows_in, loaded, duplicate, quarantined, erased, expired, rejected, *others = totals
    run.progress(
        "raw loads",
        f"in all {files} files, {rows_in:,} rows = {loaded:,} loaded + {duplicate:,} duplicate"
        f" + {quarantined:,} quarantined"
        + (f" + {erased:,} erased" if erased else "")
        + (f" + {expired:,} expired" if expired else "")
        + f"; {rejected} files rejected",
    )
    for name, count in zip(_LEDGER, (files, quarantined, *others), strict=True):
        yield dg.MaterializeResult(asset_key=["ops", name], metadata={"dagster/row_count": count})


def _expire(run: RunContext) -> None:
    """Take out what retention limits have passed; nothing while no file is loaded."""
    with suppress(ValueError):  # the raw boundary says why nothing is loaded
        as_of_at = run.resolved_as_of()
        with run.warehouse() as connection:
            gone = retaining.expire(connection, run.tables, run.settings, as_of_at)
        for label, (at, rows) in gone.items():
            run.progress(
                "raw loads",
                f"{label}: {rows:,} rows loaded before {at:{INSTANT}} UTC, on which nothing "
                "rests, have left",
            )
