"""What the assets of one run share: settings, the instant of the run, the lock, progress."""

import sqlite3
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from datetime import UTC, date, datetime, timedelta
from datetime import time as day_time
from zoneinfo import ZoneInfo

import dagster as dg
import duckdb
from dagster._core.events import EngineEventData
from dagster._utils.error import SerializableErrorInfo
from pydantic import Field, PrivateAttr
from sqlalchemy.exc import SQLAlchemyError

from expectations import judge
from orchestration.base.database import open_warehouse
from orchestration.building import builds, dbt_ahead
from orchestration.dagster_shell import dagster_store, failures
from orchestration.loading.contract import Table, load_contract
from orchestration.operating import runs, unchanged
from orchestration.rules import home as home_rules
from orchestration.rules import store as rule_store
from orchestration.rules.tables import Rules
from orchestration.settings import INSTANT, Settings, home_path

STAGES = ("landing", "raw loads", "raw boundary", "dbt build", "marts boundary", "publish")


def end_of_business_day(day: date, zone: str) -> str:
    """The instant (UTC text) at which a business day ends."""
    local = datetime.combine(day + timedelta(days=1), day_time(), ZoneInfo(zone))
    return local.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S")


def last_business_day_end(connection: duckdb.DuckDBPyConnection, zone: str) -> str:
    """End of the last business day in the loaded data; raises `ValueError` when nothing is."""
    row = connection.execute(
        "select max(data_through_at) from ops.files where status = 'loaded'"
    ).fetchone()
    if row is None or row[0] is None:
        raise ValueError("no rows are loaded; put files into the landing zone")
    latest = row[0].replace(tzinfo=UTC).astimezone(ZoneInfo(zone))
    return end_of_business_day(latest.date(), zone)


def first_data_at(connection: duckdb.DuckDBPyConnection) -> datetime | None:
    """The earliest instant (UTC) in a time column of the raw tables."""
    firsts = []
    for table in load_contract().values():
        if table.time_column:
            row = connection.execute(
                f'select min("{table.time_column}")::timestamp from {table.relation}'
            ).fetchone()
            firsts += [row[0]] if row and row[0] else []
    return min(firsts, default=None)


def _is_whole(run: dg.DagsterRun) -> bool:
    """Whether it is the whole job, which ends in a release unless something stops it."""
    return run.job_name == "nightly" and not (run.asset_selection or run.asset_check_selection)


def _is_finished(instance: dg.DagsterInstance | None, run: dg.DagsterRun | None) -> bool:
    """Whether the run has ended: `dagster job execute` makes resources again for its outputs."""
    known = instance.get_run_by_id(run.run_id) if instance and run else None
    return known is not None and known.is_finished


