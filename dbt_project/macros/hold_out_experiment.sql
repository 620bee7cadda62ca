{% macro hold_out_experiment(action) %}
'hold_out:' || {{ action }}
{% endmacro %}
