-- What SELECTs of several adapters need: DuckDB macros, created before any of them runs.

-- The properties of an event but for those whose key matches a pattern.
create macro properties_without(properties, key_pattern) as
to_json(
    map_from_entries(
        list_filter(
            map_entries(from_json(properties, '"MAP(VARCHAR, JSON)"')),
            lambda entry: not regexp_matches(entry.key, key_pattern)
        )
    )
)::varchar;

-- Costs per day and campaign, from a relation with the columns cost_date, account, utm_source,
-- utm_medium, utm_campaign, cost, currency_code, impressions, clicks and _path. A report has a row
-- per segment (device, group of ads …) of a campaign's day: they add up. Platforms restate costs
-- for some weeks: of reports that overlap, the one that ends later counts.
create macro daily_costs(costs) as table
    with per_report as (

        select
            cost_date,
            account,
            utm_source,
            utm_medium,
            utm_campaign,
            currency_code,
            _path,
            sum(cost) as cost,
            sum(impressions)::bigint as impressions,
            sum(clicks)::bigint as clicks
        from query_table(costs)
        group by
            cost_date, account, utm_source, utm_medium, utm_campaign, currency_code, _path

    ),

    ended as (

        select
            _path,
            max(cost_date) as report_end
        from per_report
        group by _path

    ),

    newest as (

        select per_report.*
        from per_report
        inner join ended on per_report._path = ended._path
        qualify dense_rank() over (
            partition by
                per_report.cost_date, per_report.account, per_report.utm_source,
                per_report.utm_medium, per_report.utm_campaign
            order by ended.report_end desc, per_report._path desc
        ) = 1

    )

    select
        cost_date::varchar as cost_date,
        utm_source,
        utm_medium,
        utm_campaign,
        money(sum(cost), currency_code) as cost_amount,
        currency_code,
        sum(impressions)::varchar as impressions,
        sum(clicks)::varchar as clicks
    from newest
    group by cost_date, utm_source, utm_medium, utm_campaign, currency_code;
