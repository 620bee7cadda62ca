"""Settings: a wrong one is a clear error."""

from __future__ import annotations

from pathlib import Path

import pytest

from orchestration.settings import SettingsError, load_settings


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('business_timezone = "Mars/Base"', "business_timezone"),
        ('reporting_currency = "yen"', "reporting_currency"),
        ("threads = 0", "threads"),
        ("threads =", "journey.toml"),
    ],
)
def test_wrong_settings_name_themselves(
    tmp_path: Path, text: str, words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("BUSINESS_TIMEZONE", "REPORTING_CURRENCY", "THREADS"):
        monkeypatch.delenv(f"JOURNEY_{name}", raising=False)
    (tmp_path / "journey.toml").write_text(text, "utf-8")
    with pytest.raises(SettingsError, match=words):
        load_settings(tmp_path)


def test_a_short_pepper_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("JOURNEY_PEPPER", raising=False)
    (tmp_path / "pepper").write_text("short", "utf-8")
    with pytest.raises(SettingsError, match="make pepper"):
        load_settings(tmp_path)


def test_the_pepper_goes_into_no_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("JOURNEY_PEPPER", "s" * 40)
    settings = load_settings(tmp_path)
    assert "s" * 40 not in str(settings.environment())


@pytest.mark.parametrize("what", ["bytes", "folder"])
def test_a_configuration_that_is_no_text_is_refused(tmp_path: Path, what: str) -> None:
    path = tmp_path / "journey.toml"
    if what == "bytes":
        path.write_bytes(b"\xff\xfe")
    else:
        path.mkdir()
    with pytest.raises(SettingsError, match="cannot be read as UTF-8 text"):
        load_settings(tmp_path)
