"""
The settings of a run: the only module that reads the environment.

A *home* (`JOURNEY_HOME`) holds everything that changes: landing zone, warehouse, audits, releases
and Dagster's state. `<home>/journey.toml` may set the business time zone and the reporting
currency of the data that lies there; environment variables win over it.
"""

from __future__ import annotations

import os
import re
import sys
import tomllib
from dataclasses import dataclass, fields
from datetime import datetime
from pathlib import Path
from zoneinfo import available_timezones

ROOT = Path(__file__).resolve().parent.parent
DBT_PROJECT_DIR = ROOT / "dbt_project"
# `-P`: a folder that happens to hold a dbt.py is not looked at.
DBT = (sys.executable, "-P", "-m", "orchestration.dbt_process")
SEEDS_DIR = ROOT / "seeds"
SAMPLE_DIR = ROOT / "sample" / "landing"

# Stated openly, because the sample is synthetic: it protects nobody and must never hash real data.
SAMPLE_PEPPER = "pepper of the synthetic sample, not a secret"

INSTANT = "%Y-%m-%d %H:%M:%S"
CONSENT_POLICIES = ("ignored", "opt_out", "opt_in")


class SettingsError(ValueError):
    """A setting is wrong; the message names it and the remedy."""


@dataclass(frozen=True)
class Settings:
    """Everything a run takes from outside, apart from the data and `as_of_at`."""

    home: Path
    business_timezone: str
    reporting_currency: str
    threads: int
    memory_limit: str
    pepper: str | None
    pepper_key_id: str
    keep_releases: int
    consent_policy: str

    @property
    def landing(self) -> Path:
        """Where raw files arrive: `<landing>/<source>/<table>/...`."""
        return self.home / "landing"

    @property
    def warehouse(self) -> Path:
        """The private build database; BI tools never open it."""
        return self.home / "warehouse" / "warehouse.duckdb"

    @property
    def warehouse_seen(self) -> Path:
        """How the last run left the warehouse file: its size and time."""
        return self.home / "work" / "warehouse.seen"

    @property
    def journal(self) -> Path:
        """The journal of loads, from which a lost warehouse is loaded again as it was."""
        return self.home / "journal.jsonl"

    @property
    def dbt_target(self) -> Path:
        """Folder of dbt's run artefacts (`run_results.json`)."""
        return self.home / "work" / "dbt"

    @property
    def audits(self) -> Path:
        """Folder of the audit records, one per candidate fingerprint."""
        return self.home / "audit"

    @property
    def erasures(self) -> Path:
        """Folder of the proofs of erasure, one per request; they hold counts only."""
        return self.home / "erasures"

    @property
    def published(self) -> Path:
        """Root of the releases; readers open `published/current/`."""
        return self.home / "published"

    @property
    def is_sample(self) -> bool:
        """Whether the landing zone holds the shipped synthetic sample."""
        return (self.landing / "_SAMPLE").exists()

    @property
    def effective_pepper(self) -> str | None:
        """The secret key of the hashes; the stated development pepper for the sample only."""
        return self.pepper or (SAMPLE_PEPPER if self.is_sample else None)

    def environment(self, as_of_at: str | None = None) -> dict[str, str]:
        """Environment variables for dbt and Dagster. The pepper is deliberately not among them."""
        values = {
            "JOURNEY_HOME": str(self.home),
            "JOURNEY_WAREHOUSE": str(self.warehouse),
            "JOURNEY_TMP": str(self.home / "work" / "tmp"),
            "JOURNEY_THREADS": str(self.threads),
            "JOURNEY_MEMORY_LIMIT": self.memory_limit,
            "JOURNEY_BUSINESS_TIMEZONE": self.business_timezone,
            "JOURNEY_REPORTING_CURRENCY": self.reporting_currency,
            "JOURNEY_CONSENT_POLICY": self.consent_policy,
            "DAGSTER_STATE_DIR": str(self.home / "dagster"),
            "DO_NOT_TRACK": "1",
            "JOURNEY_PARENT": str(os.getpid()),  # see orchestration/dbt_process.py
            "PYTHONPATH": str(ROOT),
        }
        if as_of_at is not None:
            values["JOURNEY_AS_OF_AT"] = as_of_at
        return values

    def prepare(self) -> None:
        """
        Create the folders of the home, private ones for their owner only.

        A home that its owner opened for traversal (0711, so that BI tools under another account
        reach `published/`) is left so. Raises `SettingsError` when the home cannot be written.
        """
        private = [
            self.landing,
            self.warehouse.parent,
            self.home / "work",
            self.audits,
            self.erasures,
            self.home / "dagster",
        ]
        try:
            self.home.mkdir(mode=0o700, parents=True, exist_ok=True)
            for folder in private:
                folder.mkdir(mode=0o700, exist_ok=True)
                if folder.stat().st_mode & 0o077 and folder.stat().st_uid == os.getuid():
                    folder.chmod(0o700)
            self.dbt_target.mkdir(exist_ok=True)
            (self.home / "work" / "tmp").mkdir(exist_ok=True)
            for folder in (self.published, self.published / "releases"):
                if not folder.exists():
                    folder.mkdir()
                    folder.chmod(0o755)
        except OSError as error:
            raise SettingsError(
                f"the home {self.home} cannot be written ({error.strerror}: {error.filename}); "
                "set JOURNEY_HOME to a folder of yours, or make this one writable"
            ) from error


