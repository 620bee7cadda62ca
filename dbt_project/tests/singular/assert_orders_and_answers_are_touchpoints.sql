-- Each known order and each known answer is one touchpoint of its kind.
with expected as (

    select {{ surrogate_key(["'order'", 'order_id']) }} as touchpoint_id
    from {{ ref('stg_crm__orders') }}
    where is_known
    union all
    select {{ surrogate_key(["'survey_answer'", 'answer_id']) }}
    from {{ ref('stg_survey__answers') }}
    where is_known
    union all
    select {{ surrogate_key(["'payment'", 'payment_id']) }}
    from {{ ref('stg_crm__payments') }}
    where is_known
    union all
    select {{ surrogate_key(["'ticket'", 'ticket_id']) }}
    from {{ ref('stg_crm__tickets') }}
    where is_known

)

select expected.touchpoint_id
from expected
left join {{ ref('fct_touchpoints') }} as touchpoints
    on expected.touchpoint_id = touchpoints.touchpoint_id
group by expected.touchpoint_id
having count(touchpoints.touchpoint_id) != 1
