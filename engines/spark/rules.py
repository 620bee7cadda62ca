"""
Rules for single expressions: what sqlglot leaves as it is and Spark understands otherwise.

Each rule takes an expression whose parts are translated already, and gives what says the same on
Spark. Most need the types of the parts. tests/spark/statements.yml holds, per rule, the statement
that needs it and its value on both engines.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from sqlglot import exp

from engines.spark.proven import Unproven

Rule = Callable[[Any], exp.Expr]
RULES: dict[type[exp.Expr], Rule] = {}

T = exp.DataType.Type
INTEGERS = exp.DataType.INTEGER_TYPES
REALS = exp.DataType.REAL_TYPES - {T.DECIMAL}
STAMPS = {T.TIMESTAMP, T.TIMESTAMPNTZ, T.DATETIME}
TRUNCATED_TO = {"DAY", "WEEK", "MONTH", "QUARTER", "YEAR"}
COUNTED_IN = {"SECOND", "MINUTE", "HOUR", "DAY"}
BOUNDARIES = {"DAY", "MONTH", "QUARTER", "YEAR"}  # those of weeks DuckDB counts in its own way


def rule(*kinds: type[exp.Expr]) -> Callable[[Rule], Rule]:
    """Register a rule for kinds of expressions."""

    def register(function: Rule) -> Rule:
        RULES.update(dict.fromkeys(kinds, function))
        return function

    return register


def call(name: str, *arguments: exp.Expr) -> exp.Expr:
    """A call of a Spark function by its name."""
    return exp.Anonymous(this=name, expressions=list(arguments))


def cast(node: exp.Expr, to: str) -> exp.Expr:
    """A cast to a type of Spark."""
    return exp.Cast(this=node, to=exp.DataType.build(to, dialect="spark"))


def number(value: int) -> exp.Expr:
    """A whole number."""
    return exp.Literal.number(value)


def is_a(node: exp.Expr, kinds: set[Any] | frozenset[Any]) -> bool:
    """Whether an expression is known to be of one of some types."""
    return node.type is not None and node.type.this in kinds


def scaled(node: exp.Expr, digits: int) -> exp.Expr:
    """A double rounded as DuckDB does it: times a power of ten, half away from zero, and back."""
    if digits == 0:
        return call("round", node)
    power = cast(number(10**digits), "double")
    product = exp.Mul(this=exp.paren(node), expression=power)
    return exp.paren(exp.Div(this=call("round", product), expression=power.copy()))


# --- numbers --------------------------------------------------------------------------------------


@rule(exp.Div)
def quotients_are_doubles(node: exp.Div) -> exp.Expr:
    """DuckDB's `/` is of doubles; Spark divides decimals as decimals, to a scale of its own."""
    left, right = (cast(exp.paren(part), "double") for part in (node.this, node.expression))
    return exp.Div(this=left, expression=right)


@rule(exp.IntDiv)
def whole_quotients(node: exp.IntDiv) -> exp.Expr:
    """`//` of whole numbers cuts; by 0 it is null, where Spark stops."""
    if not all(is_a(part, INTEGERS) for part in (node.this, node.expression)):
        raise Unproven("// of anything but whole numbers")
    return exp.IntDiv(this=node.this, expression=call("nullif", node.expression, number(0)))


@rule(exp.Mod)
def remainders(node: exp.Mod) -> exp.Expr:
    """By 0 the remainder is null, where Spark stops."""
    return exp.Mod(this=node.this, expression=call("nullif", node.expression, number(0)))


