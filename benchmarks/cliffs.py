"""
Cliffs: does a full build take longer when the same number of rows is spread unevenly?

`python -m benchmarks.cliffs [--rows 2000000] [--only NAME]` makes a year of events and of orders,
then the same with one thing uneven: a visitor who has half of all events, one session of a quarter,
a login of everybody, logins that link everybody to one person, thousands of campaigns, 200
currencies. Each is built whole by `dbt run`, a model at a time, in a process of its own. Printed
are processor time and peak memory, the even twin's beside them, and the models that take twice as
long as there. Loading, tests and publishing are not part of it.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import duckdb
from babel.numbers import list_currencies

from benchmarks import increments
from benchmarks.events import DAYS, FIRST_DAY, events
from benchmarks.increments import Measure
from orchestration.rules import home as home_rules
from orchestration.rules import store as rule_store
from orchestration.settings import Settings, load_settings

EVEN = "even"
CURRENCIES = 200
# What is changed in `bench.events` and `bench.orders`.
STORIES: dict[str, Sequence[str]] = {
    EVEN: (),
    "a visitor with half of all events": (
        "update bench.events set visitor_id = 'one' where hash(event_id) % 2 = 0",
    ),
    "one session of a quarter of all events": (
        # From midnight on, a day at most, so that no gap and no date parts it.
        """
        create table bench.session as
        select event_id, timestamp '2026-03-03' + interval (
            row_number() over (order by event_id) * 43200000000
            // (select count(*) from bench.events)
        ) microsecond as occurred_at
        from bench.events where hash(event_id) % 4 = 0
        """,
        """
        update bench.events as e
        set visitor_id = 'one', occurred_at = s.occurred_at, arrived_on = date '2026-03-03'
        from bench.session as s where s.event_id = e.event_id
        """,
    ),
    "a login that every visitor has": (
        "update bench.events set user_id = 'one' where event_id like '%-1'",
    ),
    "logins that link all visitors to one person": (
        # Visitor n and n + 1 share the login n, so that none is shared by many.
        """
        update bench.events
        set user_id = 'link' || (visitor_id[2:]::bigint - hash(event_id) % 2)
        where event_id like '%-1'
        """,
    ),
    "10,000 campaigns": (
        "update bench.events set utm_campaign = 'c' || hash(event_id) % 10000 "
        "where utm_campaign is not null",
    ),
    "200 currencies": (
        """
        update bench.orders as o set currency_code = c.currency_code
        from bench.currencies as c
        where c.number = hash(o.order_id) % (select count(*) from bench.currencies)
        """,
    ),
}


def fill(settings: Settings, rows: int, changes: Sequence[str]) -> str:
    """Raw events and orders of a year, changed as a story says; returns the last day."""
    codes = sorted(list_currencies())[:CURRENCIES]
    with (settings.home / "rules" / "currency_rates.csv").open("w", encoding="utf-8") as file:
        file.write("rate_date,currency_code,reporting_currency_code,rate\n")
        file.writelines(f"2025-01-01,{code},JPY,{n + 1}\n" for n, code in enumerate(codes))
    with duckdb.connect(
        str(settings.warehouse),
        config={"threads": 2, "preserve_insertion_order": False},
    ) as connection:
        connection.execute("set TimeZone = 'UTC'; set enable_progress_bar = false")
        connection.execute("create schema bench")
        events(connection, "bench.events", rows)
        connection.execute(
            f"""
            create table bench.orders as
            select
                'o' || i as order_id,
                'c' || (hash(i, 1) % {rows // 60}) as contact_id,
                timestamp '{FIRST_DAY}' + interval (hash(i, 2) % {DAYS * 86400}) second
                    as ordered_at,
                (1 + hash(i, 3) % 100000)::decimal(18, 3) as order_amount,
                (array['JPY', 'USD', 'EUR'])[1 + (hash(i, 4) % 3)::int] as currency_code,
                ordered_at as updated_at
            from range({rows // 20}) as numbers(i)
            """
        )
        connection.execute(
            "create table bench.currencies as "
            "select unnest($1) as currency_code, unnest(range(len($1))) as number",
            [codes],
        )
        for change in changes:
            connection.execute(change)
    last = increments.fill(settings, rows, settings.memory_limit)
    with duckdb.connect(str(settings.warehouse)) as connection:
        connection.execute("set TimeZone = 'UTC'; set enable_progress_bar = false")
        rule_store.apply(connection, home_rules.load(settings.home))
        columns = "order_id, contact_id, ordered_at, order_amount, currency_code, updated_at"
        connection.execute(
            f"insert into raw_crm.orders ({columns}, _file_id, _row_number) "
            f"select {columns}, 'orders', row_number() over () from bench.orders "
            f"where ordered_at < '{last}'"
        )
        connection.execute("drop schema bench cascade")
        connection.execute("checkpoint")
    return last


def measure(name: str, rows: int, memory: str) -> Measure:
    """A full build of a story, in a home of its own."""
    with tempfile.TemporaryDirectory() as folder:
        settings = replace(load_settings(Path(folder) / "home"), memory_limit=memory)
        settings.prepare()
        (settings.home / "rules").mkdir(exist_ok=True)
        as_of_at = f"{fill(settings, rows, STORIES[name])} 00:00:00"
        seeds = increments.dbt(settings, "seed")
        increments.watched("seeds", seeds, increments.environment(settings, as_of_at))
        return increments.build(name, settings, as_of_at, models_at_once=1)


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=2_000_000)
    parser.add_argument("--memory", default="6GB", help="limit of DuckDB; the process needs more")
    parser.add_argument("--only", action="append", choices=list(STORIES)[1:])
    options = parser.parse_args()
    even = measure(EVEN, options.rows, options.memory)
    print(f"\n{options.rows:,} events\n")
    print("| story | processor time | / even | peak memory | / even | longer than even |")
    print("|---|---:|---:|---:|---:|---|", flush=True)
    for name in STORIES if not options.only else [EVEN, *options.only]:
        one = even if name == EVEN else measure(name, options.rows, options.memory)
        longer = {n: s - even.models[n] for n, s in one.models.items() if s > 2 * even.models[n]}
        worst = sorted(longer.items(), key=lambda item: -item[1])[:4]
        print(
            f"| {name} | {one.cpu:.0f} s | {one.cpu / even.cpu:.2f} | {one.peak:,.0f} MiB "
            f"| {one.peak / even.peak:.2f} | "
            f"{', '.join(f'`{n}` + {s:.1f} s' for n, s in worst if s > 1)} |",
            flush=True,
        )


if __name__ == "__main__":
    main()
