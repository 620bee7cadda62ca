"""
The models' DuckDB SQL, as dbt compiled it, in Spark's words with the same meaning.

sqlglot does the grammar; what it leaves out or changes is put right by rules of a few lines
(`rules`, `queries`). What neither is proven for is refused by its name (`proven`). Nothing here
needs Spark.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

from sqlglot import exp, parse_one
from sqlglot.errors import SqlglotError
from sqlglot.optimizer.annotate_types import annotate_types
from sqlglot.optimizer.qualify import qualify
from sqlglot.schema import MappingSchema

from engines.spark import queries, rules
from engines.spark.proven import Unproven, unproven

# Schema and table, as the SQL names them → columns in order with their types.
ColumnsOf = Callable[[str, str], Mapping[str, exp.DataType]]


def translate(sql: str, columns_of: ColumnsOf, contract: Mapping[str, str] | None = None) -> str:
    """
    A query of DuckDB as a query of Spark.

    `contract` holds a model's columns with their types, in DuckDB's names: the query has to have
    exactly these, and gets their types. Raises `Unproven` when no rule covers the statement.
    """
    try:
        tree = parse_one(sql, read="duckdb")
    except SqlglotError as error:
        raise Unproven(f"SQL that sqlglot cannot read: {error}") from error
    if not isinstance(tree, exp.Query):
        raise Unproven(f"a statement that is no query ({type(tree).__name__})")
    if found := sorted(set(unproven(tree))):
        raise Unproven(", ".join(found))
    for cte in tree.find_all(exp.CTE):
        cte.set("materialized", None)  # a hint of DuckDB's
    schema = _schema(tree, columns_of)
    queries.whole_rows(tree)
    queries.by_name(tree, lambda query: list(_typed(query, schema).named_selects))
    query = _typed(tree, schema)
    if contract is not None and (names := list(query.named_selects)) != list(contract):
        raise Unproven(f"other columns than the contract's: {names} for {list(contract)}")
    queries.nulls_of_unions(query)
    queries.asof_joins(query)
    queries.frames(query)
    query = queries.rows_of_lists(queries.qualified_rows(query))
    _apply(query)
    if any(node.name == "_in_zone" for node in query.find_all(exp.Anonymous)):
        raise Unproven("one `at time zone`, which leaves a timestamp with a zone")
    for name in query.find_all(exp.Identifier):
        name.set("quoted", name.args.get("quoted") or not re.fullmatch(r"\w+", name.name))
    text = query.sql(dialect="spark", pretty=True, comments=False)
    if contract is None:
        return text
    casts = ",\n".join(f"cast({n} as {spark_type(t)}) as {n}" for n, t in contract.items())
    return f"select\n{casts}\nfrom (\n{text}\n)"


def spark_type(data_type: str) -> str:
    """Spark's name of a type of DuckDB."""
    return exp.DataType.build(data_type, dialect="duckdb").sql(dialect="spark").lower()


def _schema(tree: exp.Query, columns_of: ColumnsOf) -> MappingSchema:
    """The relations that a statement reads."""
    schemas: dict[str, dict[str, object]] = {}
    for table in tree.find_all(exp.Table):
        if table.db:
            schemas.setdefault(table.db, {})[table.name] = columns_of(table.db, table.name)
    return MappingSchema({**schemas}, dialect="duckdb")


def _typed(tree: exp.Expr, schema: MappingSchema) -> exp.Query:
    """The same with every column's table, without stars, and with the types of expressions."""
    qualified = qualify(
        tree.copy(),
        schema=schema,
        dialect="duckdb",
        quote_identifiers=False,
        identify=False,
        validate_qualify_columns=False,
    )
    for node in qualified.find_all(exp.Anonymous):
        if result := rules.RESULTS.get(node.name.lower()):
            node.type = exp.DataType.build(result)
    typed = annotate_types(qualified, schema=schema, dialect="duckdb")
    assert isinstance(typed, exp.Query)
    return typed


def _apply(tree: exp.Query) -> None:
    """Apply the rules, to parts before what they are parts of."""
    for node in reversed(list(tree.walk())):
        rule = rules.RULES.get(type(node))
        if rule is None:
            continue
        made = rule(node)
        if made is not node:
            if made.type is None:
                made.type = node.type
            node.replace(made)
