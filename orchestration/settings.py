"""
The settings of a run: the only module that reads the environment.

A *home* (`JOURNEY_HOME`) holds everything that changes: landing zone, warehouse, audits, releases
and Dagster's state. `<home>/journey.toml` sets what `DEFAULTS` lists for the data that lies there;
environment variables win over it. `journey settings` shows each with where it comes from.
"""

from __future__ import annotations

import difflib
import errno
import os
import re
import shlex
import shutil
import sys
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any
from zoneinfo import available_timezones

import phonenumbers
from babel import Locale

ROOT = Path(__file__).resolve().parent.parent
DBT_PROJECT_DIR = ROOT / "dbt_project"
# `-P`: a folder that happens to hold a dbt.py is not looked at.
DBT = (sys.executable, "-P", "-m", "orchestration.building.dbt_process")
SEEDS_DIR = ROOT / "seeds"
SAMPLE_DIR = ROOT / "sample" / "landing"
SAMPLE_RULES = ROOT / "sample" / "rules"

# Stated openly, because the sample is synthetic: it protects nobody and must never hash real data.
SAMPLE_PEPPER = "pepper of the synthetic sample, not a secret"

INSTANT = "%Y-%m-%d %H:%M:%S"
CONSENT_POLICIES = ("ignored", "opt_out", "opt_in")

LEAST_MEMORY_KB = 100 * 1024

# What `<home>/journey.toml` or JOURNEY_<NAME> may set, and what holds without either.
DEFAULTS = {
    "data_set_name": "",
    "business_timezone": "Asia/Tokyo",
    "reporting_currency": "JPY",
    "threads": "2",
    "memory_limit": "4GB",
    "pepper_key_id": "k1",
    "keep_releases": "7",
    "keep_runs": "14",
    "consent_policy": "ignored",
    "phone_region": "JP",
}

# What `[adapters.<name>]` in `<home>/journey.toml` may say of the exports of a tool, where they
# differ from what its adapter says. Keys and what their values must be.
ADAPTER_CHOICES = {
    "time_zone": "must be an IANA time zone such as Asia/Tokyo",
    "date_order": 'must be "day_first" or "month_first"',
    "decimal_mark": 'must be "." or ","',
    "file_name": "must be a regular expression with a group (?P<name>…)",
}


class SettingsError(ValueError):
    """A setting is wrong; the message names it and the remedy."""


@dataclass(frozen=True)
class Settings:
    """Everything a run takes from outside, apart from the data and `as_of_at`."""

    home: Path
    data_set_name: str
    business_timezone: str
    reporting_currency: str
    threads: int
    memory_limit: str
    pepper: str | None
    pepper_key_id: str
    keep_releases: int
    keep_runs: int
    consent_policy: str
    phone_region: str
    # By name of an adapter: what its exports are like here, see ADAPTER_CHOICES.
    adapters: Mapping[str, Mapping[str, str]] = field(default_factory=dict, compare=False)
    # By label of a raw table: months after which rows that no number rests on leave it.
    retention: Mapping[str, int] = field(default_factory=dict, compare=False)
    # By name of a setting: `default`, or the file or environment variable that it comes from.
    sources: Mapping[str, str] = field(default_factory=dict, compare=False, repr=False)

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
    def tmp(self) -> Path:
        """Where DuckDB puts what does not fit into memory; of no use after the run."""
        return self.home / "work" / "tmp"

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
        """Whether the home holds the shipped synthetic sample, and so nothing else ever."""
        return self.sample_mark.exists()

    @property
    def sample_mark(self) -> Path:
        """The file that says so."""
        return self.home / "SYNTHETIC_SAMPLE"

    @property
    def effective_pepper(self) -> str | None:
        """The secret key of the hashes; the stated development pepper for the sample only."""
        return self.pepper or (SAMPLE_PEPPER if self.is_sample else None)

    def environment(self, as_of_at: str | None = None) -> dict[str, str]:
        """Environment variables for dbt and Dagster. The pepper is deliberately not among them."""
        values = {
            "JOURNEY_HOME": str(self.home),
            "JOURNEY_WAREHOUSE": str(self.warehouse),
            "JOURNEY_TMP": str(self.tmp),
            "JOURNEY_THREADS": str(self.threads),
            "JOURNEY_MEMORY_LIMIT": self.memory_limit,
            "JOURNEY_BUSINESS_TIMEZONE": self.business_timezone,
            "JOURNEY_REPORTING_CURRENCY": self.reporting_currency,
            "JOURNEY_CONSENT_POLICY": self.consent_policy,
            "DAGSTER_STATE_DIR": str(self.home / "dagster"),
            "DO_NOT_TRACK": "1",
            "JOURNEY_PARENT": str(os.getpid()),  # see orchestration/building/dbt_process.py
            "PYTHONPATH": str(ROOT),
        }
        if as_of_at is not None:
            values["JOURNEY_AS_OF_AT"] = as_of_at
        return values

    def prepare(self) -> None:
        """
        Create the folders of the home, private ones for their owner only, as is its pepper.

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
            if not os.access(self.home, os.W_OK):  # where nothing is to be made, nothing would fail
                is_read_only = os.statvfs(self.home).f_flag & os.ST_RDONLY
                code = errno.EROFS if is_read_only else errno.EACCES
                raise PermissionError(code, os.strerror(code), str(self.home))
            for folder in private:
                folder.mkdir(mode=0o700, exist_ok=True)
                if folder.stat().st_mode & 0o077 and folder.stat().st_uid == os.getuid():
                    folder.chmod(0o700)
            pepper = self.home / "pepper"
            is_used = self.sources.get("pepper") == str(pepper)
            if is_used and pepper.stat().st_mode & 0o077 and pepper.stat().st_uid == os.getuid():
                pepper.chmod(0o600)
            self.dbt_target.mkdir(exist_ok=True)
            self.tmp.mkdir(exist_ok=True)
            for folder in (self.published, self.published / "releases"):
                if not folder.exists():
                    folder.mkdir()
                    folder.chmod(0o755)
        except OSError as error:
            raise SettingsError(
                f"the home {self.home} cannot be written by user {os.getuid()} "
                f"({error.strerror}: {error.filename}); "
                "set JOURNEY_HOME to a folder of yours, or make this one writable"
            ) from error

    def empty_tmp(self) -> None:
        """Remove what a killed run left of its data there; under the home's lock."""
        for path in self.tmp.iterdir():
            if path.is_dir() and not path.is_symlink():
                shutil.rmtree(path)
            else:
                path.unlink()


