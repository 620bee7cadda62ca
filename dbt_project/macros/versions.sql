{% macro versions(seed, rule) -%}
    (
        select
            *,
            lead(valid_from) over (
                partition by {{ rule | join(', ') }} order by valid_from
            ) as valid_to
        from {{ ref(seed) }}
    )
{%- endmacro %}

{% macro newest_version(seed, rule) -%}
    (
        select *
        from {{ ref(seed) }}
        where valid_from <= {{ last_business_date() }}
        qualify row_number() over (
            partition by {{ rule | join(', ') }} order by valid_from desc
        ) = 1
    )
{%- endmacro %}

{% macro holds_on(version, day) -%}
    (
        {{ day }} >= {{ version }}.valid_from
        and ({{ version }}.valid_to is null or {{ day }} < {{ version }}.valid_to)
    )
{%- endmacro %}
