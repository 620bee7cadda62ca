"""The models as dbt compiles them, built in memory: what takes dbt seconds to start is left out."""

from __future__ import annotations

import importlib.util
import io
import json
import os
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path
from typing import Any

import duckdb

from orchestration.building.dbt_process import do_less
from orchestration.loading import ledger
from orchestration.loading.contract import load_contract
from orchestration.rules import home as home_rules
from orchestration.rules import store as rule_store
from orchestration.rules.tables import Rules
from orchestration.settings import DBT_PROJECT_DIR, SAMPLE_RULES, load_settings

_AS_OF = "2001-02-03 04:05:06"  # stands in compiled SQL for the instant of the run
_DATABASE = '"warehouse".'


@dataclass(frozen=True)
class Model:
    """One model: its relation, and its SQL on a full build and on a later run."""

    name: str
    relation: str
    kind: str  # table, view or incremental
    full: str
    later: str
    replace: str  # of an incremental model: what a later run does before it inserts
    python: Path | None = None


@dataclass(frozen=True)
class DataTest:
    """One data test of dbt: the models it looks at, and a query that finds what is wrong."""

    name: str
    models: frozenset[str]
    sql: str


class Project:
    """All models in order of their dependencies, as dbt compiles them, and the seeds."""

    def __init__(self, folder: Path, variables: dict[str, Any] | None = None) -> None:
        """
        Let dbt compile in an empty home in `folder`, under the sample's rules; half a minute.

        `variables` override those of dbt_project.yml.
        """
        overrides = ["--vars", json.dumps(variables or {})]
        environment = dict(os.environ)
        config = load_settings(folder / "home")
        config.prepare()
        os.environ.update(config.environment(_AS_OF))
        try:
            shutil.copytree(SAMPLE_RULES, config.home / "rules", dirs_exist_ok=True)
            own = home_rules.load(config.home)
            self.tables = load_contract(own)
            self.empty = folder / "empty.duckdb"
            with duckdb.connect(str(config.warehouse)) as connection:
                ledger.create(connection, list(self.tables.values()))
                rule_store.apply(connection, own)
                connection.execute("create schema seeds")
                for name in own.sets:  # as the materialization of seeds does it
                    connection.execute(f'create table seeds."{name}" as from rules."{name}"')
            manifest = _dbt(config.dbt_target, "parse", *overrides)
            with duckdb.connect(str(config.warehouse)) as connection:
                _pretend_built(connection, manifest)
            shutil.copy(config.warehouse, self.empty)
            compile_ = partial(_dbt, config.dbt_target, "compile", *overrides, manifest=manifest)
            replaces = compile_("--inline", _REPLACES)
            compiled = compile_("--full-refresh")
            full = _compiled(compiled)
            later = _compiled(compile_("--select", "resource_type:model"))
        finally:
            os.environ.clear()
            os.environ.update(environment)
        statements = dict(
            re.findall(
                r"=== (\w+)\s+((?:create|delete).*?;)\s+insert into",
                replaces[0].node.compiled_code,
                re.DOTALL,
            )
        )
        self.models = [
            Model(
                name,
                node.relation_name.replace(_DATABASE, ""),
                node.config.materialized,
                code,
                later[name][1],
                statements.get(name, "").replace(_DATABASE, ""),
                DBT_PROJECT_DIR / node.original_file_path if node.language == "python" else None,
            )
            for name, (node, code) in full.items()
        ]
        self.tests = [  # of which a row found is an error, not a warning
            DataTest(
                node.name,
                frozenset(full) & {parent.split(".")[-1] for parent in node.depends_on.nodes},
                node.compiled_code.replace(_DATABASE, ""),
            )
            for node in (result.node for result in compiled)
            if node.resource_type == "test" and node.config.severity.lower() == "error"
        ]
        nodes = {name: node for name, (node, _) in full.items()}
        with duckdb.connect(str(self.empty)) as connection:
            for schema in ("staging", "intermediate", "marts"):
                connection.execute(f"drop schema if exists {schema} cascade")
                connection.execute(f"create schema {schema}")
        self.kept = _ancestors(nodes, [m.name for m in self.models if m.kind == "incremental"])

    @contextmanager
    def connect(self, threads: int = 1, zone: str = "UTC") -> Iterator[duckdb.DuckDBPyConnection]:
        """An empty warehouse in memory, with seeds."""
        with duckdb.connect(":memory:", config={"threads": threads}) as connection:
            connection.execute("set enable_progress_bar = false")
            connection.execute(f"attach '{self.empty}' as prepared (read_only)")
            connection.execute("copy from database prepared to memory")
            connection.execute("detach prepared")
            connection.execute(f"set TimeZone = '{zone}'")
            yield connection

    def build(
        self,
        connection: duckdb.DuckDBPyConnection,
        as_of_at: str,
        full: bool,
        models: set[str] | None = None,
    ) -> None:
        """Build all models, or only some: `kept` are those that a later increment rests on."""
        connection.execute("create schema if not exists touched")
        relations = {model.name: model.relation for model in self.models}
        for model in self.models:
            if models is not None and model.name not in models:
                continue
            sql = (model.full if full else model.later).replace(_AS_OF, as_of_at)
            if model.python:
                module = _python_model(model.python)
                frame = module.model(_Dbt(connection, relations), connection)  # noqa: F841  # the SQL below reads it by its name
                connection.execute(f"create or replace table {model.relation} as from frame")
            elif model.kind == "incremental" and not full:
                connection.execute(f"create temp table fresh as {sql}")
                connection.execute(model.replace)
                connection.execute(f"insert into {model.relation} by name from fresh")
                connection.execute("drop table fresh")
            else:
                kind = "view" if model.kind == "view" else "table"
                connection.execute(f"create or replace {kind} {model.relation} as {sql}")

    def give_rules(self, connection: duckdb.DuckDBPyConnection, own: Rules) -> None:
        """Put rules in the place of the sample's, as a run and the materialization of seeds do."""
        rule_store.apply(connection, own)
        for name in own.sets:
            connection.execute(f'delete from seeds."{name}"')
            connection.execute(f'insert into seeds."{name}" by name from rules."{name}"')

    def failing(
        self, connection: duckdb.DuckDBPyConnection, as_of_at: str, models: set[str] | None = None
    ) -> list[str]:
        """Names of the data tests of all models, or only of some, that find something."""
        return [
            test.name
            for test in self.tests
            if (models is None or test.models <= models)
            and connection.execute(
                f"select count(*) from ({test.sql.replace(_AS_OF, as_of_at)}) as found"
            ).fetchone()
            != (0,)
        ]


