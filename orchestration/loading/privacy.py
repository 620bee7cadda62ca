"""
Personal data: what the loader stores instead of it, as DuckDB expressions.

| kind | stored |
|---|---|
| `email`, `phone`, `id` | `<key id>:<HMAC-SHA-256>` of the normalised value |
| `free_text` | `text:<characters>:<hash>`: that somebody wrote, how much, never what |
| `properties` | JSON object; the value of a key that is not allowed is hashed |
| `url` | e-mail addresses and phone numbers masked, parameters removed but for allowed ones |
| `email_text` | e-mail addresses masked |
| `text` | e-mail addresses and phone numbers masked: a defence, no promise |

An e-mail or phone that a seed declares to belong to nobody (`test@…`, all zeros) becomes
`invalid:<rule>:<hash>`, so identity can leave it out without seeing it. The pepper lives in session
variables of the loading connection and is written nowhere.
"""

from __future__ import annotations

import csv
import hashlib
import hmac
import unicodedata
from functools import lru_cache

import duckdb

from orchestration.loading.contract import Column
from orchestration.settings import SEEDS_DIR

EMAIL_PATTERN = r"[A-Za-z0-9._+-]+(@|%40|＠)[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)+"
PHONE_PATTERN = (
    r"\+\d{1,3}[ -]?\(?\d{1,4}\)?[ -]\d{1,4}[ -]\d{3,4}\b"
    r"|\(?\b0\d{1,4}\)?[ -]\d{1,4}[ -]\d{3,4}\b|\+\d{10,14}\b"
)
_BLOCK = 64


def keyed_hash(pepper: str, key_id: str, normalised: str) -> str:
    """The hash of an already normalised value: `<key id>:<hex HMAC-SHA-256>`."""
    digest = hmac.new(pepper.encode(), normalised.encode(), hashlib.sha256).hexdigest()
    return f"{key_id}:{digest}"


def prepare(connection: duckdb.DuckDBPyConnection, pepper: str, key_id: str) -> None:
    """Give the connection what the expressions need: RFC 2104's two padded keys, and NFKC."""
    key = pepper.encode()
    if len(key) > _BLOCK:
        key = hashlib.sha256(key).digest()
    key = key.ljust(_BLOCK, b"\0")
    for name, pad in (("hmac_inner", 0x36), ("hmac_outer", 0x5C)):
        connection.execute(f"set variable {name} = ?", [bytes(byte ^ pad for byte in key)])
    # Without a pepper there is no hash: a bare one could be reversed with a dictionary.
    connection.execute("set variable hmac_key_id = ?", [key_id if pepper else None])
    known = connection.execute(
        "select count(*) from duckdb_functions() where function_name = 'nfkc'"
    ).fetchone()
    if known == (0,):
        connection.create_function(  # DuckDB has no NFKC of its own
            "nfkc", lambda text: unicodedata.normalize("NFKC", text), ["VARCHAR"], "VARCHAR"
        )


def folded(value: str) -> str:
    """SQL of NFKC; ASCII, which is nearly everything, is left as it is."""
    return f"case when strlen({value}) = length({value}) then {value} else nfkc({value}) end"


def spelled(column: Column, value: str) -> str:
    """
    SQL of the one spelling of a value of a column; `stored` expects it.

    E-mail addresses in lower case, phone numbers as domestic digits, addresses of pages without
    parameters that are not allowed.
    """
    text = f"trim({folded(value)})"
    if column.pii == "email":
        return f"lower({text})"
    if column.pii == "phone":  # `+81` and `0081` are the domestic `0`
        digits = f"regexp_replace({text}, '[^0-9]', '', 'g')"
        return (
            f"case when starts_with({text}, '+81') "
            f"then '0' || ltrim(substr({digits}, 3), '0') when starts_with({digits}, '0081') "
            f"then '0' || ltrim(substr({digits}, 5), '0') else {digits} end"
        )
    return _allowed_parameters(value) if column.pii == "url" else value


def stored(column: Column, value: str) -> str:
    """SQL of what the warehouse keeps of the spelled text `value` (an expression) of a column."""
    if column.pii in ("email", "phone"):
        hashed = hmac_expression(value)
        patterns = invalid_patterns(column.pii)
        any_of = _quoted("|".join(f"({pattern})" for _, pattern in patterns))
        cases = " ".join(
            f"when regexp_full_match({value}, '{_quoted(pattern)}') "
            f"then 'invalid:{rule}:' || {hashed}"
            for rule, pattern in patterns
        )
        return (
            f"case when {value} is null then null "
            f"when not regexp_full_match({value}, '{any_of}') then {hashed} {cases} end"
        )
    if column.pii == "id":
        return hmac_expression(value)
    if column.pii == "free_text":
        return f"'text:' || length({value}) || coalesce(':' || {hmac_expression(value)}, '')"
    if column.pii == "properties":
        return _allowed_properties(column, value)
    if column.pii == "email_text":
        return masked_email(value)
    return masked(value) if column.pii in ("text", "url") else value


