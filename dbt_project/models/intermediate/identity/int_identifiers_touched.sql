with visitors as (

    select distinct visitor_id from {{ ref('int_visitors_touched') }}

),

logins as (

    select * from {{ touched_rows('int_web_logins_aggregated', 'int_visitors_touched') }}

),

removed_events as (

    select * from {{ ref('stg_ops__removed_events') }}

),

inputs as (

    select * from {{ ref('int_identifier_inputs_fingerprinted') }}

),

held_inputs as (

    select *
    from {{ last_build('intermediate', 'int_identifiers_aggregated', {
        'identifier_type': 'varchar', 'identifier_value': 'varchar', 'input_fingerprint': 'hugeint'
    }) }} as held
    where input_fingerprint is not null

),

-- Edges of values that are nobody's stay cut whatever happens, so nothing follows from them.
held_edges as (

    select *
    from {{ last_build('intermediate', 'int_identity_edges_guarded', {
        'left_identifier_id': 'varchar', 'right_identifier_id': 'varchar', 'cut_reason': 'varchar'
    }) }} as held
    where cut_reason is distinct from 'invalid_value'

),

held_identifiers as (

    select *
    from {{ last_build('intermediate', 'int_identifiers_resolved_to_persons', {
        'identifier_id': 'varchar', 'identifier_type': 'varchar', 'identifier_value': 'varchar',
        'component_id': 'varchar'
    }) }} as held

),

-- On devices with new, late or removed events; or of which the CRM and surveys say something else.
named as (

    select
        'visitor' as identifier_type,
        visitor_id as identifier_value
    from visitors
    union
    select
        'user',
        user_id
    from logins
    where user_id is not null
    union
    select
        'email',
        email_hash
    from logins
    where email_hash is not null
    union
    select
        'user',
        user_id
    from removed_events
    where user_id is not null
    union
    select
        'email',
        email_hash
    from removed_events
    where email_hash is not null
    union
    select
        coalesce(inputs.identifier_type, held_inputs.identifier_type),
        coalesce(inputs.identifier_value, held_inputs.identifier_value)
    from inputs
    full outer join held_inputs
        on
            inputs.identifier_type = held_inputs.identifier_type
            and inputs.identifier_value = held_inputs.identifier_value
    where inputs.input_fingerprint is distinct from held_inputs.input_fingerprint

),

identified as (

    select
        {{ surrogate_key(['identifier_type', 'identifier_value']) }} as identifier_id,
        identifier_type,
        identifier_value
    from named
    where {{ 'true' if is_later_run() else 'false' }}

),

edge_ends as (

    select
        left_identifier_id as identifier_id,
        right_identifier_id as other_identifier_id
    from held_edges
    union all
    select
        right_identifier_id,
        left_identifier_id
    from held_edges

),

-- What they were seen with, cut or not: a guard may judge otherwise now.
neighbours as (

    select identifier_id
    from identified
    union
    select edge_ends.other_identifier_id
    from edge_ends
    inner join identified on edge_ends.identifier_id = identified.identifier_id

),

-- And once more: a device that is no longer shared joins all who were seen on it.
reached as (

    select identifier_id
    from neighbours
    union
    select edge_ends.other_identifier_id
    from edge_ends
    inner join neighbours on edge_ends.identifier_id = neighbours.identifier_id

),

reached_components as (

    select held_identifiers.component_id
    from held_identifiers
    inner join reached on held_identifiers.identifier_id = reached.identifier_id
    group by held_identifiers.component_id

)

-- Whole components, as they were before the unique-key guard cut them.
select
    held_identifiers.identifier_id,
    held_identifiers.identifier_type,
    held_identifiers.identifier_value
from held_identifiers
inner join reached_components on held_identifiers.component_id = reached_components.component_id
union
select
    identifier_id,
    identifier_type,
    identifier_value
from identified
