{% macro condition_columns() -%}
    {{ return({
        'text': [
            'persona', 'country_code', 'loyalty_tier', 'first_channel', 'last_channel',
            'acquisition_channel', 'current_stage', 'current_stage_five', 'current_stage_four',
            'lifecycle', 'rfm_segment', 'value_tier', 'risk_band',
            'behaviour_group',
        ],
        'number': [
            'paid_amount_reporting', 'spent_amount_reporting', 'expected_amount_reporting',
            'churn_risk_rate', 'recency_score', 'frequency_score', 'monetary_score',
            'journey_count', 'order_count', 'paid_order_count', 'purchase_count',
            'days_since_purchase', 'open_ticket_count', 'last_nps_score', 'last_csat_score',
        ],
        'flag': [
            'has_marketing_consent', 'has_analytics_consent', 'is_member', 'is_subscribed',
        ],
        'day': ['first_purchase_date', 'last_purchase_date'],
        'monthly': [
            'lifecycle', 'rfm_segment', 'value_tier', 'spent_amount_reporting', 'recency_score',
            'frequency_score', 'monetary_score', 'purchase_count', 'days_since_purchase',
            'is_subscribed', 'first_purchase_date', 'last_purchase_date',
        ],
    }) }}
{%- endmacro %}

{% macro condition_values(condition, person, is_monthly=false) -%}
    {%- set columns = condition_columns() -%}
    case {{ condition }}.column_name
        {%- for kind in ('text', 'flag', 'day') %}
        {%- for name in columns[kind] if not is_monthly or name in columns['monthly'] %}
            when '{{ name }}' then {{ person }}.{{ name }}::varchar
        {%- endfor %}
        {%- endfor %}
    end as text_value,
    case {{ condition }}.column_name
        {%- for name in columns['number'] if not is_monthly or name in columns['monthly'] %}
            when '{{ name }}' then {{ person }}.{{ name }}::decimal(24, 6)
        {%- endfor %}
    end as number_value
{%- endmacro %}

{% macro condition_holds() -%}
    coalesce(
        case operator
            when 'is_known' then text_value is not null or number_value is not null
            when 'is_unknown' then text_value is null and number_value is null
            when 'one_of' then contains('|' || value_text || '|', '|' || text_value || '|')
            when 'none_of' then not contains('|' || value_text || '|', '|' || text_value || '|')
            {%- for operator, sign in [
                ('equals', '='), ('not_equals', '!='), ('at_least', '>='), ('at_most', '<='),
                ('above', '>'), ('below', '<'),
            ] %}
            when '{{ operator }}' then
                case value_kind
                    when 'number' then number_value {{ sign }} value_number
                    else text_value {{ sign }} value_text
                end
            {%- endfor %}
        end,
        false
    )
{%- endmacro %}
