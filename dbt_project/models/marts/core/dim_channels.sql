with channels as (

    select * from {{ ref('channels') }}

)

select
    channel,
    name_ja,
    name_en,
    channel_rank,
    is_online,
    is_paid
from channels
