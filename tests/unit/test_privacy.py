"""What is stored instead of personal data: hashes equal the standard library's, and no address."""

from __future__ import annotations

import json
from dataclasses import replace

import duckdb
import pytest

from orchestration.loading import privacy
from orchestration.loading.contract import IDENTIFIERS, Column, load_contract


def stored(kind: str, value: str | None, **meta: object) -> str | None:
    """What the warehouse keeps of a value."""
    known = (column for table in load_contract().values() for column in table.columns)
    column = replace(next(one for one in known if one.pii == kind), **meta)
    connection = duckdb.connect()
    privacy.prepare(connection, "p", "k1")
    given = privacy.spelled(column, "given")
    row = connection.execute(
        f"select {privacy.stored(column, 'given')} "
        f"from (select {given} as given from (select ?::varchar as given))",
        [value],
    ).fetchone()
    assert row is not None
    return row[0]


@pytest.mark.parametrize("pepper", ["short", "x" * 64, "y" * 200])
@pytest.mark.parametrize("value", ["aoi@hana-mail.jp", "09011112222", "髙橋"])
def test_sql_hash_equals_hmac_of_the_standard_library(pepper: str, value: str) -> None:
    connection = duckdb.connect()
    privacy.prepare(connection, pepper, "k2")
    row = connection.execute(f"select {privacy.hmac_expression('?')}", [value]).fetchone()
    assert row == (privacy.keyed_hash(pepper, "k2", value),)


@pytest.mark.parametrize(
    ("kind", "value", "rule"),
    [
        ("email", "test@shop.jp", "email_test"),
        ("email", "no-reply@shop.jp", "email_no_reply"),
        ("email", "nobody", "email_malformed"),
        ("phone", "00000000000", "phone_repeated"),
        ("phone", "123", "phone_short"),
        ("email", "aoi@hana-mail.jp", None),
        ("phone", "09011112222", None),
    ],
)
def test_values_of_nobody_say_so(kind: str, value: str, rule: str | None) -> None:
    kept = str(stored(kind, value))
    assert kept.startswith(f"invalid:{rule}:k1:" if rule else "k1:") and value not in kept


@pytest.mark.parametrize("kind", ["text", "url", "free_text", "properties"])
@pytest.mark.parametrize(
    "text",
    ["mail aoi@hana-mail.jp now", "https://s.jp/?m=aoi%40hana-mail.jp", "call 090-1111-2222",
     "call +81 90-1111-2222", "+819011112222"],
)  # fmt: skip
def test_no_address_stays(kind: str, text: str) -> None:
    given = json.dumps({"note": text, "method": text}) if kind == "properties" else text
    kept = str(stored(kind, given, allowed_keys=("method",)))
    assert "aoi" not in kept and "1111" not in kept


@pytest.mark.parametrize("text", ["2026-01-05 10:00:00", "order 123456789", "1,234.50", "a b c"])
def test_masks_leave_dates_and_numbers(text: str) -> None:
    assert stored("text", text) == text


@pytest.mark.parametrize(
    ("url", "kept"),
    [
        ("https://s.jp/a", "https://s.jp/a"),
        ("https://s.jp/a?utm_source=x&Page=2", "https://s.jp/a?utm_source=x&Page=2"),
        ("https://s.jp/a?name=山田&page=2", "https://s.jp/a?page=2"),
        ("https://s.jp/a?x&&y=", "https://s.jp/a"),
        ("https://s.jp/#/cart", "https://s.jp/#/cart"),
        ("https://s.jp/#/cart?name=山田", "https://s.jp/#/cart"),
        ("https://s.jp/髙?x=1&page=2#top", "https://s.jp/髙?page=2#top"),
        ("https://s.jp/a&name=山田", "https://s.jp/a"),
        ("https://s.jp/a?page=1?name=山田", "https://s.jp/a?page=1"),
        ("https://s.jp/a?gclid=x&page", "https://s.jp/a?gclid=x"),
        ("https://s.jp/#token=abc", "https://s.jp/"),
        ("https://s.jp/#utm_source=x&name=山田", "https://s.jp/?utm_source=x"),
        ("https://s.jp/#/a?name=山田&utm_source=x", "https://s.jp/#/a?utm_source=x"),
        ("https://s.jp/?page=2#token=abc&utm_source=x", "https://s.jp/?page=2&utm_source=x"),
        ("https://s.jp/?utm_source=x&amp;page=2&#038;a=b", "https://s.jp/?utm_source=x&page=2"),
    ],
)
def test_parameters_go_but_for_allowed_ones(url: str, kept: str) -> None:
    assert stored("url", url) == kept


