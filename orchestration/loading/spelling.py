"""
How exports spell times, days, amounts, flags, ids and scores: the one place where they are read.

Whatever has one meaning is read, in whatever spelling; the rest is refused. Two things cannot be
told from one value: `05/09/2026` is a day of May or of September, and `1,234` is more than a
thousand or less than two. They are declared, by the adapter or by the home, and checked against
all values of a file; or some other value of the file shows which is meant (`25/09/2026`, `12,50`).
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from functools import cache
from zoneinfo import ZoneInfo

from orchestration.base import files
from orchestration.loading import privacy
from orchestration.settings import DBT_PROJECT_DIR

DECIMAL_MARKS = (".", ",")

# The models round by the same list.
_VARIABLES = files.read_yaml(DBT_PROJECT_DIR / "dbt_project.yml")["vars"]
THREE_DECIMALS: tuple[str, ...] = tuple(_VARIABLES["three_decimal_currencies"])
# Currencies without decimals, ISO 4217 (minor unit 0): what was paid in one has none.
ZERO_DECIMALS = (
    *("BIF", "CLP", "DJF", "GNF", "ISK", "JPY", "KMF", "KRW"),
    *("PYG", "RWF", "UGX", "VND", "VUV", "XAF", "XOF", "XPF"),
)

# Currencies in use, ISO 4217: their codes are known in small letters, too.
CURRENCIES = frozenset(
    re.findall(
        "[A-Z]{3}",
        "AED AFN ALL AMD AOA ARS AUD AWG AZN BAM BBD BDT BGN BHD BIF BMD BND BOB BRL BSD BTN "
        "BWP BYN BZD CAD CDF CHF CLF CLP CNY COP CRC CUP CVE CZK DJF DKK DOP DZD EGP ERN ETB "
        "EUR FJD FKP GBP GEL GHS GIP GMD GNF GTQ GYD HKD HNL HTG HUF IDR ILS INR IQD IRR ISK "
        "JMD JOD JPY KES KGS KHR KMF KPW KRW KWD KYD KZT LAK LBP LKR LRD LSL LYD MAD MDL MGA "
        "MKD MMK MNT MOP MRU MUR MVR MWK MXN MYR MZN NAD NGN NIO NOK NPR NZD OMR PAB PEN PGK "
        "PHP PKR PLN PYG QAR RON RSD RUB RWF SAR SBD SCR SDG SEK SGD SHP SLE SOS SRD SSP STN "
        "SVC SYP SZL THB TJS TMT TND TOP TRY TTD TWD TZS UAH UGX USD UYU UZS VED VES VND VUV "
        "WST XAF XCD XOF XPF YER ZAR ZMW ZWG",
    )
)

_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_HALF = r"(?:a\.? ?m\.?|p\.? ?m\.?|午前|午後)"
_DAY = (
    r"(?P<year>\d{4})[-/.年](?P<month>\d{1,2})[-/.月](?P<day>\d{1,2})日?",
    r"(?P<year>\d{4})(?P<month>\d{2})(?P<day>\d{2})",
    r"(?P<first>\d{1,2})(?P<mark>[-/.])(?P<second>\d{1,2})(?P=mark)(?P<year>\d{4})",
    r"(?:[a-z]{3,9},? )?(?P<name>[a-z]{3,9})\.? (?P<day>\d{1,2})(?:st|nd|rd|th)?,? (?P<year>\d{4})",
    r"(?:[a-z]{3,9},? )?(?P<day>\d{1,2})[ -](?P<name>[a-z]{3,9})\.?,?[ -](?P<year>\d{4})",
)
_TIME = (
    rf"(?:\(.\))?(?:t|,? at |,? ?)(?P<half>{_HALF})? ?"
    r"(?P<hour>\d{1,2})[:.時](?P<minute>\d{1,2})分?"
    r"(?:[:.]?(?P<second_>\d{2})秒?(?:[.,](?P<fraction>\d{1,9}))?)?"
    rf" ?(?P<half_>{_HALF})?"
    r" ?(?P<zone>z|jst|(?:utc|gmt)?(?P<offset>[+-]\d{1,2}(?::?\d{2})?)?)(?:\[[a-z_/]+\])?"
)
_STAMPS = tuple(re.compile(f"{day}(?:{_TIME})?") for day in _DAY)
_MAY_BE_OPEN = re.compile(r"\s*\d{1,2}\D")
_COMPACT = re.compile(r"(\d{8})t?(\d{2})(\d{2})(\d{2})(z?)")
_EXCEL_EPOCH = datetime(1899, 12, 30)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

_NUMBER = re.compile(
    r"[^\d.,+()%-]{0,4}([+-]?)[^\d.,+()%-]{0,4}([\d.,' ]*\d[\d.,]*)[^\d.,+()%-]{0,4}(-?)"
)
_SCIENTIFIC = re.compile(r"[+-]?\d+(?:\.\d+)?e[+-]?\d{1,2}", re.IGNORECASE)

_FLAGS = {
    **dict.fromkeys(("1", "true", "t", "yes", "y", "on", "はい", "有"), True),
    **dict.fromkeys(("0", "false", "f", "no", "n", "off", "いいえ", "無"), False),
}
_NO_ID = re.compile(r"[0-]+(?:AAA)?")  # a look-up that leads nowhere, as Salesforce writes it too

_SCORE = r"([+-]?\d{1,3})(?:\.0+)?"
_SCORES = tuple(
    re.compile(pattern)
    for pattern in (
        _SCORE,
        rf"{_SCORE} ?(?:点|points?|stars?)(?:\W.*)?",
        # `10（強く勧める）`, `9 - satisfied`, `5. とても`, `5 とても`; `5-6 days` begins no label.
        rf"{_SCORE}(?: ?[-–—:=(.,、~] ?|\s)[^\W\d_].*",
        # `Not at all likely - 0`, `とても勧める：10`, `強く勧める（10）`
        rf"[^\d]*[^\W\d_][^\d]*(?:\s[-–—] ?| ?[:=(] ?){_SCORE} ?点?\)?",
    )
)  # fmt: skip
_BARE_SCORE = re.compile(_SCORE)
_CIRCLED = {chr(0x2460 + n): f"{n + 1}. " for n in range(20)}  # ①とても不満


class SpellingError(ValueError):
    """A text has no meaning, or more than one; the message says which and the remedy."""


@dataclass(frozen=True)
class Spelling:
    """What a text leaves open. Without order or mark, the other values of the file must show it."""

    time_zone: str = "UTC"
    date_order: str | None = None
    decimal_mark: str | None = None


@dataclass(frozen=True)
class Stamp:
    """A day and a time of it as written: which number is the month may be open."""

    year: int
    first: int
    second: int
    is_open: bool  # day or month first?
    clock: timedelta
    offset: timedelta | None
    is_day: bool  # without a time

    @property
    def shows(self) -> str | None:
        """The order that the stamp itself shows."""
        if not self.is_open or self.first == self.second:
            return None
        return "day_first" if self.first > 12 else "month_first" if self.second > 12 else None

    @property
    def is_ambiguous(self) -> bool:
        """Whether another value has to show the order."""
        return self.is_open and self.first != self.second and self.shows is None

    def local(self, order: str | None) -> datetime:
        """The stamp without its offset. Raises `SpellingError` when there is no such day."""
        month, day = self.first, self.second
        if self.is_open:
            if self.is_ambiguous and order is None:
                raise SpellingError("may be day/month or month/day")
            if (order or self.shows) == "day_first":
                month, day = day, month
        try:
            return datetime(self.year, month, day) + self.clock
        except ValueError:
            raise SpellingError("is no day of the calendar") from None


@cache
def _zone(name: str) -> ZoneInfo:
    return ZoneInfo(name)


def _folded(text: str) -> str:
    return " ".join(unicodedata.normalize("NFKC", text).replace("\u2212", "-").split())


def stamp(text: str) -> Stamp:
    """Read the spelling of a time or day. Raises `SpellingError`."""
    text = _folded(text).lower()
    if compact := _COMPACT.fullmatch(text):
        text = f"{compact[1]} {compact[2]}:{compact[3]}:{compact[4]}{compact[5]}"
    match = next((match for one in _STAMPS if (match := one.fullmatch(text))), None)
    if match is None:
        if re.fullmatch(r"\d{1,2}[-/.]\d{1,2}[-/.]\d{2}\b.*", text):
            raise SpellingError("has a year of two digits")
        raise SpellingError("is no time")
    found = match.groupdict()
    is_open = bool(found.get("first"))
    if name := found.get("name"):
        if name[:3] not in _MONTHS:
            raise SpellingError("is no time")
        found["month"] = str(_MONTHS.index(name[:3]) + 1)
    first, second = ("first", "second") if is_open else ("month", "day")
    return Stamp(
        int(found["year"]),
        int(found[first]),
        int(found[second]),
        is_open,
        _clock(found),
        _offset(found["zone"], found["offset"]),
        found["hour"] is None,
    )


def _offset(zone: str | None, offset: str | None) -> timedelta | None:
    if not zone:
        return None
    if zone == "jst":
        offset = "+9"
    if offset is None:
        return timedelta(0)
    found = re.fullmatch(r"[+-](\d{1,2}):?(\d{2})?", offset)
    assert found is not None  # the pattern of times lets no other offset through
    hours, minutes = found.groups()
    size = timedelta(hours=int(hours), minutes=int(minutes or 0))
    return -size if offset[0] == "-" else size


def _clock(found: dict[str, str | None]) -> timedelta:
    hour, minute, second = (int(found[n] or 0) for n in ("hour", "minute", "second_"))
    half = re.sub("[. ]", "", found["half"] or found["half_"] or "")
    if hour > (12 if half else 23) or minute > 59 or second > 59:
        raise SpellingError("is no time of a day")
    if half in ("am", "午前") and hour == 12:
        hour = 0
    elif half in ("pm", "午後") and hour < 12:
        hour += 12
    microseconds = int((found["fraction"] or "").ljust(6, "0")[:6])
    return timedelta(hours=hour, minutes=minute, seconds=second, microseconds=microseconds)


def instant(text: str, spelling: Spelling) -> datetime:
    """
    The instant that a text means, in UTC.

    Also seconds, milliseconds or microseconds since 1970 and serial days of a spreadsheet. A local
    time that the clock shows twice means its second pass, as in the contract.
    Raises `SpellingError`.
    """
    text = text.strip()
    if text[4:5] == "-" and text[10:11] in ("T", " "):  # what nearly all are, and quickly read
        try:
            plain = datetime.fromisoformat(text)
        except ValueError:
            pass
        else:
            return _placed(plain.replace(tzinfo=None), plain.utcoffset(), spelling.time_zone)
    if number := re.fullmatch(r"(\d{5}|\d{10}|\d{13}|\d{16}|0)(\.\d+)?", text):
        value, digits = Decimal(text), len(number[1])
        if digits == 5:
            if not 20_000 <= value < 80_000:
                raise SpellingError("is no time")
            day = _EXCEL_EPOCH + timedelta(days=int(value))
            milliseconds = round((value % 1) * 86_400_000)
            return _placed(day + timedelta(milliseconds=milliseconds), None, spelling.time_zone)
        unit = {13: 1000, 16: 1}.get(digits, 1_000_000)
        return _EPOCH + timedelta(microseconds=int(value * unit))
    found = stamp(text)
    local = found.local(spelling.date_order)
    return _placed(local, found.offset, spelling.time_zone, found.is_day)


def _placed(
    local: datetime, offset: timedelta | None, time_zone: str, is_day: bool = False
) -> datetime:
    if offset is not None:
        try:
            return local.replace(tzinfo=timezone(offset)).astimezone(UTC)
        except (ValueError, OverflowError):
            raise SpellingError("is no time: its offset leads nowhere") from None
    if time_zone == "UTC":
        return local.replace(tzinfo=UTC)
    placed = local.replace(tzinfo=_zone(time_zone), fold=1).astimezone(UTC)
    if placed.astimezone(_zone(time_zone)).replace(tzinfo=None) != local:
        if is_day:  # it begins where the clock goes on
            return local.replace(tzinfo=_zone(time_zone)).astimezone(UTC)
        raise SpellingError(f"does not exist in {time_zone}: the clock skips that hour")
    return placed


def day(text: str, spelling: Spelling) -> date:
    """The calendar day that a text names; a time in it is not looked at. Raises `SpellingError`."""
    if re.fullmatch(r"\d{5}(\.\d+)?", text := text.strip()):
        return instant(text, Spelling()).date()
    return stamp(text).local(spelling.date_order).date()


@dataclass(frozen=True)
class Number:
    """An amount as written, its marks still open."""

    sign: int
    text: str  # digits, points and commas
    shows: str | None  # the decimal mark that the amount itself shows

    @property
    def is_ambiguous(self) -> bool:
        """Whether another value has to show which mark is the decimal one."""
        return self.shows is None and ("." in self.text or "," in self.text)

    def value(self, mark: str | None) -> Decimal:
        """The amount, to six decimals. Raises `SpellingError` when its marks contradict."""
        mark = self.shows or mark
        if self.is_ambiguous and mark is None:
            raise SpellingError("may be a thousand or a decimal")
        other = "." if mark == "," else ","
        plain = self.text.replace(other, "").replace(",", ".")
        return self.sign * Decimal(plain).quantize(Decimal("0.000001"))


def number(text: str) -> Number:
    """Read the spelling of an amount. Raises `SpellingError`."""
    text = _folded(text).replace("\u2019", "'")
    if _SCIENTIFIC.fullmatch(text):
        return Number(-1 if text[0] == "-" else 1, format(abs(Decimal(text)), "f"), ".")
    is_negative = text.startswith("(") and text.endswith(")")
    match = _NUMBER.fullmatch(text[1:-1] if is_negative else text)
    if match is None:
        raise SpellingError("is no amount")
    sign = -1 if is_negative or "-" in (match[1], match[3]) else 1
    digits = match[2].strip()
    if (
        " " in digits or "'" in digits
    ):  # these group thousands, so any other mark is the decimal one
        if not re.fullmatch(r"\d{1,3}(?:[ ']\d{3})+(?:[.,]\d*)?", digits):
            raise SpellingError("is no amount")
        digits = re.sub("[ ']", "", digits)
        return Number(sign, digits, next((mark for mark in digits if mark in DECIMAL_MARKS), None))
    return Number(sign, digits, _shown_mark(digits))


def _shown_mark(digits: str) -> str | None:
    """The decimal mark that an amount shows; None without one or where it is open."""
    used = [mark for mark in DECIMAL_MARKS if mark in digits]
    if not used:
        return None
    last = max(used, key=digits.rfind)
    whole, _, fraction = digits.rpartition(last)
    other = "." if last == "," else ","
    if len(used) == 2:
        if last in whole or not _is_grouped(whole, other):
            raise SpellingError("is no amount")
        return last
    if last in whole:  # more than one: thousands
        if not _is_grouped(digits, last):
            raise SpellingError("is no amount")
        return other
    is_group = len(fraction) == 3 and 1 <= len(whole) <= 3 and not whole.startswith("0")
    return None if is_group else last


def _is_grouped(digits: str, mark: str) -> bool:
    return re.fullmatch(rf"\d{{1,3}}(?:\{mark}\d{{2,3}})*\{mark}\d{{3}}", digits) is not None


def amount(text: str, spelling: Spelling) -> Decimal:
    """The amount that a text means. Raises `SpellingError`."""
    found = number(text)
    if spelling.decimal_mark and found.shows not in (None, spelling.decimal_mark):
        raise SpellingError("has another decimal mark than declared")
    return found.value(spelling.decimal_mark)


def amount_if_any(text: str, spelling: Spelling) -> Decimal | None:
    """
    The amount of a property that may hold whatever its sender liked; null where it is no number.

    Raises `SpellingError` for a number in another spelling than declared.
    """
    try:
        number(text)
    except SpellingError:
        return None
    return amount(text, spelling)


def flag(text: str) -> bool:
    """Yes or no. Raises `SpellingError`."""
    try:
        return _FLAGS[_folded(text).lower()]
    except KeyError:
        raise SpellingError("is neither yes nor no (1 or 0, true or false)") from None


def word(text: str, words: Mapping[str, str]) -> str:
    """The word, of those declared, whose pattern a text matches. Raises `SpellingError`."""
    folded = _folded(text).lower()
    for name, pattern in words.items():
        if re.fullmatch(pattern, folded):
            return name
    raise SpellingError(f"is not known to mean one of {', '.join(words)}")


def lookup(text: str) -> str | None:
    """An id that leads to another record; null where all its digits are zero."""
    text = text.strip()
    return None if not text or _NO_ID.fullmatch(text) else text


def score(answer: str) -> int | None:
    """
    The whole number that an answer is, or that its label names: `10`, `10（強く勧める）`, `8点`,
    `Not at all likely - 0`; null for any other text.
    """
    text = _folded("".join(_CIRCLED.get(sign, sign) for sign in answer))
    match = next((match for one in _SCORES if (match := one.fullmatch(text))), None)
    return int(match[1]) if match else None


def words(answer: str) -> str | None:
    """What an answer says in words, its label too; null where it is only a number."""
    return None if _BARE_SCORE.fullmatch(_folded(answer)) else answer


def shown(text: str) -> str:
    """A value as messages name it: as it stands if it is no text, else by its shape."""
    if any(sign.isalpha() for sign in text):
        return privacy.described(text)
    return repr(privacy.masked_text(text[:40]))


def order_of(text: str) -> tuple[str | None, bool]:
    """The order of day and month that a time shows, and whether it leaves it open."""
    if not _MAY_BE_OPEN.match(text):
        return None, False
    found = stamp(text)
    return found.shows, found.is_ambiguous


def mark_of(text: str) -> tuple[str | None, bool]:
    """The decimal mark that an amount shows, and whether it leaves it open."""
    found = number(text)
    return found.shows, found.is_ambiguous


def agreed(
    read: Callable[[str], tuple[str | None, bool]],
    columns: Mapping[str, Iterable[str | None]],
    declared: str | None,
) -> str | None:
    """
    The order or mark (`read`) that all values of the columns of a file are written in.

    It is the declared one, else the one that values show. Raises `SpellingError` naming column and
    value where a value is against it, or where none shows what another leaves open.
    """
    shown_by: dict[str, str] = {} if declared is None else {declared: "it is declared"}
    ambiguous = None
    for column, texts in columns.items():
        for text in texts:
            try:
                shows, is_ambiguous = read(text) if text else (None, False)
            except SpellingError:
                continue  # reported with its row when it is read
            if shows is not None and shows not in shown_by:
                shown_by[shows] = f"column {column}: {shown(text or '')}"
            elif is_ambiguous and ambiguous is None:
                ambiguous = f"column {column}: {shown(text or '')} may be read in two ways"
    if len(shown_by) > 1:
        raise SpellingError(", ".join(f"{shows!r} ({by})" for shows, by in shown_by.items())
                            + " contradict each other")  # fmt: skip
    if not shown_by and ambiguous:
        raise SpellingError(f"{ambiguous}, and no other value shows which")
    return next(iter(shown_by), None)
