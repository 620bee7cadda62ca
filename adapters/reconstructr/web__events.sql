-- The log has no event id: it is made of the content and, for equal rows, of their number.
with numbered as (
    select
        page_views.uuid,
        page_views.timestamp,
        page_views.url,
        row_number() over (
            partition by page_views.uuid, page_views.timestamp, page_views.url
        ) as copy_number
    from page_views
)

select
    md5(concat_ws('|', numbered.uuid, numbered.timestamp, numbered.url, numbered.copy_number))
        as event_id,
    instant(numbered.timestamp) as occurred_at,
    numbered.uuid as visitor_id,
    'page_view' as event_name,
    numbered.url as page_url
from numbered
order by event_id
