with mappings as (

    select * from {{ ref('stage_mappings') }}

),

stages as (

    select * from {{ ref('dim_stages') }}

)

-- A version of a mapping holds until the next version of the same mapping.
select
    mappings.stage_model,
    mappings.canonical_stage,
    mappings.stage,
    stages.stage_rank,
    mappings.valid_from,
    lead(mappings.valid_from) over (
        partition by mappings.stage_model, mappings.canonical_stage order by mappings.valid_from
    ) as valid_to
from mappings
inner join stages
    on mappings.stage_model = stages.stage_model and mappings.stage = stages.stage
