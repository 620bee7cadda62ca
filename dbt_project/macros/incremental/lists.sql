{% macro is_near_touched(event_row) -%}
    {%- set touched = ref('int_visitors_touched') if is_later_run() or not execute -%}
    {%- set narrow = ref('int_web_events_matched_to_visitors') if is_later_run() or not execute -%}
    {%- if is_later_run() -%}
        {{ event_row }} in (
            select narrow.event_row
            from {{ narrow }} as narrow
            inner join {{ touched }} as touched
                on
                    narrow.visitor_id = touched.visitor_id
                    and narrow.occurred_at >= touched.restart_at
        )
    {%- else -%}
        true
    {%- endif -%}
{%- endmacro %}

{% macro only_touched(events, occurred_at='occurred_at') -%}
    {%- set touched = ref('int_visitors_touched') if is_later_run() or not execute -%}
    {%- if is_later_run() -%}
        inner join {{ touched }} as touched
            on
                {{ events }}.visitor_id = touched.visitor_id
                and {{ events }}.is_excluded = touched.is_excluded
                and {{ events }}.{{ occurred_at }} >= touched.restart_at
    {%- endif -%}
{%- endmacro %}

{% macro held_before_touched(columns) -%}
    {%- set touched = ref('int_visitors_touched') if is_later_run() or not execute -%}
    {%- if is_later_run() -%}
        (
            select {% for column in columns %}held.{{ column }}{{ ', ' if not loop.last }}{% endfor %}
            from {{ this }} as held
            inner join {{ touched }} as touched
                on
                    held.visitor_id = touched.visitor_id
                    and held.is_excluded = touched.is_excluded
                    and held.run_started_at < touched.restart_at
        )
    {%- else -%}
        (
            select {% for column, data_type in columns.items() %}null::{{ data_type }} as {{ column }}
            {%- if not loop.last %}, {% endif %}{% endfor %}
            where false
        )
    {%- endif -%}
{%- endmacro %}

{% macro is_listed(value, list, column) -%}
    {%- set listed = ref(list) if is_later_run() or not execute -%}
    {%- if is_later_run() -%}
        {{ value }} in (
            select listed.{{ column }}
            from {{ listed }} as listed
            where {{ join_filter_hint('listed.' ~ column) }}
        )
    {%- else -%}
        true
    {%- endif -%}
{%- endmacro %}

{% macro join_filter_hint(key) -%} length({{ key }}) >= 0 {%- endmacro %}

{% macro has_new_events(visitor_id) -%}
    {{ is_listed(visitor_id, 'int_visitors_touched', 'visitor_id') }}
{%- endmacro %}

{% macro is_touched_identifier(identifier_id) -%}
    {{ is_listed(identifier_id, 'int_identifiers_touched', 'identifier_id') }}
{%- endmacro %}

{% macro may_be_touched_identifier(identifier_value) -%}
    {{ is_listed(identifier_value, 'int_identifiers_touched', 'identifier_value') }}
{%- endmacro %}

{% macro is_touched_visitor(visitor_id) -%}
    {{ is_listed(visitor_id, 'int_person_visitors_touched', 'visitor_id') }}
{%- endmacro %}

{% macro is_touched_person(person_id) -%}
    {{ is_listed("coalesce(" ~ person_id ~ ", '(nobody)')", 'int_persons_touched', 'person_id') }}
{%- endmacro %}

{% macro touched_rows(model, list='int_persons_touched') -%}
    {%- set held = ref(model) -%}
    {%- set touched = ref(list) if is_later_run() or not execute -%}
    {%- if is_later_run() -%} touched.{{ model }} {%- else -%} {{ held }} {%- endif -%}
{%- endmacro %}

{% macro is_in_new_file(file_id) -%}
    {%- set files = ref('stg_ops__files') if is_later_run() or not execute -%}
    {%- if is_later_run() -%}
        {{ file_id }} in (
            select files.file_id
            from {{ files }} as files
            where files.source = 'web' and files.table_name = 'events' and not files.is_built
        )
    {%- else -%}
        true
    {%- endif -%}
{%- endmacro %}

{% macro except_held(columns) -%}
    {%- if is_later_run() -%} except select {{ columns | join(', ') }} from {{ this }} {%- endif -%}
{%- endmacro %}