@rule(exp.Cast)
def casts(node: exp.Cast) -> exp.Expr:
    """
    To a whole number DuckDB rounds, doubles half to even; Spark cuts. A double becomes a decimal by
    its product with a power of ten; Spark goes by its shortest text.
    """
    to, value = node.to.this, node.this
    is_text = is_a(value, exp.DataType.TEXT_TYPES) and not isinstance(value, exp.Literal)
    if is_text and to not in exp.DataType.TEXT_TYPES:
        raise Unproven("a cast of text but to text")
    if to in exp.DataType.TEXT_TYPES:
        if is_a(value, REALS):
            raise Unproven("a cast of a double to text")
        return exp.Cast(this=value, to=exp.DataType.build("string", dialect="spark"))
    if to in INTEGERS:
        if is_a(value, REALS):
            value = call("rint", value)
        elif is_a(value, {T.DECIMAL}):
            value = call("round", value)
        wide = {T.INT128: "decimal(38, 0)", T.UTINYINT: "smallint"}
        return cast(value, wide[to]) if to in wide else exp.Cast(this=value, to=node.to)
    if to == T.DECIMAL and is_a(value, REALS):
        digits = int(node.to.expressions[1].name) if len(node.to.expressions) > 1 else 0
        return exp.Cast(this=scaled(value, digits), to=node.to)
    return node


@rule(exp.Round)
def rounded(node: exp.Round) -> exp.Expr:
    """Of a double: Spark rounds its shortest text, so that 1.005 becomes 1.01."""
    digits = node.args.get("decimals")
    if is_a(node.this, REALS) and digits is not None:
        if not isinstance(digits, exp.Literal):
            raise Unproven("round() to digits that are no literal")
        return scaled(node.this, int(digits.name))
    return node


@rule(exp.Floor)
def floors(node: exp.Floor) -> exp.Expr:
    """Of a double it is a double; Spark makes it a whole number."""
    return cast(node.copy(), "double") if is_a(node.this, REALS) else node


@rule(exp.Sum)
def sums(node: exp.Sum) -> exp.Expr:
    """DuckDB sums whole numbers in 128 bits."""
    if isinstance(node.this, exp.Distinct):
        raise Unproven("a sum of distinct values")
    is_hash = isinstance(node.this, exp.Anonymous) and node.this.name == "xxhash64"
    is_wide = is_hash or is_a(node.this, {T.BIGINT})
    return exp.Sum(this=cast(node.this, "decimal(38, 0)")) if is_wide else node


# --- time -----------------------------------------------------------------------------------------


@rule(exp.AtTimeZone)
def zones(node: exp.AtTimeZone) -> exp.Expr:
    """A timestamp read in one zone and shown in another; both are without a zone."""
    inner = node.this.unnest()
    if isinstance(inner, exp.Anonymous) and inner.name == "_in_zone":
        return call(
            "convert_timezone", inner.expressions[0], node.args["zone"], inner.expressions[1]
        )
    return call("_in_zone", node.args["zone"], node.this)


@rule(exp.Add, exp.Sub)
def sums_of_time(node: exp.Add | exp.Sub) -> exp.Expr:
    """Date minus date is a number of days; date and interval make a timestamp, on Spark a date."""
    left, right = node.this, node.expression
    if isinstance(node, exp.Sub):
        if is_a(left, {T.DATE}) and is_a(right, {T.DATE}):
            days = call("datediff", left, right)
            days.type = exp.DataType.build("int")
            return days
        if is_a(left, STAMPS) and is_a(right, STAMPS) and not _is_compared(node):
            raise Unproven("a difference of timestamps but to compare it with an interval")
    is_interval = isinstance(right, exp.Interval) or is_a(right, {T.INTERVAL})
    if is_interval and is_a(left, {T.DATE}):
        made = cast(exp.paren(node.copy()), "timestamp_ntz")
        made.type = exp.DataType.build("timestamp_ntz", dialect="spark")
        return made
    if is_a(left, {T.DATE}) and not is_interval:
        name = "date_sub" if isinstance(node, exp.Sub) else "date_add"
        moved = call(name, left, cast(exp.paren(right), "int"))
        return moved
    return node


def _is_compared(node: exp.Expr) -> bool:
    """Whether it stands beside an interval of days or less, whose length is certain."""
    parent = node.parent
    while isinstance(parent, exp.Paren):
        parent = parent.parent
    if not isinstance(parent, exp.GT | exp.GTE | exp.LT | exp.LTE):
        return False
    intervals = [
        side for side in (parent.this, parent.expression) if isinstance(side, exp.Interval)
    ]
    return bool(intervals) and intervals[0].args["unit"].name.upper().rstrip("S") in COUNTED_IN


