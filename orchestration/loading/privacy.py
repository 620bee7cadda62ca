"""
Personal data: keyed hashes and masks, as DuckDB expressions that run while loading.

`email` and `phone` become `<key id>:<HMAC-SHA-256>`; a value that a seed declares to belong to
nobody (`test@…`, all zeros) becomes `invalid:<rule>:<hash>`, so identity can leave it out without
seeing it. In `text` columns e-mail addresses and phone numbers are masked: a defence, no promise.
The pepper lives in session variables of the loading connection and is written nowhere.
"""

from __future__ import annotations

import csv
import hashlib
import hmac
import unicodedata

import duckdb

from orchestration.settings import SEEDS_DIR

EMAIL_PATTERN = r"[A-Za-z0-9._+-]+(@|%40|＠)[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)+"
PHONE_PATTERN = (
    r"\+\d{1,3}[ -]?\(?\d{1,4}\)?[ -]\d{1,4}[ -]\d{3,4}\b"
    r"|\(?\b0\d{1,4}\)?[ -]\d{1,4}[ -]\d{3,4}\b|\+\d{10,14}\b"
)
_BLOCK = 64


def normalise_email(text: str) -> str:
    """NFKC, no blanks, lower case."""
    return unicodedata.normalize("NFKC", text).strip().lower()


def normalise_phone(text: str) -> str:
    """NFKC, digits only; `+81` and `0081` are the domestic `0`."""
    text = unicodedata.normalize("NFKC", text)
    digits = "".join(character for character in text if character.isdigit())
    if text.strip().startswith("+81") or digits.startswith("0081"):
        digits = "0" + digits[2 if digits.startswith("81") else 4 :].lstrip("0")
    return digits


NORMALISERS = {"email": normalise_email, "phone": normalise_phone}


def keyed_hash(pepper: str, key_id: str, normalised: str) -> str:
    """The hash of an already normalised value: `<key id>:<hex HMAC-SHA-256>`."""
    digest = hmac.new(pepper.encode(), normalised.encode(), hashlib.sha256).hexdigest()
    return f"{key_id}:{digest}"


def set_pepper(connection: duckdb.DuckDBPyConnection, pepper: str, key_id: str) -> None:
    """Give the connection what `hash_expression` needs: RFC 2104's two padded keys."""
    key = pepper.encode()
    if len(key) > _BLOCK:
        key = hashlib.sha256(key).digest()
    key = key.ljust(_BLOCK, b"\0")
    for name, pad in (("hmac_inner", 0x36), ("hmac_outer", 0x5C)):
        connection.execute(f"set variable {name} = ?", [bytes(byte ^ pad for byte in key)])
    connection.execute("set variable hmac_key_id = ?", [key_id])


def hash_expression(kind: str, value: str) -> str:
    """SQL that hashes the normalised text `value` (an expression) of kind email or phone."""
    hashed = hmac_expression(value)
    cases = "".join(
        f" when regexp_full_match({value}, '{pattern.replace(chr(39), chr(39) * 2)}') "
        f"then 'invalid:{rule}:' || {hashed}"
        for rule, pattern in invalid_patterns(kind)
    )
    return f"case when {value} is null then null{cases} else {hashed} end"


def hmac_expression(value: str) -> str:
    """SQL of `keyed_hash`."""
    inner = f"unhex(sha256(getvariable('hmac_inner') || encode({value})))"
    return f"getvariable('hmac_key_id') || ':' || sha256(getvariable('hmac_outer') || {inner})"


def mask_expression(value: str) -> str:
    """SQL that masks e-mail addresses and phone numbers inside a text."""
    masked = f"regexp_replace({value}, '{EMAIL_PATTERN}', '[email]', 'g')"
    return f"regexp_replace({masked}, '{PHONE_PATTERN}', '[phone]', 'g')"


def invalid_patterns(kind: str) -> list[tuple[str, str]]:
    """Rules of `seeds/identifier_invalid_values.csv` for one identifier type."""
    path = SEEDS_DIR / "identifier_invalid_values.csv"
    with path.open(encoding="utf-8", newline="") as stream:
        return [
            (row["invalid_rule_id"], row["pattern"])
            for row in csv.DictReader(stream)
            if row["identifier_type"] == kind
        ]
