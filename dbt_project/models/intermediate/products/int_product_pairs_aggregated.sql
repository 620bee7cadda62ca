with sold as (

    select
        order_id,
        person_id,
        product_id,
        ordered_date,
        ordered_at,
        product_category,
        quantity,
        line_amount_reporting
    from {{ ref('fct_order_lines') }}
    where
        is_sold
        and ordered_date > {{ last_business_date() }} - {{ var('product_pair_days') }}

),

baskets as (

    select
        order_id,
        product_id,
        max(ordered_date) as ordered_date
    from sold
    group by order_id, product_id

),

basket_total as (

    select count(distinct order_id) as total_count
    from baskets

),

-- A pair is no more frequent than either of its products: what is rare leaves before the join.
frequent as (

    select
        baskets.product_id,
        count(*) as product_count,
        max(basket_total.total_count) as total_count
    from baskets
    cross join basket_total
    group by baskets.product_id
    having
        count(*) >= {{ var('product_pair_minimum_orders') }}
        and count(*) >= {{ var('product_pair_minimum_rate') }} * max(basket_total.total_count)

),

frequent_baskets as (

    select baskets.*
    from baskets
    inner join frequent on baskets.product_id = frequent.product_id

),

together as (

    select
        bases.product_id,
        others.product_id as other_product_id,
        count(*) as both_count,
        max(bases.ordered_date) as last_together_date
    from frequent_baskets as bases
    inner join frequent_baskets as others
        on bases.order_id = others.order_id and bases.product_id != others.product_id
    group by bases.product_id, others.product_id

),

-- Up-sell: of one category, what costs more a piece, bought later by somebody who had not had it.
priced as (

    select
        product_id,
        product_category,
        sum(line_amount_reporting) / nullif(sum(quantity), 0) as piece_amount
    from sold
    where product_category is not null
    group by product_id, product_category

),

owned as (

    select
        person_id,
        product_id,
        product_category,
        min(ordered_at) as first_ordered_at,
        max(ordered_date) as last_ordered_date
    from sold
    where
        person_id is not null
        and product_category is not null
        and product_id in (select frequent.product_id from frequent)
    group by person_id, product_id, product_category

),

owners as (

    select
        product_id,
        count(*) as person_count
    from owned
    group by product_id

),

owned_total as (

    select count(distinct person_id) as total_count
    from owned

),

upgraded as (

    select
        bases.product_id,
        others.product_id as other_product_id,
        count(*) filter (where others.first_ordered_at > bases.first_ordered_at) as both_count,
        count(*) filter (where others.first_ordered_at <= bases.first_ordered_at) as had_count,
        max(others.last_ordered_date) filter (
            where others.first_ordered_at > bases.first_ordered_at
        ) as last_together_date
    from owned as bases
    inner join priced as base_prices on bases.product_id = base_prices.product_id
    inner join owned as others
        on
            bases.person_id = others.person_id
            and bases.product_category = others.product_category
            and bases.product_id != others.product_id
    inner join priced as other_prices
        on
            others.product_id = other_prices.product_id
            and base_prices.piece_amount < other_prices.piece_amount
    group by bases.product_id, others.product_id

)

select
    'cross_sell' as pair_type,
    together.product_id,
    together.other_product_id,
    together.both_count,
    bases.product_count as with_product_count,
    others.product_count as with_other_count,
    bases.total_count,
    together.last_together_date
from together
inner join frequent as bases on together.product_id = bases.product_id
inner join frequent as others on together.other_product_id = others.product_id
where
    together.both_count >= {{ var('product_pair_minimum_orders') }}
    and together.both_count >= {{ var('product_pair_minimum_rate') }} * bases.total_count
union all
select
    'up_sell',
    upgraded.product_id,
    upgraded.other_product_id,
    upgraded.both_count,
    owners.person_count - upgraded.had_count,
    other_owners.person_count,
    owned_total.total_count,
    upgraded.last_together_date
from upgraded
inner join owners on upgraded.product_id = owners.product_id
inner join owners as other_owners on upgraded.other_product_id = other_owners.product_id
cross join owned_total
where upgraded.both_count >= {{ var('product_pair_minimum_orders') }}
