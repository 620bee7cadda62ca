{% macro is_newest_version(key, version_column=none) -%}
    row_number() over (
        partition by {{ key | join(', ') }}
        order by
            {% if version_column %}{{ version_column }} desc nulls last, {% endif -%}
            _extracted_on desc nulls last, _load_sequence desc, _content_hash desc
    ) = 1
{%- endmacro %}
