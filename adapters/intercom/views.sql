-- Conversations, whether a file holds pages of them or one each.

create view conversations as
select
    unnest(
        coalesce(from_json(json -> '$.conversations', '["JSON"]'), [json])
    ) as conversation
from conversation_pages;
