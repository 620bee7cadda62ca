"""
Customers on the report: segments and how they moved, groups found in data, who is at risk and why,
next actions, experiments.

The parts are of all customers: no switch splits them. Counts of few people are suppressed; of what
has a total on the page, with so many others that it gives none away.
"""

from __future__ import annotations

from collections import defaultdict
from typing import Any

from orchestration.readers.report.cubes import FEW, shown
from orchestration.readers.report.protecting import Cells
from orchestration.readers.report.reading import ALL, Release, Row

DRIVERS = 8  # that are shown, the surest first
BANDS = ("high", "medium", "low")


def customers(release: Release) -> dict[str, Any]:
    """All parts of the section."""
    return {
        "moves": moves(release),
        "groups": groups(release),
        "risks": risks(release),
        "drivers": drivers(release),
        "actions": actions(release),
        "experiments": experiments(release),
    }


def moves(release: Release) -> list[list[Any]]:
    """Customers by their life cycle at the end of the last finished month and of the one before."""
    rows = release.rows(
        f"""
        select from_segment as source, to_segment as target, moved_customer_count as people
        from marts.kpi_segment_migrations_monthly
        where segmentation = 'lifecycle'
            and month_start_date = date '{release.month or release.day}'
        order by all
        """,
        "moves",
    )
    # No total is on the page, so that nothing can be had by subtraction.
    return [
        [
            row["source"],
            row["target"],
            FEW if release.few.is_small(row["people"]) else row["people"],
        ]
        for row in rows
    ]


def groups(release: Release) -> list[Row]:
    """
    Groups of customers who behave alike, or one row that says why there are none.

    The share of a group's most frequent persona stands there only if the rest are not few.
    """
    found = []
    for row in release.rows(
        "select * from marts.kpi_behaviour_groups order by behaviour_group", "groups"
    ):
        people, rate = row["group_customer_count"], float(row["usual_persona_rate"] or 0)
        is_told = not release.few.is_small(people) and not release.few.is_small(
            people - round(people * rate)
        )
        found.append(
            {
                "verdict": [row["verdict_ja"], row["verdict_en"]],
                "name": row["behaviour_group"] and [row["name_ja"], row["name_en"]],
                "people": FEW if release.few.is_small(people) else people,
                "persona": row["usual_persona"],
                "values": [
                    rate if is_told and row["usual_persona"] else None,
                    row["group_stability_value"],
                    row["adjusted_rand_value"],
                ],
            }
        )
    return found


def risks(release: Release) -> list[Row]:
    """By type of business: what serves the risks, and customers and first reasons by band."""
    rows = release.rows(
        """
        select business_type, served_by, churn_verdict, risk_band, first_reason,
            min(window_days) as window_days, count(*) as people
        from marts.fct_churn_risks
        group by all
        order by all
        """,
        "risks",
    )
    cells: Cells = defaultdict(int)
    reasons: dict[Any, set[str]] = defaultdict(set)
    for row in rows:
        place = (row["business_type"], row["risk_band"])
        cells[row["business_type"], ALL, ALL] += row["people"]
        cells[*place, ALL] += row["people"]
        cells[*place, row["first_reason"]] += row["people"]
        reasons[place].add(row["first_reason"])
    sums: list[Any] = [
        ((*place, ALL), [(*place, one) for one in reasons[place]]) for place in reasons
    ]
    sums += [
        ((kind, ALL, ALL), [(*place, ALL) for place in reasons if place[0] == kind])
        for kind in {place[0] for place in reasons}
    ]
    closed = release.few.protect(cells, sums, worth=lambda key: int(key[2] == ALL))
    found = []
    for kind in sorted({row["business_type"] for row in rows}):
        mine = [row for row in rows if row["business_type"] == kind]
        bands = [
            [
                band,
                shown(release, cells, closed, (kind, band, ALL)),
                [
                    [reason, cells[kind, band, reason]]
                    for reason in sorted(
                        (one for one in reasons[kind, band] if one is not None),
                        key=lambda one: (-cells[kind, band, one], one),
                    )
                    if (kind, band, reason) not in closed
                ][:3],
            ]
            for band in (*BANDS, None)
            if cells.get((kind, band, ALL))
        ]
        found.append(
            {
                "kind": kind,
                "served_by": mine[0]["served_by"],
                "verdict": mine[0]["churn_verdict"],
                "days": mine[0]["window_days"],
                "bands": bands,
            }
        )
    return found


