"""
Personal data: what the loader stores instead of it, as DuckDB expressions.

| kind | stored |
|---|---|
| `email`, `phone`, `id` | `<key id>:<HMAC-SHA-256>` of the one spelling of the value |
| `free_text` | `text:<characters>:<hash>`: that somebody wrote, how much, never what |
| `properties` | JSON object; the value of a key that is not allowed is hashed |
| `url` | as `text`, and parameters removed but for allowed ones |
| `email_text` | as `text`; a card number without hyphens is left, as in `url` |
| `text` | e-mail addresses, phone and card numbers masked: a defence, no promise |
| none | the value; with an address or such a number in it, masked, and a hash that tells it apart |

An e-mail or phone that a seed declares to belong to nobody (`test@…`, all zeros) becomes
`invalid:<rule>:<hash>`, so identity can leave it out without seeing it. The pepper lives in session
variables of the loading connection and is written nowhere.

What stands in a file and on no list of the contract is never shown: `described` says how long it is
and of what shape. `masked_text` is for the owner's own words, such as names of files.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import unicodedata
from functools import lru_cache

import duckdb
import phonenumbers

from orchestration.loading.contract import Column

EMAIL_PATTERN = r"[A-Za-z0-9._+-]+(@|%40|＠)[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)+"
# Domestic numbers have ten or eleven digits, so that no date, time or UUID is taken for one.
_DOMESTIC = (
    r"\(?0([0-9]\)?[ -][0-9]{4}|[0-9]{2}\)?[ -][0-9]{3,4}|[0-9]{3}\)?[ -][0-9]{2,3}"
    r"|[0-9]{4}\)?[ -][0-9]{1,2})[ -][0-9]{3,4}"
)
PHONE_PATTERN = (
    r"(^|[^0-9A-Fa-f])(\+[0-9]{1,3}[ -]?\(?[0-9]{1,4}\)?[ -][0-9]{1,4}[ -][0-9]{3,4}"
    rf"|\+[0-9]{{10,14}}|{_DOMESTIC})"
)
# Without separators only mobile numbers, where no letter or digit stands beside them.
_MOBILE = "0[789]0[0-9]{8}"
_CARD = (
    r"[2-6][0-9]{3}([ -][0-9]{4}){3}([ -][0-9]{1,3})?|3[0-9]{3}[ -][0-9]{6}[ -][0-9]{4,5}"
    r"|[2-6][0-9]{13,18}"
)
_BESIDE = "[^0-9A-Za-z.]"
# What may hold personal data; `masked_text` says whether it does.
SUSPECT_PATTERN = f"[０-９]|{PHONE_PATTERN}|(^|{_BESIDE})({_MOBILE}|{_CARD})($|[^0-9A-Za-z])"
_ISSUERS = re.compile(  # Visa, Mastercard, American Express, JCB, Diners, Discover, UnionPay
    r"4(\d{15}|\d{18})|(5[1-5]|2(2[2-9]|[3-6]\d|7[01]))\d{14}|2720\d{12}|3[47]\d{13}"
    r"|35(2[89]|[3-8]\d)\d{12}|3(0[0-5]|[689]\d)\d{11}|6(011|4[4-9]\d|5\d\d)\d{12}|62\d{14,17}"
)
_EMAILS, _PHONES = re.compile(EMAIL_PATTERN), re.compile(PHONE_PATTERN)
_MOBILES = re.compile(rf"(?<![0-9A-Za-z.]){_MOBILE}(?![0-9A-Za-z]|\.[0-9])")
_CARDS = re.compile(rf"(?<![0-9A-Za-z.])({_CARD})(?![0-9A-Za-z]|\.[0-9])")
_NARROW = str.maketrans("０１２３４５６７８９＠＋（）．－‐ー−　", "0123456789@+().---- ")
_SHAPES = (("[0-9]", "9"), ("[A-Za-z]", "x"), (r"[^\x00-\x7F]", "＊"))
# Long texts, and many: without such a sign, numbers are not looked for.
_SIGNS = {"text": "", "url": " -+", "email_text": "-+"}
_BLOCK = 64


def keyed_hash(pepper: str, key_id: str, normalised: str) -> str:
    """The hash of an already normalised value: `<key id>:<hex HMAC-SHA-256>`."""
    digest = hmac.new(pepper.encode(), normalised.encode(), hashlib.sha256).hexdigest()
    return f"{key_id}:{digest}"


def masked_text(text: str) -> str:
    """The text with e-mail addresses, phone numbers and card numbers in it masked."""
    narrow = text if text.isascii() else text.translate(_NARROW)
    found = _EMAILS.sub("[email]", narrow)
    found = _MOBILES.sub("[phone]", _PHONES.sub(r"\1[phone]", found))
    found = _CARDS.sub(lambda match: "[card]" if _is_card(match[0]) else match[0], found)
    return text if found == narrow else found


def is_masked(text: str) -> bool:
    """Whether something of a text was masked, so that others may look the same."""
    return any(mark in text for mark in ("[email]", "[phone]", "[card]"))


def _is_card(text: str) -> bool:
    """Whether a number is a payment card's: an issuer's prefix and length, a valid check digit."""
    digits = re.sub("[ -]", "", text)
    doubled = [sum(divmod(2 * int(digit), 10)) for digit in digits[-2::-2]]
    is_valid = (sum(doubled) + sum(map(int, digits[-1::-2]))) % 10 == 0
    return is_valid and _ISSUERS.fullmatch(digits) is not None


def described(text: str) -> str:
    """Length and shape of a text, in words: what may be said of content that nobody vouches for."""
    shape = " ".join(text[:30].split())
    for pattern, sign in _SHAPES:
        shape = re.sub(pattern, sign, shape)
    return f"{len(text)} character{'s' * (len(text) != 1)}, shape {shape}"


def header_label(position: int, text: str, is_known: bool) -> str:
    """How a message names a column: a header that nobody knows may be a person's name."""
    return text.strip() if is_known else f"column {position + 1} ({described(text)})"


