"""
Pictures of the report for the READMEs, from a release of the sample.

`.venv/bin/python -m orchestration.developing.pictures` after `make nightly`; Chromium takes them.
"""

from __future__ import annotations

import shutil

from playwright.sync_api import sync_playwright

from orchestration.base.release import PAGE
from orchestration.settings import ROOT, load_settings

FOLDER = ROOT / "docs" / "images"
WIDTH, HEIGHT = 1120, 860


def main() -> None:
    """Write one picture for each language."""
    page_path = (load_settings().published / "current" / PAGE).resolve()
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=shutil.which("chromium") or shutil.which("chromium-browser"),
            args=["--no-sandbox", "--disable-gpu"],
        )
        page = browser.new_page(viewport={"width": WIDTH, "height": HEIGHT})
        page.goto(page_path.as_uri())
        for language in ("ja", "en"):
            page.check(f"#in-{language}")
            page.wait_for_selector("#chart-curve svg")
            path = FOLDER / f"report.{language}.png"
            page.screenshot(path=path)
            print(f"{path}: {path.stat().st_size // 1024} KB")
        browser.close()


if __name__ == "__main__":
    main()