def drivers(release: Release) -> list[list[Any]]:
    """What those who left were like, against those who stayed, beyond chance."""
    return [
        [
            row["business_type"], row["feature_ja"], row["feature_en"], row["feature_value"],
            *(round(float(row[name]), 3) for name in (
                "churned_mean_value", "stayed_mean_value", "mean_difference_value",
                "difference_low_value", "difference_high_value")),
            row["churned_count"], row["stayed_count"],
        ]
        for row in release.rows(
            f"""
            select *
            from marts.kpi_churn_drivers
            where is_shown and adjusted_p_value < 0.05
                and least(churned_count, stayed_count) >= {release.few.smallest}
            qualify row_number() over (
                partition by business_type
                order by adjusted_p_value, p_value, feature, feature_value
            ) <= {DRIVERS}
            order by business_type, adjusted_p_value, p_value, feature, feature_value
            """,
            "drivers",
        )
    ]  # fmt: skip


def actions(release: Release) -> list[Row]:
    """Each next action with people, expected gain and cost; without one, why."""
    rows = release.rows(
        """
        select next_action, reason_code, evidence_kind, count(*) as people,
            sum(gain_amount_reporting) as gain, sum(action_cost_amount_reporting) as cost
        from marts.fct_next_actions
        group by next_action, reason_code, evidence_kind
        order by next_action is null, gain desc nulls last, people desc, reason_code, evidence_kind
        """,
        "actions",
    )
    found = []
    for row in rows:
        is_small = release.few.is_small(row["people"])
        found.append(
            {
                "action": row["next_action"],
                "reason": row["reason_code"],
                "evidence": row["evidence_kind"],
                "people": FEW if is_small else row["people"],
                "gain": None if is_small or row["gain"] is None else round(float(row["gain"])),
                "cost": None if is_small or row["cost"] is None else round(float(row["cost"])),
            }
        )
    return found


def experiments(release: Release) -> list[Row]:
    """
    Each variant against the control by the primary metric, with its verdict.

    Of an experiment that nobody planned each variant stands with its people alone: without a
    control and a metric that was named before, there is nothing to compare.
    """
    return [
        {
            "name": [row[name] or row["experiment_id"] for name in ("name_ja", "name_en")],
            "variant": [
                row["variant_name_ja"] or row["variant_id"],
                row["variant_name_en"] or row["variant_id"],
            ],
            "metric": [
                row[name] if row["is_primary_metric"] else "–"
                for name in ("metric_name_ja", "metric_name_en")
            ],
            "verdict": [row["verdict_name_ja"], row["verdict_name_en"]],
            "reason": [row["verdict_reason_ja"], row["verdict_reason_en"]],
            "people": row["person_count"],
            "values": [
                None
                if row[name] is None or not row["is_primary_metric"]
                else round(float(row[name]), 4)
                for name in ("outcome_value", "difference_value", "sequential_low_value",
                             "sequential_high_value")
            ],
            "is_share": row["metric_type"] == "share",
        }
        for row in release.rows(
            f"""
            select *
            from marts.kpi_experiment_results
            where not is_control and (is_primary_metric or experiment_verdict = 'not_planned')
                and person_count >= {release.few.smallest}
            qualify row_number() over (
                partition by experiment_id, variant_id
                order by is_primary_metric desc, experiment_metric
            ) = 1
            order by start_date desc nulls last, experiment_id, variant_id
            """,
            "experiments",
        )
    ]  # fmt: skip
