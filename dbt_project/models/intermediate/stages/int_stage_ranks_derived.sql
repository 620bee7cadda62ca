-- A new version of one stage begins a new period for all stages of its model.
with versions as (

    select * from {{ versions('stages', ['stage_model', 'stage']) }}

),

periods as (

    select
        stage_model,
        valid_from,
        lead(valid_from) over (partition by stage_model order by valid_from) as valid_to
    from versions
    group by stage_model, valid_from

)

select
    periods.stage_model,
    versions.stage,
    versions.stage_rank,
    periods.valid_from,
    periods.valid_to
from periods
inner join versions
    on
        periods.stage_model = versions.stage_model
        and {{ holds_on('versions', 'periods.valid_from') }}
