with customers as (

    select
        person_id,
        min({{ business_date('occurred_at') }}) as customer_since_date
    from {{ ref('fct_revenue_points') }}
    where point_type in ('order', 'renewal') and is_order_paid and person_id is not null
    group by person_id

),

acts as (

    select
        person_id,
        {{ business_date('occurred_at') }} as active_date
    from {{ ref('fct_touchpoints') }}
    where is_own_act and person_id is not null
    group by person_id, {{ business_date('occurred_at') }}

),

persons as (

    select * from {{ ref('dim_persons') }}

)

-- Days on which somebody who has paid by then did something.
select
    acts.person_id,
    persons.persona,
    acts.active_date
from acts
inner join customers
    on
        acts.person_id = customers.person_id
        and acts.active_date >= customers.customer_since_date
inner join persons on acts.person_id = persons.person_id
