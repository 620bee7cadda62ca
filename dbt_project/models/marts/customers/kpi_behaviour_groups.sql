with customers as (

    select
        grouped.*,
        persons.persona,
        persons.paid_amount_reporting,
        persons.paid_order_count,
        persons.reporting_currency_code
    from {{ ref('int_behaviour_groups_classified') }} as grouped
    inner join {{ ref('dim_persons') }} as persons on grouped.person_id = persons.person_id

),

persona_counts as (

    select
        behaviour_group,
        persona,
        count(*) as persona_count
    from customers
    where persona != '(not set)'
    group by behaviour_group, persona

),

usual_personas as (

    select *
    from persona_counts
    qualify row_number() over (
        partition by behaviour_group order by persona_count desc, persona asc
    ) = 1

),

counted as (

    select
        grouping_verdict,
        behaviour_group,
        first_trait,
        second_trait,
        group_stability,
        adjusted_rand,
        reporting_currency_code,
        count(*) as customer_count,
        sum(paid_amount_reporting) as paid_amount,
        sum(paid_order_count) as order_count
    from customers
    group by
        grouping_verdict,
        behaviour_group,
        first_trait,
        second_trait,
        group_stability,
        adjusted_rand,
        reporting_currency_code

),

codes as (

    select * from {{ ref('churn_codes') }}

)

-- Where nothing was found, one row says so.
select
    {{ surrogate_key(['counted.grouping_verdict', 'counted.behaviour_group']) }}
        as behaviour_group_id,
    counted.behaviour_group,
    counted.grouping_verdict,
    verdicts.name_ja as verdict_ja,
    verdicts.name_en as verdict_en,
    case
        when counted.behaviour_group is not null
            then coalesce(first_traits.name_ja || coalesce('・' || second_traits.name_ja, ''), '平均的')
    end as name_ja,
    case
        when counted.behaviour_group is not null
            then
                coalesce(
                    first_traits.name_en || coalesce(' · ' || second_traits.name_en, ''), 'Average'
                )
    end as name_en,
    usual_personas.persona as usual_persona,
    counted.reporting_currency_code,
    (counted.paid_amount / counted.customer_count)::decimal(18, 3) as mean_paid_amount_reporting,
    (counted.order_count / counted.customer_count)::decimal(18, 3) as orders_per_customer,
    counted.customer_count::integer as group_customer_count,
    (counted.customer_count / sum(counted.customer_count) over ())::decimal(9, 4) as customer_rate,
    (usual_personas.persona_count / counted.customer_count)::decimal(9, 4) as usual_persona_rate,
    counted.group_stability::double as group_stability_value,
    counted.adjusted_rand::double as adjusted_rand_value
from counted
left join usual_personas
    on
        counted.behaviour_group = usual_personas.behaviour_group
        or (counted.behaviour_group is null and usual_personas.behaviour_group is null)
left join codes as verdicts
    on verdicts.code_type = 'grouping_verdict' and counted.grouping_verdict = verdicts.code
left join codes as first_traits
    on first_traits.code_type = 'churn_reason' and counted.first_trait = first_traits.code
left join codes as second_traits
    on second_traits.code_type = 'churn_reason' and counted.second_trait = second_traits.code
