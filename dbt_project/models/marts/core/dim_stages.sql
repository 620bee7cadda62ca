with stages as (

    select * from {{ newest_version('stages', ['stage_model', 'stage']) }}

),

mappings as (

    select * from {{ newest_version('stage_mappings', ['stage_model', 'canonical_stage']) }}

),

ranks as (

    select
        stage as canonical_stage,
        stage_rank
    from stages
    where stage_model = {{ canonical_stage_model() }}

),

held as (

    select
        mappings.stage_model,
        mappings.stage,
        string_agg(mappings.canonical_stage, ', ' order by ranks.stage_rank) as canonical_stages
    from mappings
    inner join ranks on mappings.canonical_stage = ranks.canonical_stage
    group by mappings.stage_model, mappings.stage

)

select
    {{ surrogate_key(['stages.stage_model', 'stages.stage']) }} as stage_id,
    stages.stage_model,
    stages.stage,
    held.canonical_stages,
    stages.name_ja,
    stages.name_en,
    stages.stage_rank,
    stages.valid_from as valid_from_date
from stages
left join held on stages.stage_model = held.stage_model and stages.stage = held.stage
