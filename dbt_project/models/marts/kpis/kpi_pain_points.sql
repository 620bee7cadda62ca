select
    {{ surrogate_key(['persona', 'stage', 'touchpoint_type']) }} as pain_point_id,
    {{ pain_point_columns() }}
from {{ ref('int_pain_points_scored') }}
where month_start_date is null
