with source as (

    select * from {{ source('raw_survey', 'invitations') }}

)

select
    invitation_id,
    survey_id,
    contact_id,
    email as email_hash,
    {{ is_known('sent_at') }} as is_known,
    sent_at
from source
