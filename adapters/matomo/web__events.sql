-- A visit has its actions inside. What brought the visit (campaign, referrer) stands on its first
-- action only: later ones were reached from the site itself.
with visits_read as (

    select
        json as visit,
        from_json(json -> '$.actionDetails', '["JSON"]') as actions
    from visits

),

actions_unnested as (

    select
        visit,
        unnest(actions) as action,
        generate_subscripts(actions, 1) as action_position
    from visits_read

),

numbered as (

    select
        *,
        action ->> '$.type' as action_type,
        -- The type's name is in the language of the export; its icon is not.
        coalesce(
            regexp_extract(lower(visit ->> '$.deviceTypeIcon'), '([a-z_]+)[.][a-z]+$', 1),
            replace(lower(visit ->> '$.deviceType'), ' ', '_')
        ) as device,
        row_number() over (
            partition by visit ->> '$.idSite', visit ->> '$.idVisit'
            order by (action ->> '$.timestamp')::bigint, action_position
        ) as action_number
    from actions_unnested

)

select
    concat_ws(
        '-', visit ->> '$.idSite', visit ->> '$.idVisit', action_type,
        coalesce(
            action ->> '$.pageId', action ->> '$.orderId',
            concat_ws(
                '-', action ->> '$.goalId', action ->> '$.pageIdAction', action ->> '$.timestamp'
            )
        )
    ) as event_id,
    instant(action ->> '$.timestamp') as occurred_at,
    coalesce(nullif(nullif(visit ->> '$.visitorId', 'false'), ''), '(not set)') as visitor_id,
    case action_type
        when 'action' then 'page_view'
        when 'download' then 'file_download'
        when 'outlink' then 'click'
        when 'search' then 'view_search_results'
        when 'event' then action ->> '$.eventAction'
        when 'goal' then coalesce(action ->> '$.goalName', 'goal')
        when 'ecommerceOrder' then 'purchase'
        when 'ecommerceAbandonedCart' then 'abandoned_cart'
        else action_type
    end as event_name,
    nullif(visit ->> '$.userId', '') as user_id,
    case when action_type != 'outlink' then nullif(action ->> '$.url', '') end as page_url,
    case when action_number = 1 then nullif(visit ->> '$.referrerUrl', '') end as page_referrer,
    case when action_number = 1 then nullif(visit ->> '$.campaignSource', '') end as utm_source,
    case when action_number = 1 then nullif(visit ->> '$.campaignMedium', '') end as utm_medium,
    case
        when action_number = 1 and (visit ->> '$.referrerType') = 'campaign'
            then coalesce(nullif(visit ->> '$.campaignName', ''), visit ->> '$.referrerName')
    end as utm_campaign,
    case when action_number = 1 then nullif(visit ->> '$.campaignContent', '') end as utm_content,
    case
        when action_number = 1 and (visit ->> '$.referrerType') = 'campaign'
            then coalesce(
                nullif(visit ->> '$.campaignKeyword', ''), nullif(visit ->> '$.referrerKeyword', '')
            )
    end as utm_term,
    case device
        when 'desktop' then 'desktop'
        when 'tablet' then 'tablet'
        when 'smartphone' then 'mobile'
        when 'phablet' then 'mobile'
        when 'feature_phone' then 'mobile'
    end as device_type,
    upper(nullif(visit ->> '$.countryCode', 'xx')) as country_code,
    action ->> '$.orderId' as order_id,
    money(nullif(amount(action ->> '$.revenue'), 0), visit ->> '$.siteCurrency') as value_amount,
    case when amount(action ->> '$.revenue') != 0 then visit ->> '$.siteCurrency' end
        as currency_code,
    case action_type
        when 'event'
            then json_object(
                'category', action ->> '$.eventCategory', 'name', action ->> '$.eventName',
                'value', action ->> '$.eventValue'
            )
        when 'search'
            then json_object(
                'search_term', action ->> '$.siteSearchKeyword',
                'search_results', action ->> '$.siteSearchCount'
            )
        when 'outlink'
            then json_object(
                'link_domain', regexp_extract(action ->> '$.url', '^https?://([^/:?#]+)', 1)
            )
    end::varchar as properties
from numbered
order by event_id