def hmac_expression(value: str) -> str:
    """SQL of `keyed_hash`; null without a pepper."""
    inner = f"unhex(sha256(getvariable('hmac_inner') || encode({value})))"
    return f"getvariable('hmac_key_id') || ':' || sha256(getvariable('hmac_outer') || {inner})"


def masked(value: str) -> str:
    """SQL that masks e-mail addresses and phone numbers inside a text."""
    email = masked_email(value)
    return (
        f"case when contains({value}, ' ') or contains({value}, '-') or contains({value}, '+') "
        f"then regexp_replace({email}, '{PHONE_PATTERN}', '[phone]', 'g') else {email} end"
    )


def masked_email(value: str) -> str:
    """SQL that masks e-mail addresses inside a text."""
    # `contains` is ten times as fast as the pattern, and mostly says no.
    return (
        f"case when contains({value}, '@') or contains({value}, '%40') or contains({value}, '＠') "
        f"then regexp_replace({value}, '{EMAIL_PATTERN}', '[email]', 'g') else {value} end"
    )


def _allowed_parameters(url: str) -> str:
    """SQL of an address without parameters that are not allowed, nor a fragment that holds any."""
    allowed = "|".join(url_parameters())
    # Allowed parameters are moved behind a sign that no address has; what is left of the others
    # goes; then the sign becomes `?` and `&` again.
    signed = f"regexp_replace({url}, '(?i)[?&](({allowed})=)', chr(1) || '\\1', 'g')"
    without = f"regexp_replace({signed}, '[?&][^?&#' || chr(1) || ']*', '', 'g')"
    query = f"replace(regexp_replace({without}, chr(1), '?'), chr(1), '&')"
    return (
        f"case when contains({url}, '?') or contains({url}, '#') or contains({url}, '&') "
        f"then regexp_replace({query}, '#.*[=@].*$', '') else {url} end"
    )


def shape(value: str) -> str:
    """SQL of a text's shape, which tells what is wrong with it but not what it says."""
    text = f"left({value}, 60)"
    for pattern, sign in (("[0-9]", "9"), ("[A-Za-z]", "x"), (r"[^\x00-\x7F]", "＊")):
        text = f"regexp_replace({text}, '{pattern}', '{sign}', 'g')"
    return text


def hashed_values(json: str) -> str:
    """SQL of a JSON object (text) with every value hashed; its keys stay."""
    return _rewritten(json, _hashed_or_removed("entry.value"))


def _allowed_properties(column: Column, value: str) -> str:
    allowed = ", ".join(f"'{_quoted(key)}'" for key in column.allowed_keys) or "''"
    kept = f"case when entry.key in ({allowed}) then {masked('entry.value')} "
    kept += f"else {_hashed_or_removed('entry.value')} end"
    return (
        f"case when json_type({value}) = 'OBJECT' then {_rewritten(value, kept)} "
        f"when {value} is not null then to_json({_hashed_or_removed(value)})::varchar end"
    )


def _hashed_or_removed(value: str) -> str:
    return f"coalesce({hmac_expression(value)}, '[removed]')"


def _rewritten(json: str, value: str) -> str:
    """A flat JSON object with `entry.value` replaced by an expression; nested values are texts."""
    return (
        "'{' || array_to_string(list_transform("
        f"list_filter(map_entries({json}::json::map(varchar, varchar)), "
        "lambda entry: entry.value is not null), "
        f"lambda entry: to_json(entry.key)::varchar || ':' || to_json({value})::varchar"
        "), ',') || '}'"
    )


def _quoted(text: str) -> str:
    return text.replace("'", "''")


@lru_cache
def url_parameters() -> tuple[str, ...]:
    """Names of query parameters whose values are kept: `seeds/url_parameters.csv`."""
    with (SEEDS_DIR / "url_parameters.csv").open(encoding="utf-8", newline="") as stream:
        return tuple(row["url_parameter"] for row in csv.DictReader(stream))


@lru_cache
def invalid_patterns(kind: str) -> tuple[tuple[str, str], ...]:
    """Rules of `seeds/identifier_invalid_values.csv` for one identifier type."""
    path = SEEDS_DIR / "identifier_invalid_values.csv"
    with path.open(encoding="utf-8", newline="") as stream:
        return tuple(
            (row["invalid_rule_id"], row["pattern"])
            for row in csv.DictReader(stream)
            if row["identifier_type"] == kind
        )
