{% test no_overlap(model, group_by, starts_at, ends_at) %}

-- Half-open intervals: one may start where another ends. Of equal starts the empty one is first.
select *
from (
    select
        {{ group_by }} as group_key,
        {{ starts_at }} as starts_at,
        {{ ends_at }} as ends_at,
        lead({{ starts_at }}) over (
            partition by {{ group_by }} order by {{ starts_at }}, {{ ends_at }} nulls last
        ) as next_starts_at
    from {{ model }}
) as intervals
where
    ends_at < starts_at
    or (next_starts_at is not null and (ends_at is null or next_starts_at < ends_at))

{% endtest %}
