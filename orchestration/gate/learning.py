"""
Gates that learn their bounds: volume, freshness, distribution and size of the restatement.

What is observed of a candidate and the bounds that its own past gives are rows of
`ops.gate_observations`; Great Expectations holds one against the other
(`expectations/suites/marts__ops__gate_observations.json`) and warns. The past is that of the same
weekday, without holidays; its middle is the median and its width the median absolute deviation, so
that one odd day does not move them. How wide the bounds are says the rule table `gate_bounds`.
Everything is a count or a share; nothing is about a person.
"""

from __future__ import annotations

from datetime import date
from typing import Any

import duckdb

from orchestration.gate import restating

# What is counted per day (volume), and of which columns the mix is watched (distribution).
DAILY = {
    "fct_sessions": "session_date",
    "fct_orders": "ordered_date",
    "fct_revenue_points": "occurred_date",
    "fct_survey_scores": "responded_date",
    "fct_tickets": "opened_date",
}
MIXES = {
    ("fct_sessions", "channel"): "session_date",
    ("fct_sessions", "device_type"): "session_date",
    ("fct_touchpoints", "touchpoint_type"): "occurred_date",
    ("fct_revenue_points", "point_type"): "occurred_date",
}
RESTATED = ("fct_sessions", "fct_touchpoints", "fct_orders", "fct_revenue_points", "kpi_daily")
NORMAL = 1.4826  # times the median absolute deviation is the standard deviation of a normal law
MONTHS = 6  # whose same places say whether the place of a day in its month is a special one
SWING = 1.5  # times the rows of its weekdays, from which it is
USUAL = 0.75  # share of the same weekdays with rows from which a source is expected on one
SUITE = "marts__ops__gate_observations"
GATES = {  # by the expectation that judges it
    "volume_is_usual": "volume",
    "sources_deliver": "freshness",
    "mix_is_usual": "distribution",
    "restatement_is_small": "restatement",
}


def observe(connection: duckdb.DuckDBPyConnection, day: date) -> None:
    """Write `ops.gate_observations` of the candidate, whose last whole business day is `day`."""
    connection.execute(
        "create or replace table ops.gate_observations (gate varchar, series varchar, "
        "observed_value double, lower_bound double, upper_bound double, past_count bigint, "
        "is_learned boolean, detail varchar, observed_date date)"
    )
    for write in (_volume, _freshness, _distribution, _restatement):
        write(connection, day)


def observations(connection: duckdb.DuckDBPyConnection) -> list[dict[str, Any]]:
    """What was observed, in order."""
    cursor = connection.execute(
        "select *, observed_value not between lower_bound and upper_bound as is_beyond "
        "from ops.gate_observations order by list_position(?, gate), series",
        [list(GATES.values())],
    )
    names = [column[0] for column in cursor.description or []]
    found = [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]
    return [one | {"observed_date": str(one["observed_date"])} for one in found]


def said(seen: list[dict[str, Any]], gate: str) -> str:
    """What of a gate lies beyond its bounds, by name."""
    return "; ".join(
        f"{one['series']} on {one['observed_date']}: {number(one['observed_value'])}, "
        f"usual {number(one['lower_bound'])} to {number(one['upper_bound'])}"
        + (f" ({one['detail']})" if one["detail"] else "")
        for one in seen
        if one["gate"] == gate and one["is_beyond"]
    )


def number(value: float) -> str:
    """A count or a share, short."""
    return f"{value:,.0f}" if value >= 10 or value == int(value) else f"{value:.2f}"


def _insert(
    connection: duckdb.DuckDBPyConnection, gate: str, day: date, query: str, **values: Any
) -> None:
    """Add the rows of a query, which reads `bounds` and `past_days`, the same weekdays."""
    connection.execute(
        f"""
        insert into ops.gate_observations by name
        with bounds as (select * from seeds.gate_bounds where gate = '{gate}'),
        {query}
        """,
        {"day": day, **values},
    )


