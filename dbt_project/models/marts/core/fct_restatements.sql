-- What only publishing knows, since it has both releases: filled in there, by
-- orchestration/gate/restating.py. The candidate holds no row, so that its hash says nothing of it.
select
    null::varchar as restatement_id,
    null::varchar as release_id,
    null::varchar as previous_release_id,
    null::varchar as mart_name,
    null::varchar as changed_columns,
    null::bigint as previous_row_count,
    null::bigint as current_row_count,
    null::bigint as added_row_count,
    null::bigint as removed_row_count,
    null::bigint as changed_row_count,
    null::date as known_through_date
where false
