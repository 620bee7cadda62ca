"""
Write the report of a release: one HTML page that loads nothing.

The content security policy is `default-src 'none'` with the hash of the page's one script, which is
Apache ECharts as `make setup` bundles it and the page's own code. The data is read from the
release's marts and lies in the page compressed. Without a script, the three sentences and the
tables of the standard view are there.
"""

from __future__ import annotations

import base64
import gzip
import hashlib
import json
import sys
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
from babel.numbers import format_compact_currency, format_currency, format_decimal
from markupsafe import Markup

from orchestration.base.release import CHECKS_PAGE
from orchestration.base.rendering import templates
from orchestration.readers.report import cubes, parts
from orchestration.readers.report.customers import customers
from orchestration.readers.report.facts import facts
from orchestration.readers.report.pains import pains
from orchestration.readers.report.reading import ALL, NOT_SET, OTHER, WINDOW_DAYS, Release
from orchestration.readers.report.restatements import restatements
from orchestration.readers.report.texts import DRIFT, GLOSSARY, REASONS, RECORDS, TEXTS
from orchestration.rules.tables import CANONICAL_STAGE_MODEL
from orchestration.settings import ROOT

FOLDER = Path(__file__).parent
# Where `make setup` bundles it; other environments of the tree, as that of Spark, have none.
ECHARTS = (
    next(
        (
            path
            for path in (Path(sys.prefix) / "report", ROOT / ".venv" / "report")
            if path.exists()
        ),
        Path(sys.prefix) / "report",
    )
    / "echarts.js"
)
STALE_DAYS = 3  # a source whose data ends so long before the as-of is named on the page
STANDARD = (CANONICAL_STAGE_MODEL, "12")  # model and period that the page opens with
LANGUAGES = ("ja", "en")


def payload(release: Release, warnings: list[str]) -> dict[str, Any]:
    """Everything that the page's script shows."""
    models = {
        name: stages
        for name, stages in cubes.stage_models(release).items()
        if name in ("six", "five", "four")
    }
    ends = cubes.last_stages(release, models)
    journeys = cubes.journeys(release, models)
    hurting, stakes = pains(release, models, ends)
    information = release.information
    return {
        "release": {
            "id": information["release_id"],
            "as_of": str(information["as_of_at"]),
            "day": str(release.day),
            "name": information["data_set_name"],
            "is_synthetic": bool(information["is_synthetic"]),
            "currency": information["reporting_currency_code"],
            "passed": information["passed_check_count"],
            "warnings": warnings,
            "through": {
                source: value and str(value)[:10]
                for source in ("web", "crm", "survey")
                for value in [information[f"{source}_data_through_at"]]
            },
            "stale": stale_sources(information),
            "code": information["code_version"],
        },
        "window_days": WINDOW_DAYS,
        "smallest": release.few.smallest,
        "personas": release.personas,
        "channels": [*release.channels, OTHER],
        "spans": {
            name: span for name, span in release.spans.items() if not name.startswith("before")
        },
        "models": {
            name: [[row["stage"], row["name_ja"], row["name_en"], row["canonical"]] for row in rows]
            for name, rows in sorted(
                models.items(), key=lambda m: ("six", "five", "four").index(m[0])
            )
        },
        "ends": ends,
        "labels": parts.labels(release),
        "texts": {
            key: [text.replace("{smallest}", str(release.few.smallest)) for text in both]
            for key, both in TEXTS.items()
        },
        "glossary": GLOSSARY,
        "reasons": REASONS,
        "drift_kinds": DRIFT,
        "records": {
            name.replace(".", "/"): [words[0], words[2].capitalize()]
            for name, words in RECORDS.items()
        },
        "facts": facts(release, models, ends, journeys, hurting, stakes),
        "journeys": journeys,
        "answers": cubes.answers(release, models),
        "pains": hurting,
        "value": cubes.value(release),
        "kpis": parts.kpis(release),
        "paths": parts.paths(release),
        "cohorts": parts.cohorts(release),
        "money": parts.money(release),
        "deviations": parts.deviations(release),
        "needs": parts.needs(release),
        "touchpoints": parts.touchpoints(release),
        "initiatives": parts.initiatives(release),
        "customers": customers(release),
        "spread": parts.spread(release),
        "restatements": restatements(release),
        "checks_page": CHECKS_PAGE,
        "quality": parts.quality(release),
        "queries": release.queries,
    }


