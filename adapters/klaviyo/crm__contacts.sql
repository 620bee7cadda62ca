-- A profile may stand in the exports of several lists and segments, with other columns in each:
-- of every column, the value of the row last active counts, of consent what was said last.
with versions as (

    select
        *,
        email_marketing_consent as consent,
        row(coalesce(last_active, profile_created_on), date_added, _path) as version,
        row(
            coalesce(email_marketing_consent_timestamp, last_active, profile_created_on),
            date_added,
            _path
        ) as consent_version
    from profiles

),

grouped as (

    select
        klaviyo_id as contact_id,
        min(profile_created_on) as created_at,
        arg_max(trim(email), version) as email,
        arg_max(phone_number, version) as phone,
        arg_max(country, version) as country,
        arg_max(consent, consent_version) as consent,
        arg_max_null(email_marketing_consent_timestamp, consent_version)
        filter (where consent is not null) as consent_at
    from versions
    group by klaviyo_id

)

select
    contact_id,
    created_at,
    email,
    phone,
    case when regexp_full_match(country, '[A-Za-z]{2}') then upper(country) end as country_code,
    case when consent = 'subscribed' then consent_at end as marketing_consent_at
from grouped
order by contact_id
