with customers as (

    select * from {{ ref('int_customers_described') }}

),

offers as (

    select * from {{ ref('int_action_offers_valued') }}

),

chosen as (

    select * from {{ ref('int_next_actions_matched') }}

),

habits as (

    select * from {{ ref('int_person_habits_aggregated') }}

),

codes as (

    select * from {{ ref('action_codes') }}

),

actions as (

    select * from {{ ref('int_actions_valued') }}

),

-- Of all reasons against the actions of a person, the one of the action that came furthest.
reasons as (

    select
        offers.person_id,
        arg_min(codes.code, codes.code_order) as reason_code
    from offers
    inner join codes
        on
            codes.code_type = 'reason_code'
            and case offers.offer_status when 'eligible' then 'budget' else offers.offer_status end
            = codes.code
    group by offers.person_id

),

-- The daypart of whoever was seen too rarely to have one.
usual_dayparts as (

    select best_daypart
    from habits
    group by best_daypart
    qualify row_number() over (order by count(*) desc, best_daypart) = 1

),

described as (

    select
        customers.person_id,
        customers.reporting_currency_code,
        offers.programme,
        offers.action as next_action,
        case
            when chosen.is_hold_out then 'hold_out'
            when chosen.action is not null then 'chosen'
            else coalesce(reasons.reason_code, 'no_action')
        end as reason_code,
        actions.name_ja,
        actions.name_en,
        offers.channel,
        habits.best_channel,
        case
            when habits.daypart_act_count >= 3 then habits.best_daypart
            else usual_dayparts.best_daypart
        end as best_daypart,
        offers.response_segment,
        offers.evidence_kind,
        offers.expected_response_rate,
        offers.evidence_count,
        offers.gain_amount_reporting,
        offers.action_cost_amount_reporting,
        chosen.optimality_gap_rate::double as optimality_gap_rate,
        coalesce(chosen.is_hold_out, false) as is_hold_out,
        {{ last_business_date() }} + 1 as action_date
    from customers
    left join chosen on customers.person_id = chosen.person_id
    left join offers on chosen.person_id = offers.person_id and chosen.action = offers.action
    left join actions on chosen.action = actions.action
    left join reasons on customers.person_id = reasons.person_id
    left join habits on customers.person_id = habits.person_id
    left join usual_dayparts on true

)

select
    described.person_id,
    described.programme,
    described.next_action,
    described.reason_code,
    case
        when described.next_action is null then reason_codes.name_ja
        else
            reason_codes.name_ja || ': ' || described.name_ja || '。' || segment_codes.name_ja
            || 'の反応率 ' || (described.expected_response_rate * 100)::decimal(9, 2)::varchar || '%('
            || evidence_codes.name_ja || '、' || described.evidence_count::varchar
            || '件)、期待額 ' || described.gain_amount_reporting::decimal(18, 2)::varchar
            || '、費用 ' || described.action_cost_amount_reporting::decimal(18, 2)::varchar || ' '
            || described.reporting_currency_code
    end as reason_ja,
    case
        when described.next_action is null then reason_codes.name_en
        else
            reason_codes.name_en || ': ' || described.name_en || '. Rate of response of segment '
            || segment_codes.name_en || ' '
            || (described.expected_response_rate * 100)::decimal(9, 2)::varchar || ' % ('
            || evidence_codes.name_en || '; ' || described.evidence_count::varchar
            || ' contacts), expected '
            || described.gain_amount_reporting::decimal(18, 2)::varchar || ' for '
            || described.action_cost_amount_reporting::decimal(18, 2)::varchar || ' '
            || described.reporting_currency_code
    end as reason_en,
    described.channel,
    described.best_channel,
    described.best_daypart,
    described.response_segment,
    described.evidence_kind,
    described.expected_response_rate,
    described.evidence_count,
    described.reporting_currency_code,
    described.gain_amount_reporting,
    described.action_cost_amount_reporting,
    (described.gain_amount_reporting - described.action_cost_amount_reporting)::decimal(18, 3)
        as net_gain_amount_reporting,
    described.optimality_gap_rate,
    described.is_hold_out,
    described.action_date
from described
left join codes as reason_codes
    on described.reason_code = reason_codes.code and reason_codes.code_type = 'reason_code'
left join codes as segment_codes
    on
        described.response_segment = segment_codes.code
        and segment_codes.code_type = 'response_segment'
left join codes as evidence_codes
    on described.evidence_kind = evidence_codes.code and evidence_codes.code_type = 'evidence_kind'
