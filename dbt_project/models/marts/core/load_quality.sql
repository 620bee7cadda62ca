with files as (

    select * from {{ ref('stg_ops__files') }}

),

quarantined_rows as (

    select * from {{ ref('stg_ops__quarantined_rows') }}

),

drift_findings as (

    select * from {{ ref('stg_ops__drift_findings') }}

),

reasons as (

    select
        file_id,
        source,
        table_name,
        reason,
        count(*) as reason_count
    from quarantined_rows
    group by file_id, source, table_name, reason

),

reason_lists as (

    select
        file_id,
        source,
        table_name,
        string_agg(reason || '=' || reason_count, ', ' order by reason) as quarantine_reasons
    from reasons
    group by file_id, source, table_name

),

drifts as (

    select
        file_id,
        source,
        table_name,
        string_agg(
            concat_ws(' ', severity, drift_kind, nullif(drifted_column, '')) || ': ' || detail,
            '; ' order by severity, drift_kind, drifted_column, detail
        ) as drift
    from drift_findings
    group by file_id, source, table_name

)

select
    {{ surrogate_key(['files.source', 'files.table_name', 'files.file_id']) }} as file_load_id,
    files.file_id,
    files.source,
    files.table_name,
    files.file_name,
    files.file_status,
    files.reject_code,
    files.reject_message,
    reason_lists.quarantine_reasons,
    nullif(files.new_columns, '[]') as new_columns,
    nullif(files.missing_columns, '[]') as missing_columns,
    drifts.drift,
    coalesce(files.row_count, 0)::bigint as row_count,
    coalesce(files.loaded_count, 0)::bigint as loaded_count,
    coalesce(files.duplicate_count, 0)::bigint as duplicate_count,
    coalesce(files.quarantined_count, 0)::bigint as quarantined_count,
    coalesce(files.erased_count, 0)::bigint as erased_count,
    coalesce(files.expired_count, 0)::bigint as expired_count,
    files.data_through_at
from files
left join reason_lists
    on
        files.file_id = reason_lists.file_id
        and files.source = reason_lists.source
        and files.table_name = reason_lists.table_name
left join drifts
    on
        files.file_id = drifts.file_id
        and files.source = drifts.source
        and files.table_name = drifts.table_name
