"""
What the Superset dashboards show: datasets over marts, and charts of them, in both languages.

A dataset is a query that puts labels in the place of codes, once for each language, with the same
column names, so that one chart is both. `persona`, `channel` and the day are what the dashboard
filters by; the title of a chart that one of them cannot split says so. The channel of people is the
one that brought them first; that of a KPI the one of the visit or order.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from orchestration.readers.report.texts import TEXTS
from orchestration.rules.tables import CANONICAL_STAGE_MODEL

LANGUAGES = ("ja", "en")
Words = tuple[str, str]  # Japanese, English

WORDS: dict[str, Words] = {  # in the queries `<key>`; what the report says too is said as there
    "no persona": TEXTS["(not set)"],
    "no channel": ("未設定", "Not set"),
    "new": ("新規", "New"),
    "returned": ("復帰", "Returned"),
    "left": ("離脱", "Left"),
    "overall": TEXTS["(overall)"],
    **{series: TEXTS[series] for series in ("satisfaction", "expectation", "experience")},
    "amount": ("{currency}", "{currency}"),
    "count": ("件", "count"),
    "days": ("日", "days"),
    "hours": ("時間", "hours"),
    "points": ("ポイント", "points"),
    "rate": ("倍", "times"),
    "score": ("点", "score"),
    "share": ("%", "%"),
}
UNITS = ("amount", "count", "days", "hours", "points", "rate", "score", "share")


def _label(code_type: str, column: str) -> str:
    """The label of a code in `dim_labels`, else the code."""
    return (
        f"coalesce((select any_value(name_<lang>) from marts.dim_labels "
        f"where code_type = '{code_type}' and code = {column}), {column})"
    )


def _persona(column: str) -> str:
    return f"coalesce(nullif({_label('persona', column)}, '(not set)'), '<no persona>')"


def _channel(column: str) -> str:
    """The label of a channel; `column` with its table, which has to have another name."""
    return (
        "coalesce((select any_value(name_<lang>) from marts.dim_channels "
        f"where dim_channels.channel = {column}), nullif({column}, '(not set)'), '<no channel>')"
    )


_STAGES = f"""stages as (
    select stage, stage_rank, stage_rank || ' ' || name_<lang> as label
    from marts.dim_stages
    where stage_model = '{CANONICAL_STAGE_MODEL}'
    qualify row_number() over (partition by stage order by valid_from_date desc) = 1
)"""
_PERSONS = f"""persons as (
    select person_id, {_persona("persona")} as persona,
        {_channel("dim_persons.first_channel")} as channel
    from marts.dim_persons
)"""
_MOVES = f"""
with {_STAGES}, {_PERSONS}
select moves.person_id, persons.persona, persons.channel,
    coalesce(
        origin.label,
        case when moves.transition_type = 'return' then '<returned>' else '<new>' end
    ) as from_stage,
    coalesce(target.label, '<left>') as to_stage,
    target.label as reached_stage,
    moves.occurred_date
from marts.fct_stage_model_transitions as moves
inner join persons on moves.person_id = persons.person_id
left join stages as origin on moves.from_stage = origin.stage
left join stages as target on moves.to_stage = target.stage
where moves.stage_model = '{CANONICAL_STAGE_MODEL}'
"""
_UNITS = " ".join(f"when '{unit}' then '<{unit}>'" for unit in UNITS)
_KPIS = f"""
with {_STAGES}, kpis as (
    select dim_kpis.kpi, dim_kpis.name_<lang> as label, dim_kpis.direction,
        dim_kpis.minimum_denominator, stages.label as stage,
        case dim_kpis.unit {_UNITS} end as unit,
        case dim_kpis.unit when 'share' then 100 else 1 end as unit_multiplier,
        dim_kpis.kpi in (select kpi from marts.kpi_monthly where target is not null) as has_target,
        row_number() over (order by stages.stage_rank, dim_kpis.kpi) as position
    from marts.dim_kpis
    left join stages on dim_kpis.stage = stages.stage
    where dim_kpis.kpi in (select kpi from marts.kpi_sums_daily)
    qualify row_number() over (
        partition by dim_kpis.kpi order by dim_kpis.valid_from_date desc
    ) = 1
), days as (
    select kpi, {_persona("persona")} as persona, {_channel("sums.channel")} as channel,
        numerator, denominator, multiplier, null::decimal(24, 6) as target, kpi_date
    from marts.kpi_sums_daily as sums
    union all
    select kpi, null, null, null, null, null, target, month_start_date
    from marts.kpi_monthly
    where dimension = 'all' and target is not null
)
select kpis.* exclude (kpi, label), kpis.kpi as kpi_code, kpis.label as kpi, days.* exclude (kpi),
    strftime(days.kpi_date, '%Y-%m') as month
