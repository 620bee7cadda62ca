"""The report: its numbers by every switch, what it hides, and how Chromium shows it."""

from __future__ import annotations

import base64
import gzip
import hashlib
import json
import re
import shutil
from collections.abc import Iterator
from itertools import product
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from playwright.sync_api import Browser, Page, sync_playwright

from orchestration.readers import report
from orchestration.readers.report.facts import facts
from orchestration.readers.report.page import ECHARTS, money, payload
from orchestration.readers.report.protecting import Suppression
from orchestration.readers.report.reading import WINDOW_DAYS, Release
from orchestration.readers.report.texts import DRIFT, GLOSSARY, REASONS, TEXTS
from tests.conftest import read_release

SMALLEST = 5
FEW = Suppression(SMALLEST)
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
MODELS = ("six", "five", "four")
PERIODS = ("3", "6", "12", "all")
ENDINGS = ("reached", "went", "lost", "open")


@pytest.fixture(scope="module")
def page_path(sample_home: Path) -> Path:
    return sample_home / "published" / "current" / "journey_map.html"


@pytest.fixture(scope="module")
def html(page_path: Path) -> str:
    return page_path.read_text("utf-8")


@pytest.fixture(scope="module")
def data(html: str) -> dict[str, Any]:
    return unpacked(html)


def unpacked(html: str) -> dict[str, Any]:
    """What the page's script reads."""
    packed = re.search(r'id="data">([^<]+)</script>', html)
    assert packed
    found: dict[str, Any] = json.loads(gzip.decompress(base64.b64decode(packed[1])))
    return found


def test_the_page_is_one_file_that_loads_nothing(page_path: Path, html: str) -> None:
    assert page_path.stat().st_size < 900_000
    (policy,) = re.findall(r'Content-Security-Policy" content="([^"]+)"', html)
    script = html[html.rindex("<script>") + len("<script>") : html.rindex("</script>")]
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    assert policy.split("; ")[:2] == ["default-src 'none'", f"script-src 'sha256-{digest}'"]
    assert html.count("<script") == 2 and html.lower().count("</script") == 2
    markup = html.replace(script, "")
    assert not re.search(r"<(link|iframe|object|embed|img)\b|url\(|@import|https?://", markup)
    assert not re.search(r"\b(eval|Function)\(", script.replace("isFunction(", ""))
    assert "journey_map.html" in (page_path.parent / "manifest.json").read_text("utf-8")


