select
    {{ surrogate_key(['month_start_date', 'persona', 'stage', 'touchpoint_type']) }}
        as pain_point_month_id,
    {{ pain_point_columns() }},
    {{ is_complete('month_start_date') }} as is_complete,
    month_start_date
from {{ ref('int_pain_points_scored') }}
where month_start_date is not null
