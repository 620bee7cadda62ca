{% macro shared_reason(identifier_type) -%}
    'shared_' || case {{ identifier_type }}
        when 'visitor' then 'device' when 'user' then 'login' else {{ identifier_type }}
    end
{%- endmacro %}