def test_without_the_drawing_library_the_tables_remain(
    sample_home: Path, html: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr("orchestration.readers.report.page.ECHARTS", tmp_path / "echarts.js")
    with read_release(sample_home) as release:
        bare = report.render(release)
    assert "<script" not in bare
    assert bare.count("<table") == html[: html.index("<script")].count("<table") >= 4


def test_the_same_release_gives_the_same_page(sample_home: Path) -> None:
    with read_release(sample_home) as release:
        assert report.render(release) == report.render(release)


def test_the_name_of_the_data_set_is_a_text(sample_home: Path, tmp_path: Path) -> None:
    """It stands in the head, and whatever it holds is shown, not run."""
    shutil.copy(sample_home / "published" / "current" / "journey.duckdb", tmp_path)
    with duckdb.connect(tmp_path / "journey.duckdb") as release:
        assert "<h1>" in report.render(release)
        release.execute("update marts.release_info set data_set_name = 'A & <img src=x> 店'")
        named = report.render(release)
    assert ": A &amp; &lt;img src=x&gt; 店</h1>" in named
    assert "<img src=x>" not in named
    assert unpacked(named)["release"]["name"] == "A & <img src=x> 店"


# Suppression.


@settings(deadline=None, max_examples=200)
@given(
    st.lists(st.integers(0, 12), min_size=2, max_size=4).flatmap(
        lambda row: st.lists(
            st.lists(st.integers(0, 12), min_size=len(row), max_size=len(row)),
            min_size=2, max_size=4,
        )
    )
)  # fmt: skip
def test_no_total_gives_a_small_count_away(table: list[list[int]]) -> None:
    rows, columns = range(len(table)), range(len(table[0]))
    cells: dict[Any, int] = {(r, c): table[r][c] for r in rows for c in columns}
    cells |= {(r, "all"): sum(table[r]) for r in rows}
    cells |= {("all", c): sum(table[r][c] for r in rows) for c in columns}
    cells["all", "all"] = sum(map(sum, table))
    sums: list[Any] = [((r, "all"), [(r, c) for c in columns]) for r in [*rows, "all"]]
    sums += [(("all", c), [(r, c) for r in rows]) for c in [*columns, "all"]]
    hidden = FEW.protect(cells, sums)
    assert {key for key, count in cells.items() if FEW.is_small(count)} <= hidden
    for total, parts in sums:
        closed = [part for part in parts if part in hidden and cells[part]]
        if total in hidden:
            assert closed or not any(cells[part] for part in parts)
        elif closed:
            assert len(closed) > 1 and sum(cells[part] for part in closed) >= SMALLEST


@given(st.lists(st.integers(0, 40), min_size=2, max_size=4))
def test_no_period_gives_a_small_count_away(counts: list[int]) -> None:
    cells: dict[Any, int] = dict(enumerate(sorted(counts, reverse=True)))
    hidden = FEW.protect(cells, chains=[list(cells)])
    shown = [count for key, count in cells.items() if key not in hidden]
    assert not any(FEW.is_small(a - b) for a in shown for b in shown)


@pytest.mark.parametrize("smallest", [5, 12])
def test_the_release_hides_small_counts_in_every_cube(sample_home: Path, smallest: int) -> None:
    few = Suppression(smallest)
    with read_release(sample_home) as release, copy_of(release) as copy:
        copy.execute("update marts.release_info set minimum_answer_count = $1", [smallest])
        html = report.render(copy)
    data = unpacked(html)
    assert data["smallest"] == smallest and f"fewer than {smallest} people" in html

    def numbers(value: Any) -> Iterator[float]:
        if isinstance(value, dict):
            for part in value.values():
                yield from numbers(part)
        elif isinstance(value, list) and value and isinstance(value[0], int):
            yield value[0]

    for cube in ("journeys", "answers", "value"):
        assert not [n for n in numbers(data[cube]) if few.is_small(n)], cube
    for model, period in product(MODELS, PERIODS):
        for rows in data["pains"][model][period].values():
            for row in rows:
                assert not any(
                    few.is_small(row[key]) for key in ("lost", "answers", "dissatisfied")
                )
                assert (row["share"] is None) == (row["answers"] <= 0 or row["dissatisfied"] < 0)
        for who, cells in data["journeys"][model][period].items():
            for cell in cells.values():
                shown = [cell[place] for place in (2, 4, 1)]
                if cell[0] > 0 and min(shown) >= 0:
                    assert sum(shown) == cell[0], who
                rest = cell[0] - sum(count for count in shown if count > 0)
                assert not (cell[0] > 0 and few.is_small(rest)), who
    assert not [row for row in data["cohorts"] if row[2] < smallest or row[1] < 1]


# The numbers.


def recounted(connection: duckdb.DuckDBPyConnection, span: tuple[str, str], model: str) -> Any:
    """People by persona, channel, stage and ending, counted in another way than the report does."""
    visits: dict[tuple[str, str], list[Any]] = {}
    for person, stage, day in connection.execute(
        "select person_id, to_stage, occurred_date "
        "from marts.fct_stage_model_transitions where stage_model = $1 "
        "order by person_id, transition_number", [model],
    ).fetchall():  # fmt: skip
        visits.setdefault(person, []).append((stage, day))
    persons = {
        person: (persona or "(not set)", channel)
        for person, persona, channel in connection.execute(
            "select person_id, persona, first_channel from marts.dim_persons"
        ).fetchall()
    }
    (last,) = connection.execute("select max(kpi_date) from marts.kpi_daily").fetchone() or (None,)
    counts: dict[Any, int] = {}
    for person, moves in visits.items():
        seen = set()
        for place, (stage, day) in enumerate(moves):
            if stage is None or stage in seen or not span[0] <= str(day) <= span[1]:
                continue
            seen.add(stage)
            following = moves[place + 1] if place + 1 < len(moves) else (None, None)
            ending = "lost"
            if (last - day).days < WINDOW_DAYS:
                ending = "open"
            elif following[0] and (following[1] - day).days <= WINDOW_DAYS:
                ending = "went"
            persona, channel = persons[person]
            for who, what in product(
                product(("all", persona), ("all", channel)), ("reached", ending)
            ):
                counts[*who, stage, what] = counts.get((*who, stage, what), 0) + 1
    return counts


def agrees(shown: str, count: int) -> bool:
    """What the page shows of a count: itself, that it is small, hidden, or at least as much."""
    if shown.startswith("<"):
        return FEW.is_small(count)
    if shown.startswith("≥"):
        return int(re.sub(r"\D", "", shown)) <= count
    return shown == "not shown" or (shown == "–" and not count) or shown == f"{count:,}"


def test_every_switch_shows_what_the_release_says(
    sample_home: Path, browser: Browser, page_path: Path, data: dict[str, Any]
) -> None:
    page, noise = opened(browser, page_path, 1280, "light")
    page.check("#in-en")
    channels = ["all", data["channels"][0]]
    read = """() => [...document.querySelectorAll('#table-journey tbody tr')].map(
        row => [...row.cells].slice(1, 6).map(cell => cell.textContent.trim()))"""
    shown, compared = set(), 0
    with read_release(sample_home) as release:
        for model, period in product(MODELS, PERIODS):
            page.click(f"[data-switch=model][data-value={model}]")
            page.click(f"[data-switch=period][data-value='{period}']")
            counts = recounted(release, tuple(data["spans"][period]), model)
            for persona, channel in product(["all", *data["personas"]], channels):
                page.select_option("[data-switch=persona]", persona)
                page.select_option("[data-switch=channel]", channel)
                rows = page.evaluate(read)
                shown.add(json.dumps(rows))
                for place, ((stage, *_), row) in enumerate(
                    zip(data["models"][model], rows, strict=True)
                ):
                    for ending, text in zip(ENDINGS, [row[0], row[1], row[2], row[4]], strict=True):
                        if place == data["ends"][model] and ending != "reached":
                            assert text == "–"  # nothing comes after the last stage
                            continue
                        count = counts.get((persona, channel, stage, ending), 0)
                        assert agrees(text, count), (model, period, persona, channel, stage, ending)
                        compared += text.replace(",", "").isdigit()
    assert len(shown) > 60 and compared > 600  # the figures follow, and most of them are shown
    assert noise == []
    page.context.close()


def test_answers_value_and_pains_are_those_of_the_release(
    sample_home: Path, data: dict[str, Any]
) -> None:
    first, last = data["spans"]["12"]
    day = "timezone('Asia/Tokyo', timezone('UTC', {}))::date between '{}' and '{}'"
    with read_release(sample_home) as release:
        for stage, count, mean in release.execute(
            "select coalesce(question_stage, stage_at_answer), count(*), 100 * avg(score_rate) "
            "from marts.fct_survey_scores where metric in ('nps', 'csat', 'ces') "
            f"and persona = 'individual' and {day.format('responded_at', first, last)} group by 1"
        ).fetchall():
            found = data["answers"]["six"]["12"]["individual|all"]["satisfaction"].get(stage)
            if found and found[0] > 0:
                assert (found[0], found[1]) == (count, pytest.approx(float(mean), abs=0.06))
        for stage, customers, paid in release.execute(
            "select value_stage, count(distinct person_id), sum(paid_amount_reporting) "
            "from marts.fct_revenue_points where value_stage is not null and "
            f"{day.format('occurred_at', first, last)} group by 1"
        ).fetchall():
            found = data["value"]["12"]["all|all"][stage]
            if found[0] > 0:
                assert (found[0], found[3]) == (customers, pytest.approx(float(paid), abs=0.06))
        for row in data["pains"]["six"]["12"]["all"]:
            lost = release.execute(
                "select sum(dropoff_count) from marts.kpi_pain_points_monthly where persona = $1 "
                "and stage = $2 and touchpoint_type = $3 and month_start_date between $4 and $5",
                [row["persona"], row["stage"], row["touchpoint"], first, last],
            ).fetchone()
            if row["lost"] >= 0:
                assert lost is not None and row["lost"] == (lost[0] or 0)


def test_customers_are_what_the_release_says(sample_home: Path, data: dict[str, Any]) -> None:
    shown = data["customers"]
    with read_release(sample_home) as release:
        moved = {
            (source, target): people
            for source, target, people in release.execute(
                "select from_segment, to_segment, moved_customer_count "
                "from marts.kpi_segment_migrations_monthly where segmentation = 'lifecycle' "
                "and month_start_date = '2026-09-01'"
            ).fetchall()
        }
        offered = dict(
            release.execute(
                "select coalesce(next_action, '') || reason_code || coalesce(evidence_kind, ''), "
                "count(*) from marts.fct_next_actions group by 1"
            ).fetchall()
        )
        ((customers,),) = release.execute(
            "select count(*) from marts.dim_customers_360 where behaviour_group is not null"
        ).fetchall()
        bands = dict(
            release.execute(
                "select business_type || coalesce(risk_band, ''), count(*) "
                "from marts.fct_churn_risks group by 1"
            ).fetchall()
        )
    small = {key for key, people in moved.items() if people < SMALLEST}
    assert small and {(row[0], row[1]) for row in shown["moves"] if row[2] == -1} == small
    for source, target, people in shown["moves"]:
        assert people in (-1, moved[source, target])
    for row in shown["actions"]:
        key = (row["action"] or "") + row["reason"] + (row["evidence"] or "")
        assert row["people"] == (offered[key] if offered[key] >= SMALLEST else -1)
        assert row["people"] > 0 or row["gain"] is row["cost"] is None
    assert {row["action"] for row in shown["actions"]} > {"newsletter", "care_call", None}
    for kind in shown["risks"]:
        for band, people, reasons in kind["bands"]:
            assert people < 0 or people == bands[kind["kind"] + (band or "")]
            assert all(number >= SMALLEST for _, number in reasons)
    assert {one["kind"] for one in shown["risks"]} == {"purchase", "subscription"}
    assert {row["verdict"][1] for row in shown["groups"]} == {
        "The groups are found again and again"
    }
    assert sum(row["people"] for row in shown["groups"]) == customers
    assert all(row["name"] and row["values"][1] >= 0.75 for row in shown["groups"])
    assert len(shown["experiments"]) == 2 and all(one["is_share"] for one in shown["experiments"])
    assert shown["drivers"][0][1:4] == ["ペルソナ", "Persona", "student"]


def test_nobody_is_lost_at_the_last_stage_that_the_data_tell(sample_home: Path) -> None:
    """A shop without surveys sees no advocacy: whoever bought again has not been lost."""
    with read_release(sample_home) as release, copy_of(release) as copy:
        before = payload(Release(copy), [])
        for table in ("fct_stage_model_transitions", "fct_survey_scores"):
            stage = "to_stage" if "stage" in table else "coalesce(question_stage, stage_at_answer)"
            copy.execute(f"delete from marts.{table} where {stage} in ('advocacy', 'loyalty')")
        after = payload(Release(copy), [])
    assert before["ends"] == {"six": 5, "five": 4, "four": 3}
    assert after["ends"] == {"six": 4, "five": 3, "four": 2}
    assert before["journeys"]["six"]["all"]["individual|all"]["repeat"][4] > 0
    for model, end in after["ends"].items():
        last = after["models"][model][end][0]
        for period, here in after["facts"][model].items():
            assert all(not lost or lost[1] != last for lost in here["lost"].values())
            for pains in after["pains"][model][period].values():
                assert all(pain["lost"] <= 0 for pain in pains if pain["stage"] == last)


def test_an_unfinished_month_moves_nobody(sample_home: Path) -> None:
    with read_release(sample_home) as release, copy_of(release) as copy:
        before = payload(Release(copy), [])["customers"]["moves"]
        copy.execute(
            "insert into marts.kpi_segment_migrations_monthly by name "
            "select * replace ('lapsed' as to_segment, date '2026-10-01' as month_start_date) "
            "from marts.kpi_segment_migrations_monthly where month_start_date = '2026-09-01'"
        )
        assert payload(Release(copy), [])["customers"]["moves"] == before != []


def test_who_leads_the_first_sentence() -> None:
    """Those not known at awareness are who did not go on; at use everybody is a customer."""
    stages = [{"stage": name, "canonical": [name]} for name in ("awareness", "use", "repeat")]
    cell = [100, 0, 10, None, 90]
    cube = {
        "(not set)|all": {"awareness": [900, 0, 50, None, 850], "use": cell},
        "owner|all": {"awareness": [100, 0, 40, None, 60], "use": [100, 0, 97, None, 3]},
    }
    release = SimpleNamespace(personas=["owner", "(not set)"], channels=[], spans={"all": ("", "")})
    none: Any = {"m": {"all": {persona: [] for persona in ("all", "owner", "(not set)")}}}
    found = facts(release, {"m": stages}, {"m": 2}, {"m": {"all": cube}}, none, {})  # type: ignore[arg-type]
    lost = found["m"]["all"]["lost"]
    assert lost["all|all"][:3] == ["(not set)", "use", 90]
    assert lost["(not set)|all"][:3] == ["(not set)", "use", 90]
    assert lost["owner|all"][:3] == ["owner", "awareness", 60]


def test_every_shown_query_runs_as_it_is(sample_home: Path, data: dict[str, Any]) -> None:
    with read_release(sample_home) as release:
        for name, query in data["queries"].items():
            found = release.execute(query).fetchall()
            # A first release restates nothing.
            assert bool(found) == (name not in ("restatements", "restated_marts")), name


def test_the_finished_month_is_the_business_zones(data: dict[str, Any]) -> None:
    """The sample's as-of is 30 September, 15:00 UTC: in Tokyo September is over."""
    assert data["release"]["as_of"] == "2026-09-30 15:00:00"
    assert data["kpis"]["month"] == "2026-09-01"
    assert data["spans"]["3"] == ["2026-07-01", "2026-09-30"]
    bars = [found[2] for found in data["kpis"]["values"]["all"].values() if found[2] is not None]
    assert bars and min(bars) >= 0
    assert data["kpis"]["values"]["all"]["nps"][2] is None  # an interval scale has no attainment


def test_no_step_of_the_company_is_a_pain(data: dict[str, Any]) -> None:
    touchpoints = {
        row["touchpoint"]
        for model, period in product(MODELS, PERIODS)
        for rows in data["pains"][model][period].values()
        for row in rows
    }
    assert touchpoints and not touchpoints & {"payment", "deal_stage_change", "survey_answer"}


def test_words_are_in_both_languages() -> None:
    for words in (TEXTS, GLOSSARY, REASONS, DRIFT):
        for key, (ja, en) in words.items():
            assert ja and (en or key == "people"), key
            assert sorted(re.findall(r"{\w+}", ja)) == sorted(re.findall(r"{\w+}", en)), key
            assert not re.search(r"[:;,!?()]", ja), key  # punctuation in full width
    assert set(GLOSSARY) <= set(TEXTS)
    assert money(64_459_242, "JPY", "ja") == "6,446万円"
    assert money(1_918_545, "JPY", "ja") == "192万円"
    assert money(312_345_678, "JPY", "ja") == "3.1億円"
    assert money(4_980, "JPY", "ja") == "4,980円"
    assert money(4_089.4, "BRL", "ja") == "R$4,089" and money(24_700, "BRL", "ja") == "R$2.5万"


# Chromium.


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Headless Chromium; tests that need it skip, saying so, where there is none."""
    if CHROMIUM is None:
        pytest.skip("Chromium is not installed (Debian and Ubuntu: apt-get install chromium)")
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(
            executable_path=CHROMIUM,
            args=["--no-sandbox", "--disable-gpu", "--disable-background-networking"],
        )
        yield started
        started.close()


def opened(
    browser: Browser, path: Path, width: int, scheme: str, with_script: bool = True
) -> tuple[Page, list[str]]:
    """The page as a reader sees it, and everything that it says or asks for from then on."""
    context = browser.new_context(
        viewport={"width": width, "height": 900},
        color_scheme="dark" if scheme == "dark" else "light",
        java_script_enabled=with_script,
    )
    page = context.new_page()
    noise: list[str] = []

    def note(text: str) -> None:
        if text != path.as_uri():
            noise.append(text)

    page.on("console", lambda message: note(message.text))
    page.on("pageerror", lambda error: note(str(error)))
    page.on("requestfailed", lambda request: note(f"failed {request.url}"))
    page.on("request", lambda request: note(request.url))
    page.goto(path.as_uri())
    if with_script:
        page.wait_for_selector("#live:not([hidden]) #chart-flows svg")
    return page, noise


# What stands on the page, but for its SQL and what files themselves say.
TEXT = """() => { const copy = document.getElementById('live').cloneNode(true);
  copy.querySelectorAll('pre, #quality tr, #warnings').forEach(part => part.remove());
  return copy.textContent; }"""


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 390])
def test_in_chromium(
    browser: Browser, page_path: Path, tmp_path: Path, width: int, scheme: str
) -> None:
    page, noise = opened(browser, page_path, width, scheme)
    for language in ("ja", "en"):
        page.check(f"#in-{language}")
        assert page.locator("html").get_attribute("lang") == language
        assert page.locator(".answers li:visible").count() == 3
        assert page.locator(".stage:visible").count() == 6
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        body = page.evaluate(TEXT)
        assert not re.search(r"undefined|NaN|\[object|\{\w+\}", body)
        codes = r"web_session|web_event|paid_search|organic_search|not_shown|R_[A-Z]+|not set"
        assert re.findall(codes, body) == []
        for fold in page.locator("#live summary").all():
            if fold.is_visible():
                fold.click()
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        picture = page.screenshot(
            full_page=True, path=tmp_path / f"{width}-{scheme}-{language}.png"
        )
        assert len(picture) > 100_000
    page.evaluate((ECHARTS.parent / "axe.min.js").read_text("utf-8"))
    found = page.evaluate("() => axe.run(document, {resultTypes: ['violations']})")
    serious = [
        f"{rule['id']}: {node['target']} {node['failureSummary']}"
        for rule in found["violations"]
        if rule["impact"] in ("serious", "critical")
        for node in rule["nodes"][:3]
    ]
    assert serious == []
    assert noise == []
    page.context.close()


@pytest.mark.parametrize("width", [1280, 390])
def test_without_a_script(browser: Browser, page_path: Path, width: int) -> None:
    page, noise = opened(browser, page_path, width, "light", with_script=False)
    for language, other in (("ja", "en"), ("en", "ja")):
        page.check(f"#in-{language}")
        assert page.locator(f"main [lang={other}]:visible").count() == 0
        assert page.locator("#still .answers li:visible").count() == 3
        assert page.locator("#still table:visible").count() == 4
    assert noise == []
    page.context.close()


def test_both_forms_say_the_same(browser: Browser, page_path: Path) -> None:
    """The three sentences of the page without a script are those that the script writes."""
    still, _ = opened(browser, page_path, 1280, "light", with_script=False)
    live, _ = opened(browser, page_path, 1280, "light")
    for language in ("ja", "en"):
        still.check(f"#in-{language}")
        live.check(f"#in-{language}")
        words = [page.locator(f"{root} .answers li p:last-of-type").all_inner_texts()
                 for page, root in ((still, "#still"), (live, "#live"))]  # fmt: skip
        assert words[0] == words[1] and len(words[0]) == 3
    still.context.close()
    live.context.close()


@pytest.mark.parametrize("language", ["ja", "en"])
def test_it_prints_on_three_pages(browser: Browser, page_path: Path, language: str) -> None:
    page, _ = opened(browser, page_path, 1280, "light")
    page.check(f"#in-{language}")
    printed = page.pdf(prefer_css_page_size=True, print_background=True)
    assert 2 <= len(re.findall(rb"/Type\s*/Page\b", printed)) <= 3
    page.context.close()


def test_keyboard_reaches_everything_in_the_order_of_the_page(
    browser: Browser, page_path: Path
) -> None:
    page, _ = opened(browser, page_path, 1280, "light")
    tops, names = [], []
    for _ in range(200):
        page.keyboard.press("Tab")
        found = page.evaluate(
            "() => { const e = document.activeElement; return e === document.body ? null : "
            "[e.dataset.switch || e.dataset.rank || e.tagName, "
            "e.closest('section, header, nav, ol, body').getBoundingClientRect().top + scrollY] }"
        )
        if found is None:
            break
        names.append(found[0])
        tops.append(found[1])
    assert names[0] == "INPUT" and {"persona", "channel", "period", "model", "lost"} <= set(names)
    assert tops[:10] == sorted(tops[:10])
    page.locator("[data-switch=period]").first.focus()
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.dataset.value") == "3"  # and the focus stays
    page.locator("#in-ja").focus()
    page.keyboard.press("ArrowRight")
    assert page.locator("#in-en").is_checked()
    page.context.close()


def copy_of(release: duckdb.DuckDBPyConnection) -> duckdb.DuckDBPyConnection:
    copy = duckdb.connect()
    copy.execute("create schema marts")
    for (name,) in release.execute(
        "select table_name from duckdb_tables() where schema_name = 'marts'"
    ).fetchall():
        copy.register("arriving", release.execute(f"select * from marts.{name}").to_arrow_table())
        copy.execute(f"create table marts.{name} as select * from arriving")
    return copy


def test_texts_are_harmless_and_nothing_has_to_be_there(
    sample_home: Path, browser: Browser, tmp_path: Path
) -> None:
    evil = "</script><script>window.hacked = 1</script><img src=x onerror='window.hacked = 1'>"
    with read_release(sample_home) as release, copy_of(release) as copy:
        copy.execute("update marts.dim_labels set name_en = $1, name_ja = $1", [evil])
        copy.execute("update marts.dim_stages set name_en = $1, name_ja = $1", [evil])
        copy.execute("update marts.dim_channels set name_en = $1, name_ja = $1", [evil])
        # A table of the home's own, and a change of a file that has no words yet.
        copy.execute(
            "update marts.load_quality set table_name = $1, drift = 'warn ' || $1 || ': ' || $1",
            [evil],
        )
        page_of_evil, empty = tmp_path / "evil.html", tmp_path / "empty.html"
        page_of_evil.write_text(report.render(copy, warnings=[evil]), "utf-8")
        for (name,) in copy.execute(
            "select table_name from duckdb_tables() where schema_name = 'marts' "
            "and table_name not like 'dim\\_%' escape '\\' and table_name != 'release_info'"
        ).fetchall():
            copy.execute(f"delete from marts.{name}")
        copy.execute("delete from marts.dim_persons")
        empty.write_text(report.render(copy), "utf-8")
    page, noise = opened(browser, page_of_evil, 1280, "light")
    for chart in ("flows", "paths", "value", "curve"):
        box = page.locator(f"#chart-{chart}")
        box.scroll_into_view_if_needed()
        for x in range(40, 1000, 120):
            box.hover(position={"x": x % 400 + 20, "y": 90}, force=True)
    assert page.evaluate("window.hacked") is None and noise == []
    assert evil in page.locator(".stage h3").first.inner_text()
    page.context.close()
    context = browser.new_context()
    page = context.new_page()
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.goto(empty.as_uri())
    page.wait_for_selector("#live:not([hidden]) #glossary")
    assert errors == [] and page.locator("#live .answers li").count() == 3
    context.close()