@rule(exp.DateDiff)
def boundaries(node: exp.DateDiff) -> exp.Expr:
    """date_diff counts the boundaries between: those of months from the firsts of months."""
    unit = node.args["unit"].name.upper()
    if unit not in BOUNDARIES:
        raise Unproven(f"date_diff of {unit}")
    if unit == "DAY":
        return call("datediff", node.this, node.expression)
    first = [call("date_trunc", exp.Literal.string(unit), x) for x in (node.expression, node.this)]
    return call("timestampdiff", exp.var(unit), *first)


@rule(exp.TimestampTrunc, exp.DateTrunc)
def truncated(node: exp.TimestampTrunc | exp.DateTrunc) -> exp.Expr:
    """The start of a unit, as a timestamp without a zone."""
    unit = node.args["unit"].name.upper()
    if unit not in TRUNCATED_TO:
        raise Unproven(f"date_trunc to {unit}")
    made = cast(call("date_trunc", exp.Literal.string(unit), node.this), "timestamp_ntz")
    made.type = exp.DataType.build("timestamp_ntz", dialect="spark")
    return made


@rule(exp.DayOfWeekIso)
def weekdays(node: exp.DayOfWeekIso) -> exp.Expr:
    """Monday is 1; Spark's weekday() counts from 0."""
    return exp.paren(exp.Add(this=call("weekday", node.this), expression=number(1)))


@rule(exp.Dayname)
def names_of_days(node: exp.Dayname) -> exp.Expr:
    """The English name, in full."""
    return call("date_format", node.this, exp.Literal.string("EEEE"))


# --- text -----------------------------------------------------------------------------------------


@rule(exp.Chr)
def characters(node: exp.Chr) -> exp.Expr:
    """Spark takes the remainder by 256."""
    (code,) = node.expressions
    if not isinstance(code, exp.Literal) or int(code.name) > 255:
        raise Unproven("chr() of anything but a literal below 256")
    return node


@rule(exp.Trim)
def trimmed(node: exp.Trim) -> exp.Expr:
    """Of nothing said DuckDB trims all of Unicode's spaces, Spark one."""
    if node.args.get("expression") is None:
        raise Unproven("trim() without characters")
    return node


@rule(exp.RegexpFullMatch)
def full_matches(node: exp.RegexpFullMatch) -> exp.Expr:
    """Spark finds a pattern anywhere; `$` would also match before a last line end."""
    start, end = exp.Literal.string("\\A(?:"), exp.Literal.string(")\\z")
    return call("regexp_like", node.this, call("concat", start, node.expression, end))


@rule(exp.RegexpExtract)
def extracted(node: exp.RegexpExtract) -> exp.Expr:
    """Without a group DuckDB gives the whole match, Spark the first group."""
    return call(
        "regexp_extract", node.this, _pattern(node.expression), node.args.get("group") or number(0)
    )


@rule(exp.RegexpReplace)
def replaced(node: exp.RegexpReplace) -> exp.Expr:
    """Spark replaces every match and names groups with `$`."""
    options, text = node.args.get("modifiers"), node.args["replacement"]
    if options is not None and options.name != "g":
        raise Unproven("regexp_replace with options")
    if options is None and not _matches_once(node.expression):
        raise Unproven("regexp_replace of the first match only")
    if not isinstance(text, exp.Literal):
        raise Unproven("regexp_replace by what is no literal")
    said = re.sub(r"\\(\d)", r"$\1", text.name.replace("$", "\\$"))
    return call("regexp_replace", node.this, _pattern(node.expression), exp.Literal.string(said))


def _matches_once(pattern: exp.Expr) -> bool:
    """Whether a pattern is bound to the start or the end of a text, as a whole."""
    if not isinstance(pattern, exp.Literal):
        return False
    bare = re.sub(r"\\.", "", pattern.name)
    while (inner := re.sub(r"\([^()]*\)", "", bare)) != bare:
        bare = inner
    return "|" not in bare and (bare.startswith("^") or bare.endswith("$"))


