with conditions as (

    select
        action_conditions.action,
        action_conditions.rule_group,
        action_conditions.column_name,
        action_conditions.operator,
        action_conditions.value_text,
        action_conditions.value_number,
        condition_columns.value_kind
    from {{ ref('action_conditions') }} as action_conditions
    inner join {{ ref('condition_columns') }} as condition_columns
        on action_conditions.column_name = condition_columns.column_name

),

persons as (

    select * from {{ ref('int_customers_described') }}

),

compared as (

    select
        persons.person_id,
        conditions.*,
        {{ condition_values('conditions', 'persons') }}
    from persons
    cross join conditions

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