from days
inner join kpis on days.kpi = kpis.kpi
"""
_ANSWERS = f"""
with {_STAGES}, {_PERSONS}
select
    case answers.metric when 'expectation' then '<expectation>'
        when 'experience' then '<experience>' else '<satisfaction>' end as series,
    stages.label as stage, 100 * answers.score_rate::double as score,
    release_info.minimum_answer_count,
    coalesce(persons.persona, '<no persona>') as persona,
    coalesce(persons.channel, '<no channel>') as channel,
    answers.responded_date
from marts.fct_survey_scores as answers
cross join marts.release_info
inner join stages on coalesce(answers.question_stage, answers.stage_at_answer) = stages.stage
left join persons on answers.person_id = persons.person_id
where answers.score_rate is not null
    and answers.metric in ('nps', 'csat', 'ces', 'expectation', 'experience')
"""
_PAINS = f"""
with {_STAGES}, pains as (
    select persona, stage, touchpoint_type, journey_count as visited, dropoff_count as lost,
        at_stake_amount_reporting as money, 0 as answers, 0 as dissatisfied,
        month_start_date as pain_date
    from marts.kpi_pain_points_monthly
    where persona != 'all'
    union all
    select persona, coalesce(question_stage, stage_at_answer), touchpoint_type, 0, 0, 0, 1,
        is_at_risk::integer, responded_date
    from marts.fct_survey_scores
    where metric in ('nps', 'csat', 'ces') and score_rate is not null
)
select {_persona("pains.persona")} as persona, stages.label as stage,
    coalesce({_label("touchpoint_type", "pains.touchpoint_type")}, '<overall>') as touchpoint,
    pains.visited, pains.lost, pains.money, pains.answers, pains.dissatisfied, pains.pain_date,
    release_info.minimum_answer_count
from pains
cross join marts.release_info
inner join stages on pains.stage = stages.stage
"""
_VALUE = f"""
with value_stages as (
    select code, code_order || ' ' || name_<lang> as label
    from marts.dim_labels
    where code_type = 'value_stage'
)
select value_stages.label as value_stage, {_persona("journeys.persona")} as persona,
    journeys.paid_amount_reporting, journeys.month_start_date
from marts.kpi_value_journey as journeys
inner join value_stages on journeys.value_stage = value_stages.code
"""
_COHORTS = """
select strftime(cohort_month_date, '%Y-%m') as cohort,
    lpad(month_number_since::varchar, 2, '0') as month_number,
    ordering_customer_count, cohort_customer_count, cohort_month_date
from marts.kpi_cohorts_monthly
where month_number_since > 0 and is_complete
"""
_SPREAD = f"""
select {_channel("spread.channel")} as channel, lowest_credit, highest_credit
from marts.kpi_attribution_spread as spread
where conversion_type = 'first_order'
"""
_RELEASE = """
select release_id, strftime(as_of_at, '%Y-%m-%d %H:%M') as as_of,
    passed_check_count, warned_check_count,
    strftime(web_data_through_at, '%Y-%m-%d %H:%M') as web_data_through,
    strftime(crm_data_through_at, '%Y-%m-%d %H:%M') as crm_data_through,
    strftime(survey_data_through_at, '%Y-%m-%d %H:%M') as survey_data_through