def is_instant(text: str) -> bool:
    """Whether a text is an instant that exists, as `INSTANT` writes it."""
    try:
        return datetime.strptime(text, INSTANT).strftime(INSTANT) == text
    except ValueError:
        return False


@cache
def currency_codes() -> frozenset[str]:
    """The codes of ISO 4217, past ones too, as the Unicode consortium lists them."""
    return frozenset(Locale("en").currencies)


def home_path() -> Path:
    """The home that `JOURNEY_HOME` names, `./.journey` by default, absolute."""
    named = os.environ.get("JOURNEY_HOME", "").strip()
    return Path(named or ROOT / ".journey").expanduser().resolve()


def hook(variable: str) -> list[str]:
    """
    Words of the command that `JOURNEY_ON_FAILURE` or `JOURNEY_ON_SUCCESS` holds, as a shell splits
    them; empty without one. Raises `SettingsError` when a quote is not closed.
    """
    try:
        return shlex.split(os.environ.get(variable, ""))
    except ValueError as error:
        raise SettingsError(f"{variable} is no command ({error}); correct it") from error


def load_settings(home: Path | None = None) -> Settings:
    """
    Read the settings of a home.

    Raises `SettingsError` with file, key and remedy when one of them cannot be used.
    """
    home = (home or home_path()).resolve()
    if home.exists() and not home.is_dir():
        raise SettingsError(f"the home {home} is no folder; set JOURNEY_HOME to one")
    values, sources = read_settings(home)
    adapters, retention = read_adapter_choices(home), read_retention(home)

    def wrong(name: str, what: str) -> SettingsError:
        text = f"{name} = {values[name]!r} {what}"
        if sources[name] == "default":
            return SettingsError(text)
        return SettingsError(f"{text}; correct it in {sources[name]}")

    for name in ("threads", "keep_releases", "keep_runs"):
        if not re.fullmatch("[0-9]{1,9}", values[name]) or int(values[name]) < 1:
            raise wrong(name, "must be a whole number of at least 1")
    if len(values["data_set_name"]) > 80 or not values["data_set_name"].isprintable():
        raise wrong("data_set_name", "must be a text of one line and up to 80 characters")
    if values["business_timezone"] not in available_timezones() - {"localtime", "Factory"}:
        raise wrong("business_timezone", "is no IANA time zone such as Asia/Tokyo")
    if values["reporting_currency"] not in currency_codes():
        raise wrong("reporting_currency", "is no ISO 4217 code such as JPY")
    size = re.fullmatch(
        r"([0-9]+(?:\.[0-9]+)?) ?([KMGT])i?B", values["memory_limit"], re.IGNORECASE
    )
    if not size or float(size[1]) * 1024 ** "KMGT".index(size[2].upper()) < LEAST_MEMORY_KB:
        raise wrong("memory_limit", "is no size of at least 100MB, such as 4GB or 500MB")
    if values["consent_policy"] not in CONSENT_POLICIES:
        raise wrong(
            "consent_policy",
            f"is not one of {', '.join(CONSENT_POLICIES)} (docs/privacy.md says what they mean)",
        )
    if values["phone_region"] not in phonenumbers.SUPPORTED_REGIONS:
        raise wrong("phone_region", "is no region of phone numbers such as JP (ISO 3166)")
    if not re.fullmatch("[A-Za-z0-9_.-]{1,40}", values["pepper_key_id"]):
        raise wrong("pepper_key_id", "is no name of up to 40 letters, digits, _, . or -")
    pepper, sources["pepper"] = _pepper(home)
    return _settings(home, values, sources, pepper, adapters, retention)


