with orders as (

    select * from {{ ref('int_orders_paid') }}

),

contacts as (

    select * from {{ ref('int_contacts_resolved_to_persons') }}

),

invalid_contacts as (

    select invalid_value
    from {{ ref('identifier_invalid_values') }}
    where identifier_type = 'contact' and invalid_value is not null

),

-- An order of nobody (`unknown`) has no history: whose it is, nobody else's order tells.
resolved as (

    select
        orders.*,
        coalesce(
            contacts.person_id,
            case when invalid_contacts.invalid_value is null then orders.contact_id end,
            'order ' || orders.order_id
        ) as customer_id
    from orders
    left join contacts on orders.contact_id = contacts.contact_id
    left join invalid_contacts
        on {{ bare_value('orders.contact_id') }} = invalid_contacts.invalid_value

),

-- What earned a renewal is the order that started its subscription: the first that was paid, else
-- the first (a trial of nothing).
subscription_starts as (

    select
        subscription_id,
        arg_min(order_id, (not is_paid, ordered_at, order_id)) as order_id,
        arg_min(ordered_at, (not is_paid, ordered_at, order_id)) as ordered_at
    from orders
    where order_type != 'renewal' and subscription_id is not null
    group by subscription_id

),

-- Only paid orders make a customer's history; an unpaid one is what its place in it would be.
compared as (

    select
        *,
        count(*) filter (where is_paid) over (
            partition by customer_id
            order by ordered_at, order_id
            rows between unbounded preceding and 1 preceding
        ) as earlier_paid_count,
        lag(order_amount) over (
            partition by customer_id, currency_code, order_type = 'one_off'
            order by ordered_at, order_id
        ) as previous_amount
    from resolved

)

select
    compared.order_id,
    case
        when compared.earlier_paid_count = 0 then 'first'
        when compared.order_type = 'one_off' or compared.previous_amount is null then 'repeat'
        when compared.order_amount > compared.previous_amount then 'expansion'
        when compared.order_amount < compared.previous_amount then 'contraction'
        else 'recurring'
    end as value_type,
    case when compared.is_paid then compared.earlier_paid_count + 1 end::integer
        as paid_order_number,
    case
        when compared.order_type = 'renewal' then subscription_starts.order_id
        else compared.order_id
    end as earning_order_id,
    case
        when compared.order_type = 'renewal' then subscription_starts.ordered_at
        else compared.ordered_at
    end as earning_ordered_at
from compared
left join subscription_starts on compared.subscription_id = subscription_starts.subscription_id
