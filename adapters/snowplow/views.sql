-- Snowplow delivers at least once: what comes again under an event's id is the event again, as the
-- collector had it first, so that copies are equal and load as duplicates.
create view firsts as
select
    *,
    count(*) over (partition by event_id) as copy_count
from events
where event_id is not null
qualify
    row_number() over (
        partition by event_id
        order by collector_tstamp, derived_tstamp, event_name, page_url, user_id, file_order(_path)
    ) = 1;

-- What is attached to events: one row each, from a column per kind, or from one for all of them.
create view attached as
with columns_unioned as (

    select
        event_id,
        'action' as kind,
        ecommerce_action as json
    from firsts
    union all
    select
        event_id,
        'transaction',
        ecommerce_transaction
    from firsts
    union all
    select
        event_id,
        'refund',
        ecommerce_refund
    from firsts
    union all
    select
        event_id,
        'product',
        ecommerce_product
    from firsts
    union all
    select
        event_id,
        'user',
        ecommerce_user
    from firsts
    union all
    select
        event_id,
        'client_session',
        client_session
    from firsts

),

self_describing as (

    select
        event_id,
        unnest(from_json(json_extract(contexts, '$.data'), '["JSON"]')) as entity
    from firsts
    where contexts is not null
    union all
    select
        event_id,
        json_extract(unstruct_event, '$.data')
    from firsts
    where unstruct_event is not null

),

kinds as (

    select
        event_id,
        json_extract(entity, '$.data') as data,
        case regexp_extract(entity ->> '$.schema', '^iglu:([^/]+/[^/]+)/', 1)
            when 'com.snowplowanalytics.snowplow.ecommerce/snowplow_ecommerce_action' then 'action'
            when 'com.snowplowanalytics.snowplow.ecommerce/transaction' then 'transaction'
            when 'com.snowplowanalytics.snowplow.ecommerce/refund' then 'refund'
            when 'com.snowplowanalytics.snowplow.ecommerce/product' then 'product'
            when 'com.snowplowanalytics.snowplow.ecommerce/user' then 'user'
            when 'com.snowplowanalytics.snowplow/client_session' then 'client_session'
        end as kind
    from self_describing

)

select
    event_id,
    kind,
    unnest(
        from_json(
            case when starts_with(trim(json), '[') then json else '[' || json || ']' end,
            '["JSON"]'
        )
    ) as data
from columns_unioned
where json is not null
union all
select
    event_id,
    kind,
    data
from kinds
where kind is not null;

-- Events with what was attached to them. A mobile tracker knows its installation by the session's
-- user id; the collector's cookie (network_userid) is a server's own and belongs to nobody. The
-- user entity of e-commerce names the account, unless it is a guest's.
create view described as
with per_event as (

    select
        event_id,
        any_value(data ->> '$.type') filter (where kind = 'action') as action,
        any_value(data) filter (where kind = 'transaction') as transaction,
        any_value(data) filter (where kind = 'refund') as refund,
        any_value(data ->> '$.email') filter (where kind = 'user') as user_email,
        any_value(data ->> '$.id')
        filter (where kind = 'user' and (data ->> '$.is_guest') is distinct from 'true')
            as account_id,
        any_value(coalesce(data ->> '$.userId', data ->> '$.user_id'))
        filter (where kind = 'client_session') as installation_id
    from attached
    group by event_id

)

select
    firsts.* replace (coalesce(firsts.user_id, per_event.account_id) as user_id),
    per_event.action,
    per_event.refund,
    per_event.user_email,
    coalesce(firsts.derived_tstamp, firsts.collector_tstamp) as occurred_at,
    coalesce(firsts.domain_userid, per_event.installation_id) as device_id,
    coalesce(
        firsts.tr_orderid, per_event.transaction ->> '$.transaction_id',
        per_event.refund ->> '$.transaction_id'
    ) as order_id,
    coalesce(firsts.tr_total, amount(per_event.transaction ->> '$.revenue')) as order_amount,
    upper(coalesce(firsts.tr_currency, per_event.transaction ->> '$.currency')) as order_currency
from firsts
left join per_event on firsts.event_id = per_event.event_id;

-- A page of thanks that is loaded again tells of the same order: the first event counts.
create view transactions as
select *
from described
where
    (event = 'transaction' or action = 'transaction') and order_id is not null
    and order_amount is not null
qualify row_number() over (partition by order_id order by occurred_at, event_id) = 1;
