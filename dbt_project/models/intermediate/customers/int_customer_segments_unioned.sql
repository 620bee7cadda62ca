{{ config(materialized='view') }}

with segmented as (

    select * from {{ ref('int_customer_months_classified') }}

),

own_segments as (

    select * from {{ ref('int_own_segments_matched') }}

)

{% for segmentation, column in
    [('lifecycle', 'lifecycle'), ('rfm', 'rfm_segment'), ('value_tier', 'value_tier')] %}
    select
        person_id,
        month_start_date,
        judged_date,
        '{{ segmentation }}' as segmentation,
        {{ column }} as segment
    from segmented
    union all
{% endfor %}
select
    person_id,
    month_start_date,
    judged_date,
    segmentation,
    segment
from own_segments
where not is_now
