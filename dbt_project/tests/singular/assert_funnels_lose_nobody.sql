with funnel as (

    select
        *,
        lead(reached_count) over (
            partition by stage_model, month_start_date, dimension, dimension_value
            order by step_number
        ) as following_count
    from {{ ref('kpi_funnel_monthly') }}

)

select funnel_id
from funnel
where
    reached_count != next_count + late_count + jumped_count + open_count + left_count
    or next_count != coalesce(following_count, 0)
