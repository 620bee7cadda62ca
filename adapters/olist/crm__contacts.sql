-- Two customers of Olist: sellers (one contact per lead) and buyers (one per customer_unique_id).
-- Nothing in the data says that a seller and a buyer are one person, so nobody is joined.
with sellers as (
    select
        leads.mql_id as contact_id,
        instant(leads.first_contact_date) as created_at,
        'lead-' || leads.mql_id as visitor_id,
        'seller' as persona
    from leads
),

buyers as (
    select
        customers.customer_unique_id as contact_id,
        instant(min(orders.order_purchase_timestamp)) as created_at,
        null as visitor_id,
        'buyer' as persona
    from customers
    inner join orders on customers.customer_id = orders.customer_id
    group by customers.customer_unique_id
),

contacts as (
    select * from sellers
    union all
    select * from buyers
)

select
    contacts.contact_id,
    contacts.created_at,
    contacts.visitor_id,
    contacts.persona,
    'BR' as country_code
from contacts
order by contacts.contact_id
