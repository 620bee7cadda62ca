"""
dbt's adapter: dbt-spark, and the translation before every statement that a model or test makes.

`type: journey_spark` in a profile. In the session of one machine it runs on a folder of the home;
by dbt-spark's other methods (thrift, http, odbc) on a cluster, with the settings of
`session.MEANING`.
"""

from __future__ import annotations

import shutil
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from dbt.adapters.base import AdapterPlugin
from dbt.adapters.base.meta import available
from dbt.adapters.contracts.connection import AdapterResponse
from dbt.adapters.events.logging import AdapterLogger
from dbt.adapters.spark import impl
from dbt.adapters.spark.connections import SparkConnectionManager, SparkCredentials
from dbt_common.exceptions import CompilationError
from sqlglot import exp

from engines.spark import python_models, session
from engines.spark.proven import Unproven
from engines.spark.translation import translate

_INCLUDE = Path(__file__).parent / "plugin" / "dbt" / "include" / "journey_spark"
_log = AdapterLogger("Spark")


@dataclass
class Credentials(SparkCredentials):
    """Those of dbt-spark, and for a session on one machine its folder, cores and memory."""

    host: str | None = "session"
    server_side_parameters: dict[str, str] = field(default_factory=dict)
    folder: str | None = None
    cores: int = 2
    memory: str = "4g"

    def __post_init__(self) -> None:
        """Settle what the session runs with; dbt-spark would switch ANSI's errors off."""
        super().__post_init__()
        given = {k: v for k, v in self.server_side_parameters.items() if k not in session.MEANING}
        if self.folder is not None:
            folder = Path(self.folder).resolve()
            given = {**session.on_one_machine(folder, self.cores, self.memory), **given}
        self.server_side_parameters = {**given, **session.MEANING}

    @property
    def type(self) -> str:
        """The adapter's name in profiles."""
        return "journey_spark"


class ConnectionManager(SparkConnectionManager):
    """dbt-spark's, under this adapter's name, in the session of a folder where there is one."""

    TYPE = "journey_spark"

    @classmethod
    def open(cls, connection: Any) -> Any:
        """Open the session before dbt-spark does, which would ask for a metastore of Hive's."""
        credentials = connection.credentials
        if credentials.folder is not None:
            _open(credentials)
        return super().open(connection)


def _open(credentials: Credentials) -> Any:
    if credentials.folder is None:
        return session.connect(credentials.server_side_parameters)
    return session.open_folder(
        Path(credentials.folder).resolve(), credentials.cores, credentials.memory
    )


class SparkAdapter(impl.SparkAdapter):  # dbt makes a name of that of the class
    """dbt-spark's, which says the models' SQL in Spark's words."""

    ConnectionManager = ConnectionManager

    def __init__(self, *arguments: Any) -> None:
        """Remember the columns of what was read."""
        super().__init__(*arguments)
        self._columns: dict[tuple[str, str], dict[str, exp.DataType]] = {}
        self._is_said = False

    @available
    def translated(self, sql: str, node: dict[str, Any] | None = None) -> str:
        """A compiled query of DuckDB in Spark's words; of a model (`node`) under its contract."""
        contract = None
        if node is not None:
            self._columns.pop((node["schema"], node["alias"]), None)
            if (node["config"].get("contract") or {}).get("enforced"):
                contract = {c["name"]: c["data_type"] for c in node["columns"].values()}
        try:
            said = translate(sql.replace("`", '"'), self._columns_of, contract)
        except Unproven as refusal:
            raise CompilationError(
                f"Spark: no rule covers {refusal}. See engines/spark/proven.py"
            ) from refusal
        if node is not None and node["config"]["materialized"] == "view":
            self._keep_view(node, said)
        return said

    def _keep_view(self, node: dict[str, Any], said: str) -> None:
        """In a folder the session finds its views again by their SQL."""
        if (folder := self.config.credentials.folder) is not None:
            path = Path(folder, session.VIEWS, f"{node['schema']}.{node['alias']}.sql")
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(said, "utf-8")

    def drop_relation(self, relation: Any) -> None:
        """Drop it; in a folder its files, too, which are the catalog."""
        super().drop_relation(relation)
        if (folder := self.config.credentials.folder) is not None:
            files = Path(folder, session.TABLES, f"{relation.schema}.db", relation.identifier)
            shutil.rmtree(files, ignore_errors=True)

    @available
    def say_that_builds_are_full(self) -> None:
        """Once a run: what is incremental on DuckDB is computed anew here."""
        if not self._is_said:
            _log.info("A session on Parquet has no merge: every model is built in full")
            self._is_said = True

    def submit_python_job(
        self, parsed_model: dict[str, Any], compiled_code: str
    ) -> AdapterResponse:
        """Run a Python model on the driver, on what SQL has reduced for it."""
        relation = f"{parsed_model['schema']}.{parsed_model['alias']}"
        self._columns.pop((parsed_model["schema"], parsed_model["alias"]), None)
        python_models.run(_open(self.config.credentials), compiled_code, relation)
        return AdapterResponse(_message="OK")

    def _columns_of(self, schema: str, table: str) -> dict[str, exp.DataType]:
        """Columns of a relation in order; asked for once a run."""
        if (schema, table) not in self._columns:
            _, described = self.execute(f"describe table {schema}.{table}", fetch=True)
            found: dict[str, exp.DataType] = {}
            for name, data_type, *_ in described.rows:
                if not name or name.startswith("#"):
                    break
                found[name] = exp.DataType.build(data_type, dialect="spark")
            self._columns[schema, table] = found
        return self._columns[schema, table]


Plugin = AdapterPlugin(
    adapter=SparkAdapter,
    credentials=Credentials,
    include_path=str(_INCLUDE),
    dependencies=["spark"],
)