def stale_sources(information: dict[str, Any]) -> list[str]:
    """Sources whose data ends days before the as-of."""
    return [
        source
        for source in ("web", "crm", "survey")
        if (through := information[f"{source}_data_through_at"]) is not None
        and (information["as_of_at"] - through).days >= STALE_DAYS
    ]


def money(value: float, currency: str, language: str) -> str:
    """An amount as a reader of the language says it: 6,446万円, ¥64M."""
    if language == "ja" and currency == "JPY":
        for unit, name in ((10**8, "億円"), (10**4, "万円")):
            if abs(value) >= unit:
                digits = 1 if abs(value) < 10 * unit else 0
                return f"{format_decimal(round(value / unit, digits), locale='ja')}{name}"
        return f"{format_decimal(round(value), locale='ja')}円"
    if language == "ja" and abs(value) < 10**4:  # below 万 nothing is abbreviated
        whole: str = format_currency(round(value), currency, "¤#,##0", locale=language,
                                     currency_digits=False)  # fmt: skip
        return whole
    text: str = format_compact_currency(value, currency, locale=language, fraction_digits=1)
    return text


class Words:
    """Names and sentences of the standard view, for the page without a script."""

    def __init__(self, data: dict[str, Any], language: str) -> None:
        """Words of one language."""
        self.data, self.language, self.place = data, language, LANGUAGES.index(language)

    def text(self, key: str, **values: Any) -> str:
        """A text of the page with its blanks filled."""
        return TEXTS[key][self.place].format(**values)

    def name(self, kind: str, code: str) -> str:
        """The name of a code; who has none in data without personas is a customer."""
        if code == NOT_SET and self.data["personas"] == [NOT_SET]:
            return self.text("persona")
        if code in TEXTS and code.startswith("("):
            return TEXTS[code][self.place]
        found = self.data["labels"].get(kind, {}).get(code)
        return found[self.place] if found else code.capitalize().replace("_", " ")

    def stage(self, code: str) -> str:
        """The name of a stage of the standard model."""
        stages = self.data["models"][STANDARD[0]]
        return next((row[1 + self.place] for row in stages if row[0] == code), code)

    def call(self, method: str, arguments: list[Any]) -> str:
        """What a method says, for the template's macro of both languages."""
        found: str = getattr(self, method)(*arguments)
        return found

    def number(self, value: float | Decimal | None, digits: int = 0) -> str:
        """A number with its thousands apart; what is not shown says so."""
        if value is None:
            return "–"
        if value == cubes.FEW:
            return f"<{self.data['smallest']}"
        if value == cubes.PROTECTED:
            return self.text("hidden")
        text: str = format_decimal(round(float(value), digits), locale=self.language)
        return text

    def amount(self, value: float | None) -> str:
        """Money, or nothing."""
        if not value:
            return ""
        return money(value, self.data["release"]["currency"], self.language)

    def sentences(self) -> list[tuple[str, str]]:
        """Head and text of the three sentences."""
        here = self.data["facts"][STANDARD[0]].get(STANDARD[1]) or self.data["facts"][
            STANDARD[0]]["all"]  # fmt: skip
        lost, pain, first = here["lost"][f"{ALL}|{ALL}"], here["pain"][ALL], here["first"][ALL]
        return [
            (self.text("lost_head"), self._lost(lost) if lost else self.text("none_lost")),
            (self.text("pain_head"), self._pain(pain) if pain else self.text("pain_none")),
            (self.text("first_head"), self._first(first) if first else self.text("none_first")),
        ]

    def _lost(self, lost: list[Any]) -> str:
        persona, stage, people, judged, stake = lost
        amount = self.amount(stake)
        return self.text(
            "lost_is" if judged else "lost_some",
            persona=self.name("persona", persona),
            stage=self.stage(stage),
            lost=self.number(people),
            judged=self.number(judged),
            share=percent(people / judged) if judged else "–",
            money=self.text("lost_money", money=amount) if amount else "",
        ).strip()

    def _pain(self, pain: dict[str, Any]) -> str:
        return self.text(
            "pain_is",
            persona=self.name("persona", pain["persona"]),
            stage=self.stage(pain["stage"]),
            touchpoint=self.name("touchpoint_type", pain["touchpoint"]),
            answers=self.number(pain["answers"]),
            dissatisfied=self.number(pain["dissatisfied"]),
            share=percent(pain["share"]),
            score=self.number(pain["score"]),
        )

    def _first(self, first: dict[str, Any]) -> str:
        amount = self.amount(first["money"])
        people = (
            self.text("first_people", lost=self.number(first["lost"]))
            if first["lost"] > 0
            else self.text("first_dissatisfied", dissatisfied=self.number(first["dissatisfied"]))
        )
        return self.text(
            "first_is",
            persona=self.name("persona", first["persona"]),
            stage=self.stage(first["stage"]),
            touchpoint=self.name("touchpoint_type", first["touchpoint"]),
            part=percent(first["parts"]["together"]),
            people=people,
            money=self.text("first_money", money=amount) if amount else "",
        ) + self._tried(first["stage"])

    def _tried(self, stage: str) -> str:
        """What was done for a stage, and what came of it."""
        for one in self.data["initiatives"]:
            if one["stage"] == stage:
                words = {"initiative": one[f"name_{self.language}"]}
                return " " * self.place + self.text(
                    "tried", verdict=self.text(one["verdict"]), **words
                )
        return ""


