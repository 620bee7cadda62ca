with acts as (

    select
        person_id,
        channel,
        occurred_at,
        {{ business_date('occurred_at') }} as act_date,
        {{ business_date("occurred_at - interval '5 hours'") }} as from_5_date,
        {{ business_date("occurred_at - interval '11 hours'") }} as from_11_date,
        {{ business_date("occurred_at - interval '17 hours'") }} as from_17_date,
        {{ business_date("occurred_at - interval '23 hours'") }} as from_23_date
    from {{ ref('fct_touchpoints') }}
    where person_id is not null and is_own_act

),

-- The day of an hour earlier is the same from that hour on.
placed as (

    select
        person_id,
        channel,
        occurred_at,
        case
            when from_23_date = act_date then 'night'
            when from_17_date = act_date then 'evening'
            when from_11_date = act_date then 'afternoon'
            when from_5_date = act_date then 'morning'
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
