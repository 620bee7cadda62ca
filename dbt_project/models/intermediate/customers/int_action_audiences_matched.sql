with conditions as (

    select
        action_conditions.action,
        action_conditions.rule_group,
        action_conditions.column_name,
        action_conditions.operator,
        action_conditions.value_text,
        action_conditions.value_number,
        coalesce(condition_columns.value_kind, 'text') as value_kind
    from {{ ref('action_conditions') }} as action_conditions
    left join {{ ref('condition_columns') }} as condition_columns
        on action_conditions.column_name = condition_columns.column_name

),

persons as (

    select * from {{ ref('int_customers_described') }}

),

-- A condition may also name an own segmentation, as if it were a column.
own_segments as (

    select
        person_id,
        segmentation,
        segment
    from {{ ref('int_own_segments_matched') }}
    where is_now

),

described as (

    select
        persons.person_id,
        conditions.*,
        {{ condition_values('conditions', 'persons') }}
    from persons
    cross join conditions

),

compared as (

    select
        described.person_id,
        described.action,
        described.rule_group,
        described.operator,
        described.value_kind,
        described.value_text,
        described.value_number,
        described.number_value,
        coalesce(own_segments.segment, described.text_value) as text_value
    from described
    left join own_segments
        on
            described.person_id = own_segments.person_id
            and described.column_name = own_segments.segmentation

),

grouped as (

    select
        person_id,
        action,
        rule_group,
        bool_and({{ condition_holds() }}) as holds
    from compared
    group by person_id, action, rule_group

)

select
    person_id,
    action,
    bool_or(holds) as is_in_audience
from grouped
group by person_id, action
