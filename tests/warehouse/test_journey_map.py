"""The journey map of the sample: what it shows, that it needs nothing, and Chromium's view."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path

import duckdb
import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from orchestration.readers import journey_map
from orchestration.readers.journey_map.drawing import flows
from orchestration.readers.journey_map.page import tree
from orchestration.readers.journey_map.reading import FEW, Label, few, read
from tests.conftest import read_release

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
BLOCKS = ("satisfaction", "funnel", "flows", "cohorts", "value", "spread")


@pytest.fixture(scope="module")
def page_path(sample_home: Path) -> Path:
    return sample_home / "published" / "current" / "journey_map.html"


@pytest.fixture(scope="module")
def html(page_path: Path) -> str:
    return page_path.read_text("utf-8")


class Outline(HTMLParser):
    """Elements in order, and what could reach the network or run."""

    def __init__(self) -> None:
        super().__init__()
        self.names: list[str] = []
        self.links: list[str] = []
        self.handlers: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.names.append(tag)
        for name, value in attrs:
            if name in ("src", "href", "action", "srcset", "data"):
                self.links.append(f"{tag} {name}={value}")
            if name.startswith("on"):
                self.handlers.append(f"{tag} {name}")


def test_the_page_is_one_small_file_that_needs_nothing(page_path: Path, html: str) -> None:
    assert page_path.stat().st_size < 500_000
    outline = Outline()
    outline.feed(html)
    assert outline.links == [] and outline.handlers == []
    assert not {"script", "link", "iframe", "object", "embed"} & set(outline.names)
    assert "default-src 'none'" in html
    assert not re.search(r"url\(|@import|https?://", html)
    assert "journey_map.html" in (page_path.parent / "manifest.json").read_text("utf-8")


def test_every_picture_has_its_table_and_both_languages(html: str) -> None:
    body = html[html.index("<body>") :]
    pictures = [m.start() for m in re.finditer(r'<svg [^>]*role="img"', body)]
    assert len(pictures) == len(BLOCKS)
    for start in pictures:
        after = body[start : body.index("</section>", start)]
        assert re.search(r"<details><summary>.*?</summary>.*?<td", after, re.S)
    assert len(re.findall(r'<span lang="ja">', body)) == len(re.findall(r'<span lang="en">', body))
    assert len(re.findall(r'<text lang="ja"', body)) == len(re.findall(r'<text lang="en"', body))
    assert not re.search(r'lang="(ja|en)"></(span|text)>', body)


def test_the_numbers_are_those_of_the_release(sample_home: Path, html: str) -> None:
    with read_release(sample_home) as release:
        content = read(release)
        people = dict(
            release.execute(
                "select current_stage, count(*) from marts.dim_persons group by 1"
            ).fetchall()
        )
        audit = release.execute(
            "select release_id, passed_check_count from marts.release_info"
        ).fetchone()
        paid = release.execute(
            "select sum(paid_amount_reporting) from marts.fct_revenue_points "
            "where occurred_at >= $1 and stage = 'purchase'", [content.release["since_date"]],
        ).fetchone()  # fmt: skip
    assert audit is not None and paid is not None
    assert audit[0] in html and f"✓ {audit[1]}" in html
    assert f"<td>{paid[0]:,.0f}</td>" in html
    for stage in content.stages:
        assert stage["people_now"] == people.get(stage["stage"], 0)
    shown = re.findall(r'<span class="big">([^<]+)</span>', html)
    assert shown == [f"{few(stage['people_now']):,}" for stage in content.stages]
    assert all(move["moves"] >= 5 for move in content.transitions)
    assert all(row["cohort_customer_count"] >= 5 for row in content.cohorts)


def test_few_people_are_not_shown_and_texts_are_harmless(sample_home: Path) -> None:
    """A copy with four people in a stage, no answers, and a label that would be a script."""
    with read_release(sample_home) as release, duckdb.connect() as copy:
        copy.execute("create schema marts")
        for (name,) in release.execute(
            "select table_name from duckdb_tables() where schema_name = 'marts'"
        ).fetchall():
            rows = release.execute(f"select * from marts.{name}").to_arrow_table()
            copy.register("arriving", rows)
            copy.execute(f"create table marts.{name} as select * from arriving")
        copy.execute("update marts.dim_labels set name_en = '<script>alert(1)</script>'")
        copy.execute("delete from marts.fct_stage_intervals where stage = 'advocacy'")
        copy.execute(
            "insert into marts.fct_stage_intervals by name select * replace "
            "(person_id || row_number() over () as person_id, 'advocacy' as stage, "
            "true as is_open) from marts.fct_stage_intervals limit 4"
        )
        copy.execute("delete from marts.fct_survey_scores")
        html = journey_map.render(copy)
        assert few(4) == FEW and few(5) == 5 and few(0) == 0
        assert '<span class="big">&lt;5</span>' in html
        assert "<script" not in html and "&lt;script&gt;" in html
        assert html.count("データなし") >= 6
        for table in ("kpi_cohorts_monthly", "kpi_monthly", "kpi_attribution_spread",
                      "kpi_value_journey", "kpi_recurring_revenue_monthly", "fct_stage_intervals",
                      "kpi_funnel_monthly", "kpi_stage_transitions_monthly"):  # fmt: skip
            copy.execute(f"delete from marts.{table}")
        assert "<svg" in journey_map.render(copy)  # a home in which nothing happened yet


def test_a_kpi_below_an_empty_one_moves_up_and_none_is_lost() -> None:
    def row(kpi: str, parent: str | None, value: float | None) -> dict[str, object]:
        return {"kpi": kpi, "parent_kpi": parent, "kpi_value": value}

    kpis = [row("a", None, 1), row("b", "a", None), row("c", "b", 2), row("d", "x", 3)]
    (first, second) = tree(kpis)
    assert (first["kpi"], [child["kpi"] for child in first["children"]]) == ("a", ["c"])
    assert second["kpi"] == "d"


def test_flows_draw_every_move_once() -> None:
    stages = [{"stage": name, "name_ja": name, "name_en": name} for name in ("a", "b", "c")]
    moves = [
        {"from_stage": "(none)", "to_stage": "a", "transition_type": "enter", "moves": 100},
        {"from_stage": "a", "to_stage": "b", "transition_type": "advance", "moves": 60},
        {"from_stage": "a", "to_stage": "c", "transition_type": "skip", "moves": 10},
        {"from_stage": "a", "to_stage": "(none)", "transition_type": "lapse", "moves": 30},
        {"from_stage": "(none)", "to_stage": "b", "transition_type": "return", "moves": 5},
    ]
    svg = flows(Label("流れ", "Flows"), stages, moves)
    widths = [float(w) for w in re.findall(r'class="flow[^>]*stroke-width="([0-9.]+)"', svg)]
    assert sorted(widths) == [8.5, 17.0, 40.0, 40.0, 102.0]  # 1.7 a move, at most 40 at the rims
    assert "+100" in svg and "−30" in svg


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


def opened(browser: Browser, path: Path, width: int, scheme: str) -> tuple[Page, list[str]]:
    """The page as a reader sees it, and everything it said or asked for."""
    context = browser.new_context(
        viewport={"width": width, "height": 900},
        color_scheme="dark" if scheme == "dark" else "light",
    )
    page = context.new_page()
    noise: list[str] = []
    page.on("console", lambda message: noise.append(message.text))
    page.on("pageerror", lambda error: noise.append(str(error)))
    page.on("requestfailed", lambda request: noise.append(f"failed {request.url}"))
    page.on("request", lambda request: noise.append(request.url))
    page.goto(path.as_uri())
    return page, [line for line in noise if line != path.as_uri()]


CONTRAST = """() => {
  const parse = text => text.match(/[\\d.]+/g).map(Number);
  const light = ([r, g, b]) => [r, g, b].map(v => v / 255).map(
    v => v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4
  ).reduce((sum, v, i) => sum + v * [0.2126, 0.7152, 0.0722][i], 0);
  const poor = [];
  for (const node of document.querySelectorAll('body *')) {
    const own = [...node.childNodes].some(n => n.nodeType === 3 && n.textContent.trim());
    if (!own || !node.getClientRects().length || node.closest('title')) continue;
    const style = getComputedStyle(node);
    const front = parse(node instanceof SVGElement ? style.fill : style.color);
    let back = null;
    const cell = node instanceof SVGElement
      && node.previousElementSibling?.querySelector?.('.heat');
    for (let up = node; up && !back; up = up.parentElement) {
      const colour = parse(getComputedStyle(up).backgroundColor);
      if (colour.length === 3 || colour[3] > 0) back = colour;
    }
    if (cell) {
      const fill = parse(getComputedStyle(cell).fill), share = +cell.getAttribute('fill-opacity');
      back = back.slice(0, 3).map((v, i) => v + (fill[i] - v) * share);
    }
    const [a, b] = [light(front), light(back)].sort((x, y) => y - x);
    if ((a + 0.05) / (b + 0.05) < 4.5) {
      poor.push(`${node.textContent.trim().slice(0, 40)}: ${front} on ${back}`);
    }
  }
  return poor;
}"""


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1200, 390])
def test_in_chromium(
    browser: Browser, page_path: Path, tmp_path: Path, width: int, scheme: str
) -> None:
    page, noise = opened(browser, page_path, width, scheme)
    assert noise == []
    for language, other in (("ja", "en"), ("en", "ja")):
        page.check(f"#in-{language}")
        assert page.locator(f"main [lang={other}]:visible").count() == 0
        assert page.locator(f"main h2 [lang={language}]:visible").count() == 8
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        for fold in page.locator("summary").all():
            fold.click()
        assert page.evaluate(CONTRAST) == []
    picture = page.screenshot(full_page=True, path=tmp_path / f"{width}-{scheme}.png")
    assert len(picture) > 50_000
    page.context.close()


def test_keyboard_reaches_everything_in_the_order_of_the_page(
    browser: Browser, page_path: Path
) -> None:
    page, _ = opened(browser, page_path, 1200, "light")
    tops, names = [], []
    for _ in range(60):
        page.keyboard.press("Tab")
        found = page.evaluate(
            "() => { const e = document.activeElement; return e === document.body ? null : "
            "[e.tagName, e.getBoundingClientRect().top + scrollY] }"
        )
        if found is None:
            break
        names.append(found[0])
        tops.append(found[1])
    assert tops == sorted(tops)
    assert names.count("SUMMARY") == page.locator("summary").count() == 7
    assert names[0] == "INPUT"
    page.keyboard.press("Tab")
    page.locator("#in-ja").focus()
    page.keyboard.press("ArrowRight")
    assert page.locator("#in-en").is_checked()
    page.context.close()
