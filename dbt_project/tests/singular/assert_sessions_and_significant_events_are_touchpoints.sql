with touchpoints as (

    select * from {{ ref('fct_touchpoints') }}

),

expected as (

    select
        'web_session' as touchpoint_type,
        count(*) as expected_count
    from {{ ref('fct_sessions') }}
    union all
    select
        'web_event',
        count(*)
    from {{ ref('int_web_events_matched_to_sessions') }}
    where is_significant

)

select
    expected.touchpoint_type,
    expected.expected_count,
    count(touchpoints.touchpoint_id) as touchpoint_count,
    count(touchpoints.session_id) as session_touchpoint_count
from expected
left join touchpoints on expected.touchpoint_type = touchpoints.touchpoint_type
group by expected.touchpoint_type, expected.expected_count
having
    expected.expected_count != count(touchpoints.touchpoint_id)
    or expected.expected_count != count(touchpoints.session_id)
