with stages as (

    select * from {{ ref('stages') }}

),

-- The version that holds at the instant of the run.
valid as (

    select *
    from stages
    where {{ is_known('valid_from::timestamp') }}
    qualify row_number() over (partition by stage_model, stage order by valid_from desc) = 1

)

select
    {{ surrogate_key(['stage_model', 'stage']) }} as stage_id,
    stage_model,
    stage,
    name_ja,
    name_en,
    stage_rank,
    valid_from as valid_from_date
from valid