def _volume(connection: duckdb.DuckDBPyConnection, day: date) -> None:
    """
    Rows of the last day against those of the same weekdays; a holiday is not judged.

    Where the same place of the months before (day of the month, days or business days to its end)
    had much more or fewer rows than its own weekdays, as with invoices at the end of a month, that
    many are usual, too.
    """
    counted = " union all ".join(
        f"select '{mart}' as series, {column} as day, count(*) as n, min({column}) as first_day "
        f"from marts.{mart} where {column} between $day - 366 and $day group by {column}"
        for mart, column in DAILY.items()
    )
    _insert(
        connection, "volume", day,
        f"""
        counted as ({counted}),
        days as (
            select day::date as day
            from bounds, unnest(generate_series(
                $day - (7 * past_weeks)::integer, $day, interval 7 day
            )) as same(day)
            where day not in (select holiday_date from seeds.holidays)
        ),
        filled as (
            select firsts.series, firsts.first_day, days.day, coalesce(counted.n, 0) as n
            from (select series, min(day) as first_day from counted group by series) as firsts
            inner join days on days.day >= firsts.first_day
            left join counted on counted.series = firsts.series and counted.day = days.day
        ),
        learned as (
            select
                series, median(n) as middle, mad(n) as width, count(*) as past_count
            from filled where day < $day group by series
        ),
        judged as (
            select
                *, 1 + greatest(
                    minimum_band, deviations * greatest({NORMAL} * width, sqrt(middle)) / middle
                ) as factor
            from learned, bounds
            where past_count >= minimum_past and middle >= minimum_rows
        ),
        calendar as (
            select
                day::date as day, last_day(day) as month,
                isodow(day) < 6 and day not in (select holiday_date from seeds.holidays)
                    as is_business
            from unnest(generate_series(
                date_trunc('month', $day::date) - interval {MONTHS} month, last_day($day::date),
                interval 1 day
            )) as every(day)
        ),
        places as (
            select
                day, month,
                unnest(['day', 'days left', 'business days left']) as kind,
                unnest([day(day), month - day, case when is_business then count(*) filter (
                    where is_business
                ) over (partition by month order by day desc) end]) as place
            from calendar
        ),
        swings as (
            select firsts.series, places.kind, places.day, coalesce(mine.n, 0) / median(
                coalesce(others.n, 0)
            ) as swing
            from places as now
            inner join places using (kind, place)
            cross join (select distinct series, first_day from filled) as firsts
            cross join unnest([-4, -3, -2, -1, 1, 2, 3, 4]) as weeks(week)
            left join counted as mine on mine.series = firsts.series and mine.day = places.day
            left join counted as others
                on others.series = firsts.series and others.day = places.day + 7 * week
            where
                now.day = $day and places.month < now.month
                and places.day >= firsts.first_day and places.day + 7 * week >= firsts.first_day
                and places.day + 7 * week < $day
                and places.day + 7 * week not in (select holiday_date from seeds.holidays)
            group by firsts.series, places.kind, places.day, mine.n
            having median(coalesce(others.n, 0)) > 0
        ),
        month_places as (
            select series, greatest(max(swing), 1) as most, least(min(swing), 1) as least
            from (
                select series, median(swing) as swing from swings group by series, kind
                having count(*) >= {MONTHS} / 2
                    and median(swing) not between 1 / {SWING} and {SWING}
            )
            group by series
        )
        select
            'volume' as gate, series, filled.n as observed_value,
            middle / factor * coalesce(least, 1) as lower_bound,
            middle * factor * coalesce(most, 1) as upper_bound,
            past_count, true as is_learned, $day as observed_date
        from judged
        inner join filled using (series)
        left join month_places using (series)
        where filled.day = $day
        """,
    )  # fmt: skip


def _freshness(connection: duckdb.DuckDBPyConnection, day: date) -> None:
    """
    Days without a row of a source on weekdays on which it has rows, since its last one.

    A source that has been silent for longer than the past that is looked at belongs to the past.
    """
    _insert(
        connection, "freshness", day,
        f"""
        present as (
            select distinct source as series, occurred_date as day
            from marts.fct_touchpoints, bounds
            where occurred_date between $day - (14 * past_weeks)::integer and $day
        ),
        lasts as (
            select series, max(day) as last_day, min(day) as first_day
            from present group by series
        ),
        looked_at as (
            select series, dayofweek(day) as weekday, count(*) as day_count
            from present inner join lasts using (series), bounds
            where day > last_day - (7 * past_weeks)::integer
            group by series, weekday
        ),
        weekdays as (
            select
                lasts.series, weekday, coalesce(day_count, 0) / past_weeks as share,
                (last_day - first_day) // 7 as past_count
            from lasts
            cross join bounds
            cross join (select unnest(range(7)) as weekday) as every
            left join looked_at using (series, weekday)
        ),
        silent as (
            select lasts.series, unnest(generate_series(
                last_day + 1, $day, interval 1 day
            ))::date as day
            from lasts
        )
        select
            'freshness' as gate, lasts.series,
            count(silent.day) filter (
                where weekdays.share >= {USUAL}
                    and silent.day not in (select holiday_date from seeds.holidays)
            ) as observed_value,
            0 as lower_bound, max(seeded_bound) as upper_bound,
            max(least(weekdays.past_count, past_weeks)) as past_count, true as is_learned,
            'last row ' || last_day as detail, $day as observed_date
        from lasts
        cross join bounds
        left join silent on silent.series = lasts.series
        left join weekdays on weekdays.series = lasts.series
            and weekdays.weekday = dayofweek(coalesce(silent.day, last_day))
        where last_day > $day - (7 * past_weeks)::integer
        group by lasts.series, last_day
        having max(weekdays.past_count) >= max(minimum_past)
        """,
    )  # fmt: skip


