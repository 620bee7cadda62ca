with last_months as (

    select max(month_start_date) as month_start_date
    from {{ ref('int_customer_months_valued') }}

),

unioned as (

    select
        person_id,
        segmentation,
        segment,
        judged_date
    from {{ ref('int_customer_segments_unioned') }}
    where
        month_start_date in (select last_months.month_start_date from last_months)
        and segmentation in ('lifecycle', 'rfm', 'value_tier')
    union all
    select
        person_id,
        segmentation,
        segment,
        judged_date
    from {{ ref('int_own_segments_matched') }}
    where is_now

)

select
    {{ surrogate_key(['person_id', 'segmentation']) }} as person_segment_id,
    person_id,
    segmentation,
    segment,
    segmentation not in ('lifecycle', 'rfm', 'value_tier') as is_own_segment,
    judged_date
from unioned