from marts.release_info
"""


@dataclass(frozen=True)
class Dataset:
    """A query; its columns with type and label; `day` is what periods are filtered by."""

    name: str
    label: Words
    query: str
    columns: dict[str, tuple[str, str, str]]
    day: str | None = None

    def sql(self, language: int, currency: str) -> str:
        """The query in a language."""
        text = self.query.strip().replace("<lang>", LANGUAGES[language])
        for name, words in WORDS.items():
            text = text.replace(f"<{name}>", words[language].format(currency=currency))
        return text


_PERSONA = ("varchar", *TEXTS["persona"])
_CHANNEL = ("varchar", "チャネル", "Channel")
_STAGE = ("varchar", "ステージ", "Stage")
_MINIMUM = ("integer", "最少回答数", "Fewest answers shown")
DATASETS = {
    dataset.name: dataset
    for dataset in (
        Dataset("kpis", ("KPIと目標", "KPIs and targets"), _KPIS, {
            "kpi_code": ("varchar", "KPIコード", "KPI code"), "kpi": ("varchar", "KPI", "KPI"),
            "position": ("integer", "順", "Position"), "stage": _STAGE,
            "unit": ("varchar", "単位", "Unit"),
            "unit_multiplier": ("integer", "単位の倍率", "Multiplier of the unit"),
            "direction": ("varchar", "望ましい方向", "Direction"),
            "has_target": ("boolean", "目標あり", "Has a target"),
            "persona": _PERSONA, "channel": _CHANNEL,
            "numerator": ("decimal", "分子", "Numerator"),
            "denominator": ("decimal", "分母", "Denominator"),
            "minimum_denominator": ("integer", "最小の分母", "Smallest denominator"),
            "multiplier": ("integer", "倍率", "Multiplier"),
            "target": ("decimal", "目標", "Target"),
            "kpi_date": ("date", "日", "Day"), "month": ("varchar", "月", "Month"),
        }, "kpi_date"),
        Dataset("moves", ("ステージの移動", "Moves between stages"), _MOVES, {
            "person_id": ("varchar", "人", "Person"), "persona": _PERSONA, "channel": _CHANNEL,
            "from_stage": ("varchar", "移動元", "From"), "to_stage": ("varchar", "移動先", "To"),
            "reached_stage": _STAGE, "occurred_date": ("date", "日", "Day"),
        }, "occurred_date"),
        Dataset("answers", ("アンケート回答", "Survey answers"), _ANSWERS, {
            "series": ("varchar", "種類", "Series"), "stage": _STAGE,
            "score": ("double", "点数(0〜100)", "Score, 0 to 100"), "persona": _PERSONA,
            "channel": _CHANNEL, "minimum_answer_count": _MINIMUM,
            "responded_date": ("date", "日", "Day"),
        }, "responded_date"),
        Dataset("pains", ("ペインポイント", "Pain points"), _PAINS, {
            "persona": _PERSONA, "stage": _STAGE, "touchpoint": ("varchar", "接点", "Touchpoint"),
            "visited": ("integer", "ジャーニー数", "Journeys"), "lost": ("integer", "離脱", "Left"),
            "money": ("decimal", "逸失見込額", "Money at stake"),
            "answers": ("integer", "回答数", "Answers"),
            "dissatisfied": ("integer", "不満", "Dissatisfied"),
            "minimum_answer_count": _MINIMUM, "pain_date": ("date", "日", "Day"),
        }, "pain_date"),
        Dataset("values", ("価値ジャーニー", "Value journey"), _VALUE, {
            "value_stage": ("varchar", "価値ステージ", "Value stage"), "persona": _PERSONA,
            "paid_amount_reporting": ("decimal", "純入金額", "Paid"),
            "month_start_date": ("date", "月", "Month"),
        }, "month_start_date"),
        Dataset("cohorts", ("コホート", "Cohorts"), _COHORTS, {
            "cohort": ("varchar", "初回購入月", "Month of first order"),
            "month_number": ("varchar", "経過月数", "Months since"),
            "ordering_customer_count": ("integer", "購入した顧客", "Customers who ordered"),
            "cohort_customer_count": ("integer", "コホートの顧客", "Customers of the cohort"),
            "cohort_month_date": ("date", "初回購入月", "Month of first order"),
        }, "cohort_month_date"),
        Dataset("spread", ("手法による幅", "Spread of methods"), _SPREAD, {
            "channel": _CHANNEL, "lowest_credit": ("decimal", "最小", "Lowest"),
            "highest_credit": ("decimal", "最大", "Highest"),
        }),
        Dataset("release", ("リリース", "Release"), _RELEASE, {
            "release_id": ("varchar", "リリース", "Release"),
            "as_of": ("varchar", "基準時点(UTC)", "As of (UTC)"),
            "passed_check_count": ("integer", "合格した検査", "Checks passed"),
            "warned_check_count": ("integer", "警告", "Warnings"),
            "web_data_through": ("varchar", "ウェブのデータ(UTC)", "Web data through (UTC)"),
            "crm_data_through": ("varchar", "CRMのデータ(UTC)", "CRM data through (UTC)"),
            "survey_data_through": ("varchar", "調査のデータ(UTC)", "Survey data through (UTC)"),
        }),
    )
}  # fmt: skip


@dataclass(frozen=True)
class Metric:
    """A number of a chart: label and SQL aggregate; `form` is d3's, `is_money` puts a currency."""

    label: Words
    sql: str
    form: str = ",d"
    is_money: bool = False


