{{ kpi_values_of('month', 'month_start_date') }}
