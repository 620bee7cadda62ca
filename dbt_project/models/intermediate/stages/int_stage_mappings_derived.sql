with mappings as (

    select * from {{ versions('stage_mappings', ['stage_model', 'canonical_stage']) }}

),

stage_ranks as (

    select * from {{ ref('int_stage_ranks_derived') }}

),

-- A new version of a mapping or of a stage begins a new period for all mappings of its model.
starts as (

    select
        stage_model,
        valid_from
    from mappings
    union
    select
        stage_model,
        valid_from
    from stage_ranks

),

periods as (

    select
        stage_model,
        valid_from,
        lead(valid_from) over (partition by stage_model order by valid_from) as valid_to
    from starts

)

select
    periods.stage_model,
    mappings.canonical_stage,
    mappings.stage,
    stage_ranks.stage_rank,
    periods.valid_from,
    periods.valid_to
from periods
inner join mappings
    on
        periods.stage_model = mappings.stage_model
        and {{ holds_on('mappings', 'periods.valid_from') }}
inner join stage_ranks
    on
        mappings.stage_model = stage_ranks.stage_model
        and mappings.stage = stage_ranks.stage
        and {{ holds_on('stage_ranks', 'periods.valid_from') }}
