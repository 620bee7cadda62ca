{% macro as_of_at() -%}
    {#- Not asked for while parsing: dbt would parse each model anew whose instant is another. -#}
    {%- set default = '2000-01-01 00:00:00' -%}
    {%- set text = (env_var('JOURNEY_AS_OF_AT', '') or last_business_day_end()) if execute else default -%}
    {%- if not modules.re.match('^\d{4}-\d{2}-\d{2} \d{2}:\d{2}:\d{2}$', text) -%}
        {{ exceptions.raise_compiler_error(
            "JOURNEY_AS_OF_AT = '" ~ text ~ "' is no UTC timestamp YYYY-MM-DD HH:MM:SS"
        ) }}
    {%- endif -%}
    timestamp '{{ text }}'
{%- endmacro %}

{% macro last_business_day_end() -%}
    {%- set zone = env_var('JOURNEY_BUSINESS_TIMEZONE', 'Asia/Tokyo') -%}
    {%- set query -%}
        select
            ((((
                (max(data_through_at) at time zone 'UTC') at time zone '{{ zone }}'
            )::date + 1)::timestamp at time zone '{{ zone }}') at time zone 'UTC')::text
        from ops.files
        where status = 'loaded'
    {%- endset -%}
    {{ return(run_query(of_engine(query))[0][0]) }}
{%- endmacro %}

{% macro of_engine(query) -%}
    {{ return(adapter.translated(query) if target.type == 'journey_spark' else query) }}
{%- endmacro %}