def is_instant(text: str) -> bool:
    """Whether a text is an instant that exists, as `INSTANT` writes it."""
    try:
        return datetime.strptime(text, INSTANT).strftime(INSTANT) == text
    except ValueError:
        return False


def home_path() -> Path:
    """The home that `JOURNEY_HOME` names, `./.journey` by default, absolute."""
    named = os.environ.get("JOURNEY_HOME", "").strip()
    return Path(named or ROOT / ".journey").expanduser().resolve()


def load_settings(home: Path | None = None) -> Settings:
    """
    Read the settings of a home.

    Raises `SettingsError` with file, key and remedy when one of them cannot be used.
    """
    home = (home or home_path()).resolve()
    if home.exists() and not home.is_dir():
        raise SettingsError(f"the home {home} is no folder; set JOURNEY_HOME to one")
    config_path = home / "journey.toml"
    config: dict[str, object] = {}
    if config_path.exists():
        try:
            config = tomllib.loads(config_path.read_text("utf-8"))
        except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
            raise SettingsError(f"{config_path}: not valid TOML ({error}); correct it") from error
        except OSError as error:
            raise SettingsError(f"{config_path}: cannot be read ({error.strerror})") from error
    known = {field.name for field in fields(Settings)} - {"home", "pepper"}
    if unknown := sorted(config.keys() - known):
        raise SettingsError(
            f"{config_path}: {', '.join(unknown)} is no setting; there are: "
            f"{', '.join(sorted(known))}"
        )

    def value(name: str, default: str) -> str:
        return os.environ.get(f"JOURNEY_{name.upper()}") or str(config.get(name, default))

    zone = value("business_timezone", "Asia/Tokyo")
    if zone not in available_timezones() - {"localtime", "Factory"}:
        raise SettingsError(
            f"business_timezone = {zone!r} is no IANA time zone; "
            f"set it in {config_path} or JOURNEY_BUSINESS_TIMEZONE, for example Asia/Tokyo"
        )
    currency = value("reporting_currency", "JPY")
    if not re.fullmatch("[A-Z]{3}", currency):
        raise SettingsError(
            f"reporting_currency = {currency!r} is no ISO 4217 code; set it in {config_path}"
        )
    memory_limit = value("memory_limit", "4GB")
    if not re.fullmatch(r"\d+(\.\d+)? ?[KMGT]i?B", memory_limit, re.IGNORECASE):
        raise SettingsError(f"memory_limit = {memory_limit!r} is no size such as 4GB or 500MB")
    policy = value("consent_policy", "ignored")
    if policy not in CONSENT_POLICIES:
        raise SettingsError(
            f"consent_policy = {policy!r} is not one of {', '.join(CONSENT_POLICIES)}; "
            f"set it in {config_path}; docs/privacy.md says what they mean"
        )
    return Settings(
        home=home,
        business_timezone=zone,
        reporting_currency=currency,
        threads=_positive("threads", value("threads", "2")),
        memory_limit=memory_limit,
        pepper=_pepper(home),
        pepper_key_id=value("pepper_key_id", "k1"),
        keep_releases=_positive("keep_releases", value("keep_releases", "7")),
        consent_policy=policy,
    )


def _positive(name: str, text: str) -> int:
    if not text.isdigit() or int(text) < 1:
        raise SettingsError(f"{name} = {text!r} must be a whole number of at least 1")
    return int(text)


def _pepper(home: Path) -> str | None:
    """The pepper of the environment, of a file that it names, or of the home; else None."""
    if text := os.environ.get("JOURNEY_PEPPER", "").strip():
        return _long_enough("JOURNEY_PEPPER", text)
    named = os.environ.get("JOURNEY_PEPPER_FILE", "").strip()
    path = Path(named) if named else home / "pepper"
    try:
        text = path.read_text("utf-8").strip()
    except (FileNotFoundError, NotADirectoryError):
        if named:
            raise SettingsError(
                f"JOURNEY_PEPPER_FILE = {named!r}: there is no such file; correct it"
            ) from None
        return None
    except (OSError, UnicodeDecodeError):
        raise SettingsError(f"{path}: the pepper cannot be read as text; correct it") from None
    if path.stat().st_mode & 0o077:
        # The home's own is closed again, the home being private; who reads one that lies elsewhere
        # is for its owner to know.
        if named:
            raise SettingsError(
                f"JOURNEY_PEPPER_FILE = {named!r}: others can read it; `chmod 600` it"
            )
        if path.stat().st_uid == os.getuid():
            path.chmod(0o600)
    return _long_enough(str(path), text)


def _long_enough(where: str, text: str) -> str:
    if len(text) < 32:
        raise SettingsError(f"{where}: the pepper needs at least 32 characters; `make pepper`")
    return text
