{%- set described = [
    'needs_ja', 'needs_en', 'intended_emotion', 'issue_ja', 'issue_en', 'owner_department'
] -%}

with maps as (

    select * from {{ ref('int_journey_maps_described') }}

),

steps as (

    select
        maps.map_id,
        maps.persona,
        maps.map_version,
        maps.aspect,
        maps.valid_from,
        steps.step_number,
        steps.step,
        steps.maximum_days,
        steps.needs_ja,
        steps.needs_en,
        steps.intended_emotion,
        steps.issue_ja,
        steps.issue_en,
        steps.owner_department,
        coalesce(steps.is_optional, false) as is_optional,
        coalesce(steps.is_repeatable, false) as is_repeatable,
        -- The same step may stand twice in a map; its occurrences are compared in order.
        row_number() over (
            partition by maps.map_id, steps.step order by steps.step_number
        ) as occurrence_number
    from maps
    inner join {{ ref('journey_map_steps') }} as steps
        on
            maps.persona = steps.persona
            and maps.map_version = steps.map_version
            and maps.aspect = steps.aspect

),

versions as (

    select
        map_id,
        persona,
        aspect,
        map_version,
        valid_from,
        lag(map_id) over (partition by persona, aspect order by valid_from) as previous_map_id
    from maps

),

-- Every step that a version or the one before it holds.
compared as (

    select
        versions.map_id,
        steps.step,
        steps.occurrence_number
    from versions
    inner join steps on versions.map_id = steps.map_id
    union
    select
        versions.map_id,
        steps.step,
        steps.occurrence_number
    from versions
    inner join steps on versions.previous_map_id = steps.map_id

)

select
    {{ surrogate_key(['compared.map_id', 'compared.step', 'compared.occurrence_number']) }}
        as map_step_id,
    compared.map_id,
    versions.persona as map_persona,
    versions.aspect,
    compared.step,
    case
        when versions.previous_map_id is null then 'first_version'
        when old_steps.map_id is null then 'added'
        when new_steps.map_id is null then 'removed'
        when new_steps.step_number != old_steps.step_number then 'moved'
        when coalesce(new_steps.maximum_days, -1) != coalesce(old_steps.maximum_days, -1)
            then 'deadline_changed'
        when
            new_steps.is_optional != old_steps.is_optional
            or new_steps.is_repeatable != old_steps.is_repeatable
            then 'tolerance_changed'
        when
            {% for name in described %}
                {% if not loop.first %}or{% endif %}
                coalesce(new_steps.{{ name }}, '') != coalesce(old_steps.{{ name }}, '')
            {% endfor %}
            then 'redescribed'
        else 'unchanged'
    end as map_change,
    {%- for name in described %}
        new_steps.{{ name }},
    {%- endfor %}
    versions.map_version::integer as map_version,
    new_steps.step_number::integer as map_step_number,
    old_steps.step_number::integer as previous_step_number,
    new_steps.maximum_days::integer as maximum_days,
    old_steps.maximum_days::integer as previous_maximum_days,
    new_steps.is_optional,
    new_steps.is_repeatable,
    versions.valid_from as valid_from_date
from compared
inner join versions on compared.map_id = versions.map_id
left join steps as new_steps
    on
        compared.map_id = new_steps.map_id
        and compared.step = new_steps.step
        and compared.occurrence_number = new_steps.occurrence_number
left join steps as old_steps
    on
        versions.previous_map_id = old_steps.map_id
        and compared.step = old_steps.step
        and compared.occurrence_number = old_steps.occurrence_number
