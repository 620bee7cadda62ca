{% macro identifiers_named_in(records) -%}
    select
        *,
        case when named_as = 'merged_into' then 'contact' else named_as end as identifier_type
    from {{ records }}
    unpivot (
        identifier_value for named_as in (
            contact_id as 'contact',
            merged_into_contact_id as 'merged_into',
            user_id as 'user',
            email_hash as 'email',
            phone_hash as 'phone',
            visitor_id as 'visitor'
        )
    )
{%- endmacro %}
