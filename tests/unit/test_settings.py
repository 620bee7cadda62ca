"""Settings: a wrong one is a clear error."""

from __future__ import annotations

import os
from pathlib import Path
from types import SimpleNamespace

import pytest

from orchestration.settings import DEFAULTS, SettingsError, is_instant, load_settings


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
        ('memory_limit = "1MB"', "memory_limit"),
        ('memory_limit = "0GB"', "memory_limit"),
        ("thread = 4", "thread is no setting; did you mean threads"),
        ("zzz = 4", "There are: data_set_name"),
        ("threads = [4]", "threads must be"),
        ("keep_releases = true", "keep_releases must be"),
        ('reporting_currency = "ABC"', "reporting_currency"),
        ('pepper_key_id = "k 1"', "pepper_key_id"),
        ('data_set_name = "two\\nlines"', "data_set_name"),
        ("adapters = 4", r"adapters must be tables"),
        ("[adapters.stripes]", "stripes is no adapter; did you mean stripe"),
        ('[adapters.stripe]\ntimezone = "UTC"', "timezone is no key .* did you mean time_zone"),
        ('[adapters.stripe]\ndate_order = "dmy"', r"adapters\.stripe\.date_order must be"),
        ('[adapters.stripe]\nfile_name = "("', r"adapters\.stripe\.file_name must be"),
    ],
)
def test_wrong_settings_name_themselves(
    tmp_path: Path, text: str, words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in DEFAULTS:
        monkeypatch.delenv(f"JOURNEY_{name.upper()}", raising=False)
    (tmp_path / "journey.toml").write_text(text, "utf-8")
    with pytest.raises(SettingsError, match=words):
        load_settings(tmp_path)


def test_each_setting_says_where_it_comes_from(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in DEFAULTS:
        monkeypatch.delenv(f"JOURNEY_{name.upper()}", raising=False)
    config = tmp_path / "journey.toml"
    config.write_text("threads = 3\nkeep_releases = 3", "utf-8")
    monkeypatch.setenv("JOURNEY_KEEP_RELEASES", "4")
    settings = load_settings(tmp_path)
    assert (settings.threads, settings.keep_releases, settings.memory_limit) == (3, 4, "4GB")
    assert settings.sources["threads"] == str(config)
    assert settings.sources["keep_releases"] == "JOURNEY_KEEP_RELEASES"
    assert settings.sources["memory_limit"] == settings.sources["pepper"] == "default"
    monkeypatch.setenv("JOURNEY_THREADS", "0")
    with pytest.raises(SettingsError, match=r"threads = '0' .* correct it in JOURNEY_THREADS"):
        load_settings(tmp_path)


def test_a_killed_run_leaves_no_spilled_data_to_the_next(tmp_path: Path) -> None:
    settings = load_settings(tmp_path)
    settings.prepare()
    (settings.tmp / "duckdb_temp_storage_0.tmp").write_text("raw rows", "utf-8")
    (settings.tmp / "folder").mkdir()
    settings.empty_tmp()
    assert list(settings.tmp.iterdir()) == []


def test_a_home_that_is_no_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "home").touch()
    with pytest.raises(SettingsError, match="no folder"):
        load_settings(tmp_path / "home")
    with pytest.raises(SettingsError, match="cannot be written"):
        load_settings(tmp_path / "home" / "below").prepare()


def test_a_home_of_another_user_is_refused_with_the_reason(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As a volume that belongs to root is; a read-only one is told from it."""
    monkeypatch.setattr(os, "access", lambda *_: False)
    with pytest.raises(SettingsError, match=rf"by user {os.getuid()} \(Permission denied: "):
        load_settings(tmp_path).prepare()
    flags = SimpleNamespace(f_flag=os.ST_RDONLY)
    monkeypatch.setattr(os, "statvfs", lambda _: flags)
    with pytest.raises(SettingsError, match=r"\(Read-only file system: "):
        load_settings(tmp_path).prepare()


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
    settings = load_settings(tmp_path)
    assert settings.pepper == "q" * 40
    assert own.stat().st_mode & 0o777 == 0o644  # a look changes nothing, a run does
    settings.prepare()
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
    with pytest.raises(SettingsError, match="journey pepper"):
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