class RunContext(dg.ConfigurableResource):
    """
    Holds the home's lock while the run lasts.

    `as_of_at` is the instant (UTC, exclusive) whose knowledge the run shows, as
    `YYYY-MM-DD HH:MM:SS`; empty means the end of the last business day in the loaded data.
    `full_refresh` builds all models again; the result is the same.
    """

    as_of_at: str = Field(default="", description="UTC, YYYY-MM-DD HH:MM:SS; empty: from the data")
    full_refresh: bool = Field(default=False, description="Build all models again, from raw tables")
    _recorded: runs.Run = PrivateAttr()
    _started: float = PrivateAttr(default=0)
    _rules: Rules | None = PrivateAttr(default=None)
    _tables: dict[str, Table] = PrivateAttr(default_factory=dict)

    @contextmanager
    def yield_for_execution(self, context: dg.InitResourceContext) -> Iterator["RunContext"]:
        """Check the configuration, take the lock and prepare the home; report how the run ended."""
        instance, dagster_run = context.instance, context.run
        if _is_finished(instance, dagster_run):
            yield self
            return
        launched_by = f"Dagster, {dagster_run.job_name}" if dagster_run else "Dagster"
        self._started = time.monotonic()
        self._recorded = runs.Run(home_path(), launched_by)
        try:
            with runs.recorded(self._recorded, self.as_of_at) as self._recorded:
                yield from self._held(instance, dagster_run)
        except Exception:
            # Before or after all steps: wrong settings, a home in use, a full disk.
            if instance and dagster_run:
                with suppress(SQLAlchemyError, sqlite3.Error):
                    self._show_reasons(instance, dagster_run)
            raise

    def _held(
        self, instance: dg.DagsterInstance | None, dagster_run: dg.DagsterRun | None
    ) -> Iterator["RunContext"]:
        """The run under the home's lock."""
        if instance and dagster_run:
            dagster_store.end_dead_runs(instance, dagster_run.run_id)
            if _is_whole(dagster_run):
                dbt_ahead.begin()
                judge.begin()
                with suppress(SQLAlchemyError, sqlite3.Error, OSError):  # history only
                    dagster_store.prune(instance, self.settings.keep_runs - 1)  # and this one
        unchanged.forget(self.settings)
        self.settings.empty_tmp()
        file, seen = self.settings.warehouse, self.settings.warehouse_seen
        with self.warehouse() as connection:
            builds.distrust_changed(connection, file, seen)
        yield self
        if instance and dagster_run:
            self._tell_failure(instance, dagster_run)
        self._recorded.tell_lineage()
        if file.exists():  # a damaged one was set aside
            builds.note_warehouse(file, seen)
        if self._recorded.release_id and dagster_run and _is_whole(dagster_run):
            unchanged.remember(self.settings, self.as_of_at, self._recorded.release_id)

    def _tell_failure(self, instance: dg.DagsterInstance, dagster_run: dg.DagsterRun) -> None:
        """Note why steps failed, and show it on the run's page, where no check has to be opened."""
        run_id, recorded, kind = dagster_run.run_id, self._recorded, dg.DagsterEventType
        try:
            if steps := instance.all_logs(run_id, of_type=kind.STEP_FAILURE):
                checks = instance.all_logs(run_id, of_type=kind.ASSET_CHECK_EVALUATION)
                events = [entry.get_dagster_event() for entry in [*checks, *steps]]
                recorded.fail(failures.reasons(events), failures.is_interrupted(events))
            elif not recorded.release_id and _is_whole(dagster_run):
                recorded.fail([], is_interrupted=True)  # between two steps
            self._show_reasons(instance, dagster_run)
        except (SQLAlchemyError, sqlite3.Error) as error:  # the history, which no run depends on
            if not recorded.release_id:
                cause = getattr(error, "orig", None) or error
                recorded.fail([
                    f"Dagster's record of this run could not be used ({cause}): is there room on "
                    "the disk? Then run `journey nightly`; a damaged record is set aside"
                ])  # fmt: skip

    def _show_reasons(self, instance: dg.DagsterInstance, dagster_run: dg.DagsterRun) -> None:
        """Show on the run's page why it failed, as `journey nightly` prints it."""
        if self._recorded.reasons:
            error = SerializableErrorInfo("nothing was published", [], None)
            instance.report_engine_event(
                self._recorded.text, dagster_run, EngineEventData.engine_error(error)
            )

    @property
    def settings(self) -> Settings:
        """Settings of the home that the run works on."""
        return self._recorded.settings

    @property
    def recorded(self) -> runs.Run:
        """What is recorded of the run: steps note their checks and the release in it."""
        return self._recorded

    @property
    def rules(self) -> Rules:
        """The rules of the home, read and written into the warehouse when first asked for."""
        if self._rules is None:
            try:
                self._rules = home_rules.load(self.settings.home)
            except home_rules.RulesError as error:
                raise dg.Failure(str(error)) from error
            with self.warehouse() as connection:
                rule_store.apply(connection, self._rules)
        return self._rules

    @property
    def tables(self) -> dict[str, Table]:
        """The contract under these rules."""
        if not self._tables:
            self._tables = load_contract(
                self.rules, business_timezone=self.settings.business_timezone
            )
        return self._tables

    def warehouse(self) -> AbstractContextManager[duckdb.DuckDBPyConnection]:
        """The warehouse, read-write; see `open_warehouse`."""
        return open_warehouse(self.settings, lambda message: self.progress("raw loads", message))

    def resolved_as_of(self) -> str:
        """
        The instant of the run: as configured, else from the loaded data.

        Raises `dagster.Failure` when it lies before all data, since such a release would be empty,
        or after both the last of them and now.
        """
        with self.warehouse() as connection:
            end = last_business_day_end(connection, self.settings.business_timezone)
            if not self.as_of_at:
                return end
            first = first_data_at(connection)
        if first and datetime.strptime(self.as_of_at, INSTANT) <= first:
            raise dg.Failure(
                f"as_of_at = {self.as_of_at} lies before all loaded data, which begin "
                f"{first:{INSTANT}} (UTC); choose a later instant"
            )
        if self.as_of_at > (latest := max(end, f"{datetime.now(UTC):{INSTANT}}")):
            raise dg.Failure(
                f"as_of_at = {self.as_of_at} lies in the future; the latest that can be known is "
                f"{latest} (UTC)"
            )
        return self.as_of_at

    def progress(self, stage: str, message: str) -> None:
        """One line for whoever watches."""
        number = STAGES.index(stage) + 1
        elapsed = time.monotonic() - self._started
        print(f"[{elapsed:6.1f}s] {number}/{len(STAGES)} {stage}: {message}", flush=True)
