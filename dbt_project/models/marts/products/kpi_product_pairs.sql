with pairs as (

    select * from {{ ref('int_product_pairs_aggregated') }}

),

products as (

    select * from {{ ref('int_products_described') }}

),

measured as (

    select
        *,
        both_count::double / with_product_count as confidence_rate,
        case
            when pair_type = 'cross_sell'
                then (both_count * total_count)::double / (with_product_count * with_other_count)
        end as lift_value
    from pairs

),

-- Of the logarithm of the lift, by the delta method over the four counts of a pair.
spread as (

    select
        *,
        sqrt(greatest(
            0,
            1.0 / both_count - 1.0 / with_product_count - 1.0 / with_other_count
            + (2 * lift_value - 1) / total_count
        )) as deviation
    from measured

),

bounded as (

    select
        *,
        round(lift_value / pow(2.718281828459045, 1.96 * deviation), 4) as lower_lift_value,
        round(lift_value * pow(2.718281828459045, 1.96 * deviation), 4) as upper_lift_value
    from spread

)

select
    {{ surrogate_key(['bounded.pair_type', 'bounded.product_id', 'bounded.other_product_id']) }}
        as product_pair_id,
    bounded.pair_type,
    bounded.product_id,
    bounded.other_product_id,
    products.product_name,
    others.product_name as other_product_name,
    products.product_category,
    others.product_category as other_product_category,
    bounded.both_count::integer as both_count,
    bounded.with_product_count::integer as with_product_count,
    bounded.with_other_count::integer as with_other_count,
    bounded.total_count::integer as total_count,
    round(bounded.both_count::double / bounded.total_count, 6)::double as support_rate,
    round(bounded.confidence_rate, 6)::double as confidence_rate,
    round(
        {{ wilson_bound('bounded.confidence_rate', 'bounded.with_product_count', '-') }}, 6
    )::double as lower_confidence_rate,
    round(
        {{ wilson_bound('bounded.confidence_rate', 'bounded.with_product_count', '+') }}, 6
    )::double as upper_confidence_rate,
    round(bounded.lift_value, 4)::double as lift_value,
    bounded.lower_lift_value::double as lower_lift_value,
    bounded.upper_lift_value::double as upper_lift_value,
    row_number() over (
        partition by bounded.pair_type, bounded.product_id
        order by
            coalesce(bounded.lower_lift_value, 0) desc,
            bounded.both_count desc,
            bounded.other_product_id asc
    )::integer as pair_rank,
    bounded.last_together_date
from bounded
left join products on bounded.product_id = products.product_id
left join products as others on bounded.other_product_id = others.product_id
