with stages as (

    select * from {{ newest_version('stages', ['stage_model', 'stage']) }}

)

select
    {{ surrogate_key(['stage_model', 'stage']) }} as stage_id,
    stage_model,
    stage,
    name_ja,
    name_en,
    stage_rank,
    valid_from as valid_from_date
from stages
