{% macro as_of_at() -%}
    {#- Not asked for while parsing: dbt would parse each model anew whose instant is another. -#}
    {%- set default = '2000-01-01 00:00:00' -%}
    {%- set text = env_var('JOURNEY_AS_OF_AT', default) if execute else default -%}
    {%- if not modules.re.match('^\d{4}-\d{2}-\d{2} \d{2}:\d{2}:\d{2}$', text) -%}
        {{ exceptions.raise_compiler_error(
            "JOURNEY_AS_OF_AT = '" ~ text ~ "' is no UTC timestamp YYYY-MM-DD HH:MM:SS"
        ) }}
    {%- endif -%}
    timestamp '{{ text }}'
{%- endmacro %}
