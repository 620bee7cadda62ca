{%- set dates_of_facts = [
    'fct_attribution_credits.occurred_date',
    'fct_churn_risks.judged_date',
    'fct_conversions.occurred_date',
    'fct_excluded_traffic.session_date',
    'fct_experiment_assignments.first_exposed_date',
    'fct_identity_edges.first_seen_date',
    'fct_journey_alignments.started_date',
    'fct_journeys.ended_date',
    'fct_journeys.started_date',
    'fct_kpi_measures.kpi_date',
    'fct_order_lines.ordered_date',
    'fct_orders.billed_date',
    'fct_orders.delivered_date',
    'fct_orders.first_paid_date',
    'fct_orders.last_paid_date',
    'fct_orders.ordered_date',
    'fct_person_merges.merged_date',
    'fct_person_segments.judged_date',
    'fct_restatements.known_through_date',
    'fct_revenue_points.billed_date',
    'fct_revenue_points.contracted_date',
    'fct_revenue_points.delivered_date',
    'fct_revenue_points.occurred_date',
    'fct_revenue_points.paid_date',
    'fct_sessions.ended_date',
    'fct_sessions.session_date',
    'fct_stage_intervals.entered_date',
    'fct_stage_intervals.left_date',
    'fct_stage_model_transitions.occurred_date',
    'fct_stage_transitions.occurred_date',
    'fct_survey_scores.responded_date',
    'fct_tickets.first_responded_date',
    'fct_tickets.opened_date',
    'fct_tickets.resolved_date',
    'fct_touchpoints.occurred_date',
] %}

with dates as (

    {% for date_of_fact in dates_of_facts %}
        {%- set fact, column_name = date_of_fact.split('.') %}
        select
            '{{ date_of_fact }}' as date_of_fact,
            {{ column_name }} as fact_date
        from {{ ref(fact) }}
        group by {{ column_name }}
        {%- if not loop.last %}
            union all
        {%- endif %}
    {% endfor %}

)

select
    dates.date_of_fact,
    dates.fact_date
from dates
left join {{ ref('dim_dates') }} as dim_dates on dates.fact_date = dim_dates.calendar_date
where dates.fact_date is not null and dim_dates.calendar_date is null
