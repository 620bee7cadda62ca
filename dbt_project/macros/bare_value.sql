{% macro bare_value(value) -%}
    case
        when ltrim(lower({{ value }}), '0-.') in ('', 'aaa') then '0'
        when length({{ value }}) >= 6 and ltrim({{ value }}, '9') = '' then '0'
        when length({{ value }}) >= 32 and ltrim(lower({{ value }}), 'f-') = '' then '0'
        when length({{ value }}) > 20 then lower({{ value }})
        when regexp_full_match({{ value }}, '-[0-9]+') then '0'
        else coalesce(
            nullif(regexp_replace(lower({{ value }}), '[^\p{L}\p{N}]', '', 'g'), ''), '0'
        )
    end
{%- endmacro %}
