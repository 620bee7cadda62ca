{% macro broken_rule(rule, subject, relation, condition='true') %}
select '{{ rule }}' as rule, '{{ subject | replace("'", "''") }}' as subject, count(*) as row_count
from {{ relation }} as checked
where {{ condition }}
having count(*) > 0
{% endmacro %}
