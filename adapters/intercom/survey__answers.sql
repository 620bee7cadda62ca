-- The rating that a contact gives a conversation, one to five faces, with a remark.
select
    'intercom-' || (conversation ->> '$.id') as response_id,
    'intercom_conversation_rating' as survey_id,
    'rating' as question_id,
    instant(conversation ->> '$.conversation_rating.created_at') as responded_at,
    'intercom-' || coalesce(
        conversation ->> '$.conversation_rating.contact.id',
        conversation ->> '$.contacts.contacts[0].id'
    ) as contact_id,
    conversation ->> '$.conversation_rating.rating' as score,
    nullif(conversation ->> '$.conversation_rating.remark', '') as answer_text
from conversations
where (conversation ->> '$.conversation_rating.rating') is not null
qualify
    row_number() over (
        partition by response_id order by instant(conversation ->> '$.updated_at') desc
    ) = 1
order by response_id
