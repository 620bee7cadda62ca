"""What the assets of one run share: settings, the instant of the run, the lock, progress."""

import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from datetime import UTC, date, datetime, timedelta
from datetime import time as day_time
from zoneinfo import ZoneInfo

import dagster as dg
import duckdb
from pydantic import Field, PrivateAttr

from orchestration import building, dagster_store
from orchestration import rules as home_rules
from orchestration.database import open_warehouse
from orchestration.loading.contract import Table, load_contract
from orchestration.locking import single_writer
from orchestration.rules import Rules
from orchestration.settings import INSTANT, Settings, is_instant, load_settings

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


class RunContext(dg.ConfigurableResource):
    """
    Holds the home's lock while the run lasts.

    `as_of_at` is the instant (UTC, exclusive) whose knowledge the run shows, as
    `YYYY-MM-DD HH:MM:SS`; empty means the end of the last business day in the loaded data.
    `full_refresh` builds all models anew; the result is the same.
    """

    as_of_at: str = Field(default="", description="UTC, YYYY-MM-DD HH:MM:SS; empty: from the data")
    full_refresh: bool = Field(default=False, description="Build all models anew, from raw tables")
    _settings: Settings = PrivateAttr()
    _started: float = PrivateAttr(default=0)
    _rules: Rules | None = PrivateAttr(default=None)
    _tables: dict[str, Table] = PrivateAttr(default_factory=dict)

    @contextmanager
    def yield_for_execution(self, context: dg.InitResourceContext) -> Iterator["RunContext"]:
        """Check the configuration, take the lock and prepare the home."""
        if self.as_of_at and not is_instant(self.as_of_at):
            raise dg.Failure(
                f"as_of_at = {self.as_of_at!r} is no instant YYYY-MM-DD HH:MM:SS (UTC)"
            )
        self._settings = load_settings()
        self._settings.prepare()
        self._started = time.monotonic()
        with single_writer(self._settings.home):
            if context.instance and context.run:
                dagster_store.end_dead_runs(context.instance, context.run.run_id)
            self._settings.empty_tmp()
            file, seen = self._settings.warehouse, self._settings.warehouse_seen
            with self.warehouse() as connection:
                building.distrust_changed(connection, file, seen)
            yield self
            building.note_warehouse(file, seen)

    @property
    def settings(self) -> Settings:
        """Settings of the home that the run works on."""
        return self._settings

    @property
    def rules(self) -> Rules:
        """The rules of the home, read and written into the warehouse when first asked for."""
        if self._rules is None:
            try:
                self._rules = home_rules.load(self._settings.home)
            except home_rules.RulesError as error:
                raise dg.Failure(str(error)) from error
            with self.warehouse() as connection:
                home_rules.apply(connection, self._rules)
        return self._rules

    @property
    def tables(self) -> dict[str, Table]:
        """The contract under these rules."""
        if not self._tables:
            self._tables = load_contract(self.rules)
        return self._tables

    def warehouse(self) -> AbstractContextManager[duckdb.DuckDBPyConnection]:
        """The warehouse, read-write; see `open_warehouse`."""
        return open_warehouse(self._settings, lambda message: self.progress("raw loads", message))

    def resolved_as_of(self) -> str:
        """
        The instant of the run: as configured, else from the loaded data.

        Raises `dagster.Failure` when it lies before all data, since such a release would be empty,
        or after both the last of them and now.
        """
        with self.warehouse() as connection:
            end = last_business_day_end(connection, self._settings.business_timezone)
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
