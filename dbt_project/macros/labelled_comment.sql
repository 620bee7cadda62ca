{% macro labelled_comment(meta, description) -%}
    {%- if meta.label_ja and meta.label_en -%}
        {{ meta.label_ja }} / {{ meta.label_en }}: {{ description }}
    {%- else -%}
        {{ description }}
    {%- endif -%}
{%- endmacro %}
