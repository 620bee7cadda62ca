with measured as (

    select * from {{ ref('int_customer_months_valued') }}

),

segment_rules as (

    select * from {{ ref('segment_rules') }}

),

-- Equal customers have equal ranks.
ranked as (

    select
        *,
        count(*) over (partition by month_start_date) as customer_count,
        rank() over (partition by month_start_date order by last_purchase_date) as recency_rank,
        rank() over (partition by month_start_date order by purchase_count) as frequency_rank,
        rank() over (partition by month_start_date order by spent_amount_reporting)
            as monetary_rank,
        rank() over (partition by month_start_date order by spent_amount_reporting desc)
            as spent_rank
    from measured

),

-- Fifths of that month's customers, 5 being the best.
scored as (

    select
        *,
        {%- for part in ('recency', 'frequency', 'monetary') %}
            ((({{ part }}_rank - 1) * 5) // customer_count + 1)::integer as {{ part }}_score,
        {%- endfor %}
        ((spent_rank - 1) / customer_count)::decimal(9, 4) as spent_rank_rate
    from ranked

),

matched as (

    select
        scored.person_id,
        scored.month_start_date,
        arg_min(segment_rules.segment, segment_rules.rule_order)
        filter (where segment_rules.segmentation = 'rfm') as rfm_segment,
        arg_min(segment_rules.segment, segment_rules.rule_order)
        filter (where segment_rules.segmentation = 'value_tier') as value_tier
    from scored
    inner join segment_rules
        on
            scored.recency_score >= coalesce(segment_rules.minimum_recency_score, 1)
            and scored.recency_score <= coalesce(segment_rules.maximum_recency_score, 5)
            and scored.frequency_score >= coalesce(segment_rules.minimum_frequency_score, 1)
            and scored.frequency_score <= coalesce(segment_rules.maximum_frequency_score, 5)
            and (
                segment_rules.below_spent_rank_rate is null
                or scored.spent_rank_rate < segment_rules.below_spent_rank_rate
            )
    group by scored.person_id, scored.month_start_date

)

select
    scored.person_id,
    scored.month_start_date,
    scored.judged_date,
    case
        when scored.judged_date - scored.first_purchase_date < {{ var('segment_new_days') }}
            then 'new'
        when scored.judged_date - scored.won_back_date < {{ var('segment_new_days') }}
            then 'won_back'
        when scored.is_subscribed or scored.days_since_purchase < {{ var('segment_at_risk_days') }}
            then 'active'
        when scored.is_lapsed then 'lapsed'
        else 'at_risk'
    end as lifecycle,
    coalesce(matched.rfm_segment, 'other') as rfm_segment,
    coalesce(matched.value_tier, 'other') as value_tier,
    scored.recency_score,
    scored.frequency_score,
    scored.monetary_score
from scored
left join matched
    on
        scored.person_id = matched.person_id
        and scored.month_start_date = matched.month_start_date
