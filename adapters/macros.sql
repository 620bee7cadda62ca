-- What SELECTs of several adapters need: DuckDB macros, created before any of them runs, after the
-- functions of `spelling.py`.

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

-- Whether a response of Qualtrics counts. Its status is a sum: 1 preview, 2 test, 4 imported,
-- 8 spam, 16 offline, 32 of employees; exports with choice text name it in words.
create macro is_qualtrics_answer(status) as
coalesce(
    (try_cast(status as integer) & 11) = 0,
    not regexp_matches(status, 'preview|test|spam', 'i')
);

-- An identifier, null where it is empty or one that the rules say is nobody's (`null`, zeros).
create macro somebody(kind, identifier) as
case
    when
        kind || ' ' || bare_value(trim(identifier))
        not in (select placeholders.placeholder from placeholders)
        then trim(identifier)
end;

-- What an export says; `(not set)` says nothing.
create macro said(value) as nullif(nullif(trim(value), ''), '(not set)');

-- A currency, null where a text is no code of one.
create macro currency_of(currency) as
case when regexp_full_match(trim(currency), '[A-Za-z]{3}') then upper(trim(currency)) end;

-- The amount of an event, null where its currency is a text that is no code: it is not known.
create macro in_currency(value, currency) as
case
    when nullif(trim(currency), '') is null or currency_of(currency) is not null
        then value
end;

-- Names of Segment's specification of events, which other trackers take over, as GA4 names them.
create macro event_of(name) as
coalesce(
    map {
        'order_completed': 'purchase',
        'order_refunded': 'refund',
        'product_viewed': 'view_item',
        'product_list_viewed': 'view_item_list',
        'product_clicked': 'select_item',
        'product_added': 'add_to_cart',
        'product_removed': 'remove_from_cart',
        'product_added_to_wishlist': 'add_to_wishlist',
        'cart_viewed': 'view_cart',
        'checkout_started': 'begin_checkout',
        'payment_info_entered': 'add_payment_info',
        'products_searched': 'view_search_results',
        'promotion_viewed': 'view_promotion',
        'promotion_clicked': 'select_promotion',
        'signed_up': 'sign_up',
        'signed_in': 'login'
    }[regexp_replace(lower(trim(name)), '[ _-]+', '_', 'g')],
    name
);

-- What an event is worth, by the names that trackers document, in the order of the adapter segment.
create macro value_of(properties) as
coalesce(
    amount_if_any(properties ->> '$."$revenue"'),
    amount_if_any(properties ->> '$.revenue'),
    amount_if_any(properties ->> '$.total'),
    amount_if_any(properties ->> '$.value')
);

-- The click on an advertisement that an event names in its properties, by the id's parameter;
-- `EMPTY` is nothing.
create macro click_of(properties) as
list_filter(
    list_transform(
        [
            'gclid', 'gbraid', 'wbraid', 'msclkid', 'yclid', 'dclid', 'fbclid', 'ttclid', 'twclid',
            'li_fat_id'
        ],
        lambda name: struct_pack(
            parameter := name,
            id := nullif(nullif(json_extract_string(properties, '$.' || name), ''), 'EMPTY')
        )
    ),
    lambda click: click.id is not null
)[1];

-- Who an event is seen of: its device, or without one (a call of a server, an app) its login.
create macro visitor_of(device_id, user_id) as
coalesce(
    somebody('visitor', device_id),
    somebody('user', user_id),
    nullif(trim(device_id), ''),
    nullif(trim(user_id), ''),
    '(not set)'
);

-- When a record came into the state that an export shows. Exports do not date all that changes it:
-- it is the latest of its times, and within that second later, the more of its money has moved.
create macro changed_at(latest, moved, total) as
latest + to_microseconds(
    floor(
        999999 * coalesce(least(greatest(coalesce(moved, 0) / nullif(total, 0), 0), 1), 0)
    )::bigint
);

-- The order in which exports were numbered or dated by their names: `export_10` after `export_9`.
create macro file_order(path) as
list_transform(regexp_extract_all(path, '[0-9]+|[^0-9]+'), lambda part: lpad(part, 40, '0'));

-- Costs per day, campaign and account, from a relation with the columns cost_date, ad_account_id,
-- utm_source, utm_medium, utm_campaign, cost, currency_code, impressions, clicks and _path. A
-- report has a row per segment (device, group of ads …) of a campaign's day: they add up. Platforms
-- restate costs for some weeks: of reports that overlap, the one that ends later counts. Where no
-- account is named, those of several currencies are several accounts.
create macro daily_costs(costs) as table
    with per_report as (

        select
            cost_date,
            ad_account_id,
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
            cost_date, ad_account_id, utm_source, utm_medium, utm_campaign, currency_code, _path

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
        qualify
            row_number() over (
                partition by
                    per_report.cost_date, per_report.ad_account_id, per_report.utm_source,
                    per_report.utm_medium, per_report.utm_campaign, per_report.currency_code
                order by ended.report_end desc, file_order(per_report._path) desc
            ) = 1

    )

    select
        cost_date::varchar as cost_date,
        utm_source,
        utm_medium,
        utm_campaign,
        coalesce(
            ad_account_id,
            case
                when
                    min(currency_code) over one_campaign != max(currency_code) over one_campaign
                    then currency_code
            end
        ) as ad_account_id,
        money(cost, currency_code) as cost_amount,
        currency_code,
        impressions::varchar as impressions,
        clicks::varchar as clicks
    from newest
    window one_campaign as (partition by cost_date, utm_source, utm_medium, utm_campaign);
