-- What only publishing knows, since it has both releases: filled in there, by
-- orchestration/gate/restating.py. The candidate holds no row, so that its hash says nothing of it.
select
    null::varchar as kpi_restatement_id,
    null::varchar as release_id,
    null::varchar as previous_release_id,
    null::varchar as period,
    null::varchar as kpi,
    null::varchar as unit,
    null::varchar as cause,
    null::varchar as possible_causes,
    null::varchar as cause_records,
    null::decimal(24, 6) as previous_value,
    null::decimal(24, 6) as restated_value,
    null::bigint as cause_record_count,
    null::bigint as changed_slice_count,
    null::boolean as is_value_withheld,
    null::date as period_start_date,
    null::date as known_through_date
where false
