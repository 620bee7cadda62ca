{% macro reporting_currency() -%}
    {%- set code = env_var('JOURNEY_REPORTING_CURRENCY', 'JPY') -%}
    {%- if not modules.re.match('^[A-Z]{3}$', code) -%}
        {{ exceptions.raise_compiler_error(
            "JOURNEY_REPORTING_CURRENCY = '" ~ code ~ "' is no ISO 4217 code"
        ) }}
    {%- endif -%}
    '{{ code }}'
{%- endmacro %}