def test_properties_keep_allowed_keys_and_hash_the_rest() -> None:
    given = '{"value": 3, "name": "山田", "deep": {"a": "山田"}, "none": null}'
    kept = json.loads(str(stored("properties", given, allowed_keys=("value",))))
    name, deep = ("column:" + privacy.keyed_hash("p", "k1", key)[3:15] for key in ("name", "deep"))
    assert kept["value"] == "3" and set(kept) == {"value", name, deep}
    assert kept[name] == privacy.keyed_hash("p", "k1", "山田")
    assert "山田" not in str(kept)
    assert "山田" not in str(stored("properties", '["山田"]'))


def test_without_a_pepper_nothing_is_hashed_with_no_key() -> None:
    connection = duckdb.connect()
    privacy.prepare(connection, "", "k1")
    for kind, kept in (("email", None), ("free_text", "text:2"), ("properties", '"[removed]"')):
        column = Column("given", "varchar", pii=kind)
        query = f"select {privacy.stored(column, 'given')} from (select '[]' as given)"
        assert connection.execute(query).fetchone() == (kept,)


def test_free_text_is_length_and_hash() -> None:
    kept = privacy.keyed_hash("p", "k1", "遅い")
    assert stored("free_text", "遅い") == f"text:2:{kept}"


@pytest.mark.parametrize("kind", ["email", "phone", "id", "text", "url", "free_text"])
def test_nothing_stays_nothing(kind: str) -> None:
    assert stored(kind, None) is None


def test_spellings_of_one_person_are_one() -> None:
    assert stored("email", " Ａoi@Hana-Mail.JP ") == stored("email", "aoi@hana-mail.jp")
    assert stored("email", "aoi@hana-mail.jp") == privacy.keyed_hash("p", "k1", "aoi@hana-mail.jp")
    phones = ["090-1111-2222", "+81 90 1111 2222", "０９０１１１１２２２２", "0081-90-1111-2222",
              "9011112222.0", "+819011112222.0"]  # fmt: skip
    assert {stored("phone", phone) for phone in phones} == {
        privacy.keyed_hash("p", "k1", "09011112222")
    }


SPELLINGS = {
    "contact": (
        "Ａ-１２", "A\u201112", "A\u221212", "\ufeffA-12\u200b", "\u00a0A-12\u3000", "'A-12",
        '"A-12"',
    ),
    "email": (
        "a-b＠X.jp", "a\u2011b@x.jp", "\ufeffa-b@x.jp\u200b", "\u00a0a-b@x.jp\u3000", "'a-b@x.jp",
        "mailto:a-b@x.jp?subject=Hi%20you", "MAILTO:a-b@x.jp", "<mailto:a-b@x.jp?body=x>;",
    ),
    "phone": (
        "090\u20111111\u20132222", "０９０－１１１１－２２２２", "\u00a0090 1111\u30002222",
        "'090-1111-2222",
    ),
}  # fmt: skip
SPELLINGS |= {"user": SPELLINGS["contact"], "visitor": SPELLINGS["contact"]}
PLAIN = {"email": "a-b@x.jp", "phone": "09011112222"}


@pytest.mark.parametrize("kind", IDENTIFIERS)
def test_each_identifier_has_one_normal_form(kind: str) -> None:
    columns = [
        column
        for table in load_contract().values()
        for column in table.columns
        if column.identifier == kind
    ]
    connection = duckdb.connect()
    privacy.prepare(connection, "p", "k1")
    for column in columns:
        for text in (PLAIN.get(kind, "A-12"), *SPELLINGS[kind]):
            query = f"select {privacy.spelled(column, 'given')} from (select ?::varchar as given)"
            assert connection.execute(query, [text]).fetchone() == (PLAIN.get(kind, "A-12"),)