# Signs that a reader does not see, and a spreadsheet's ways to keep a text a text.
_UNSEEN = re.compile(
    "[\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e"
    "\u2060-\u206f\u3164\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufff8]"
)
SHORTENED = re.compile(r"\d[.,]\d+E\+\d{2}")  # a long number, as a spreadsheet saves it
_FRACTIONLESS = re.compile(r"(\+?\d+)\.0")  # a whole number, as a table with empty cells saves it
_DASHES = re.compile("[\u2010-\u2015\u2212\u2e3a\u2e3b\ufe58\ufe63]")
_QUOTED = re.compile(r"""^=?["'\u2018\u2019\u201c\u201d]+|["'\u2018\u2019\u201c\u201d]+$""")


def readable(text: str) -> str:
    """
    A text as it is read, the normal form of every identifier: NFKC (full width, all blanks), one
    dash, without unseen signs (Unicode's default ignorable) and quotes.
    """
    plain = _DASHES.sub("-", _UNSEEN.sub("", unicodedata.normalize("NFKC", text)))
    return _QUOTED.sub("", plain.strip()).strip()


@lru_cache(maxsize=100_000)
def phone_digits(text: str, region: str) -> str:
    """
    The one spelling of a phone number: digits as they are dialled within the region.

    Of another country: its code and the number. Digits alone where it is no number at all, one of
    a number that a spreadsheet shortened, which is nobody's; an extension stands behind an `x`.
    """
    # Words behind a number (`（携帯）`) are no part of it.
    readable_text = re.sub(r"\D+$", "", readable(text).replace("内線", "x"))
    if SHORTENED.fullmatch(readable_text):
        return readable_text[0]
    if whole := _FRACTIONLESS.fullmatch(readable_text):
        readable_text = whole[1]
    digits = re.sub(r"\D", "", readable_text)
    if len(digits) < 7:
        return digits
    if digits.startswith("00"):
        readable_text = f"+{digits[2:]}"  # as it is dialled in most countries
    try:
        number = phonenumbers.parse(readable_text, region)
    except phonenumbers.NumberParseException:
        return digits
    if not phonenumbers.is_possible_number(number):
        return digits
    extension, number.extension = number.extension, None
    is_domestic = number.country_code == phonenumbers.country_code_for_region(region)
    style = phonenumbers.PhoneNumberFormat
    shown = phonenumbers.format_number(number, style.NATIONAL if is_domestic else style.E164)
    return re.sub(r"\D", "", shown) + (f"x{extension}" if extension else "")


def prepare(
    connection: duckdb.DuckDBPyConnection, pepper: str, key_id: str, phone_region: str = "JP"
) -> None:
    """Give the connection what the expressions need: RFC 2104's two padded keys, and functions."""
    key = pepper.encode()
    if len(key) > _BLOCK:
        key = hashlib.sha256(key).digest()
    key = key.ljust(_BLOCK, b"\0")
    for name, pad in (("hmac_inner", 0x36), ("hmac_outer", 0x5C)):
        connection.execute(f"set variable {name} = ?", [bytes(byte ^ pad for byte in key)])
    # Without a pepper there is no hash: a bare one could be reversed with a dictionary.
    connection.execute("set variable hmac_key_id = ?", [key_id if pepper else None])
    connection.execute("set variable phone_region = ?", [phone_region])
    try:
        connection.execute("select masked_text(null)")  # the list of all functions takes long
    except duckdb.CatalogException:
        connection.create_function(  # DuckDB has no NFKC of its own
            "nfkc", lambda text: unicodedata.normalize("NFKC", text), ["VARCHAR"], "VARCHAR"
        )
        connection.create_function("masked_text", masked_text, ["VARCHAR"], "VARCHAR")
        connection.create_function("readable", readable, ["VARCHAR"], "VARCHAR")
        connection.create_function("phone_digits", phone_digits, ["VARCHAR", "VARCHAR"], "VARCHAR")


