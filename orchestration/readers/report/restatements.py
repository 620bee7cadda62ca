"""What the release before showed otherwise, as sentences in both languages, and why."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from babel.dates import format_date
from babel.numbers import format_decimal, format_percent

from orchestration.readers.report.reading import Release, Row
from orchestration.readers.report.texts import RECORDS, TEXTS

LISTED = 12
LANGUAGES = ("ja", "en")


def restatements(release: Release) -> dict[str, Any]:
    """
    Sentences about KPIs, those about money first and then by relative size, and rows by mart.

    A day of a month that is over is part of the month's sentence.
    """
    (told,) = release.rows(
        """
        select count(*) filter (where is_value) as value_count,
            count(*) filter (where not is_value) as slice_count
        from (
            select is_value_withheld or previous_value is distinct from restated_value as is_value
            from marts.kpi_restatements
            where release_id = (select release_id from marts.release_info)
        )
        """
    )
    rows = release.rows(
        f"""
        select restated.period, restated.period_start_date, restated.kpi,
            coalesce(kpis.name_ja, restated.kpi) as name_ja,
            coalesce(kpis.name_en, restated.kpi) as name_en, restated.unit, restated.cause,
            restated.cause_records, restated.cause_record_count, restated.previous_value,
            restated.restated_value, restated.is_value_withheld
        from marts.kpi_restatements as restated
        left join marts.dim_kpis as kpis on restated.kpi = kpis.kpi
        left join marts.kpi_restatements as months
            on months.release_id = restated.release_id and months.period = 'month'
            and months.kpi = restated.kpi and restated.period = 'day'
            and months.period_start_date = date_trunc('month', restated.period_start_date)::date
        where restated.release_id = (select release_id from marts.release_info)
            and months.kpi is null
            and (restated.is_value_withheld
                or restated.previous_value is distinct from restated.restated_value)
        order by restated.kpi != 'revenue', restated.unit is distinct from 'amount',
            restated.period desc,
            abs(restated.restated_value - restated.previous_value)
                / nullif(abs(restated.previous_value), 0) desc nulls last,
            restated.kpi, restated.period_start_date desc
        limit {LISTED}
        """,
        "restatements",
    )
    marts = release.rows(
        """
        select mart_name, previous_row_count, current_row_count, added_row_count,
            removed_row_count, changed_row_count
        from marts.fct_restatements
        where release_id = (select release_id from marts.release_info)
        order by mart_name
        """,
        "restated_marts",
    )
    labels = {
        row["code"]: (row["name_ja"], row["name_en"])
        for row in release.rows(
            "select code, name_ja, name_en from marts.dim_labels "
            "where code_type = 'restatement_cause' order by code"
        )
    }
    currency = release.information["reporting_currency_code"]
    few = int(release.information["minimum_answer_count"])
    return {
        "sentences": [
            [_sentence(row, language, labels, currency, few) for language in LANGUAGES]
            for row in rows
        ],
        "value_count": told["value_count"],
        "slice_count": told["slice_count"],
        "marts": [list(row.values()) for row in marts],
    }


def _sentence(
    row: Row, language: str, labels: dict[str, tuple[str, str]], currency: str, few: int
) -> str:
    place = LANGUAGES.index(language)
    day, unit = row["period_start_date"], row["unit"]
    formats = {
        "month": {"ja": "y年M月", "en": "MMMM y"}, "day": {"ja": "y年M月d日", "en": "d MMMM y"}
    }  # fmt: skip
    return TEXTS["restated_withheld" if row["is_value_withheld"] else "restated_is"][place].format(
        kpi=row[f"name_{language}"],
        period=format_date(day, formats[row["period"]][language], locale=language),
        before=_value(row["previous_value"], unit, language, currency, few),
        now=_value(row["restated_value"], unit, language, currency, few),
        why=_why(row, place, labels),
    )


def _why(row: Row, place: int, labels: dict[str, tuple[str, str]]) -> str:
    """The cause, with the records that speak for it."""
    cause = row["cause"]
    if cause in ("late_data", "later_data") and row["cause_records"]:
        records = []
        for one in row["cause_records"].split(", "):
            name, _, number = one.partition("=")
            table = ".".join(name.split(".")[:2])
            words = RECORDS.get(name) or RECORDS.get(table) or (name, name, name)
            word = words[0] if place == 0 else words[1 if number == "1" else 2]
            records.append(f"{word}{number}件" if place == 0 else f"{number} {word}")
        return TEXTS[f"why_{cause}"][place].format(records=("、", ", ")[place].join(records))
    if cause == "identity_merge" and row["cause_record_count"]:
        return TEXTS["why_identity_merge"][place].format(number=row["cause_record_count"])
    return labels.get(cause, (cause, cause))[place]


def _value(value: Decimal | None, unit: str | None, language: str, currency: str, few: int) -> str:
    if value is None:
        return "–"
    if unit == "count" and 0 < value < few:
        return f"<{few}"  # of so few people nothing is shown
    if unit == "share":
        text: str = format_percent(value, "#,##0.0%", locale=language)
        return text
    digits = {"count": "#,##0", "amount": "#,##0" if currency == "JPY" else "#,##0.00"}
    shown: str = format_decimal(value, digits.get(str(unit), "#,##0.##"), locale=language)
    return shown
