{% macro url_parameter(url, parameter) -%}
    case
        when contains({{ url }}, '{{ parameter }}=')
            then nullif(
                url_decode(
                    replace(
                        regexp_extract({{ url }}, '[?&]{{ parameter }}=([^&#]*)', 1), '+', ' '
                    )
                ),
                ''
            )
    end
{%- endmacro %}
