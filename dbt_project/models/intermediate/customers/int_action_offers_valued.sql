with customers as (

    select * from {{ ref('int_customers_described') }}

),

persons as (

    select * from {{ ref('dim_persons') }}

),

actions as (

    select
        *,
        {{ last_business_date() }} + 1 as action_date
    from {{ ref('int_actions_valued') }}

),

audiences as (

    select * from {{ ref('int_action_audiences_matched') }}

),

limited_actions as (

    select distinct action from {{ ref('action_conditions') }}

),

rates as (

    select * from {{ ref('int_action_rates_described') }}

),

contacts as (

    select * from {{ ref('int_action_contacts_unioned') }}

),

-- All that anybody paid, by order: what a person's own few orders are shrunk towards.
order_values as (

    select
        coalesce(
            sum(paid_amount_reporting)::double / nullif(sum(paid_order_count), 0), 0
        ) as mean_amount
    from customers

),

-- Days with a contact through the channel, whichever action it was for.
contact_days as (

    select
        actions.action,
        contacts.person_id,
        count(distinct contacts.contact_date) as contact_day_count
    from actions
    inner join contacts
        on
            actions.channel = contacts.channel
            and actions.action_date - actions.cap_days <= contacts.contact_date
            and actions.action_date > contacts.contact_date
    group by actions.action, contacts.person_id

),

-- What the lists of the month cost before this day; whoever was held out cost nothing.
spent as (

    select
        actions.programme,
        sum(actions.action_cost_amount_reporting) as spent_amount
    from actions
    inner join contacts on actions.action = contacts.action
    where
        contacts.is_listed
        and not contacts.is_hold_out
        and contacts.contact_date >= {{ month_start_date('actions.action_date') }}
        and contacts.contact_date < actions.action_date
    group by actions.programme

),

offers as (

    select
        customers.person_id,
        actions.programme,
        actions.action,
        actions.action_order,
        actions.channel,
        actions.action_date,
        rates.response_segment,
        rates.expected_response_rate,
        rates.evidence_kind,
        rates.evidence_count,
        actions.action_cost_amount_reporting,
        {{ in_money(
            "rates.expected_response_rate::double * actions.margin_rate::double * case actions.value_basis"
            ~ " when 'fixed' then actions.value_amount_reporting::double"
            ~ " else (customers.paid_amount_reporting::double + order_values.mean_amount)"
            ~ " / (customers.paid_order_count + 1) end",
            reporting_currency()
        ) }} as gain_amount_reporting,
        actions.reached = 'anyone' or persons.contact_count > 0 as is_reachable,
        case actions.needed_consent
            when 'marketing' then coalesce(customers.has_marketing_consent, false)
            when 'analytics' then coalesce(customers.has_analytics_consent, false)
            else true
        end as has_consent,
        limited_actions.action is null or coalesce(audiences.is_in_audience, false)
            as is_in_audience,
        actions.cap_count is not null
        and coalesce(contact_days.contact_day_count, 0) >= actions.cap_count as is_capped,
        actions.hold_out_rate,
        actions.hold_out_salt,
        least(
            actions.daily_budget_amount_reporting,
            case
                when actions.monthly_budget_amount_reporting is not null
                    then
                        greatest(
                            actions.monthly_budget_amount_reporting
                            - coalesce(spent.spent_amount, 0),
                            0
                        )
            end
        )::decimal(18, 3) as budget_amount_reporting,
        actions.daily_capacity
    from customers
    inner join persons on customers.person_id = persons.person_id
    cross join actions
    cross join order_values
    left join spent on actions.programme = spent.programme
    left join limited_actions on actions.action = limited_actions.action
    left join audiences
        on customers.person_id = audiences.person_id and actions.action = audiences.action
    left join contact_days
        on customers.person_id = contact_days.person_id and actions.action = contact_days.action
    left join rates
        on
            actions.action = rates.action
            and coalesce(customers.lifecycle, 'prospect') = rates.response_segment

)

select
    person_id,
    programme,
    action,
    action_order,
    channel,
    action_date,
    response_segment,
    expected_response_rate,
    evidence_kind,
    evidence_count,
    action_cost_amount_reporting,
    gain_amount_reporting,
    case
        when not is_reachable then 'not_reachable'
        when not has_consent then 'no_consent'
        when not is_in_audience then 'not_in_audience'
        when is_capped then 'capped'
        when evidence_kind is null then 'no_evidence'
        when action_cost_amount_reporting is null or gain_amount_reporting is null
            then 'no_exchange_rate'
        when gain_amount_reporting <= action_cost_amount_reporting then 'not_worth_it'
        else 'eligible'
    end as offer_status,
    hold_out_rate,
    hold_out_salt,
    budget_amount_reporting,
    daily_capacity
from offers