def test_whole_ids_have_no_fraction() -> None:
    """Pandas and spreadsheets write whole numbers so where another cell of the column is empty."""
    connection = duckdb.connect()
    privacy.prepare(connection, "p", "k1")
    columns = {"contact_id": "contact", "order_id": None}
    for name, kind in columns.items():
        column = Column(name, "varchar", identifier=kind)
        for text, id_ in (("123.0", "123"), ("v1.0", "v1.0"), ("1.5", "1.5"), ("12.00", "12.00")):
            query = f"select {privacy.spelled(column, 'given')} from (select ? as given)"
            assert connection.execute(query, [text]).fetchone() == (id_,)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("aoi@hana-mail.jp.csv", "[email]"),
        ("aoi%40hana-mail.jp", "[email]"),
        ("ａｏｉ+aoi＠hana-mail.jp", "ａｏｉ[email]"),
        ("tanaka_090-1234-5678.csv", "tanaka_[phone].csv"),
        ("tel090-1234-5678", "tel[phone]"),
        ("電話090-1234-5678 か 03-1234-5678", "電話[phone] か [phone]"),
        ("0120-123-456", "[phone]"),
        ("０９０－１２３４－５６７８", "[phone]"),
        ("09012345678.csv", "[phone].csv"),
        ("+819012345678", "[phone]"),
        ("4111 1111 1111 1111", "[card]"),
        ("paid 4111-1111-1111-1111 now", "paid [card] now"),
        ("5555555555554444", "[card]"),
        ("378282246310005", "[card]"),
        ("3530111333300000", "[card]"),
        ("6200000000000005", "[card]"),
    ],
)
def test_addresses_phones_and_cards_are_masked(text: str, shown: str) -> None:
    assert privacy.masked_text(text) == shown
    assert privacy.is_masked(shown) and not privacy.is_masked(text)


HARMLESS = [
    "2026-01-05 10:00:00", "events_2026-01-02-1030.csv", "dt=2026-01-05/orders_20260105103000.csv",
    "550e8400-e29b-41d4-a716-446655440000", "0a1b2c3d-0123-4567-8901-446655440000",
    "1234567890.1600000000", "GA1.2.1234567890.1600000000", "gid://shopify/Order/4500000000001",
    "4500000000001", "1700000000000", "1700000000000000", "4111111111111112", "4111-1111-1111-1112",
    "order 123456789", "2026年１月", "090 1234", "0901234567890", "pi_3MtwBwLkdIwHu7ix28a3tqPa",
    "evt-09012345678a", "k1:4111111111111111aaaa", "spring_sale_2026", "@aoi", "100-0001",
]  # fmt: skip


@pytest.mark.parametrize("text", HARMLESS)
def test_ids_dates_and_times_are_not_masked(text: str) -> None:
    assert privacy.masked_text(text) == text


def clear(name: str, value: str, pepper: str = "p") -> str | None:
    """What a column of no kind keeps of a value."""
    connection = duckdb.connect()
    privacy.prepare(connection, pepper, "k1")
    column = Column(name, "varchar")
    query = f"select {privacy.stored(column, 'given')} from (select ? as given)"
    row = connection.execute(query, [value]).fetchone()
    assert row is not None
    return row[0]


@pytest.mark.parametrize("name", ["user_id", "utm_campaign"])
def test_a_masked_value_of_a_clear_column_stays_one_of_its_own(name: str) -> None:
    """So keys and joins hold: equal texts are equal in every table, different ones different."""
    for given, shown in [("aoi@hana-mail.jp", "[email]"), ("090-1111-2222", "[phone]"),
                         ("4111111111111111", "[card]"), ("b＠c.jp", "[email]"),
                         ("a%40b.jp", "[email]")]:  # fmt: skip
        kept = clear(name, given)
        assert kept == f"{shown}:{privacy.keyed_hash('p', 'k1', given)}"
        assert clear(name, kept) == kept
        assert clear(name, given, pepper="") is None
    for text in HARMLESS:
        assert clear(name, text) == text == clear(name, text, pepper="")


def test_an_erasure_request_names_an_id_as_the_tables_keep_it() -> None:
    kept = str(clear("user_id", "aoi@hana-mail.jp"))
    assert stored("id", "aoi@hana-mail.jp") == privacy.keyed_hash("p", "k1", kept)
    assert stored("id", "u1") == privacy.keyed_hash("p", "k1", "u1")


def test_a_description_says_nothing() -> None:
    assert privacy.described("髙橋 090-1\nx") == "10 characters, shape ＊＊ 999-9 x"
    assert privacy.described("x") == "1 character, shape x"
    assert privacy.header_label(2, "山田", False) == "column 3 (2 characters, shape ＊＊)"
    assert privacy.header_label(2, " email", True) == "email"


def test_shapes_say_what_is_wrong_and_nothing_else() -> None:
    row = duckdb.execute(f"select {privacy.shape('?')}", ["2026-02-30 山田 a"]).fetchone()
    assert row == ("9999-99-99 ＊＊ x",)
