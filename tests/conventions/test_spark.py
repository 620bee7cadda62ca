"""Every model and data test can be translated to Spark: a new one that cannot fails here."""

from __future__ import annotations

import pytest
import yaml
from sqlglot import exp

from engines.spark.proven import Unproven
from engines.spark.translation import translate
from orchestration.developing.compiled import Project
from orchestration.settings import DBT_PROJECT_DIR, ROOT

AS_OF = "2026-11-30 15:00:00"


@pytest.fixture(scope="module")
def columns(project: Project) -> dict[tuple[str, str], dict[str, exp.DataType]]:
    """Columns of all relations with their types, of a build of nothing."""
    found: dict[tuple[str, str], dict[str, exp.DataType]] = {}
    with project.connect() as connection:
        project.build(connection, AS_OF, full=True)
        for schema, table, column, data_type in connection.execute(
            "select schema_name, table_name, column_name, data_type from duckdb_columns() "
            "where database_name = current_database() order by table_oid, column_index"
        ).fetchall():
            relation = found.setdefault((schema, table), {})
            if schema.startswith("raw_") and not relation:
                relation["rowid"] = exp.DataType.build("bigint")
            relation[column] = exp.DataType.build(data_type, dialect="duckdb")
    return found


def test_every_model_and_test_is_translated(
    project: Project, columns: dict[tuple[str, str], dict[str, exp.DataType]]
) -> None:
    statements = {model.name: model.full for model in project.models if not model.python}
    statements |= {test.name: test.sql for test in project.tests}
    refused = {}
    for name, sql in statements.items():
        try:
            translate(sql, lambda schema, table: columns[schema, table])
        except Unproven as refusal:
            refused[name] = str(refusal)
    assert refused == {}, "see engines/spark/proven.py and docs/spark.md"
    assert len(statements) > 300


def test_every_fixture_of_the_unit_tests_is_translated(
    columns: dict[tuple[str, str], dict[str, exp.DataType]],
) -> None:
    refused, count = {}, 0
    for path in sorted((DBT_PROJECT_DIR / "models").rglob("*unit_tests.yml")):
        for test in yaml.safe_load(path.read_text("utf-8"))["unit_tests"]:
            for fixture in (*test["given"], test["expect"]):
                if fixture.get("format") != "sql":
                    continue
                count += 1
                try:
                    translate(fixture["rows"], lambda schema, table: columns[schema, table])
                except Unproven as refusal:
                    refused[test["name"]] = str(refusal)
    assert refused == {}, "see engines/spark/proven.py and docs/spark.md"
    assert count > 50


def test_the_guide_says_of_each_python_model_when_it_stops_fitting() -> None:
    guide = (ROOT / "docs" / "spark.md").read_text("utf-8")
    told = guide.split("\n## Python models\n")[1].split("\n## ")[0]
    models = {path.stem for path in (DBT_PROJECT_DIR / "models").rglob("*.py")}
    assert len(models) > 10
    assert {name for name in models if told.count(f"`{name}`") != 1} == set()