def percent(share: float | None) -> str:
    """A share as a percentage."""
    return "–" if share is None else f"{share * 100:.0f}%"


def script() -> str:
    """
    The one script of the page: Apache ECharts and the report's own code.

    Empty when `make setup` could not bundle ECharts: the page then has its tables only.
    """
    if not ECHARTS.exists():
        return ""
    own = "\n".join((FOLDER / name).read_text("utf-8") for name in ("charts.js", "report.js"))
    code = f"{ECHARTS.read_text('utf-8')}\n{own}"
    if "</script" in code.lower() or "<!--" in code:
        raise ValueError("the report's script holds a text that would end it")
    return code


def render(
    connection: duckdb.DuckDBPyConnection,
    schema: str = "marts",
    warnings: list[str] | None = None,
) -> str:
    """The page of the release that `connection` has open, as HTML text."""
    release = Release(connection, schema)
    data = payload(release, warnings or [])
    packed = gzip.compress(
        json.dumps(data, ensure_ascii=False, separators=(",", ":")).encode(), mtime=0
    )
    code = script()
    words = [Words(data, language) for language in LANGUAGES]
    model, period = STANDARD
    if period not in data["journeys"][model]:
        period = "all"
    return (
        templates(FOLDER)
        .get_template("page.html.j2")
        .render(
            data=data,
            words=words,
            sentences=list(zip(*(each.sentences() for each in words), strict=True)),
            texts=data["texts"],
            stages=data["models"][model],
            end=data["ends"][model],
            cells=data["journeys"][model][period][f"{ALL}|{ALL}"],
            answers=data["answers"].get(model, {}).get(period, {}).get(f"{ALL}|{ALL}", {}),
            pains=data["pains"][model][period][ALL],
            period=period,
            percent=percent,
            checks_page=CHECKS_PAGE,
            language="ja" if data["release"]["currency"] == "JPY" else "en",
            style=Markup((FOLDER / "report.css").read_text("utf-8")),
            code=Markup(code),
            digest=base64.b64encode(hashlib.sha256(code.encode()).digest()).decode(),
            packed=base64.b64encode(packed).decode(),
        )
    )