def _settings(
    home: Path,
    values: Mapping[str, str],
    sources: Mapping[str, str],
    pepper: str | None,
    adapters: Mapping[str, Mapping[str, str]],
    retention: Mapping[str, int],
) -> Settings:
    return Settings(
        home=home,
        data_set_name=values["data_set_name"].strip(),
        business_timezone=values["business_timezone"],
        reporting_currency=values["reporting_currency"],
        threads=int(values["threads"]),
        memory_limit=values["memory_limit"],
        pepper=pepper,
        pepper_key_id=values["pepper_key_id"],
        keep_releases=int(values["keep_releases"]),
        keep_runs=int(values["keep_runs"]),
        consent_policy=values["consent_policy"],
        phone_region=values["phone_region"],
        adapters=adapters,
        retention=retention,
        sources=sources,
    )


def default_settings(home: Path) -> Settings:
    """Settings of a home as if nothing were set: for a look at one whose own are wrong."""
    return _settings(home.resolve(), DEFAULTS, dict.fromkeys(DEFAULTS, "default"), None, {}, {})


def pepper_source(home: Path) -> str:
    """
    Where the pepper comes from: an environment variable, a file, or `default` for none.

    Raises `SettingsError` when it cannot be used.
    """
    return _pepper(home.resolve())[1]


def variables() -> dict[str, str]:
    """What holds by environment only, by name of the variable; of secrets only whether they do."""
    secret = ("JOURNEY_PEPPER", "JOURNEY_POSTGRES_URL", "JOURNEY_WEBHOOK_URL",
              "JOURNEY_OPENLINEAGE_URL")  # fmt: skip
    shown = ("JOURNEY_HOME", "JOURNEY_PEPPER_FILE", "JOURNEY_ON_FAILURE", "JOURNEY_ON_SUCCESS")
    values = {name: os.environ.get(name, "").strip() for name in (*shown, *secret)}
    return {
        name: ("set" if value and name in secret else value) or "not set"
        for name, value in values.items()
    }


def read_settings(home: Path) -> tuple[dict[str, str], dict[str, str]]:
    """
    Value and source of each setting, as texts that are not checked yet.

    Raises `SettingsError` when `<home>/journey.toml` cannot be read or names what is no setting.
    """
    path = home / "journey.toml"
    config = _config(path)
    for name, value in config.items():
        if name in ("adapters", "retention"):
            continue
        _refuse_unknown(path, name, "setting", (*DEFAULTS, "adapters", "retention"))
        if isinstance(value, bool) or not isinstance(value, str | int):
            raise SettingsError(f"{path}: {name} must be a text or a whole number; correct it")
    values, sources = {}, {}
    for name, default in DEFAULTS.items():
        variable = f"JOURNEY_{name.upper()}"
        if text := os.environ.get(variable, "").strip():
            values[name], sources[name] = text, variable
        elif name in config:
            values[name], sources[name] = str(config[name]), str(path)
        else:
            values[name], sources[name] = default, "default"
    return values, sources


