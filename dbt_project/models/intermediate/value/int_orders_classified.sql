with orders as (

    select * from {{ ref('int_orders_paid') }}

),

contacts as (

    select * from {{ ref('int_contacts_resolved_to_persons') }}

),

resolved as (

    select
        orders.*,
        coalesce(contacts.person_id, orders.contact_id) as customer_id
    from orders
    left join contacts on orders.contact_id = contacts.contact_id

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
