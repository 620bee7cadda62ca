{% macro registrable_domain(host) -%}
    case
        when regexp_full_match({{ host }}, '[0-9.]+') then {{ host }}
        else coalesce(
            nullif(
                regexp_extract(
                    {{ host }},
                    '[^.]+\.(?:ac|ad|co|com|ed|edu|go|gob|gov|gr|lg|mil|ne|net|or|org)\.[a-z]{2}$'
                ), ''
            ),
            nullif(regexp_extract({{ host }}, '[^.]+\.[^.]+$'), ''),
            {{ host }}
        )
    end
{%- endmacro %}
