"""
Dagster's SQLite event log over kept connections.

Dagster's own opens an engine, a connection and a checkpoint of the log for every event and every
question about an asset: 29 of 194 s of a profiled run on the sample. Files and tables are the same.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from dagster._core.storage.event_log import SqliteEventLogStorage
from dagster._core.storage.event_log.sqlite.sqlite_event_log import INDEX_SHARD_NAME
from dagster._core.storage.sql import create_engine
from dagster._core.storage.sqlite import SQLITE_BUSY_TIMEOUT_SECONDS
from dagster._core.storage.sqlite_storage import DagsterSqliteStorage, _event_logs_directory
from dagster._serdes import ConfigurableClassData
from sqlalchemy import event
from sqlalchemy.engine import Connection, Engine
from sqlalchemy.pool import StaticPool


class KeptEventLog(SqliteEventLogStorage):
    """One engine and connection for the index, and one for the run that was used last."""

    def __init__(self, base_dir: str) -> None:
        """Begin without connections."""
        self._kept: dict[str, tuple[Engine, int]] = {}
        self._found: set[tuple[str, str]] = set()
        super().__init__(base_dir)

    @contextmanager
    def _connect(self, shard: str) -> Iterator[Connection]:
        with self._db_lock:
            engine = self._engine(shard)
            with engine.connect() as connection, connection.begin():
                yield connection

    def _engine(self, shard: str) -> Engine:
        file = Path(self.path_for_shard(shard))
        engine, number = self._kept.get(shard, (None, 0))
        if engine and file.exists() and file.stat().st_ino == number:
            return engine
        # Another run, or a file that was set aside while this process had it open.
        for name in list(self._kept):
            if name == shard or INDEX_SHARD_NAME not in (name, shard):
                self._close(name)
        if shard == INDEX_SHARD_NAME:
            self._found.clear()
        engine = create_engine(
            self.conn_string_for_shard(shard),
            poolclass=StaticPool,  # its one user at a time holds `_db_lock`
            connect_args={"timeout": SQLITE_BUSY_TIMEOUT_SECONDS, "check_same_thread": False},
        )
        event.listen(engine, "connect", _without_waiting)
        self._initdb(engine)
        self._kept[shard] = engine, file.stat().st_ino
        return engine

    # Dagster asks for each event whether its own tables and columns are there.

    def has_table(self, table_name: str) -> bool:
        """Whether a table of the index is there; looked up until it is."""
        return self._is_found("table", table_name, super().has_table)

    def has_secondary_index(self, name: str) -> bool:
        """Whether the index is migrated to a form; looked up until it is."""
        return self._is_found("index", name, super().has_secondary_index)

    def has_asset_key_col(self, column_name: str) -> bool:
        """Whether the table of assets has a column; looked up until it has."""
        return self._is_found("column", column_name, super().has_asset_key_col)

    def _is_found(self, kind: str, name: str, look_up: Callable[[str], bool]) -> bool:
        if (kind, name) not in self._found and look_up(name):
            self._found.add((kind, name))
        return (kind, name) in self._found

    def _close(self, shard: str) -> None:
        if kept := self._kept.pop(shard, None):
            kept[0].dispose()

    def dispose(self) -> None:
        """Close the connections, which moves what they wrote into the files."""
        super().dispose()
        with self._db_lock:
            for shard in list(self._kept):
                self._close(shard)


class Storage(DagsterSqliteStorage):
    """Dagster's storage in SQLite files, with that event log."""

    def __init__(self, base_dir: str, inst_data: ConfigurableClassData | None = None) -> None:
        """The files lie where Dagster's own storage has them."""
        super().__init__(base_dir, inst_data)
        self._event_log_storage = KeptEventLog(_event_logs_directory(base_dir))

    @classmethod
    def from_config_value(
        cls, inst_data: ConfigurableClassData | None, config_value: Any
    ) -> Storage:
        """As the configuration of an instance says."""
        return cls.from_local(inst_data=inst_data, **config_value)


def _without_waiting(connection: Any, _: Any) -> None:
    """No wait for the disk after each event: a power cut may cost the last ones, never the file."""
    connection.execute("pragma synchronous = normal")
