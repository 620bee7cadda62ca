"""Channels against what Google publishes: its source categories, and a case per channel rule."""

from __future__ import annotations

import csv
from pathlib import Path

from orchestration.developing.compiled import Project

CHANNELS = {
    "SOURCE_CATEGORY_SEARCH": "organic_search",
    "SOURCE_CATEGORY_SOCIAL": "organic_social",
    "SOURCE_CATEGORY_SHOPPING": "organic_shopping",
    "SOURCE_CATEGORY_VIDEO": "organic_video",
}
# Where we differ, and what we say: other products of the owners of search engines do not search,
# and Rakuten is a market place in Japan.
EXCEPTIONS = {
    "email.seznam.cz": "email", "mail.rambler.ru": "email", "mail.yandex.ru": "email",
    "secureurl.ukr.net": "email", "news.google.com": "unassigned", "play.google.com": "unassigned",
    "webmaster.yandex.ru": "unassigned", "zen.yandex.ru": "unassigned",
    "rakuten": "organic_shopping", "rakuten.co.jp": "organic_shopping",
}  # fmt: skip
# By its own rule: a source of shopping without a medium is organic.
WRONG_CASES = {("alibaba", "", "")}


def channels(project: Project, traffic: list[tuple[str, str, str]]) -> list[str]:
    """The channel of each source, medium and campaign, as sent without what is empty."""
    sent = [
        (s.lower() or "(not set)", m.lower() or "(not set)", c.lower() or None)
        for s, m, c in traffic
    ]
    model = next(m for m in project.models if m.name == "int_traffic_matched_to_channels")
    with project.connect() as connection:
        connection.execute(
            "create table intermediate.int_sessions_aggregated "
            "(traffic_source varchar, traffic_medium varchar, utm_campaign varchar)"
        )
        connection.executemany(
            "insert into intermediate.int_sessions_aggregated values (?, ?, ?)", sent
        )
        connection.execute(
            "create or replace table staging.stg_web__ad_costs (utm_source varchar, "
            "utm_medium varchar, utm_campaign varchar, is_known boolean)"
        )
        found = connection.execute(model.full).fetchall()
    by_traffic = {row[:3]: row[-1] for row in found}
    return [by_traffic[one] for one in sent]


def test_sources_have_the_category_that_google_publishes(
    project: Project, shared_data: Path
) -> None:
    path = shared_data / "ga4_channels" / "ga4_source_categories.csv"
    with path.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    found = channels(project, [(row["source"], "", "") for row in rows])
    expected = [EXCEPTIONS.get(row["source"], CHANNELS[row["source_category"]]) for row in rows]
    assert len(rows) == 819
    assert [
        (row["source"], channel, right)
        for row, channel, right in zip(rows, found, expected, strict=True)
        if channel != right
    ] == []


def test_cases_of_each_channel(project: Project, shared_data: Path) -> None:
    path = shared_data / "ga4_channels" / "channel_grouping_cases.csv"
    with path.open(encoding="utf-8", newline="") as file:
        rows = [
            row
            for row in csv.DictReader(file)
            if (row["source"], row["medium"], row["campaign"]) not in WRONG_CASES
        ]
    found = channels(project, [(r["source"], r["medium"], r["campaign"]) for r in rows])
    names = [row["expected_channel"].lower().replace(" ", "_").replace("-", "_") for row in rows]
    names = ["mobile_push" if n == "mobile_push_notifications" else n for n in names]
    assert len(rows) == 29
    assert found == names
