"""
What the translation is proven for: the kinds of expressions, types and functions in proven.toml.

A comparison of all marts on both engines has shown these equal. What is not there is refused by its
name, because sqlglot passes on what it does not know, and some of what it knows means something
else on Spark. A new entry needs a rule or a reason, a statement in tests/spark/statements.yml with
its value on both engines, and a comparison (`make test-spark`).
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from pathlib import Path

from sqlglot import exp

_PROVEN = tomllib.loads(Path(__file__).with_suffix(".toml").read_text("utf-8"))
KINDS, TYPES, FUNCTIONS = (frozenset(_PROVEN[name]) for name in ("kinds", "types", "functions"))


class Unproven(Exception):
    """A statement has a construct that no rule covers; the message names it."""


def unproven(tree: exp.Expr) -> Iterator[str]:
    """Names of the constructs of a parsed statement that the translation is not proven for."""
    for node in tree.walk():
        if isinstance(node, exp.Anonymous):
            if node.name.lower() not in FUNCTIONS:
                yield f"the function {node.name.lower()}()"
        elif isinstance(node, exp.DataType):
            if node.this.name not in TYPES:
                yield f"the type {node.this.name}"
        elif type(node).__name__ not in KINDS:
            yield type(node).__name__
        elif isinstance(node, exp.Join):
            method = (node.args.get("method") or "").upper()
            if method not in ("", "ASOF"):
                yield f"a {method} join"
        elif isinstance(node, exp.Pivot) and not node.args.get("unpivot"):
            yield "pivot"
        elif isinstance(node, exp.Distinct) and node.args.get("on"):
            yield "distinct on"
        elif isinstance(node, exp.Cast) and _is_misread(node):
            yield "a cast right after a literal with a type; put the literal into parentheses"
        elif isinstance(node, exp.With) and node.args.get("search"):
            yield "the search clause of a recursive CTE"


def _is_misread(node: exp.Cast) -> bool:
    """Whether sqlglot took `timestamp '…'::text` for a cast of the text, and then the literal."""
    inner = node.this
    return (
        node.to.this in exp.DataType.TEMPORAL_TYPES
        and isinstance(inner, exp.Cast)
        and isinstance(inner.this, exp.Literal)
        and inner.this.is_string
    )
