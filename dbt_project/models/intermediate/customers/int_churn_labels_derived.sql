with customers as (

    select * from {{ ref('int_churn_features_derived') }}
    where is_active_customer and cutoff_date + longest_days <= {{ last_business_date() }} + 1

),

facts as (

    select * from {{ ref('int_churn_facts_unioned') }}

),

orders as (

    select
        person_id,
        fact_date
    from facts
    where fact_type = 'order'
    group by person_id, fact_date

),

subscriptions as (

    select
        person_id,
        fact_key,
        min(fact_date) filter (where fact_type = 'subscription_start') as started_date,
        min(fact_date) filter (where fact_type = 'subscription_end') as ended_date
    from facts
    where fact_type in ('subscription_start', 'subscription_end')
    group by person_id, fact_key

),

windows as (

    select
        cutoff_date,
        person_id,
        business_type,
        cutoff_date + window_days as label_until_date
    from customers

),

ordered as (

    select distinct
        windows.cutoff_date,
        windows.person_id
    from windows
    inner join orders
        on
            windows.person_id = orders.person_id
            and windows.cutoff_date <= orders.fact_date
            and windows.label_until_date > orders.fact_date

),

-- Another plan is no end: any subscription that runs when the window closes will do.
subscribed as (

    select distinct
        windows.cutoff_date,
        windows.person_id
    from windows
    inner join subscriptions
        on
            windows.person_id = subscriptions.person_id
            and windows.label_until_date > subscriptions.started_date
            and coalesce(windows.label_until_date <= subscriptions.ended_date, true)

)

-- Windows differ from customer to customer; a cut-off is judged once the longest has passed, or
-- those who order often would be judged before the others.
select
    windows.cutoff_date,
    windows.person_id,
    windows.business_type,
    case windows.business_type
        when 'subscription' then subscribed.person_id is null
        else ordered.person_id is null
    end as is_churned,
    windows.label_until_date
from windows
left join ordered
    on windows.cutoff_date = ordered.cutoff_date and windows.person_id = ordered.person_id
left join subscribed
    on windows.cutoff_date = subscribed.cutoff_date and windows.person_id = subscribed.person_id
