-- One review may stand on several orders (8,225 rows, 8,191 review ids): one answer. The loader
-- keeps one row per review id and quarantines the other orders' rows as R_KEY_CONFLICT.
select
    reviews.review_id as response_id,
    'olist_review' as survey_id,
    'review_score' as question_id,
    instant(reviews.review_answer_timestamp) as responded_at,
    customers.customer_unique_id as contact_id,
    reviews.order_id,
    reviews.review_score as score,
    nullif(concat_ws(chr(10), reviews.review_comment_title, reviews.review_comment_message), '')
        as answer_text
from reviews
inner join orders on reviews.order_id = orders.order_id
inner join customers on orders.customer_id = customers.customer_id
order by response_id, reviews.order_id
