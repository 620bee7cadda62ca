"""
Pictures of the report for the READMEs and of the Superset dashboards for docs/bi.md, of the sample.

`.venv/bin/python -m orchestration.developing.pictures` after `make nightly`; Chromium takes them.
With the address of a Superset that has imported the dashboards, such as `http://127.0.0.1:8088`, it
takes those instead; `SUPERSET_LOGIN` is `user:password`.
"""

from __future__ import annotations

import os
import shutil
import sys

from playwright.sync_api import Page, sync_playwright

from orchestration.base.release import PAGE
from orchestration.readers.superset_charts import LANGUAGES
from orchestration.settings import ROOT, load_settings

FOLDER = ROOT / "docs" / "images"
WIDTH, HEIGHT = 1120, 860
BUSY = ".loading, .ant-skeleton, [data-test=loading-indicator]"


def take(page: Page, name: str) -> None:
    """Write a picture of what the page shows."""
    path = FOLDER / name
    page.screenshot(path=path)
    print(f"{path}: {path.stat().st_size // 1024} KB")


def report(page: Page) -> None:
    """The upper part of the report."""
    page.goto((load_settings().published / "current" / PAGE).resolve().as_uri())
    for language in LANGUAGES:
        page.check(f"#in-{language}")
        page.wait_for_selector("#chart-curve svg")
        take(page, f"report.{language}.png")


def dashboards(page: Page, address: str) -> None:
    """The upper part of the dashboards, down to the flow between stages."""
    user, _, password = os.environ["SUPERSET_LOGIN"].partition(":")
    page.set_default_timeout(120_000)
    page.set_viewport_size({"width": 1280, "height": 1380})
    page.goto(f"{address}/login/")
    page.fill("input[type=text]", user)
    page.fill("input[type=password]", password)
    page.press("input[type=password]", "Enter")
    page.wait_for_url("**/superset/welcome/**")
    for language in LANGUAGES:
        page.goto(f"{address}/superset/dashboard/journey-{language}/")
        page.wait_for_selector("[data-test-viz-type=sankey_v2] canvas")
        page.wait_for_function(f"!document.querySelector('{BUSY}')")
        page.wait_for_timeout(3000)  # bars grow
        take(page, f"superset.{language}.png")


def main() -> None:
    """Write one picture for each language."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=shutil.which("chromium") or shutil.which("chromium-browser"),
            args=["--no-sandbox", "--disable-gpu"],
        )
        page = browser.new_page(viewport={"width": WIDTH, "height": HEIGHT})
        if len(sys.argv) > 1:
            dashboards(page, sys.argv[1])
        else:
            report(page)
        browser.close()


if __name__ == "__main__":
    main()
