{% macro broken_rules(model, primary_key, not_null, accepted_values, references, expressions) %}
{% set broken = [] %}

{% if primary_key %}
    {% do broken.append(broken_rule('primary_key', primary_key | join(', '), '(
    select count(*) as row_count from ' ~ model ~ ' group by ' ~ (primary_key | join(', ')) ~ '
    having count(*) > 1 or ' ~ (primary_key | join(' is null or ')) ~ ' is null
)')) %}
{% endif %}

{% for column in not_null %}
    {% do broken.append(broken_rule('not_null', column, model, column ~ ' is null')) %}
{% endfor %}

{% for column, values in accepted_values.items() %}
    {% do broken.append(broken_rule('accepted_values', column, model,
        column ~ " not in ('" ~ (values | join("', '")) ~ "')"
    )) %}
{% endfor %}

{% for column, other in references.items() %}
    {% do broken.append(broken_rule('references', column, model, column ~ ' is not null and not exists (
    select 1 from ' ~ other.to ~ ' as referenced where referenced.' ~ other.field ~ ' = checked.' ~ column ~ '
)')) %}
{% endfor %}

{% for expression in expressions %}
    {% do broken.append(broken_rule('expressions', expression, model,
        'not coalesce(' ~ expression ~ ', false)'
    )) %}
{% endfor %}

{{ broken | join('\nunion all\n') }}
{% endmacro %}


{% macro broken_rule(rule, subject, relation, condition='true') %}
select '{{ rule }}' as rule, '{{ subject | replace("'", "''") }}' as subject, count(*) as row_count
from {{ relation }} as checked
where {{ condition }}
having count(*) > 0
{% endmacro %}
