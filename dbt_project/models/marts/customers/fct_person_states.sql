with segments as (

    select * from {{ ref('int_customer_segments_unioned') }}

),

stage_intervals as (

    select * from {{ ref('fct_stage_intervals') }}

),

changes as (

    select
        *,
        lag(segment) over (
            partition by segmentation, person_id order by month_start_date
        ) as previous_segment
    from segments

),

-- What is judged at the end of a day holds from the next day on.
segment_states as (

    select
        person_id,
        segmentation as state_type,
        segment as state,
        judged_date + 1 as state_from_date,
        lead(judged_date + 1) over (
            partition by segmentation, person_id order by month_start_date
        ) as state_to_date
    from changes
    where segment is distinct from previous_segment

),

-- Of several stages of one day the last one counts.
stage_days as (

    select
        person_id,
        stage,
        {{ business_date('entered_at') }} as state_from_date,
        {{ business_date('left_at') }} as state_to_date
    from stage_intervals
    qualify row_number() over (
        partition by person_id, {{ business_date('entered_at') }}
        order by entered_at desc, stage_interval_id desc
    ) = 1

),

unioned as (

    select * from segment_states
    union all
    select
        person_id,
        'stage' as state_type,
        stage as state,
        state_from_date,
        state_to_date
    from stage_days

)

select
    {{ surrogate_key(['person_id', 'state_type', 'state_from_date']) }} as person_state_id,
    person_id,
    state_type,
    state,
    state_to_date is null as is_current,
    state_from_date,
    state_to_date
from unioned
