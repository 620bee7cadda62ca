"""
Web events for benchmarks: power-law visitors who come in bursts, a year of them, late arrivals.

The same on every machine and for every number of threads: whatever looks random is a hash of the
number of the session or the event.
"""

from __future__ import annotations

import duckdb

DAYS = 365
EVENTS_PER_SESSION = 4.7
FIRST_DAY = "2025-10-01"
_AGENT = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/"


def _unit(number: str, seed: int) -> str:
    """SQL of a number in [0, 1) that looks random."""
    return f"((hash({number} * 16 + {seed}) >> 11)::double / 9007199254740992)"


def events(connection: duckdb.DuckDBPyConnection, relation: str, rows: int) -> None:
    """
    Create a table of about `rows` events, with `arrived_on`: the day whose file brings the event.

    Columns of the contract web/events that a tag manager fills, plus `arrived_on`.
    """
    sessions = round(rows / EVENTS_PER_SESSION)
    visitors = max(rows // 10, 100)
    start = f"timestamp '{FIRST_DAY}'"
    connection.execute(
        f"""
        create or replace table {relation} as
        with sessions as (
            select
                i as session_number,
                floor({visitors} * pow({_unit("i", 1)}, 1.5))::bigint as visitor,
                {start} + interval (floor({_unit("i", 2)} * {DAYS} * 86400)::bigint) second
                    as started_at,
                least(1 + floor(-ln(1 - {_unit("i", 3)}) * {EVENTS_PER_SESSION - 0.5})::int, 60)
                    as event_count,
                {_unit("i", 4)} as tagged,
                {_unit("i", 5)} as logs_in,
                {_unit("i", 6)} as lateness
            from range({sessions}) as numbers(i)
        ),
        steps as (
            select *, unnest(range(event_count)) as step from sessions
        ),
        timed as (
            select
                *,
                started_at + interval (step * 45 + hash(session_number, step) % 40) second
                    as occurred_at,
                hash(session_number, step, 7) as dice
            from steps
        )
        select
            'e' || session_number || '-' || step as event_id,
            occurred_at,
            'v' || visitor as visitor_id,
            case
                when step = 0 or dice % 100 < 82 then 'page_view'
                when dice % 100 < 94 then 'scroll'
                when dice % 100 < 98 then 'add_to_cart'
                else 'purchase'
            end as event_name,
            case when logs_in < 0.15 and step >= 1 then 'u' || (visitor // 2) end as user_id,
            'https://shop.example/p/' || (dice % 1000) as page_url,
            case when step = 0 and tagged between 0.25 and 0.55 then
                (array['https://www.google.com/', 'https://news.example/', 'https://t.co/x'])
                    [1 + (dice % 3)::int]
            end as page_referrer,
            case when step = 0 and tagged < 0.25
                then (array['google', 'news', 'facebook'])[1 + (dice % 3)::int] end as utm_source,
            case when step = 0 and tagged < 0.25
                then (array['cpc', 'email', 'paid_social'])[1 + (dice % 3)::int] end as utm_medium,
            case when step = 0 and tagged < 0.25 then 'c' || (dice % 50) end as utm_campaign,
            (array['desktop', 'mobile', 'tablet'])[1 + (hash(visitor) % 3)::int] as device_type,
            case when hash(visitor) % 50 = 0 then 'Googlebot/2.1 (+https://www.google.com/bot)'
                else '{_AGENT}' || (100 + hash(visitor) % 40) || '.0' end as user_agent,
            (array['JP', 'JP', 'JP', 'US', 'DE'])[1 + (hash(visitor, 1) % 5)::int] as country_code,
            (occurred_at::date + case when lateness < 0.95 then 0 when lateness < 0.98 then 1
                else 2 end)::date as arrived_on
        from timed
        """
    )
