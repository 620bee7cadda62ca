with observed as (

    select
        'web.events' as source_table,
        {{ business_date('min(occurred_at)') }} as first_seen_date
    from {{ ref('stg_web__events') }}
    where is_known
    union all
    select
        'web.ad_costs',
        min(cost_date)
    from {{ ref('stg_web__ad_costs') }}
    where is_known
    {% for table, time_column in [
        ('activities', 'occurred_at'),
        ('contacts', 'created_at'),
        ('deals', 'created_at'),
        ('orders', 'ordered_at'),
        ('payments', 'paid_at'),
        ('subscriptions', 'started_at'),
        ('tickets', 'opened_at')
    ] %}
        union all
        select
            'crm.{{ table }}',
            {{ business_date('min(' ~ time_column ~ ')') }}
        from {{ ref('stg_crm__' ~ table) }}
        where {{ is_known(time_column) }}
    {% endfor %}
    -- What a table may or may not tell is known from the first row on that tells it.
    {% for source, table, column, time_column in [
        ('crm', 'contacts', 'member_since_at', 'member_since_at'),
        ('crm', 'orders', 'coupon_code', 'ordered_at'),
        ('crm', 'tickets', 'handled_by', 'opened_at'),
        ('crm', 'tickets', 'sentiment', 'opened_at'),
        ('survey', 'answers', 'sentiment', 'responded_at')
    ] %}
        union all
        select
            '{{ source }}.{{ table }}.{{ column }}',
            {{ business_date('min(' ~ time_column ~ ')') }}
        from {{ ref('stg_' ~ source ~ '__' ~ table) }}
        where {{ is_known(time_column) }} and {{ column }} is not null
    {% endfor %}
    union all
    select
        'survey.answers',
        {{ business_date('min(responded_at)') }}
    from {{ ref('stg_survey__answers') }}
    where is_known

)

select
    source_table,
    first_seen_date
from observed
where first_seen_date is not null
