{{ kpi_values_of('week', 'week_start_date') }}
