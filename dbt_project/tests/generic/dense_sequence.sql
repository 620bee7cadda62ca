{% test dense_sequence(model, group_by, sequence) %}

select
    {{ group_by }} as group_key,
    count(*) as row_count,
    count(distinct {{ sequence }}) as number_count,
    min({{ sequence }}) as first_number,
    max({{ sequence }}) as last_number
from {{ model }}
where {{ group_by }} is not null
group by {{ group_by }}
having
    count(*) != count(distinct {{ sequence }})
    or min({{ sequence }}) != 1
    or max({{ sequence }}) != count(*)

{% endtest %}