def _pattern(pattern: exp.Expr) -> exp.Expr:
    """A `$` at the end of a pattern: of Java's it also matches before a last line end."""
    if isinstance(pattern, exp.Literal) and re.search(r"(?<!\\)(\\\\)*\$$", pattern.name):
        return exp.Literal.string(pattern.name[:-1] + "\\z")
    return pattern


@rule(exp.GroupConcat)
def joined(node: exp.GroupConcat) -> exp.Expr:
    """The order of the parts stands outside on Spark."""
    separator, parts = node.args.get("separator") or exp.Literal.string(","), node.this
    if not isinstance(parts, exp.Order):
        raise Unproven("string_agg without an order")
    inner = exp.Anonymous(this="listagg", expressions=[parts.this, separator])
    return exp.WithinGroup(this=inner, expression=exp.Order(expressions=parts.expressions))


# --- lists ----------------------------------------------------------------------------------------


@rule(exp.ArrayAgg)
def lists(node: exp.ArrayAgg) -> exp.Expr:
    """list() keeps nulls and is null of no rows; collect_list() drops them and is empty."""
    if isinstance(node.this, exp.Order | exp.Distinct):
        raise Unproven("list() with an order or of distinct values")
    if isinstance(node.parent, exp.Window):
        raise Unproven("list() over a window")
    kept = call("collect_list", call("named_struct", exp.Literal.string("v"), node.this))
    return kept if isinstance(node.parent, exp.Filter) else _values(kept)


@rule(exp.Filter)
def filters(node: exp.Filter) -> exp.Expr:
    """A list of what is filtered; and what arg_min() does not look at, see `nearest`."""
    inner = node.this
    if isinstance(inner, exp.Anonymous) and inner.name == "collect_list":
        return _values(node.copy())
    if isinstance(inner, exp.Filter):
        both = exp.And(
            this=exp.paren(inner.expression.this), expression=exp.paren(node.expression.this)
        )
        return exp.Filter(this=inner.this, expression=exp.Where(this=both))
    return node


def _values(collected: exp.Expr) -> exp.Expr:
    values = exp.Dot(this=exp.paren(collected), expression=exp.to_identifier("v"))
    return call("nullif", values, call("array"))


@rule(exp.GenerateSeries)
def series(node: exp.GenerateSeries) -> exp.Expr:
    """Under unnest() it is made a sequence before; elsewhere Spark's counts down as well."""
    raise Unproven("generate_series() but in unnest()")


@rule(exp.ArraySort)
def sorted_lists(node: exp.ArraySort) -> exp.Expr:
    """Nulls last."""
    return call("array_sort", node.this)


@rule(exp.ArrayDistinct)
def distinct_lists(node: exp.ArrayDistinct) -> exp.Expr:
    """Without nulls; Spark keeps one."""
    return call("array_compact", call("array_distinct", node.this))


@rule(exp.Flatten)
def flattened(node: exp.Flatten) -> exp.Expr:
    """A list that is null is left out; on Spark it makes the whole null."""
    return call("flatten", call("array_compact", node.this))


@rule(exp.Bracket)
def elements(node: exp.Bracket) -> exp.Expr:
    """Beyond its end a list has null, where Spark stops. sqlglot counts from 0 by now."""
    (position,) = node.expressions
    if isinstance(position, exp.Slice | exp.Neg):
        raise Unproven("a slice of a list, or an element from its end")
    return call("get", node.this, position)


# --- aggregates -----------------------------------------------------------------------------------


