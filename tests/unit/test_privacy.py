"""Keyed hashes equal the standard library's, and masks leave no address."""

from __future__ import annotations

import duckdb
import pytest

from orchestration.loading import privacy


@pytest.mark.parametrize("pepper", ["short", "x" * 64, "y" * 200])
@pytest.mark.parametrize("value", ["aoi@hana-mail.jp", "09011112222", "髙橋"])
def test_sql_hash_equals_hmac_of_the_standard_library(pepper: str, value: str) -> None:
    connection = duckdb.connect()
    privacy.set_pepper(connection, pepper, "k2")
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
    connection = duckdb.connect()
    privacy.set_pepper(connection, "p", "k1")
    expression = privacy.hash_expression(kind, "given")
    row = connection.execute(f"select {expression} from (select ? as given)", [value]).fetchone()
    assert row is not None
    prefix = f"invalid:{rule}:k1:" if rule else "k1:"
    assert str(row[0]).startswith(prefix) and value not in str(row[0])


@pytest.mark.parametrize(
    "text",
    ["mail aoi@hana-mail.jp now", "https://s.jp/?m=aoi%40hana-mail.jp", "call 090-1111-2222",
     "call +81 90-1111-2222", "+819011112222"],
)  # fmt: skip
def test_masks(text: str) -> None:
    row = duckdb.execute(f"select {privacy.mask_expression('?')}", [text]).fetchone()
    assert row is not None
    assert "aoi" not in row[0] and "1111" not in row[0]


@pytest.mark.parametrize("text", ["2026-01-05 10:00:00", "order 123456789", "1,234.50", "a b c"])
def test_masks_leave_dates_and_numbers(text: str) -> None:
    assert duckdb.execute(f"select {privacy.mask_expression('?')}", [text]).fetchone() == (text,)


def test_spellings_of_one_person_are_one() -> None:
    assert privacy.normalise_email(" Ａoi@Hana-Mail.JP ") == "aoi@hana-mail.jp"
    phones = ["090-1111-2222", "+81 90 1111 2222", "０９０１１１１２２２２", "0081-90-1111-2222"]
    assert {privacy.normalise_phone(phone) for phone in phones} == {"09011112222"}
