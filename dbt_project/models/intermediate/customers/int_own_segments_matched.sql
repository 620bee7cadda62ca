with conditions as (

    select
        own_segment_rules.segmentation,
        own_segment_rules.segment,
        own_segment_rules.rule_group,
        own_segment_rules.column_name,
        own_segment_rules.operator,
        own_segment_rules.value_text,
        own_segment_rules.value_number,
        condition_columns.value_kind,
        customer_segments.segment_rank,
        bool_and(condition_columns.is_monthly) over (
            partition by own_segment_rules.segmentation
        ) as is_monthly
    from {{ ref('own_segment_rules') }} as own_segment_rules
    inner join {{ ref('condition_columns') }} as condition_columns
        on own_segment_rules.column_name = condition_columns.column_name
    inner join {{ ref('customer_segments') }} as customer_segments
        on
            own_segment_rules.segmentation = customer_segments.segmentation
            and own_segment_rules.segment = customer_segments.segment

),

measured as (

    select * from {{ ref('int_customer_months_valued') }}

),

customer_months as (

    select
        measured.*,
        segmented.lifecycle,
        segmented.rfm_segment,
        segmented.value_tier,
        segmented.recency_score,
        segmented.frequency_score,
        segmented.monetary_score
    from measured
    inner join {{ ref('int_customer_months_classified') }} as segmented
        on
            measured.person_id = segmented.person_id
            and measured.month_start_date = segmented.month_start_date

),

last_months as (

    select
        max(month_start_date) as month_start_date,
        max(calendar_date) as judged_date
    from {{ ref('dim_dates') }}

),

-- Everybody as they stand now, and customers at the end of each month.
compared as (

    select
        persons.person_id,
        last_months.month_start_date,
        last_months.judged_date,
        true as is_now,
        conditions.*,
        {{ condition_values('conditions', 'persons') }}
    from {{ ref('int_customers_described') }} as persons
    cross join conditions
    cross join last_months
    union all
    select
        customer_months.person_id,
        customer_months.month_start_date,
        customer_months.judged_date,
        false as is_now,
        conditions.*,
        {{ condition_values('conditions', 'customer_months', is_monthly=true) }}
    from customer_months
    inner join conditions on conditions.is_monthly

),

grouped as (

    select
        person_id,
        month_start_date,
        judged_date,
        is_now,
        segmentation,
        segment,
        segment_rank,
        rule_group,
        bool_and({{ condition_holds() }}) as holds
    from compared
    group by
        person_id,
        month_start_date,
        judged_date,
        is_now,
        segmentation,
        segment,
        segment_rank,
        rule_group

)

select
    person_id,
    month_start_date,
    judged_date,
    is_now,
    segmentation,
    coalesce(arg_min(segment, segment_rank) filter (where holds), 'other') as segment
from grouped
group by person_id, month_start_date, judged_date, is_now, segmentation
