{% macro has_analytics_consent() -%}
    coalesce(
        analytics_consent_at is not null and (
            analytics_consent_withdrawn_at is null
            or analytics_consent_withdrawn_at < analytics_consent_at
        ),
        false
    )
{%- endmacro %}
