"""What tests of loading share."""

from __future__ import annotations

from pathlib import Path

import pytest

from orchestration.settings import Settings, load_settings
from tests.conftest import PEPPER


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """An empty home with a pepper."""
    monkeypatch.setenv("JOURNEY_PEPPER", PEPPER)
    settings = load_settings(tmp_path / "home")
    settings.prepare()
    return settings
