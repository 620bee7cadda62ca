with rates as (

    select * from {{ ref('int_action_rates_described') }}

)

select
    {{ surrogate_key(['action', 'response_segment']) }} as action_response_id,
    action,
    response_segment,
    evidence_kind,
    expected_response_rate,
    evidence_count,
    contacted_count,
    responded_count,
    offered_count,
    offered_response_count,
    held_out_count,
    held_out_response_count
from rates
