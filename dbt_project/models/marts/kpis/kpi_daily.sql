{{ kpi_values_of('day', 'kpi_date') }}
