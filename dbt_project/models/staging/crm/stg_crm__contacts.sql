with source as (

    select * from {{ source('raw_crm', 'contacts') }}

),

newest as (

    select *
    from source
    qualify {{ is_newest_version(['contact_id'], 'updated_at') }}

),

renamed as (

    select
        contact_id,
        email as email_hash,
        phone as phone_hash,
        user_id,
        visitor_id,
        account_id,
        nullif(lower(persona), '(not set)') as persona,
        country_code,
        referred_by_contact_id,
        merged_into_contact_id,
        lower(loyalty_tier) as loyalty_tier,
        {{ is_known('created_at') }} as is_known,
        coalesce({{ is_known('erased_at') }}, false) as is_erased,
        created_at,
        updated_at,
        -- A tier without a day holds as long as the contact is known.
        {{ known_at(
            "coalesce(member_since_at, case when loyalty_tier is not null then created_at end)"
        ) }} as member_since_at,
        {{ known_at('marketing_consent_at') }} as marketing_consent_at,
        {{ known_at('analytics_consent_at') }} as analytics_consent_at,
        {{ known_at('analytics_consent_withdrawn_at') }} as analytics_consent_withdrawn_at,
        {{ known_at('erased_at') }} as erased_at
    from newest

)

select
    *,
    {{ has_analytics_consent() }} as has_analytics_consent,
    {{ may_be_tracked() }} as may_be_tracked
from renamed
