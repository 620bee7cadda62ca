{% macro origin_of(host) -%}
    coalesce(
        nullif(
            regexp_replace(
                replace(
                    replace(
                        replace(
                            regexp_extract(
                                {{ host }}, '^([a-z0-9-]+)\.(?:cdn\.ampproject\.org|translate\.goog)$', 1
                            ), '--', '~'
                        ), '-', '.'
                    ), '~', '-'
                ), '^www\.', ''
            ), ''
        ), {{ host }}
    )
{%- endmacro %}
