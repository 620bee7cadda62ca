{{ config(materialized='view') }}

with segmented as (

    select * from {{ ref('int_customer_months_classified') }}

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
    {% if not loop.last %}
        union all
    {% endif %}
{% endfor %}
