with segments as (

    select * from {{ ref('int_customer_segments_unioned') }}

),

stage_intervals as (

    select * from {{ ref('fct_stage_intervals') }}

),

survey_scores as (

    select * from {{ ref('fct_survey_scores') }}

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
        entered_date as state_from_date,
        left_date as state_to_date
    from stage_intervals
    qualify row_number() over (
        partition by person_id, entered_date
        order by entered_at desc, stage_interval_id desc
    ) = 1

),

-- A score holds until another one; of several of one day the last one counts.
score_days as (

    select
        person_id,
        metric as state_type,
        score_class as state,
        responded_date as state_from_date
    from survey_scores
    where metric in ('nps', 'csat') and score_class is not null and person_id is not null
    qualify row_number() over (
        partition by person_id, metric, responded_date
        order by responded_at desc, survey_score_id desc
    ) = 1

),

score_changes as (

    select
        *,
        lag(state) over (
            partition by state_type, person_id order by state_from_date
        ) as previous_state
    from score_days

),

score_states as (

    select
        person_id,
        state_type,
        state,
        state_from_date,
        lead(state_from_date) over (
            partition by state_type, person_id order by state_from_date
        ) as state_to_date
    from score_changes
    where state is distinct from previous_state

),

unioned as (

    select * from segment_states
    union all
    select * from score_states
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
