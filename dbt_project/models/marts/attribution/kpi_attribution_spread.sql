with credits as (

    select * from {{ ref('fct_attribution_credits') }}

),

markov as (

    select * from {{ ref('int_attribution_markov_valued') }}

),

shapley as (

    select * from {{ ref('int_attribution_shapley_valued') }}

),

counted as (

    select
        conversion_type,
        channel,
        method,
        sum(conversion_credit) as conversion_credit,
        sum(paid_amount_reporting) as paid_amount_reporting
    from credits
    where conversion_type != 'no_conversion' and channel != '(unattributed)'
    group by conversion_type, channel, method

),

channels as (

    select
        conversion_type,
        channel
    from counted
    group by conversion_type, channel

),

methods as (

    select method
    from counted
    group by method

),

-- A method that gives a channel nothing gives it 0.
filled as (

    select
        channels.conversion_type,
        channels.channel,
        methods.method,
        coalesce(counted.conversion_credit, 0) as conversion_credit,
        coalesce(counted.paid_amount_reporting, 0) as paid_amount_reporting
    from channels
    cross join methods
    left join counted
        on
            channels.conversion_type = counted.conversion_type
            and channels.channel = counted.channel
            and methods.method = counted.method

),

ranked as (

    select
        *,
        rank() over (
            partition by conversion_type, method order by conversion_credit desc
        ) as channel_rank
    from filled

),

spread as (

    select
        conversion_type,
        channel,
        min(conversion_credit) as lowest_credit,
        max(conversion_credit) as highest_credit,
        arg_min(method, (conversion_credit, method)) as lowest_method,
        arg_max(method, (conversion_credit, method)) as highest_method,
        min(paid_amount_reporting) as lowest_paid_amount_reporting,
        max(paid_amount_reporting) as highest_paid_amount_reporting,
        min(channel_rank) as best_rank,
        max(channel_rank) as worst_rank
    from ranked
    group by conversion_type, channel

)

select
    {{ surrogate_key(['spread.conversion_type', 'spread.channel']) }} as spread_id,
    spread.conversion_type,
    spread.channel,
    spread.lowest_method,
    spread.highest_method,
    {{ reporting_currency() }}::varchar as reporting_currency_code,
    spread.lowest_paid_amount_reporting::decimal(18, 3) as lowest_paid_amount_reporting,
    spread.highest_paid_amount_reporting::decimal(18, 3) as highest_paid_amount_reporting,
    spread.lowest_credit::decimal(24, 9) as lowest_credit,
    spread.highest_credit::decimal(24, 9) as highest_credit,
    spread.best_rank::integer as best_rank,
    spread.worst_rank::integer as worst_rank,
    spread.best_rank != spread.worst_rank as is_rank_method_dependent,
    round(markov.removal_effect, 9)::double as removal_effect_rate,
    round(markov.conversion_share, 9)::double as markov_share,
    round(shapley.set_conversions, 9)::double as shapley_set_credit,
    round(shapley.rate_value, 9)::double as shapley_rate_value
from spread
left join markov
    on spread.conversion_type = markov.conversion_type and spread.channel = markov.channel
left join shapley
    on spread.conversion_type = shapley.conversion_type and spread.channel = shapley.channel
