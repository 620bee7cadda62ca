"""Products of the sample, counted anew in plain Python from order lines and orders."""

from __future__ import annotations

from collections import defaultdict
from datetime import date, timedelta
from itertools import permutations
from pathlib import Path

import pytest

from tests.conftest import read_release

LAST = date(2026, 9, 30)


@pytest.fixture(scope="module")
def lines(sample_home: Path) -> list[tuple[str, str, str, str, date, int]]:
    """Products on orders that are not cancelled: order, person, product, category, day, amount."""
    with read_release(sample_home) as connection:
        rows: list[tuple[str, str, str, str, date, int]] = connection.execute(
            "select l.order_id, l.person_id, l.product_id, l.product_category, l.ordered_date, "
            "l.line_amount::bigint from marts.fct_order_lines as l "
            "inner join marts.fct_orders as o using (order_id) "
            "where l.product_id is not null and o.order_status != 'cancelled'"
        ).fetchall()
    assert len(rows) > 700
    return rows


def test_pairs_are_those_of_the_baskets(
    sample_home: Path, lines: list[tuple[str, str, str, str, date, int]]
) -> None:
    baskets: dict[str, set[str]] = defaultdict(set)
    for order, _, product, _, day, _ in lines:
        if day > LAST - timedelta(days=365):
            baskets[order].add(product)
    total = len(baskets)
    single: dict[str, int] = defaultdict(int)
    both: dict[tuple[str, str], int] = defaultdict(int)
    for basket in baskets.values():
        for product in basket:
            single[product] += 1
        for pair in permutations(basket, 2):
            both[pair] += 1
    expected = {
        (*pair, count, single[pair[0]], single[pair[1]], total,
         round(count * total / single[pair[0]] / single[pair[1]], 4))
        for pair, count in both.items()
        if count >= 5 and count >= 0.005 * total
    }  # fmt: skip
    with read_release(sample_home) as connection:
        found = connection.execute(
            "select product_id, other_product_id, both_count, with_product_count, "
            "with_other_count, total_count, lift_value from marts.kpi_product_pairs "
            "where pair_type = 'cross_sell'"
        ).fetchall()
    assert set(found) == expected and len(found) > 10


def test_products_by_month(
    sample_home: Path, lines: list[tuple[str, str, str, str, date, int]]
) -> None:
    amounts: dict[tuple[str, date], int] = defaultdict(int)
    orders: dict[tuple[str, date], set[str]] = defaultdict(set)
    persons: dict[tuple[str, date], set[str]] = defaultdict(set)
    for order, person, product, _, day, amount in lines:
        key = (product, day.replace(day=1))
        amounts[key] += amount
        orders[key].add(order)
        persons[key].add(person)
    with read_release(sample_home) as connection:
        found = connection.execute(
            "select product_id, month_start_date, sold_amount::bigint, order_count, customer_count "
            "from marts.kpi_products_monthly where currency_code = 'JPY'"
        ).fetchall()
    assert {(row[0], row[1]): row[2:] for row in found} == {
        key: (amounts[key], len(orders[key]), len(persons[key])) for key in amounts
    }