@dataclass(frozen=True)
class Chart:
    """
    One chart: a dataset of `DATASETS`, a picture, what it measures and is split by.

    `where` is SQL. `beside` are metrics drawn as lines over the bars of `metrics`, `order` is what
    the rows of a table are sorted by, highest first. `width` is of twelve columns. `not_by` names
    the filters that cannot split it.
    """

    name: str
    label: Words
    dataset: str
    picture: str
    metrics: tuple[Metric, ...] = ()
    columns: tuple[str, ...] = ()
    where: str = ""
    beside: tuple[Metric, ...] = ()
    order: str = ""
    width: int = 6
    height: int = 50
    not_by: tuple[str, ...] = ()
    extra: dict[str, Any] = field(default_factory=dict)


VALUE_SQL = (
    "case when coalesce(sum(denominator), 0) >= coalesce(max(minimum_denominator), 0) then "
    "max(multiplier) * sum(numerator) "
    "/ case when count(denominator) > 0 then nullif(sum(denominator), 0) else 1 end end"
)
_ACTUAL, _TARGET = ("実績", "Actual"), ("目標", "Target")
_MET = (
    f"case when max(target) is null or {VALUE_SQL} is null then null "
    f"when case max(direction) when 'up' then 1 else -1 end * ({VALUE_SQL} - max(target)) >= 0 "
    "then '○' else '×' end"
)
_MONTHS = {"x_axis": "kpi_date", "time_grain_sqla": "P1M", "x_axis_time_format": "%Y-%m",
           "xAxisLabelRotation": 45}  # fmt: skip

_LIGHT = {"color_scheme": "presetColors"}  # under black labels; a stage has one colour everywhere


def _ordered(column: str) -> dict[str, Any]:
    """Bars in the order of their labels, every one named."""
    return {"x_axis": column, "x_axis_sort": column, "x_axis_sort_asc": True,
            "xAxisLabelInterval": "0", "xAxisLabelRotation": 30, "show_value": True}  # fmt: skip


def _against(
    kpi: str, label: Words, form: str, is_money: bool = False, not_by: tuple[str, ...] = ()
) -> Chart:
    """A KPI by month, and its target."""
    return Chart(
        kpi, label, "kpis", "mixed_timeseries", (Metric(_ACTUAL, VALUE_SQL, form, is_money),),
        where=f"kpi_code = '{kpi}'",
        beside=(Metric(_TARGET, "max(target)", form, is_money),),
        not_by=not_by, extra=_MONTHS,
    )  # fmt: skip


