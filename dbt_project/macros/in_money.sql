{% macro in_money(amount, currency_code) -%}
    (
        case
            when {{ currency_code }} in ('{{ var("three_decimal_currencies") | join("', '") }}')
                then round({{ amount }}, 3)
            else round({{ amount }}, 2)
        end
    )::decimal(18, 3)
{%- endmacro %}
