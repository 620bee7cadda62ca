with all_facts as (

    select * from {{ ref('int_churn_facts_unioned') }}

),

-- Whoever only visited is no customer at any cut-off.
facts as (

    select * from all_facts
    where
        person_id in (
            select buyers.person_id
            from all_facts as buyers
            where buyers.fact_type in ('order', 'subscription_start')
        )

),

rules as (

    select
        max(gap_multiple) filter (where business_type = 'purchase') as gap_multiple,
        max(minimum_gap_count) filter (where business_type = 'purchase') as minimum_gap_count,
        max(minimum_days) filter (where business_type = 'purchase') as minimum_days,
        max(maximum_days) filter (where business_type = 'purchase') as maximum_days,
        max(maximum_days) filter (where business_type = 'subscription') as subscription_days
    from {{ ref('churn_rules') }}

),

-- The first of each month as far as the data go, and the day after the last one, which serves.
cutoffs as (

    select
        month_start_date as cutoff_date,
        month_start_date = {{ last_business_date() }} + 1 as is_serving
    from {{ ref('dim_dates') }}
    where
        month_start_date <= {{ last_business_date() }} + 1
        and month_start_date
        > {{ last_business_date() }} - interval '{{ var("churn_cutoff_months") }} months'
    union
    select
        {{ last_business_date() }} + 1,
        true

),

-- All that follows reads this: what was known before the cut-off.
known as (

    select
        cutoffs.cutoff_date,
        cutoffs.is_serving,
        facts.*,
        date_diff('day', facts.fact_date, cutoffs.cutoff_date) as age_days,
        row_number() over (
            partition by cutoffs.cutoff_date, facts.person_id, facts.fact_type
            order by facts.fact_date, facts.fact_key
        ) as fact_number
    from cutoffs
    inner join facts on cutoffs.cutoff_date > facts.known_date

),

counted as (

    select
        cutoff_date,
        is_serving,
        person_id,
        count(distinct fact_date) filter (where fact_type = 'order') as order_day_count,
        count(distinct fact_date) filter (where fact_type = 'order' and age_days <= 90)
            as recent_order_day_count,
        min(age_days) filter (where fact_type = 'order') as order_recency_days,
        max(age_days) filter (where fact_type = 'order') as first_order_days,
        max(age_days) filter (where fact_type = 'subscription_start') as first_contract_days,
        count(*) filter (where fact_type = 'order') as order_count,
        count(*) filter (where fact_type = 'order' and has_coupon) as coupon_count,
        sum(fact_value::decimal(18, 3)) filter (where fact_type = 'order') as order_amount,
        count(*) filter (where fact_type = 'visit' and age_days <= 90) as recent_visit_count,
        min(age_days) filter (where fact_type = 'visit') as visit_recency_days,
        count(*) filter (where fact_type = 'activity' and age_days <= 90) as recent_activity_count,
        count(*) filter (where fact_type = 'ticket' and age_days <= 90) as recent_ticket_count,
        count(*) filter (where fact_type = 'ticket')
        - count(*) filter (where fact_type = 'ticket_resolved') as unresolved_ticket_count,
        count(*) filter (where fact_type = 'subscription_start')
        - count(*) filter (where fact_type = 'subscription_end') as subscription_count,
        arg_max(fact_value, fact_number) filter (where fact_type = 'csat') as last_csat_rate,
        arg_max(fact_value, fact_number) filter (where fact_type = 'nps') as last_nps_rate,
        arg_max(persona, fact_number) filter (where fact_type = 'persona') as persona,
        max(known_date) as last_known_date
    from known
    group by cutoff_date, is_serving, person_id

),

customers as (

    select
        *,
        first_order_days - order_recency_days as span_days,
        order_day_count - 1 as repeat_count,
        case when subscription_count > 0 then 'subscription' else 'purchase' end as business_type
    from counted
    where order_day_count > 0 or subscription_count > 0

),

-- The gap of a customer with few orders is that of all.
gaps as (

    select
        customers.*,
        coalesce(
            case
                when customers.repeat_count >= rules.minimum_gap_count
                    then customers.span_days / nullif(customers.repeat_count, 0)
            end,
            sum(customers.span_days) over (partition by customers.cutoff_date)
            / nullif(
                sum(customers.repeat_count) filter (where customers.repeat_count > 0)
                    over (partition by customers.cutoff_date), 0
            ),
            rules.maximum_days
        ) as usual_gap_days,
        rules.gap_multiple,
        rules.minimum_days,
        rules.maximum_days,
        rules.subscription_days
    from customers
    cross join rules

),

judged as (

    select
        *,
        case business_type
            when 'subscription' then subscription_days
            else
                least(
                    greatest(round(gap_multiple * usual_gap_days), minimum_days), maximum_days
                )
        end::integer as window_days,
        case business_type
            when 'subscription' then subscription_days
            else maximum_days
        end::integer as longest_days
    from gaps

)

-- Whom the rule calls gone already is at no risk any more.
select
    cutoff_date,
    person_id,
    business_type,
    is_serving,
    business_type = 'subscription' or order_recency_days <= window_days as is_active_customer,
    window_days,
    longest_days,
    last_known_date,
    greatest(repeat_count, 0)::integer as repeat_count,
    coalesce(span_days, 0)::integer as span_days,
    first_order_days::integer as first_order_days,
    order_recency_days::double as order_recency_days,
    round(order_recency_days / greatest(usual_gap_days, 1), 6)::double as gap_ratio,
    round(usual_gap_days, 6)::double as usual_gap_days,
    greatest(
        coalesce(first_order_days, first_contract_days),
        coalesce(first_contract_days, first_order_days)
    )::double as tenure_days,
    order_day_count::double as order_day_count,
    recent_order_day_count::double as recent_order_day_count,
    round(order_amount / nullif(order_count, 0), 3)::double as average_amount,
    round(coupon_count / nullif(order_count, 0), 6)::double as coupon_rate,
    recent_visit_count::double as recent_visit_count,
    visit_recency_days::double as visit_recency_days,
    recent_activity_count::double as recent_activity_count,
    recent_ticket_count::double as recent_ticket_count,
    unresolved_ticket_count::double as unresolved_ticket_count,
    last_csat_rate,
    last_nps_rate,
    subscription_count::double as subscription_count,
    persona
from judged
