with points as (

    select * from {{ ref('int_revenue_points_placed') }}

),

orders as (

    select * from {{ ref('int_orders_paid') }}

),

order_statuses as (

    select * from {{ ref('order_statuses') }}

),

order_points as (

    select * from points
    where point_type in ('order', 'renewal')

),

-- Money in another currency than the order's says nothing in it about how much is still open.
payments as (

    select
        points.order_id,
        points.currency_code != orders.currency_code as is_foreign,
        points.point_type = 'payment' as is_charge,
        points.point_type = 'payment' and points.currency_code = orders.currency_code
            as is_own_charge,
        points.paid_amount,
        points.paid_at,
        orders.delivered_at
    from points
    inner join orders on points.order_id = orders.order_id
    where points.payment_id is not null

),

settled as (

    select
        order_id,
        coalesce(sum(paid_amount) filter (where is_own_charge), 0) as charged_amount,
        coalesce(sum(paid_amount) filter (where not is_charge and not is_foreign), 0)
            as returned_amount,
        coalesce(sum(paid_amount) filter (where is_own_charge and paid_at < delivered_at), 0)
            as prepaid_amount,
        coalesce(sum(paid_amount) filter (where is_own_charge and paid_at > delivered_at), 0)
            as pay_later_amount,
        count(*) filter (where is_charge and paid_amount > 0) as charge_count,
        count(*) filter (where is_foreign) as foreign_count,
        max(paid_at) filter (where is_charge and paid_amount > 0) as last_paid_at
    from payments
    group by order_id

),

owed as (

    select
        orders.*,
        order_points.person_id,
        order_points.value_type,
        order_points.paid_order_number,
        order_points.reporting_rate,
        settled.last_paid_at,
        coalesce(settled.charged_amount, 0) as charged_amount,
        coalesce(settled.returned_amount, 0) as returned_amount,
        coalesce(settled.prepaid_amount, 0) as prepaid_amount,
        coalesce(settled.pay_later_amount, 0) as pay_later_amount,
        coalesce(settled.charge_count, 0) as charge_count,
        coalesce(settled.foreign_count, 0) > 0 as has_foreign_payment,
        coalesce(order_statuses.is_owed, true) as is_owed
    from orders
    inner join order_points on orders.order_id = order_points.order_id
    left join settled on orders.order_id = settled.order_id
    left join order_statuses on orders.order_status = order_statuses.order_status

),

opened as (

    select
        *,
        case
            when not is_owed then 0
            when not has_foreign_payment then greatest(order_amount - charged_amount, 0)
        end as unpaid_amount
    from owed

)

select
    order_id,
    person_id,
    subscription_id,
    order_type,
    order_status,
    order_channel,
    store,
    coupon_code,
    value_type,
    currency_code,
    {{ reporting_currency() }}::varchar as reporting_currency_code,
    order_amount::decimal(18, 3) as order_amount,
    charged_amount::decimal(18, 3) as charged_amount,
    returned_amount::decimal(18, 3) as returned_amount,
    prepaid_amount::decimal(18, 3) as prepaid_amount,
    pay_later_amount::decimal(18, 3) as pay_later_amount,
    unpaid_amount::decimal(18, 3) as unpaid_amount,
    {{ in_money('unpaid_amount::decimal(20, 3) * reporting_rate', reporting_currency()) }}
        as unpaid_amount_reporting,
    paid_order_number::integer as paid_order_number,
    charge_count::integer as charge_count,
    case
        when unpaid_amount > 0
            then
                {{ seconds_between(
                    'coalesce(billed_at, delivered_at, ordered_at)', as_of_at()
                ) }}
    end::bigint as outstanding_seconds,
    {{ seconds_between('delivered_at', 'first_paid_at') }}::bigint as delivery_to_payment_seconds,
    has_foreign_payment,
    is_owed,
    is_paid,
    {{ business_date('ordered_at') }} as ordered_date,
    {{ business_date('billed_at') }} as billed_date,
    {{ business_date('delivered_at') }} as delivered_date,
    {{ business_date('first_paid_at') }} as first_paid_date,
    {{ business_date('last_paid_at') }} as last_paid_date,
    ordered_at,
    billed_at,
    delivered_at,
    first_paid_at,
    last_paid_at
from opened
