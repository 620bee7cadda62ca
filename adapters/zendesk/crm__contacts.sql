-- Who asks; agents and administrators are no customers, and a user that was deleted is left out.
with users_read as (

    select
        unnest(
            coalesce(
                from_json(json -> '$.users', '["JSON"]'), [coalesce(json -> '$.user', json)]
            )
        ) as person
    from users

)

select
    'zendesk-' || (person ->> '$.id') as contact_id,
    instant(person ->> '$.created_at') as created_at,
    instant(person ->> '$.updated_at') as updated_at,
    person ->> '$.email' as email,
    person ->> '$.phone' as phone,
    person ->> '$.external_id' as user_id
from users_read
where (person ->> '$.role') = 'end-user' and coalesce(person ->> '$.active', 'true') = 'true'
qualify row_number() over (partition by contact_id order by updated_at desc nulls last) = 1
order by contact_id
