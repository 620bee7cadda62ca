-- What is known of a customer at a cut-off lies before it.
select
    cutoff_date,
    person_id,
    last_known_date
from {{ ref('int_churn_features_derived') }}
where last_known_date >= cutoff_date
