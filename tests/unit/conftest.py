"""What tests of loading share."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from orchestration.settings import SAMPLE_RULES, Settings, load_settings
from tests.conftest import PEPPER


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """An empty home with a pepper and the sample's rules."""
    monkeypatch.setenv("JOURNEY_PEPPER", PEPPER)
    settings = load_settings(tmp_path / "home")
    settings.prepare()
    shutil.copytree(SAMPLE_RULES, settings.home / "rules")
    return settings
