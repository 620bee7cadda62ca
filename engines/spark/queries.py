"""
Rewrites of whole queries: joins, unions and stars that Spark does not have, or not as DuckDB does.

They work on parsed statements; `by_name` before the columns are qualified, the rest after it.
"""

from __future__ import annotations

from collections.abc import Callable

from sqlglot import exp

from engines.spark.proven import Unproven
from engines.spark.rules import STAMPS, T, call, cast, is_a, number

Columns = Callable[[exp.Expr], list[str]]


def by_name(tree: exp.Query, columns: Columns) -> None:
    """
    Spell out `union by name` and `columns(* exclude …)`, of which sqlglot would lose columns.

    `columns` says which columns a statement has.
    """
    for position, query in enumerate([*(cte.this for cte in tree.ctes), tree]):

        def of(part: exp.Expr, before: int = position) -> list[str]:
            """The columns of a part of the query, which may read the CTEs before it."""
            probe = part.copy()
            probe.set("with_", None)
            if before:
                earlier = [cte.copy() for cte in tree.ctes[:before]]
                probe.set("with_", exp.With(expressions=earlier))
            return columns(probe)

        unions = [part for part in _parts(query) if isinstance(part, exp.SetOperation)]
        if any(union.args.get("by_name") for union in unions):
            _spell_out_union(query, of)
        for star in [part for part in _parts(query) if isinstance(part, exp.Columns)]:
            _spell_out_columns(star, of)


def _parts(query: exp.Query) -> list[exp.Expr]:
    """All of a query but its CTEs."""
    ctes = query.args.get("with_")
    return [node for node in query.walk(prune=lambda node: node is ctes) if node is not ctes]


def _spell_out_union(query: exp.Query, of: Columns) -> None:
    branches: list[exp.Expr] = []
    unions: list[exp.SetOperation] = []

    def collect(part: exp.Expr) -> None:
        if isinstance(part, exp.SetOperation):
            unions.append(part)
            collect(part.left)
            collect(part.right)
        else:
            branches.append(part)

    collect(query)
    if not all(union.args.get("by_name") for union in unions):
        raise Unproven("a union by name mixed with others, or inside another query")
    has = [of(branch) for branch in branches]
    names = list(dict.fromkeys(name for columns in has for name in columns))
    for number_, (branch, columns) in enumerate(zip(branches, has, strict=True)):
        selected = [
            exp.column(name) if name in columns else exp.alias_(exp.Null(), name) for name in names
        ]
        source = exp.Subquery(
            this=branch.copy(), alias=exp.TableAlias(this=exp.to_identifier(f"_branch{number_}"))
        )
        branch.replace(exp.select(*selected).from_(source))
    for union in unions:
        union.set("by_name", False)


def _spell_out_columns(star: exp.Columns, of: Columns) -> None:
    select = star.find_ancestor(exp.Select)
    source = select.args["from_"].this if select else None
    if select is None or source is None or select.args.get("joins"):
        raise Unproven("columns() over a join")
    everything = source.copy()
    everything.set("pivots", None)
    chosen = star.this
    if not isinstance(chosen, exp.Star) or any(chosen.args.get(k) for k in ("replace", "rename")):
        raise Unproven("columns() of anything but * exclude (…)")
    left_out = {column.name for column in chosen.args.get("except_") or []}
    names = [n for n in of(exp.select("*").from_(everything)) if n not in left_out]
    projection: exp.Expr = star
    while projection.parent is not select and isinstance(projection.parent, exp.Cast | exp.Paren):
        projection = projection.parent
    if projection.parent is select:
        made = []
        for name in names:
            one = exp.paren(projection.copy())
            next(one.find_all(exp.Columns)).replace(exp.column(name))
            made.append(exp.alias_(one.this, name))
        projection.replace(made[0])
        position = select.expressions.index(made[0])
        rest = select.expressions[position + 1 :]
        select.set("expressions", [*select.expressions[: position + 1], *made[1:], *rest])
    elif isinstance(projection.parent, exp.In) and source.args.get("pivots"):
        projection.parent.set("expressions", [exp.column(name) for name in names])
    else:
        raise Unproven("columns() inside an expression")


def whole_rows(tree: exp.Query) -> None:
    """hash(x) of a table x is that of its row; the hash is Spark's own, of 64 bits with a sign."""
    for node in list(tree.find_all(exp.Anonymous)):
        if node.name.lower() != "hash":
            continue
        select = node.find_ancestor(exp.Select)
        assert select is not None
        sources = [select.args["from_"].this, *(j.this for j in select.args.get("joins") or [])]
        tables = {source.alias_or_name for source in sources}
        for part in node.expressions:
            if isinstance(part, exp.Column) and not part.table and part.name in tables:
                row = exp.Column(this=exp.Star(), table=exp.to_identifier(part.name))
                part.replace(call("struct", row))
        made = call("xxhash64", *node.expressions)
        made.type = exp.DataType.build("bigint")
        node.replace(made)


