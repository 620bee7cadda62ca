with kinds as (

    select distinct
        activity_type,
        outcome
    from {{ ref('stg_crm__activities') }}

)

select
    kinds.activity_type,
    kinds.outcome,
    arg_min(activity_acts.is_own_act, activity_acts.rule_order) as is_own_act
from kinds
inner join {{ ref('activity_acts') }} as activity_acts
    on
        {{ matches('kinds.activity_type', 'activity_acts.activity_pattern') }}
        and {{ matches('kinds.outcome', 'activity_acts.outcome_pattern') }}
group by kinds.activity_type, kinds.outcome
