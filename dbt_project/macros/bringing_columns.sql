{% macro bringing_columns(touchpoint_number, within) -%}
    case when touchpoint_types.is_marketing_touch then touchpoints.channel end
        as bringing_channel,
    min(
        case
            when touchpoints.touchpoint_type = 'order' and touchpoints.touchpoint_name = 'paid'
                then {{ touchpoint_number }}
        end
    ) over (partition by {{ within }}) as first_paid_number
{%- endmacro %}