def asof_joins(tree: exp.Query) -> None:
    """The nearest row before or after: each of the right side with its neighbour's instant."""
    for join in list(tree.find_all(exp.Join)):
        if (join.args.get("method") or "").upper() != "ASOF":
            continue
        right = join.this
        alias = right.alias_or_name
        keys: list[exp.Expr] = []
        moments: list[tuple[exp.Expr, exp.Expr, exp.Expr]] = []
        for condition in _conditions(join.args.get("on")):
            sides = [condition.this, condition.expression]
            ours = [s for s in sides if {c.table for c in s.find_all(exp.Column)} == {alias}]
            if not isinstance(condition, exp.Binary) or len(ours) != 1:
                raise Unproven("an asof join on anything but columns of either side")
            if isinstance(condition, exp.EQ):
                keys.append(ours[0])
            else:
                moments.append((condition, ours[0], sides[1 - sides.index(ours[0])]))
        if len(moments) != 1:
            raise Unproven("an asof join on anything but one comparison")
        condition, own, other = moments[0]
        is_at = isinstance(condition, exp.GTE | exp.LTE)
        is_first = own is condition.this
        is_last = isinstance(condition, exp.GT | exp.GTE) != is_first
        if not isinstance(condition, exp.GT | exp.GTE | exp.LT | exp.LTE):
            raise Unproven("an asof join on anything but >, >=, < or <=")
        # Of the rows at or before it is the last: the next row is later. And the other way round.
        neighbour = (exp.Lead if is_last else exp.Lag)(this=_bare(own))
        window = exp.Window(
            this=neighbour,
            partition_by=[_bare(key) for key in keys],
            order=exp.Order(expressions=[exp.Ordered(this=_bare(own), nulls_first=not is_last)]),
        )
        source = right.copy()
        if isinstance(source, exp.Table):
            source.set("alias", None)
        inner = exp.select("*", exp.alias_(window, "_neighbour")).from_(source)
        beyond = exp.column("_neighbour", table=alias)
        kinds = {(1, 1): exp.LT, (1, 0): exp.LTE, (0, 1): exp.GT, (0, 0): exp.GTE}
        kind = kinds[int(is_last), int(is_at)]
        none = beyond.copy().is_(exp.Null())
        still = exp.or_(kind(this=other.copy(), expression=beyond), none)
        join.set("this", inner.subquery(alias))
        join.set("method", None)
        join.set("on", exp.and_(join.args["on"], still))


def _conditions(on: exp.Expr | None) -> list[exp.Expr]:
    if on is None:
        raise Unproven("an asof join with using")
    return [part.unnest() for part in (on.flatten() if isinstance(on, exp.And) else [on])]


def _bare(expression: exp.Expr) -> exp.Expr:
    """An expression over the columns of one table, without its name."""
    copy = expression.copy()
    for column in copy.find_all(exp.Column):
        column.set("table", None)
    return copy


# What they find does not depend on a frame: DuckDB passes over one, Spark refuses it.
WITHOUT_FRAME = (
    exp.Lag, exp.Lead, exp.RowNumber, exp.Rank, exp.DenseRank, exp.PercentRank, exp.CumeDist,
    exp.Ntile,
)  # fmt: skip


def frames(tree: exp.Query) -> None:
    """A window that such a function shares with others, which have its frame, is written out."""
    for select in tree.find_all(exp.Select):
        shared = {window.name: window for window in select.args.get("windows") or []}
        for window in select.find_all(exp.Window):
            function = window.this
            if isinstance(function, exp.IgnoreNulls):
                function = function.this
            if not isinstance(function, WITHOUT_FRAME):
                continue
            window.set("spec", None)
            named = shared.get(window.alias)
            if named is not None and named.args.get("spec"):
                window.set("partition_by", [key.copy() for key in named.args["partition_by"] or []])
                window.set("order", named.args["order"].copy() if named.args["order"] else None)
                window.set("alias", None)


