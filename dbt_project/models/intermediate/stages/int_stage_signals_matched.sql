{{ config(schema='touched') }}

with touchpoints as (

    select
        *,
        {{ business_date('occurred_at') }} as occurred_date
    from {{ touched_rows('int_touchpoints_numbered') }}
    where person_id is not null

),

rules as (

    select * from {{ versions('stage_rules', ['stage_rule_id']) }}
    where is_active

),

-- Patterns are tried once per name, not once per touchpoint.
names as (

    select distinct
        touchpoint_type,
        touchpoint_name
    from touchpoints

),

named_rules as (

    select
        rules.*,
        names.touchpoint_name
    from rules
    inner join names
        on
            rules.touchpoint_type = names.touchpoint_type
            and {{ matches('names.touchpoint_name', 'rules.name_pattern') }}

),

matches as (

    select
        touchpoints.touchpoint_id,
        touchpoints.person_id,
        touchpoints.occurred_at,
        touchpoints.occurred_date,
        rules.stage_rule_id,
        rules.rule_order,
        rules.stage,
        coalesce(rules.is_after_purchase, false) as is_after_purchase
    from touchpoints
    inner join named_rules as rules
        on
            touchpoints.touchpoint_type = rules.touchpoint_type
            and touchpoints.touchpoint_name is not distinct from rules.touchpoint_name
            and {{ holds_on('rules', 'touchpoints.occurred_date') }}
            and (rules.persona is null or touchpoints.persona = rules.persona)
            and (rules.is_own_act is null or touchpoints.is_own_act = rules.is_own_act)
            and (rules.metric is null or touchpoints.metric = rules.metric)
            and (rules.minimum_score is null or touchpoints.score >= rules.minimum_score)
            and (
                rules.is_public_review is null
                or touchpoints.is_public_review = rules.is_public_review
            )
            and (rules.minimum_number is null or touchpoints.type_number >= rules.minimum_number)
            and (rules.maximum_number is null or touchpoints.type_number <= rules.maximum_number)

),

-- Use exists only after a purchase, so the purchase is found first.
first_purchases as (

    select
        person_id,
        min(occurred_at) as purchased_at
    from matches
    where stage = 'purchase'
    group by person_id

),

-- The first rule that matches decides: a touchpoint signals at most one stage.
decided as (

    select matches.*
    from matches
    left join first_purchases on matches.person_id = first_purchases.person_id
    where
        not matches.is_after_purchase
        or matches.occurred_at >= first_purchases.purchased_at
    qualify row_number() over (
        partition by matches.touchpoint_id order by matches.rule_order, matches.stage_rule_id
    ) = 1

),

stage_ranks as (

    select * from {{ ref('int_stage_ranks_derived') }}
    where stage_model = {{ canonical_stage_model() }}

)

select
    decided.touchpoint_id,
    decided.person_id,
    decided.stage_rule_id,
    decided.stage,
    stage_ranks.stage_rank,
    decided.occurred_date
from decided
inner join stage_ranks
    on
        decided.stage = stage_ranks.stage
        and {{ holds_on('stage_ranks', 'decided.occurred_date') }}