def spelled(column: Column, value: str) -> str:
    """
    SQL of the one spelling of a value of a column; `stored` expects it.

    Identifiers as they are read (`readable`), e-mail addresses also in lower case without blanks
    and `mailto:`, phone numbers as `phone_digits`, addresses of pages without parameters that are
    not allowed. An id `123.0` is 123: software that knows no empty whole number writes it so.
    """
    # Plain ASCII without a quote, which is nearly everything, is left to SQL.
    is_plain = f"strlen({value}) = length({value}) and not regexp_matches({value}, '[\\x22\\x27]')"
    text = f"case when {is_plain} then {value} else readable({value}) end"
    if column.pii == "email":
        bare = f"regexp_replace(lower({text}), '\\s', '', 'g')"
        # Out of `Aoi <aoi@…>`, `mailto:aoi@…?subject=…` and lists with a sign at the end.
        address = "^(?:.*<)?(?:mailto:)?([^<>?]*?)(?:\\?[^<>]*)?>?[;,.]*$"
        return f"regexp_replace({bare}, '{address}', '\\1')"
    if column.identifier and column.pii in (None, "id"):
        return f"nullif({_whole(value, text)}, '')"
    if column.pii == "phone":
        return f"phone_digits({value}, getvariable('phone_region'))"
    if column.is_id and column.is_clear:
        return _whole(value, value)
    return _allowed_parameters(column, value) if column.pii == "url" else value


def _whole(value: str, text: str) -> str:
    number = f"regexp_replace({text}, '^([0-9]+)[.]0$', '\\1')"
    return f"case when ends_with({value}, '.0') then {number} else {text} end"


def stored(column: Column, value: str) -> str:
    """SQL of what the warehouse keeps of the spelled text `value` (an expression) of a column."""
    if column.pii in ("email", "phone"):
        hashed = hmac_expression(value)
        patterns = column.invalid_patterns
        any_of = _quoted("|".join(f"({pattern})" for _, pattern in patterns))
        cases = " ".join(
            f"when regexp_full_match({value}, '{_quoted(pattern)}') "
            f"then 'invalid:{_quoted(rule)}:' || {hashed}"
            for rule, pattern in patterns
        )
        return (
            f"case when {value} is null then null "
            f"when not regexp_full_match({value}, '{any_of}') then {hashed} {cases} end"
        )
    if column.pii == "id":  # as the other tables keep it
        return hmac_expression(clear(column, value))
    if column.pii == "free_text":
        return f"'text:' || length({value}) || coalesce(':' || {hmac_expression(value)}, '')"
    if column.pii == "properties":
        return _allowed_properties(column, value)
    if column.pii in _SIGNS:
        signs = " or ".join(f"contains({value}, '{sign}')" for sign in _SIGNS[column.pii])
        return masked(value, f"({signs or 'true'})")
    return clear(column, value) if column.is_clear else value


def hmac_expression(value: str) -> str:
    """SQL of `keyed_hash`; null without a pepper."""
    inner = f"unhex(sha256(getvariable('hmac_inner') || encode({value})))"
    return f"getvariable('hmac_key_id') || ':' || sha256(getvariable('hmac_outer') || {inner})"


def masked(value: str, sign: str = "true") -> str:
    """SQL that masks e-mail addresses, phone and card numbers inside a text."""
    return f"case when {_is_suspect(value, sign)} then masked_text({value}) else {value} end"


def clear(column: Column, value: str) -> str:
    """
    SQL of a value that nobody expects to be personal: if it is, masked, and a hash behind.

    Equal values stay equal and different ones different, so keys and joins hold; null where that
    needs a pepper that is not there.
    """
    hidden = f"masked_text({value}) || ':' || {hmac_expression(value)}"
    return f"case when {is_personal(column, value)} then {hidden} else {value} end"


def is_personal(column: Column, value: str) -> str:
    """SQL: whether a value of a clear column has an address, a phone or a card number in it."""
    # In an identifier a number is looked for at its start: the pattern takes long, ids are many.
    sign = f"({value} < ':' or {value} > '＊')" if column.is_id else "true"
    return (
        f"case when {_is_suspect(value, sign)} then masked_text({value}) != {value} else false end"
    )


