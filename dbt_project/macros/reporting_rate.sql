{% macro reporting_rate(currency_code) -%}
    case when {{ currency_code }} = {{ reporting_currency() }} then 1 else rates.rate end
{%- endmacro %}