CHARTS = (
    _against("revenue", ("純入金額と目標", "Revenue against target"), ",d", True),
    _against("cvr", ("コンバージョン率と目標", "Conversion rate against target"), ".1%"),
    Chart("reached", ("ステージに到達した人", "People who reached each stage"), "moves", "funnel",
          (Metric(("到達した人", "People"), "count(distinct person_id)"),), ("reached_stage",),
          "reached_stage is not null", extra=_LIGHT),
    Chart("satisfaction", ("ステージ別の満足度・期待値・体験(0〜100)",
                           "Satisfaction, expectation and experience by stage (0 to 100)"),
          "answers", "echarts_timeseries_bar",
          (Metric(("平均", "Mean"),
                  "case when count(*) >= max(minimum_answer_count) then avg(score) end", ".0f"),),
          ("series",), extra=_ordered("stage")),
    Chart("flow", ("どこへ進み、どこで離れるか", "Where people go on, and where they leave"),
          "moves", "sankey_v2", (Metric(("移動", "Moves"), "count(*)"),),
          ("from_stage", "to_stage"), width=12, extra=_LIGHT),
    Chart("moves", ("ステージ間の移動(回)", "Moves between stages"), "moves", "pivot_table_v2",
          (Metric(("移動", "Moves"), "count(*)"),), ("from_stage", "to_stage"), width=12),
    Chart("pains", ("ペインポイント", "Pain points"), "pains", "table",
          (Metric(("離脱", "Left"), "sum(lost)"),
           Metric(("ジャーニー数", "Journeys"), "sum(visited)"),
           Metric(("不満", "Dissatisfied"), "sum(dissatisfied)"),
           Metric(("回答数", "Answers"), "sum(answers)"),
           Metric(("不満の割合", "Dissatisfied share"),
                  "case when sum(answers) >= max(minimum_answer_count) "
                  "then sum(dissatisfied) / sum(answers) end", ".1%"),
           Metric(("逸失見込額", "Money at stake"), "sum(money)", ",d", True)),
          ("stage", "touchpoint"), order="sum(lost)", width=12, height=74, not_by=("channel",)),
    Chart("targets", ("目標のあるKPI", "KPIs with targets"), "kpis", "table",
          (Metric(_ACTUAL, f"max(unit_multiplier) * {VALUE_SQL}", ",.1~f"),
           Metric(_TARGET, "max(unit_multiplier) * max(target)", ",.1~f"),
           Metric(("達成", "Met"), _MET)),
          ("month", "stage", "kpi", "unit"), "has_target",
          order="1000 * max(date_diff('month', date '2000-01-01', kpi_date)) - max(position)",
          width=12, height=74),
    _against("nps", ("NPSと目標", "NPS against target"), ".0f", not_by=("channel",)),
    Chart("channels", ("チャネル別の成約数", "Conversions by channel"), "kpis",
          "echarts_timeseries_bar", (Metric(("成約数", "Conversions"), "sum(numerator)"),),
          ("channel",), "kpi_code = 'conversions' and numerator is not null",
          extra={**_MONTHS, "stack": "Stack", "show_value": True, "only_total": True}),
    Chart("value", ("価値ステージ別の純入金額", "Revenue by value stage"), "values",
          "echarts_timeseries_bar",
          (Metric(("純入金額", "Revenue"), "sum(paid_amount_reporting)", ",d", True),),
          ("persona",), not_by=("channel",),
          extra={**_ordered("value_stage"), "stack": "Stack", "only_total": True}),
    Chart("attribution", ("初回注文への貢献：手法による幅", "First orders credited, by method"),
          "spread", "echarts_timeseries_bar",
          (Metric(("最小", "Lowest"), "min(lowest_credit)", ",.0f"),
           Metric(("最大", "Highest"), "max(highest_credit)", ",.0f")),
          not_by=("persona", "period"), extra=_ordered("channel")),
    Chart("cohorts", ("コホート継続率(経過月数別)", "Retention of cohorts, by months since"),
          "cohorts", "heatmap_v2",
          (Metric(("購入した割合", "Share that ordered"),
                  "sum(ordering_customer_count) / nullif(sum(cohort_customer_count), 0)", ".0%"),),
          ("month_number",), width=12, not_by=("persona", "channel"),
          extra={"x_axis": "month_number", "groupby": "cohort", "sort_x_axis": "alpha_asc",
                 "sort_y_axis": "alpha_desc", "show_values": True, "left_margin": 75,
                 "linear_color_scheme": "superset_seq_1"}),
    Chart("release", ("リリース", "Release"), "release", "table",
          columns=tuple(DATASETS["release"].columns),
          width=12, height=20, not_by=("persona", "channel", "period")),
)  # fmt: skip

_TARGETS_ARE: Words = (
    "目標は全体に対するもので、絞り込むと表示されません。",
    "Targets are of everybody, and not shown of a part.",
)
FILTERS: dict[str, tuple[Words, Words]] = {
    "persona": (TEXTS["persona"], _TARGETS_ARE),
    "channel": (
        ("チャネル", "Channel"),
        (
            "人は最初に来たチャネル、KPIは訪問・注文のチャネルで絞ります。" + _TARGETS_ARE[0],
            "People by the channel that brought them first, KPIs by that of the visit or order. "
            + _TARGETS_ARE[1],
        ),
    ),
    "period": (TEXTS["period"], ("", "")),
}
NOT_BY: Words = ("{what}では絞り込めません", "not filtered by {what}")