def qualified_rows(tree: exp.Query) -> exp.Query:
    """What `qualify` asks is a column of the select, and what it keeps is chosen around it."""
    for select in reversed(list(tree.find_all(exp.Select))):
        qualify = select.args.get("qualify")
        if qualify is None:
            continue
        if select.args.get("limit"):
            raise Unproven("qualify with a limit")
        inner = select.copy()
        names = [projection.alias_or_name for projection in inner.expressions]
        made = exp.select(*(exp.column(name) for name in names))
        if order := inner.args.get("order"):
            if any(ordered.this.name not in names for ordered in order.expressions):
                raise Unproven("qualify with an order by anything but columns of the select")
            for ordered in order.expressions:
                ordered.set("this", exp.column(ordered.this.name))
            made.set("order", order.copy())
        made.set("with_", inner.args.get("with_"))
        made.set("distinct", inner.args.get("distinct"))
        for moved in ("qualify", "order", "with_", "distinct"):
            inner.set(moved, None)
        inner.select(exp.alias_(qualify.this.copy(), "_is_kept"), copy=False)
        made = made.from_(inner.subquery("_qualified"), copy=False).where("_is_kept", copy=False)
        if select is tree:
            tree = made
        else:
            select.replace(made)
    return tree


def rows_of_lists(tree: exp.Query) -> exp.Query:
    """unnest() in a select list becomes a view of the list's elements beside the select."""
    for count, node in enumerate(list(tree.find_all(exp.Explode, exp.Unnest))):
        select = node.find_ancestor(exp.Select, exp.From, exp.Lateral)
        if not isinstance(select, exp.Select):
            raise Unproven("unnest() outside of a select list")
        series = node.this if isinstance(node, exp.Explode) else node.expressions[0]
        names = {p: f"_{p}{count}" for p in ("list", "value", "query", "rows")}
        value: exp.Expr = exp.column(names["value"])
        if isinstance(series, exp.GenerateSeries):
            if is_a(series.args["start"], STAMPS | {T.DATE}):
                value = cast(value, "timestamp_ntz")  # a series of dates is one of timestamps
            series = _sequence(series)
        node.replace(value)
        inner, outer = select.copy(), []
        for position, projection in enumerate(list(inner.expressions)):
            if any(c.name == names["value"] for c in projection.find_all(exp.Column)):
                outer.append(projection.copy())
                inner.expressions[position].replace(exp.alias_(series.copy(), names["list"]))
            else:
                outer.append(exp.column(projection.alias_or_name))
        made = exp.select(*outer).from_(inner.subquery(names["query"]))
        view = exp.TableAlias(
            this=exp.to_identifier(names["rows"]), columns=[exp.to_identifier(names["value"])]
        )
        explode = exp.Explode(this=exp.column(names["list"]))
        made.append("laterals", exp.Lateral(this=explode, view=True, alias=view))
        if inner.args.get("with_"):
            made.set("with_", inner.args["with_"].copy())
            made.args["from_"].this.this.set("with_", None)
        if select is tree:
            tree = made
        else:
            select.replace(made)
    return tree


def _sequence(series: exp.GenerateSeries) -> exp.Expr:
    """A series that may be empty: Spark's sequence() would count down or stop."""
    start, end, step = series.args["start"], series.args["end"], series.args.get("step")
    if series.args.get("is_end_exclusive"):
        raise Unproven("range()")
    steps = [step.copy()] if step else []
    every = call("sequence", start.copy(), end.copy(), *steps)
    one = call("sequence", start.copy(), start.copy(), *[s.copy() for s in steps])
    none = call("slice", one, number(1), number(0))
    return call("if", exp.LTE(this=start.copy(), expression=end.copy()), every, none)


def nulls_of_unions(tree: exp.Query) -> None:
    """A null of no type has that of its column in the other branches of a union."""
    for union in reversed(list(tree.find_all(exp.SetOperation))):
        branches = [part for part in _leaves(union) if isinstance(part, exp.Select)]
        for column in zip(*(branch.selects for branch in branches), strict=True):
            bare = [part.unalias() for part in column]
            known = next(
                (x.type for x in bare if not isinstance(x, exp.Null) and _is_typed(x)), None
            )
            for part in bare:
                if known is not None and isinstance(part, exp.Null):
                    part.replace(exp.Cast(this=exp.Null(), to=known.copy()))


def _is_typed(node: exp.Expr) -> bool:
    is_known = node.type is not None and node.type.this not in (T.UNKNOWN, T.NULL)
    return is_known and not isinstance(node, exp.Null)


def _leaves(query: exp.Expr) -> list[exp.Expr]:
    if isinstance(query, exp.SetOperation):
        return [*_leaves(query.left), *_leaves(query.right)]
    return _leaves(query.this) if isinstance(query, exp.Subquery | exp.Paren) else [query]
