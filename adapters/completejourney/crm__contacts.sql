-- A household is known from its first basket or its first mailing on.
with seen as (
    select
        transactions.household_id,
        transactions.transaction_timestamp as seen_at
    from transactions
    union all
    select
        campaigns.household_id,
        campaign_descriptions.start_date
    from campaigns
    inner join campaign_descriptions
        on campaigns.campaign_id = campaign_descriptions.campaign_id
    union all
    select
        coupon_redemptions.household_id,
        coupon_redemptions.redemption_date
    from coupon_redemptions
),

households as (
    select
        household_id,
        instant(min(seen_at)) as created_at
    from seen
    group by household_id
)

select
    households.household_id as contact_id,
    households.created_at,
    lower(replace(demographics.household_comp, ' ', '_')) as persona,
    'US' as country_code
from households
left join demographics on households.household_id = demographics.household_id
order by contact_id
