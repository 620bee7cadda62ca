"""Settings: a wrong one is a clear error."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from orchestration.settings import SettingsError, is_instant, load_settings


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('business_timezone = "Mars/Base"', "business_timezone"),
        ('reporting_currency = "yen"', "reporting_currency"),
        ("threads = 0", "threads"),
        ("threads =", "journey.toml"),
        ('business_timezone = "Asia"', "business_timezone"),  # a folder of the zone database
        ('business_timezone = "../Tokyo"', "business_timezone"),
        ('memory_limit = "lots"', "memory_limit"),
        ("thread = 4", "thread is no setting"),
    ],
)
def test_wrong_settings_name_themselves(
    tmp_path: Path, text: str, words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("BUSINESS_TIMEZONE", "REPORTING_CURRENCY", "THREADS", "MEMORY_LIMIT"):
        monkeypatch.delenv(f"JOURNEY_{name}", raising=False)
    (tmp_path / "journey.toml").write_text(text, "utf-8")
    with pytest.raises(SettingsError, match=words):
        load_settings(tmp_path)


def test_a_file_that_cannot_be_read_names_itself(tmp_path: Path) -> None:
    config = tmp_path / "journey.toml"
    config.write_bytes(b"\xff\xfe")
    with pytest.raises(SettingsError, match=r"journey\.toml"):
        load_settings(tmp_path)
    config.unlink()
    config.mkdir()
    with pytest.raises(SettingsError, match=r"journey\.toml"):
        load_settings(tmp_path)


def test_a_home_that_is_no_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "home").touch()
    with pytest.raises(SettingsError, match="no folder"):
        load_settings(tmp_path / "home")
    with pytest.raises(SettingsError, match="cannot be written"):
        load_settings(tmp_path / "home" / "below").prepare()


def test_a_pepper_is_long_private_and_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("JOURNEY_PEPPER", "short")
    with pytest.raises(SettingsError, match="at least 32"):
        load_settings(tmp_path)
    monkeypatch.delenv("JOURNEY_PEPPER")
    named = tmp_path / "elsewhere"
    monkeypatch.setenv("JOURNEY_PEPPER_FILE", str(named))
    with pytest.raises(SettingsError, match="no such file"):
        load_settings(tmp_path)
    named.write_text("p" * 40, "utf-8")
    named.chmod(0o640)
    with pytest.raises(SettingsError, match="chmod 600"):
        load_settings(tmp_path)
    named.chmod(0o600)
    assert load_settings(tmp_path).pepper == "p" * 40
    monkeypatch.delenv("JOURNEY_PEPPER_FILE")
    own = tmp_path / "pepper"
    own.write_text("q" * 40, "utf-8")
    own.chmod(0o644)
    assert load_settings(tmp_path).pepper == "q" * 40
    assert own.stat().st_mode & 0o777 == 0o600


def test_the_home_is_private_and_its_releases_are_not(tmp_path: Path) -> None:
    home = tmp_path / "home"
    before = os.umask(0o077)
    try:
        load_settings(home).prepare()
    finally:
        os.umask(before)
    modes = {p.name: p.stat().st_mode & 0o777 for p in (home, *home.iterdir())}
    assert modes == {
        "home": 0o700, "published": 0o755,
        **dict.fromkeys(("landing", "warehouse", "work", "audit", "erasures", "dagster"), 0o700),
    }  # fmt: skip
    assert (home / "published" / "releases").stat().st_mode & 0o777 == 0o755
    home.chmod(0o711)  # its owner lets BI tools pass through
    (home / "warehouse").chmod(0o755)
    load_settings(home).prepare()
    assert home.stat().st_mode & 0o777 == 0o711
    assert (home / "warehouse").stat().st_mode & 0o777 == 0o700


@pytest.mark.parametrize(
    ("text", "exists"),
    [
        ("2026-02-28 10:00:00", True),
        ("2026-02-30 10:00:00", False),
        ("2026-2-3 1:0:0", False),
        ("2026-01-01 00:00:00; drop table x", False),
        ("yesterday", False),
    ],
)
def test_an_instant_exists(text: str, exists: bool) -> None:
    assert is_instant(text) == exists


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
