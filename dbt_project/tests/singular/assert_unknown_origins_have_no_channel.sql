select
    points.revenue_point_id,
    points.preceding_channel
from {{ ref('fct_revenue_points') }} as points
inner join {{ ref('int_orders_classified') }} as orders on points.order_id = orders.order_id
where orders.earning_ordered_at is null and points.preceding_channel is not null
