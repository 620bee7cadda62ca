{% test integrity(
    model, primary_key=[], not_null=[], accepted_values={}, references={}, expressions=[]
) %}

select
    rule,
    subject,
    row_count
from (
    {{ broken_rules(model, primary_key, not_null, accepted_values, references, expressions) }}
) as broken

{% endtest %}