@rule(exp.ArgMin, exp.ArgMax)
def nearest(node: exp.ArgMin | exp.ArgMax) -> exp.Expr:
    """Rows without a value are not looked at; Spark's min_by() would answer null."""
    key = node.expression.unnest()
    if isinstance(key, exp.Tuple):
        key = call("struct", *key.expressions)
    found = call("min_by" if isinstance(node, exp.ArgMin) else "max_by", node.this, key)
    has_value = exp.Not(this=exp.Is(this=node.this.copy(), expression=exp.Null()))
    return exp.Filter(this=found, expression=exp.Where(this=has_value))


@rule(exp.Window)
def windows(node: exp.Window) -> exp.Expr:
    """Spark reads `over a - b` as a window of the name `a-b`."""
    is_named = node.args.get("alias") and node.arg_key != "windows"
    return exp.paren(node.copy()) if is_named else node


@rule(exp.Is)
def chained(node: exp.Is) -> exp.Expr:
    """Spark does not read `x is null is null`."""
    if isinstance(node.this, exp.Is):
        return exp.Is(this=exp.paren(node.this.copy()), expression=node.expression.copy())
    return node


@rule(exp.Grouping)
def groupings(node: exp.Grouping) -> exp.Expr:
    """Of one column; of several DuckDB gives a number of bits."""
    if len(node.expressions) != 1:
        raise Unproven("grouping() of several columns")
    return node


# --- functions that sqlglot does not know ---------------------------------------------------------


def _difference(unit: exp.Expr, start: exp.Expr, end: exp.Expr) -> exp.Expr:
    """date_sub: whole units between."""
    if unit.name.upper() not in COUNTED_IN:
        raise Unproven(f"date_sub of {unit.name.upper()}")
    return call("timestampdiff", exp.var(unit.name.upper()), start, end)


def _months(count: exp.Expr) -> exp.Expr:
    made = call("make_ym_interval", number(0), cast(count, "int"))
    made.type = exp.DataType.build("interval")
    return made


def _position(values: exp.Expr, value: exp.Expr) -> exp.Expr:
    """Null where the list does not hold it; Spark says 0."""
    return cast(call("nullif", call("array_position", values, value), number(0)), "int")


def _median(values: exp.Expr) -> exp.Expr:
    """The middle, or what lies between the two in the middle, as a double."""
    ordered = call("array_sort", call("array_compact", values))
    last = exp.paren(exp.Sub(this=call("size", ordered), expression=number(1)))

    def at(position: exp.Expr) -> exp.Expr:
        half = exp.IntDiv(this=exp.paren(position), expression=number(2))
        return cast(call("get", ordered.copy(), cast(half, "int")), "double")

    low, high = at(last), at(exp.Add(this=last.copy(), expression=number(1)))
    between = exp.paren(exp.Sub(this=high, expression=low.copy()))
    half = exp.Mul(this=between, expression=cast(exp.Literal.number("0.5"), "double"))
    return exp.paren(exp.Add(this=low, expression=half))


def _decoded(text: exp.Expr) -> exp.Expr:
    """A `+` stays, and so does a `%` that begins no byte, at which Spark stops."""
    plus = call("replace", text, exp.Literal.string("+"), exp.Literal.string("%2B"))
    stray = exp.Literal.string("%(?![0-9A-Fa-f]{2})")
    return call("url_decode", call("regexp_replace", plus, stray, exp.Literal.string("%25")))


FUNCTIONS: dict[str, Callable[..., exp.Expr]] = {
    "date_sub": _difference,
    "datesub": _difference,
    "to_months": _months,
    "list_position": _position,
    "list_median": _median,
    "url_decode": _decoded,
    "arg_min_null": lambda value, key: call("min_by", value, key),
    "arg_max_null": lambda value, key: call("max_by", value, key),
}
RESULTS = {
    "date_sub": "bigint",
    "datesub": "bigint",
    "to_months": "interval",
    "list_position": "int",
    "list_median": "double",
    "url_decode": "text",
    "hash": "bigint",
}


@rule(exp.Anonymous)
def functions(node: exp.Anonymous) -> exp.Expr:
    """Functions of DuckDB by their names; those of Spark, made by other rules, stay."""
    made = FUNCTIONS.get(node.name.lower())
    return made(*node.expressions) if made else node