_REPLACES = """
-- {{ ref('int_visitors_touched') }} {{ ref('int_persons_touched') }}
{%- for node in graph.nodes.values() if node.config.materialized == 'incremental' %}
=== {{ node.name }}
{{ context['get_incremental_' ~ node.config.incremental_strategy ~ '_sql']({
    'unique_key': node.config.unique_key,
    'target_relation': api.Relation.create(schema=node.schema, identifier=node.name),
    'temp_relation': 'fresh', 'dest_columns': [],
    'incremental_predicates': node.config.incremental_predicates
}) }}
{%- endfor %}
"""


class _Dbt:
    """What a Python model asks of dbt."""

    def __init__(self, connection: duckdb.DuckDBPyConnection, relations: dict[str, str]) -> None:
        self.config = lambda **_: None
        self.connection, self.relations = connection, relations

    def ref(self, name: str) -> duckdb.DuckDBPyRelation:
        return self.connection.table(self.relations.get(name, f"seeds.{name}").replace('"', ""))


def _pretend_built(connection: duckdb.DuckDBPyConnection, manifest: Any) -> None:
    """For dbt a run is a later one when the model's table exists, whatever is in it."""
    for schema in ("intermediate", "marts"):
        connection.execute(f"create schema {schema}")
    for node in manifest.nodes.values():
        if node.resource_type == "model" and node.config.materialized == "incremental":
            connection.execute(f"create table {node.schema}.{node.name} (nothing integer)")


def _directories(target: Path) -> list[str]:
    project = str(DBT_PROJECT_DIR)
    return ["--project-dir", project, "--profiles-dir", project, "--target-path", str(target),
            "--log-path", str(target)]  # fmt: skip


def _dbt(target: Path, *arguments: str, manifest: Any = None) -> Any:
    from dbt.cli.main import dbtRunner

    do_less()
    with redirect_stdout(io.StringIO()) as output:
        result = dbtRunner(manifest=manifest).invoke(
            ["--quiet", "--no-write-json", *arguments, *_directories(target)]
        )
    if not result.success:
        raise RuntimeError(f"dbt {arguments[0]} failed: {result.exception or output.getvalue()}")
    return result.result


def _compiled(results: Any) -> dict[str, tuple[Any, str]]:
    """Models by name, in order of dependencies, with their compiled code."""
    nodes = {r.node.unique_id: r.node for r in results if r.node.resource_type == "model"}
    ordered: dict[str, tuple[Any, str]] = {}

    def place(unique_id: str) -> None:
        node = nodes.get(unique_id)
        if node is None or node.name in ordered:
            return
        for parent in node.depends_on.nodes:
            place(parent)
        ordered[node.name] = (node, (node.compiled_code or "").replace(_DATABASE, ""))

    for unique_id in nodes:
        place(unique_id)
    return ordered


def _ancestors(nodes: dict[str, Any], names: list[str]) -> set[str]:
    found: set[str] = set()
    todo = list(names)
    while todo:
        name = todo.pop()
        if name in nodes and name not in found:
            found.add(name)
            todo += [parent.split(".")[-1] for parent in nodes[name].depends_on.nodes]
    return found


@cache
def _python_model(path: Path) -> Any:
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
