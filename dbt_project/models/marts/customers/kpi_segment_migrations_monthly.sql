with segments as (

    select * from {{ ref('int_customer_segments_unioned') }}

),

moves as (

    select
        segmentation,
        month_start_date,
        judged_date,
        coalesce(
            lag(segment) over (
                partition by segmentation, person_id order by month_start_date
            ),
            '(none)'
        ) as from_segment,
        segment as to_segment
    from segments

),

counted as (

    select
        segmentation,
        month_start_date,
        from_segment,
        to_segment,
        max(judged_date) as judged_date,
        count(*) as customer_count
    from moves
    group by segmentation, month_start_date, from_segment, to_segment

)

select
    {{ surrogate_key([
        'segmentation', 'month_start_date', 'from_segment', 'to_segment'
    ]) }} as segment_migration_id,
    segmentation,
    from_segment,
    to_segment,
    customer_count::integer as moved_customer_count,
    (
        customer_count / sum(customer_count) over (
            partition by segmentation, month_start_date, from_segment
        )
    )::decimal(9, 4) as moved_customer_rate,
    month_start_date,
    judged_date
from counted
