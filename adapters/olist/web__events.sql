-- Each marketing qualified lead signed up on a landing page: one lead event, one visitor per lead.
-- The day is all that is known, so the event stands at local midnight.
select
    'lead-' || leads.mql_id as event_id,
    instant(leads.first_contact_date) as occurred_at,
    'lead-' || leads.mql_id as visitor_id,
    'generate_lead' as event_name,
    'landing-page/' || leads.landing_page_id as page_url,
    case leads.origin
        when 'organic_search' then 'search'
        when 'paid_search' then 'search'
        when 'social' then 'social'
        when 'direct_traffic' then '(direct)'
        when 'email' then 'email'
        else coalesce(leads.origin, 'unknown')
    end as utm_source,
    case leads.origin
        when 'organic_search' then 'organic'
        when 'paid_search' then 'cpc'
        when 'social' then 'social'
        when 'direct_traffic' then '(none)'
        when 'email' then 'email'
        when 'referral' then 'referral'
        when 'display' then 'display'
        else '(not set)'
    end as utm_medium,
    'BR' as country_code
from leads
order by leads.mql_id
