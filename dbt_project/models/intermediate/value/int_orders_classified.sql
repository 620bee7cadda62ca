with orders as (

    select * from {{ ref('int_orders_paid') }}

),

identifiers as (

    select * from {{ ref('int_identifiers_resolved_to_persons') }}
    where identifier_type = 'contact'

),

resolved as (

    select
        orders.*,
        coalesce(identifiers.person_id, orders.contact_id) as customer_id
    from orders
    left join identifiers on orders.contact_id = identifiers.identifier_value

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
    order_id,
    case
        when earlier_paid_count = 0 then 'first'
        when order_type = 'one_off' or previous_amount is null then 'repeat'
        when order_amount > previous_amount then 'expansion'
        when order_amount < previous_amount then 'contraction'
        else 'recurring'
    end as value_type,
    case when is_paid then earlier_paid_count + 1 end::integer as paid_order_number
from compared