def _distribution(connection: duckdb.DuckDBPyConnection, day: date) -> None:
    """
    How far the mix of the last seven days lies from the likest of the weeks before.

    The distance is half of the sum of all differences of shares: 0 the same, 1 nothing in common.
    The likest week, not the mean one, since a week with a newsletter is no bad one.
    """
    counted = " union all ".join(
        f"select '{mart}.{column}' as series, ($day - {on})::integer // 7 as week, "
        f"coalesce({column}::varchar, '(none)') as category, count(*) as n "
        f"from marts.{mart} where {on} > $day - 7 * 54 and {on} <= $day group by all"
        for (mart, column), on in MIXES.items()
    )
    _insert(
        connection, "distribution", day,
        f"""
        counted as (
            select counted.*, sum(n) over (partition by series, week) as week_n
            from ({counted}) as counted, bounds where week <= past_weeks
        ),
        weeks as (
            select distinct series, week, week_n from counted, bounds where week_n >= minimum_rows
        ),
        shares as (
            select weeks.series, weeks.week, category, coalesce(any_value(n), 0) / weeks.week_n
                as share
            from weeks
            inner join (select distinct series, category from counted) as categories
                using (series)
            left join counted using (series, week, category)
            group by weeks.series, weeks.week, category, weeks.week_n
        ),
        pairs as (
            select
                mine.series, mine.week, other.week as other_week,
                sum(abs(mine.share - other.share)) / 2 as distance,
                arg_max(mine.category || ' ' || round(100 * other.share)::integer || ' % → '
                    || round(100 * mine.share)::integer || ' %',
                    (abs(mine.share - other.share), mine.category)) as detail
            from shares as mine
            inner join shares as other
                on mine.series = other.series and mine.category = other.category
                and mine.week != other.week and other.week > 0
            group by mine.series, mine.week, other.week
        ),
        nearest as (
            select series, week, min(distance) as distance, count(*) as past_count,
                arg_min(detail, (distance, other_week)) as detail
            from pairs group by series, week
        ),
        learned as (
            select series, median(distance) + any_value(deviations) * {NORMAL} * mad(distance)
                as reach
            from nearest, bounds where week > 0 group by series
        )
        select
            'distribution' as gate, series, distance as observed_value, 0 as lower_bound,
            greatest(minimum_band, reach) as upper_bound, past_count, true as is_learned,
            detail, $day as observed_date
        from nearest
        inner join learned using (series)
        cross join bounds
        where week = 0 and past_count >= minimum_past
        """,
    )  # fmt: skip


def _restatement(connection: duckdb.DuckDBPyConnection, day: date) -> None:
    """
    Share of the rows of the release before that were changed or removed.

    Learned from the releases before it that looked through the same weekday; from all of them while
    those are too few; a seeded bound while all are.
    """
    _insert(
        connection, "restatement", day,
        f"""
        marts as (select unnest($marts::varchar[]) as mart_name),
        releases as (
            select release_id, min(known_through_date) as known_through_date
            from ops.{restating.MARTS}, bounds
            where release_id is not null
                and known_through_date between $day - (7 * past_weeks)::integer and $day
            group by release_id
        ),
        past as (
            select
                mart_name, dayofweek(known_through_date) = dayofweek($day) as is_same_weekday,
                coalesce(
                    (told.changed_row_count + told.removed_row_count)
                    / nullif(told.previous_row_count, 0), 0
                ) as share
            from releases
            cross join marts
            left join (
                select release_id, mart_name, changed_row_count, removed_row_count,
                    previous_row_count
                from ops.{restating.MARTS}
            ) as told using (release_id, mart_name)
        ),
        learned as (
            select
                mart_name,
                count(*) filter (where is_same_weekday) >= any_value(minimum_past) as by_weekday,
                count(*) >= 2 * any_value(minimum_past) as by_all,
                count(*) as past_count,
                median(share) filter (where is_same_weekday) + greatest(
                    any_value(minimum_band),
                    any_value(deviations) * {NORMAL} * mad(share) filter (where is_same_weekday)
                ) as weekday_reach,
                median(share) + greatest(
                    any_value(minimum_band), any_value(deviations) * {NORMAL} * mad(share)
                ) as reach
            from past, bounds group by mart_name
        )
        select
            'restatement' as gate, now.mart_name as series,
            (changed_row_count + removed_row_count) / previous_row_count as observed_value,
            0 as lower_bound,
            case
                when coalesce(by_weekday, false) then weekday_reach
                when coalesce(by_all, false) then reach
                else seeded_bound
            end as upper_bound,
            coalesce(past_count, 0) as past_count,
            coalesce(by_weekday or by_all, false) as is_learned,
            changed_row_count || ' rows changed, ' || removed_row_count || ' removed' as detail,
            $day as observed_date
        from ops.{restating.MARTS} as now
        inner join marts using (mart_name)
        left join learned using (mart_name)
        cross join bounds
        where now.release_id is null and previous_row_count >= minimum_rows
        """,
        marts=list(RESTATED),
    )  # fmt: skip
