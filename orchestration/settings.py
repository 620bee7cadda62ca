"""
The settings of a run: the only module that reads the environment.

A *home* (`JOURNEY_HOME`) holds everything that changes: landing zone, warehouse, audits, releases
and Dagster's state. `<home>/journey.toml` may set the business time zone and the reporting
currency of the data that lies there; environment variables win over it.
"""

from __future__ import annotations

import os
import sys
import tomllib
from dataclasses import dataclass
from pathlib import Path
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

ROOT = Path(__file__).resolve().parent.parent
DBT_PROJECT_DIR = ROOT / "dbt_project"
# dbt of this environment, activated or not. Python's collector of cycles would go through the whole
# manifest again and again while models run, a tenth of a night's processor time.
DBT = (
    sys.executable,
    "-P",  # a folder that happens to hold a dbt.py is not looked at
    "-c",
    "import gc; gc.set_threshold(1_000_000); from dbt.cli.main import cli; cli(prog_name='dbt')",
)
SEEDS_DIR = ROOT / "seeds"
SAMPLE_DIR = ROOT / "sample" / "landing"

# Stated openly, because the sample is synthetic: it protects nobody and must never hash real data.
SAMPLE_PEPPER = "pepper of the synthetic sample, not a secret"

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
            "PYTHONPATH": str(ROOT),
        }
        if as_of_at is not None:
            values["JOURNEY_AS_OF_AT"] = as_of_at
        return values

    def prepare(self) -> None:
        """Create the folders of the home."""
        for folder in (
            self.landing,
            self.warehouse.parent,
            self.dbt_target,
            self.home / "work" / "tmp",
            self.audits,
            self.published,
            self.home / "dagster",
        ):
            folder.mkdir(parents=True, exist_ok=True)


def home_path() -> Path:
    """The home that `JOURNEY_HOME` names, `./.journey` by default, absolute."""
    return Path(os.environ.get("JOURNEY_HOME") or ROOT / ".journey").expanduser().resolve()


def load_settings(home: Path | None = None) -> Settings:
    """
    Read the settings of a home.

    Raises `SettingsError` with file, key and remedy when one of them cannot be used.
    """
    home = (home or home_path()).resolve()
    config_path = home / "journey.toml"
    config: dict[str, object] = {}
    if config_path.exists():
        try:
            config = tomllib.loads(config_path.read_text("utf-8"))
        except tomllib.TOMLDecodeError as error:
            raise SettingsError(f"{config_path}: not valid TOML ({error}); correct it") from error

    def value(name: str, default: str) -> str:
        return os.environ.get(f"JOURNEY_{name.upper()}") or str(config.get(name, default))

    zone = value("business_timezone", "Asia/Tokyo")
    try:
        ZoneInfo(zone)
    except (ZoneInfoNotFoundError, ValueError) as error:
        raise SettingsError(
            f"business_timezone = {zone!r} is no IANA time zone; "
            f"set it in {config_path} or JOURNEY_BUSINESS_TIMEZONE, for example Asia/Tokyo"
        ) from error
    currency = value("reporting_currency", "JPY")
    if not (len(currency) == 3 and currency.isalpha() and currency.isupper()):
        raise SettingsError(
            f"reporting_currency = {currency!r} is no ISO 4217 code; set it in {config_path}"
        )
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
        memory_limit=value("memory_limit", "4GB"),
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
    if text := os.environ.get("JOURNEY_PEPPER"):
        return text
    path = Path(os.environ.get("JOURNEY_PEPPER_FILE") or home / "pepper")
    if not path.exists():
        return None
    text = path.read_text("utf-8").strip()
    if len(text) < 32:
        raise SettingsError(f"{path}: the pepper needs at least 32 characters; `make pepper`")
    return text
