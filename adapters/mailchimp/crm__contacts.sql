-- An address is one contact (EUID) in several audiences (LEID). Whether it is subscribed to one,
-- the file says by name or in a column; consent to one audience is consent.
with dated as (

    -- The files of those who left or bounced say when in a column of their own.
    select
        * exclude (last_changed),
        coalesce(last_changed, unsub_time, clean_time, confirm_time, optin_time) as last_changed
    from members

),

newest as (

    select
        *,
        case
            when status is not null then status = 'subscribed'
            when regexp_matches(_file, '^(un|non)?subscribed|^cleaned', 'i')
                then starts_with(lower(_file), 'subscribed')
            else error('neither file nor column says who is subscribed')
        end as is_subscribed
    from dated
    qualify
        row_number() over (partition by leid order by last_changed desc nulls last, _path desc) = 1

)

select
    euid as contact_id,
    min(coalesce(least(optin_time, confirm_time), last_changed)) as created_at,
    max(last_changed) as updated_at,
    arg_max(trim(email_address), last_changed) as email,
    arg_max(phone_number, last_changed) as phone,
    upper(arg_max(cc, last_changed)) as country_code,
    min(coalesce(confirm_time, optin_time)) filter (where is_subscribed) as marketing_consent_at
from newest
group by euid
order by contact_id