def read_adapter_choices(home: Path) -> dict[str, dict[str, str]]:
    """
    What `[adapters.<name>]` of `<home>/journey.toml` says, by adapter.

    Raises `SettingsError` with file, key and remedy.
    """
    path = home / "journey.toml"
    found = _config(path).get("adapters", {})
    names = tuple(sorted(file.parent.name for file in (ROOT / "adapters").glob("*/adapter.toml")))
    if not isinstance(found, dict) or not all(isinstance(one, dict) for one in found.values()):
        raise SettingsError(f"{path}: adapters must be tables, [adapters.<name>]; correct it")
    for adapter, choices in found.items():
        _refuse_unknown(path, adapter, "adapter", names)
        for key, value in choices.items():
            _refuse_unknown(path, key, f"key of adapters.{adapter}", tuple(ADAPTER_CHOICES))
            if problem := choice_problem(key, value):
                raise SettingsError(f"{path}: adapters.{adapter}.{key} {problem}; correct it")
    return found


def read_retention(home: Path) -> dict[str, int]:
    """
    What `[retention]` of `<home>/journey.toml` says: months, by label of a raw table.

    Whether there are such tables knows the contract (`loading/retaining.py`). Raises
    `SettingsError` with file, key and remedy.
    """
    path = home / "journey.toml"
    found = _config(path).get("retention", {})
    if not isinstance(found, dict):
        raise SettingsError(f"{path}: retention must be a table, [retention]; correct it")
    for label, months in found.items():
        if isinstance(months, bool) or not isinstance(months, int) or not 1 <= months <= 1200:
            raise SettingsError(
                f"{path}: retention.{label} must be a whole number of months, 1 to 1200; correct it"
            )
    return found


def choice_problem(key: str, value: object) -> str | None:
    """Why a value cannot be that of a key of `ADAPTER_CHOICES`; None when it can."""
    try:
        is_right = (
            isinstance(value, str)
            and {
                "time_zone": lambda: value in available_timezones() - {"localtime", "Factory"},
                "date_order": lambda: value in ("day_first", "month_first"),
                "decimal_mark": lambda: value in (".", ","),
                "file_name": lambda: "name" in re.compile(value).groupindex,
            }[key]()
        )
    except re.error:
        is_right = False
    return None if is_right else ADAPTER_CHOICES[key]


def _config(path: Path) -> dict[str, Any]:
    """The `journey.toml` of a home, empty without one."""
    if not (path.exists() or path.is_symlink()):
        return {}
    try:
        return tomllib.loads(path.read_text("utf-8"))
    except tomllib.TOMLDecodeError as error:
        raise SettingsError(f"{path}: not valid TOML ({error}); correct it") from error
    except (OSError, UnicodeDecodeError):
        raise SettingsError(f"{path} cannot be read as UTF-8 text; correct it") from None


def nearest(name: str, known: Iterable[str]) -> str | None:
    """The known name that somebody most likely meant; None when none is near."""
    return next(iter(difflib.get_close_matches(name, known, 1, 0.5)), None)


def unknown(name: str, kind: str, known: Iterable[str], where: str = "") -> str:
    """How a message names what nobody knows: `<where><name> is no <kind>`, and what there is."""
    known = tuple(known)
    near = nearest(name, known)
    meant = f"did you mean {near}? " if near else ""
    return f"{where}{name} is no {kind}; {meant}There are: {', '.join(known)}"


def _refuse_unknown(path: Path, name: str, kind: str, known: tuple[str, ...]) -> None:
    if name not in known:
        raise SettingsError(f"{path}: {unknown(name, kind, known)}")


def _pepper(home: Path) -> tuple[str | None, str]:
    """The pepper of the environment, of a file that it names, or of the home; and its source."""
    if text := os.environ.get("JOURNEY_PEPPER", "").strip():
        return _long_enough("JOURNEY_PEPPER", text), "JOURNEY_PEPPER"
    named = os.environ.get("JOURNEY_PEPPER_FILE", "").strip()
    path = Path(named) if named else home / "pepper"
    try:
        text = path.read_text("utf-8").strip()
    except (FileNotFoundError, NotADirectoryError):
        if named:
            raise SettingsError(
                f"JOURNEY_PEPPER_FILE = {named!r}: there is no such file; correct it"
            ) from None
        return None, "default"
    except (OSError, UnicodeDecodeError):
        raise SettingsError(f"{path}: the pepper cannot be read as text; correct it") from None
    # The home's own is closed by `prepare`, the home being private; who reads one that lies
    # elsewhere is for its owner to know.
    if named and path.stat().st_mode & 0o077:
        raise SettingsError(f"JOURNEY_PEPPER_FILE = {named!r}: others can read it; `chmod 600` it")
    return _long_enough(str(path), text), str(path)


def _long_enough(where: str, text: str) -> str:
    if len(text) < 32:
        raise SettingsError(f"{where}: the pepper needs at least 32 characters; `journey pepper`")
    return text
