{% macro business_time(occurred_at) -%}
    {%- set zone = env_var('JOURNEY_BUSINESS_TIMEZONE', 'Asia/Tokyo') -%}
    {%- if not modules.re.match('^[A-Za-z0-9_+/-]+$', zone) -%}
        {{ exceptions.raise_compiler_error(
            "JOURNEY_BUSINESS_TIMEZONE = '" ~ zone ~ "' is no IANA time zone"
        ) }}
    {%- endif -%}
    ((({{ occurred_at }}) at time zone 'UTC') at time zone '{{ zone }}')
{%- endmacro %}
