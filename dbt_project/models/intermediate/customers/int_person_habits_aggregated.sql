with acts as (

    select
        person_id,
        channel,
        occurred_at,
        {{ business_time('occurred_at') }} as act_time
    from {{ ref('fct_touchpoints') }}
    where person_id is not null and is_own_act

),

-- The day of some hours earlier is the same from that hour on.
placed as (

    select
        person_id,
        channel,
        occurred_at,
        case
            when (act_time - interval '23 hours')::date = act_time::date then 'night'
            when (act_time - interval '17 hours')::date = act_time::date then 'evening'
            when (act_time - interval '11 hours')::date = act_time::date then 'afternoon'
            when (act_time - interval '5 hours')::date = act_time::date then 'morning'
            else 'night'
        end as daypart
    from acts

),

channels as (

    select
        person_id,
        channel,
        row_number() over (
            partition by person_id order by count(*) desc, max(occurred_at) desc, channel
        ) as place
    from placed
    where channel != 'unassigned'
    group by person_id, channel

),

dayparts as (

    select
        person_id,
        daypart,
        count(*) as act_count,
        row_number() over (
            partition by person_id order by count(*) desc, max(occurred_at) desc, daypart
        ) as place
    from placed
    group by person_id, daypart

)

select
    dayparts.person_id,
    channels.channel as best_channel,
    dayparts.daypart as best_daypart,
    dayparts.act_count::integer as daypart_act_count
from dayparts
left join channels on dayparts.person_id = channels.person_id and channels.place = 1
where dayparts.place = 1
