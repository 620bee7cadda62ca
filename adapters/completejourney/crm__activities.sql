-- A mailing reaches a household on the first day of its campaign; a coupon is redeemed on a day. Of
-- both only the day is known: they stand at midnight, before the baskets of the day.
with sends as (
    select
        'send-' || campaigns.campaign_id || '-' || campaigns.household_id as activity_id,
        campaigns.household_id,
        campaign_descriptions.start_date as occurred_at,
        'campaign_send' as activity_type,
        'outbound' as direction,
        campaigns.campaign_id
    from campaigns
    inner join campaign_descriptions
        on campaigns.campaign_id = campaign_descriptions.campaign_id
),

redemptions as (
    select
        'redemption-' || concat_ws(
            '-', campaign_id, household_id, coupon_upc, redemption_date::date,
            -- the same coupon more than once on a day
            row_number() over (partition by campaign_id, household_id, coupon_upc, redemption_date)
        ) as activity_id,
        household_id,
        redemption_date as occurred_at,
        'coupon_redemption' as activity_type,
        'inbound' as direction,
        campaign_id
    from coupon_redemptions
),

activities as (
    select * from sends
    union all
    select * from redemptions
)

select
    activities.activity_id,
    activities.household_id as contact_id,
    instant(activities.occurred_at) as occurred_at,
    activities.activity_type,
    activities.direction,
    'direct_mail' as channel,
    'campaign ' || campaign_descriptions.campaign_id
    || ' (' || campaign_descriptions.campaign_type || ')' as campaign
from activities
inner join campaign_descriptions
    on activities.campaign_id = campaign_descriptions.campaign_id
order by activities.activity_id
