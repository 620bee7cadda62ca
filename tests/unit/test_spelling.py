"""Spelling: what has one meaning is read, whatever has two is refused."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest

from orchestration.loading import spelling
from orchestration.loading.spelling import Spelling, SpellingError

TOKYO = Spelling("Asia/Tokyo")


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("2026-01-05T00:00:00Z", "2026-01-05 00:00:00"),
        ("2026-01-05 00:00:01.120 UTC", "2026-01-05 00:00:01.120000"),
        ("2026-01-05 09:00:05 +0900", "2026-01-05 00:00:05"),
        ("2026-05-07T20:47:49.000+0000", "2026-05-07 20:47:49"),
        ("2026-01-05 00:00:00-08", "2026-01-05 08:00:00"),
        ("2026-01-05 00:00:00", "2026-01-04 15:00:00"),
        ("2026-01-05 0:00", "2026-01-04 15:00:00"),
        ("2026/11/20 9:05:01 午前 GMT+9", "2026-11-20 00:05:01"),
        ("2026/11/20 午後 9:05:01", "2026-11-20 12:05:01"),
        ("2026年10月1日(木) 10時05分", "2026-10-01 01:05:00"),
        ("10/13/2026 12:00:00 AM", "2026-10-12 15:00:00"),
        ("25/09/2026 10:00", "2026-09-25 01:00:00"),
        ("05.05.2026", "2026-05-04 15:00:00"),
        ("Oct 1, 2026 10:00\u202fPM", "2026-10-01 13:00:00"),
        ("Thu, 01 Oct 2026 10:00:00 +0000", "2026-10-01 10:00:00"),
        ("20261001093000", "2026-10-01 00:30:00"),
        ("1790000000", "2026-09-21 14:13:20"),
        ("1790000000000", "2026-09-21 14:13:20"),
        ("1790000000000000", "2026-09-21 14:13:20"),
        ("46000.5208333333", "2025-12-09 03:30:00"),
        ("0", "1970-01-01 00:00:00"),
    ],
)
def test_an_instant_is_read_in_all_its_spellings(text: str, meant: str) -> None:
    assert spelling.instant(text, TOKYO).replace(tzinfo=None).isoformat(" ") == meant


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("05/09/2026 10:00", "day/month or month/day"),
        ("05/09/26", "year of two digits"),
        ("2026-02-30", "no day of the calendar"),
        ("2026-01-05 25:00", "no time"),
        ("2026-01-05 10:00 EST", "no time"),
        ("soon", "no time"),
        ("12345678901", "no time"),
    ],
)
def test_a_time_that_is_none_or_two_is_refused(text: str, words: str) -> None:
    with pytest.raises(SpellingError, match=words):
        spelling.instant(text, TOKYO)


def test_a_local_time_is_that_of_the_clock() -> None:
    berlin = Spelling("Europe/Berlin")
    assert spelling.instant("2026-10-25 02:30", berlin).isoformat() == "2026-10-25T01:30:00+00:00"
    with pytest.raises(SpellingError, match="the clock skips that hour"):
        spelling.instant("2026-03-29 02:30", berlin)


def test_a_day_stays_the_day_that_is_written() -> None:
    for text in ("2026-06-11", "2026-06-11 00:00:00", "20260611", "2026/6/11", "Jun 11, 2026"):
        assert spelling.day(text, Spelling("America/New_York")) == date(2026, 6, 11)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("12.50", "12.5"),
        ("12,50", "12.5"),
        ("1,234.50", "1234.5"),
        ("1.234,50", "1234.5"),
        ("1 234,50 €", "1234.5"),
        ("1'234.50", "1234.5"),
        ("1,234,567", "1234567"),
        ("1,00,000.00", "100000"),
        ("0.255", "0.255"),
        ("￥３９８０", "3980"),
        ("R$ 1.234,50", "1234.5"),
        ("(12.50)", "-12.5"),
        ("-$1", "-1"),
        ("1.2E7", "12000000"),
        ("12.340000000001", "12.34"),
    ],
)
def test_an_amount_shows_its_decimal_mark(text: str, value: str) -> None:
    assert spelling.amount(text, Spelling()) == Decimal(value)


def test_a_mark_that_an_amount_leaves_open_is_declared() -> None:
    with pytest.raises(SpellingError, match="a thousand or a decimal"):
        spelling.amount("1,234", Spelling())
    assert spelling.amount("1,234", Spelling(decimal_mark=".")) == 1234
    assert spelling.amount("1,234", Spelling(decimal_mark=",")) == Decimal("1.234")
    with pytest.raises(SpellingError, match="another decimal mark"):
        spelling.amount("12,50", Spelling(decimal_mark="."))


@pytest.mark.parametrize("text", ["abc", "12..5", "1,2,3", "100%", "12 50", "1.234.5,0,0"])
def test_what_is_no_amount_is_refused(text: str) -> None:
    with pytest.raises(SpellingError, match="no amount"):
        spelling.number(text)


def test_one_value_shows_how_the_file_is_written() -> None:
    def order(*texts: str, declared: str | None = None) -> str | None:
        return spelling.agreed(spelling.order_of, {"at": texts}, declared)

    assert order("05/09/2026", "25/09/2026") == "day_first"
    assert order("05/09/2026", "09/25/2026", "") == "month_first"
    assert order("05/09/2026", declared="day_first") == "day_first"
    assert order("2026-09-05", "05/05/2026") is None
    for texts, declared, words in (
        (["05/09/2026"], None, r"column at: '05/09/2026' may be read in two ways"),
        (["25/09/2026", "09/25/2026"], None, "contradict"),
        (["25/09/2026"], "month_first", r"declared.*'25/09/2026'.*contradict"),
    ):
        with pytest.raises(SpellingError, match=words):
            order(*texts, declared=declared)


@pytest.mark.parametrize(
    ("answer", "score", "words"),
    [
        ("10", 10, None),
        ("１０", 10, None),
        ("9.0", 9, None),
        ("-3", -3, None),
        ("10（強く勧める）", 10, "10（強く勧める）"),
        ("①とても不満", 1, "①とても不満"),
        ("5 - 非常に満足", 5, "5 - 非常に満足"),
        ("5 とても満足", 5, "5 とても満足"),
        ("8点", 8, "8点"),
        ("Not at all likely - 0", 0, "Not at all likely - 0"),
        ("とても勧める：10", 10, "とても勧める：10"),
        ("Very bad (-3)", -3, "Very bad (-3)"),
        ("4.5", None, "4.5"),
        ("5-6 days", None, "5-6 days"),
        ("Covid-19", None, "Covid-19"),
        ("2026 was bad", None, "2026 was bad"),
        ("早かった, 感謝", None, "早かった, 感謝"),
    ],
)
def test_a_score_is_a_number_or_its_label(answer: str, score: int | None, words: str) -> None:
    assert (spelling.score(answer), spelling.words(answer)) == (score, words)


def test_flags_and_ids() -> None:
    assert [spelling.flag(t) for t in ("1", "TRUE", "Yes", "はい")] == [True] * 4
    assert [spelling.flag(t) for t in ("0", "false", "n", "いいえ")] == [False] * 4
    with pytest.raises(SpellingError, match="neither yes nor no"):
        spelling.flag("2")
    zero = "00000000-0000-0000-0000-000000000000"
    assert [spelling.lookup(t) for t in ("000000000000000AAA", "0", zero)] == [None] * 3
    assert spelling.lookup("0038a00003AAAAAAA1") == "0038a00003AAAAAAA1"


def test_a_day_that_begins_in_a_skipped_hour_begins_after_it() -> None:
    brazil = Spelling("America/Sao_Paulo")
    assert str(spelling.instant("2017-10-15", brazil)) == "2017-10-15 03:00:00+00:00"
    with pytest.raises(SpellingError, match="the clock skips that hour"):
        spelling.instant("2017-10-15 00:30:00", brazil)