def is_personal_number(value: str) -> str:
    """SQL: whether the text of a number is a telephone's or a card's."""
    return f"case when strlen({value}) >= 11 then masked_text({value}) != {value} else false end"


def _is_suspect(value: str, sign: str) -> str:
    # Looking at the length costs least, then at one sign, by far most the pattern. `case` keeps the
    # order; `and` would now and then begin with the pattern.
    return (
        f"case when strlen({value}) < 6 then false when contains({value}, '@') then true "
        f"when strlen({value}) < 8 then false when {_has_at(value)} then true "
        f"when strlen({value}) < 11 then false "
        f"when {sign} then regexp_matches({value}, '{SUSPECT_PATTERN}') else false end"
    )


def _has_at(value: str) -> str:
    return f"(contains({value}, '@') or contains({value}, '%40') or contains({value}, '＠'))"


def _allowed_parameters(column: Column, url: str) -> str:
    """
    SQL of an address without parameters that are not allowed, nor a fragment that holds any.

    An `&amp;` that a mail or page left in it is an `&`; parameters behind the `#` count, too.
    """
    allowed = _quoted("|".join(map(re.escape, column.url_parameters)) or "[^\\s\\S]")
    plain = (
        f"case when contains({url}, '&amp;') or contains({url}, '&#') "
        f"then regexp_replace({url}, '&(amp;)+|&#0?38;', '&', 'g') else {url} end"
    )
    # Allowed parameters are moved behind a sign that no address has; what is left of the others
    # goes, and a fragment that holds something; then the sign becomes `?` and `&` again.
    signed = f"regexp_replace({plain}, '(?i)[?&#](({allowed})=)', chr(1) || '\\1', 'g')"
    without = f"regexp_replace({signed}, '[?&][^?&#' || chr(1) || ']*', '', 'g')"
    other = "'[^' || chr(1) || ']*'"
    bare = f"regexp_replace({without}, '#' || {other} || '[=@]' || {other}, '', 'g')"
    query = f"replace(regexp_replace({bare}, chr(1), '?'), chr(1), '&')"
    return (
        f"case when contains({url}, '?') or contains({url}, '#') or contains({url}, '&') "
        f"then {query} else {url} end"
    )


def shape(value: str) -> str:
    """SQL of a text's shape, which tells what is wrong with it but not what it says."""
    text = f"left({value}, 60)"
    for pattern, sign in _SHAPES:
        text = f"regexp_replace({text}, '{pattern}', '{sign}', 'g')"
    return text


def told_apart(value: str) -> str:
    """SQL of shape and length of a text, and the start of its hash, which tells it from others."""
    digest = f"coalesce(', ' || left(right({hmac_expression(value)}, 64), 8), '')"
    return f"{shape(value)} || ' (' || length({value}) || ' characters' || {digest} || ')'"


def unknown_name(name: str) -> str:
    """SQL of what stands for the name of a column or key that nobody knows; null: no pepper."""
    return f"'column:' || left(right({hmac_expression(name)}, 64), 12)"


def hashed_entries(json: str) -> str:
    """SQL of a JSON object (text) with every key and value hashed."""
    return _rewritten(json, _UNKNOWN_KEY, _hashed_or_removed("entry.value"))


def _allowed_properties(column: Column, value: str) -> str:
    allowed = ", ".join(f"'{_quoted(key)}'" for key in column.allowed_keys) or "''"
    is_allowed = f"entry.key in ({allowed})"
    kept = f"case when {is_allowed} then {masked('entry.value')} "
    kept += f"else {_hashed_or_removed('entry.value')} end"
    key = f"case when {is_allowed} then entry.key else {_UNKNOWN_KEY} end"
    return (
        f"case when json_type({value}) = 'OBJECT' then {_rewritten(value, key, kept)} "
        f"when {value} is not null then to_json({_hashed_or_removed(value)})::varchar end"
    )


def _hashed_or_removed(value: str) -> str:
    return f"coalesce({hmac_expression(value)}, '[removed]')"


def _rewritten(json: str, key: str, value: str) -> str:
    """A flat JSON object made of expressions of `entry.key` and `entry.value`, and `place`."""
    return (
        "'{' || array_to_string(list_transform("
        f"list_filter(map_entries({json}::json::map(varchar, varchar)), "
        "lambda entry: entry.value is not null), "
        f"lambda entry, place: to_json({key})::varchar || ':' || to_json({value})::varchar"
        "), ',') || '}'"
    )


_UNKNOWN_KEY = f"coalesce({unknown_name('entry.key')}, 'column_' || place)"


def _quoted(text: str) -> str:
    return text.replace("'", "''")
