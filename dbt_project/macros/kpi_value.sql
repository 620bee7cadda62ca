{% macro kpi_value(numerator, denominator) -%}
    case
        when kpis.denominator_measure is null then kpis.multiplier * {{ numerator }}::double
        when {{ denominator }} < coalesce(kpis.minimum_denominator, 0) then null
        else kpis.multiplier * {{ numerator }}::double / nullif({{ denominator }}, 0)
    end
{%- endmacro %}
