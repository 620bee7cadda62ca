-- Lines that sell something, each order as its newest export shows it.

-- The first row of an order carries its totals. Exports overlap: the one counts that shows the
-- latest state of the order; then the export that reaches further, then the later by its name.
create view states as
with reach as (

    select
        _path,
        max(greatest(created_at, paid_at, fulfilled_at, cancelled_at)) as reached_at
    from lines
    group by _path

)

select
    lines.*,
    changed_at(
        greatest(lines.created_at, lines.paid_at, lines.fulfilled_at, lines.cancelled_at),
        lines.total - coalesce(lines.outstanding_balance, 0) + coalesce(lines.refunded_amount, 0),
        2 * lines.total
    ) as updated_at,
    lines.financial_status as payment_status,
    coalesce(regexp_matches(lines.payment_method, 'bogus', 'i'), false) as is_test
from lines
inner join reach on lines._path = reach._path
where lines.total is not null
qualify
    row_number() over (
        partition by lines.name
        order by updated_at desc, reach.reached_at desc, file_order(lines._path) desc
    ) = 1;

-- A gift card is no sale but money held for somebody, until an order is paid with it.
create view sold_lines as
select
    lines.*,
    states.currency as order_currency,
    states.updated_at,
    lines.lineitem_quantity::integer * lines.lineitem_price - coalesce(lines.lineitem_discount, 0)
        as line_amount,
    not coalesce(lines.lineitem_requires_shipping, false)
    and regexp_matches(
        lines.lineitem_name,
        '(^|[^a-z])e?-?gift[ -]?(card|voucher|certificate)s?($|[^a-z])|ギフト(カード|券)',
        'i'
    ) as is_gift_card,
    lines.lineitem_sku is null
    and not coalesce(lines.lineitem_requires_shipping, false)
    and regexp_full_match(
        lines.lineitem_name, 'tips?|gratuity|チップ|trinkgeld|pourboire|propina', 'i'
    ) as is_tip
from lines
inner join states on lines.name = states.name and lines._path = states._path
where not states.is_test;

-- Money was received when the status says so; of a part of the total, the balance says how much.
create view sold_orders as
with gift_cards as (

    select
        name,
        sum(line_amount) as gift_card_amount
    from sold_lines
    where is_gift_card
    group by name

),

valued as (

    select
        states.*,
        coalesce(gift_cards.gift_card_amount, 0) as gift_card_amount,
        case
            when
                coalesce(
                    states.payment_status
                    in ('paid', 'partially_paid', 'partially_refunded', 'refunded'),
                    states.paid_at is not null
                )
                then states.total - coalesce(states.outstanding_balance, 0)
            else 0
        end as received_amount
    from states
    left join gift_cards on states.name = gift_cards.name
    where not states.is_test

)

select
    *,
    total - gift_card_amount as sold_amount,
    greatest(received_amount - gift_card_amount, 0) as charged_amount
from valued
where gift_card_amount = 0 or total > gift_card_amount;

-- What an order charges or gives beyond its lines. The subtotal is what the lines come to after a
-- discount of the whole order, a tip is not in it; taxes are charged on top where only so the total
-- is reached.
create view order_charges as
with subtotals as (

    select
        name,
        sum(line_amount) as lines_amount,
        coalesce(sum(line_amount) filter (where is_tip), 0) as tip_amount
    from sold_lines
    group by name

),

on_top as (

    select
        sold_orders.*,
        subtotals.lines_amount,
        sold_orders.total - sold_orders.subtotal - coalesce(sold_orders.shipping, 0)
        - coalesce(sold_orders.duties, 0) as charged_on_top,
        case
            when
                sold_orders.subtotal < subtotals.lines_amount
                and charged_on_top - subtotals.tip_amount in (0, sold_orders.taxes)
                then subtotals.tip_amount
            else 0
        end as tip_on_top
    from sold_orders
    inner join subtotals on sold_orders.name = subtotals.name

),

charges as (

    select
        name,
        currency,
        updated_at,
        unnest(['shipping', 'tax', 'other', 'discount']) as line_type,
        unnest([
            shipping,
            case when charged_on_top - tip_on_top = taxes then taxes end,
            duties,
            least(subtotal - lines_amount + tip_on_top, 0)
        ]) as amount
    from on_top

)

select * from charges
where amount != 0;
