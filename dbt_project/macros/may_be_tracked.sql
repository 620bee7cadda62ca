{% macro may_be_tracked() -%}
    {%- set policy = env_var('JOURNEY_CONSENT_POLICY', 'ignored') -%}
    {%- if policy == 'ignored' -%}
        true
    {%- elif policy == 'opt_out' -%}
        (analytics_consent_withdrawn_at is null or {{ has_analytics_consent() }})
    {%- elif policy == 'opt_in' -%}
        {{ has_analytics_consent() }}
    {%- else -%}
        {{ exceptions.raise_compiler_error(
            "JOURNEY_CONSENT_POLICY = '" ~ policy ~ "' is not ignored, opt_out or opt_in"
        ) }}
    {%- endif -%}
{%- endmacro %}
