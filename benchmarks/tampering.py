"""
Ways to tamper with a home, and what the commands have to make of each: a refusal, or a repair.

Each attack works on a copy of a small home: `built` has published all days of the story,
`candidate` has built and judged them while readers see the release of the first days, and in
`waiting` the later days have not been loaded. *Refused* means a plain message, an exit status other
than 0, and the same release as before; *healed* means exit status 0 and the content of a run that
nobody tampered with; *either* leaves the choice. Two attacks that change nothing are there to show
that the commands do go through.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path

import duckdb

from tests.conftest import PEPPER, environment

CHECK_ALONE = """
import dagster as dg, sys
from orchestration.dagster_shell.checks import marts_boundary
from orchestration.dagster_shell.definitions import defs
job = defs.resolve_job_def("nightly").get_subset(
    asset_selection=set(), asset_check_selection={spec.key for spec in marts_boundary.check_specs})
with dg.DagsterInstance.get() as instance:
    result = job.execute_in_process(
        instance=instance, raise_on_error=False,
        run_config={"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}})
if not result.success:
    from orchestration.dagster_shell import failures
    print(*failures.reasons(result.all_events), sep="\\n", file=sys.stderr)
sys.exit(not result.success)
"""
JOURNEY = ("-m", "orchestration.cli")
COMMANDS = {
    "nightly": (*JOURNEY, "nightly"),
    "nightly as of no month": (*JOURNEY, "nightly", "--as-of", "2026-13-45 00:00:00"),
    "nightly as of 2020": (*JOURNEY, "nightly", "--as-of", "2020-01-01 00:00:00"),
    "check": ("-c", CHECK_ALONE),
    "publish": (*JOURNEY, "publish"),
    "rollback": (*JOURNEY, "rollback"),
}

# Works on the home and may need the one of the first days; yields environment variables.
Act = Callable[[Path, Path], AbstractContextManager[dict[str, str]]]


@dataclass(frozen=True)
class Tampering:
    """One attack: on which home, what is done, which commands run then, what has to come of it."""

    name: str
    expected: str
    act: Act
    commands: tuple[str, ...] = ("publish",)
    base: str = "built"
    words: tuple[str, ...] = ()  # patterns that a refusal has to hold
    secret: str = ""  # must be in no file of the home but the pepper's and the landing zone's
    moved: str = ""  # another name for the home


def change(act: Callable[[Path], object]) -> Act:
    """A change that is made once, to the home alone."""

    @contextmanager
    def made(home: Path, yesterday: Path) -> Iterator[dict[str, str]]:
        act(home)
        yield {}

    return made


def edited(statement: str) -> Callable[[Path], object]:
    """An edit of the warehouse by hand."""

    def edit(home: Path) -> None:
        with duckdb.connect(str(warehouse(home))) as connection:
            connection.execute(statement)

    return edit


def sql(statement: str) -> Act:
    return change(edited(statement))


def with_environment(**variables: str) -> Act:
    @contextmanager
    def made(home: Path, yesterday: Path) -> Iterator[dict[str, str]]:
        yield variables

    return made


def with_pepper_file(content: bytes) -> Act:
    """A pepper in the file of the home, and none in the environment."""

    @contextmanager
    def made(home: Path, yesterday: Path) -> Iterator[dict[str, str]]:
        write(home / "pepper", content)
        yield {"JOURNEY_PEPPER": ""}

    return made


def candidate(built: Path, yesterday: Path) -> None:
    """Take the last release back: what was built and judged waits to be published."""
    published = built / "published"
    last = (published / "current").resolve()
    before = (yesterday / "published" / "current").resolve().name
    (published / "current").unlink()
    (published / "current").symlink_to(Path("releases") / before)
    remove(last)


# ---- Parts of a home -----------------------------------------------------------------------------


def warehouse(home: Path) -> Path:
    return home / "warehouse" / "warehouse.duckdb"


def current(home: Path) -> Path:
    return (home / "published" / "current").resolve()


def earlier(home: Path) -> str:
    """The release before the current one."""
    (name,) = set(os.listdir(home / "published" / "releases")) - {current(home).name}
    return name


def audit(home: Path) -> Path:
    """The audit of the last build."""
    return max((home / "audit").glob("*.json"), key=lambda path: path.stat().st_mtime_ns)


def sha256(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def remove(path: Path) -> None:
    """Remove a file, a link or a folder."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink()


def cut(path: Path, share: float = 0.5) -> None:
    """Cut a file off."""
    path.chmod(0o644)
    os.truncate(path, int(path.stat().st_size * share))


def write(path: Path, content: bytes = b"this is a text\n") -> None:
    """Put other bytes in the place of a file or where there was none."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.exists():
        path.chmod(0o644)
    path.write_bytes(content)


def flip(path: Path) -> None:
    """Turn one bit in the middle of a file."""
    path.chmod(0o644)
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)


def edit_json(path: Path, act: Callable[[dict[str, object]], object]) -> None:
    record = json.loads(path.read_text("utf-8"))
    act(record)
    path.write_text(json.dumps(record), "utf-8")


def holding(home: Path, secret: str) -> list[str]:
    """Files of a home, apart from the landing zone and the pepper, that hold a text."""
    return [
        str(path.relative_to(home))
        for path in home.rglob("*")
        if path.is_file() and not path.is_symlink() and path.name != "pepper"
        and (home / "landing") not in path.parents and secret.encode() in path.read_bytes()
    ]  # fmt: skip


# ---- Attacks that take more than a line ----------------------------------------------------------


@contextmanager
def half_a_build(home: Path, yesterday: Path) -> Iterator[dict[str, str]]:
    """Kill the nightly while dbt builds."""
    import signal

    process = subprocess.Popen(
        [sys.executable, *JOURNEY, "nightly"], env=environment(home), text=True,
        cwd=Path(__file__).resolve().parent.parent, stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL, start_new_session=True,
    )  # fmt: skip
    assert process.stdout is not None
    for line in process.stdout:
        if "dbt build: 50 " in line:
            break
    os.killpg(process.pid, signal.SIGKILL)
    process.communicate()
    yield {}


def unjudged(act: Callable[[Path], object]) -> Act:
    """A change of what is judged, before the build was: there is no audit of it."""

    def both(home: Path) -> None:
        remove(audit(home))
        act(home)

    return change(both)


@contextmanager
def results_of_yesterday(home: Path, yesterday: Path) -> Iterator[dict[str, str]]:
    remove(audit(home))
    shutil.copy(yesterday / "work/dbt/run_results.json", home / "work/dbt/run_results.json")
    yield {}


@contextmanager
def audit_of_yesterday(home: Path, yesterday: Path) -> Iterator[dict[str, str]]:
    shutil.copy(audit(yesterday), audit(home))
    yield {}


@contextmanager
def lock_held(home: Path, yesterday: Path) -> Iterator[dict[str, str]]:
    """Another process holds the home's lock."""
    from orchestration.base.locking import single_writer

    with single_writer(home):
        yield {}


@contextmanager
def storage_locked(home: Path, yesterday: Path) -> Iterator[dict[str, str]]:
    """Another process holds Dagster's run storage."""
    connection = sqlite3.connect(home / "dagster" / "history" / "runs.db", isolation_level=None)
    connection.execute("begin exclusive")
    try:
        yield {}
    finally:
        connection.close()


def storage(act: Callable[[Path], object]) -> Act:
    """Do something to each database of Dagster."""
    return change(lambda home: [act(path) for path in (home / "dagster").rglob("*.db")])


def current_as_folder(home: Path) -> None:
    folder = current(home)
    (home / "published" / "current").unlink()
    shutil.copytree(folder, home / "published" / "current")


def current_as(target: str | None) -> Act:
    """Make `current` a link to somewhere else, or a file."""

    def act(home: Path) -> None:
        link = home / "published" / "current"
        folder = current(home)
        link.unlink()
        if target is None:
            link.write_text("x")
        elif target == "outside":
            shutil.copytree(folder, home / "elsewhere")
            link.symlink_to(home / "elsewhere")
        else:
            link.symlink_to(target)

    return change(act)


def leftovers(home: Path) -> None:
    write(home / "published" / "releases" / ".tmp-20260108-0123456789ab" / "journey.duckdb")
    (home / "published" / ".current-new").symlink_to("releases/nothing")


def failed_verdict(record: dict[str, object]) -> None:
    checks = record["checks"]
    assert isinstance(checks, list)
    checks[0]["status"] = "fail"


def few_checks(record: dict[str, object]) -> None:
    checks = record["checks"]
    assert isinstance(checks, list)
    del checks[1:]


def landing_link(name: str, target: str) -> Act:
    return change(lambda home: (home / "landing" / "crm" / "orders" / name).symlink_to(target))


def landing(name: str) -> Callable[[Path], Path]:
    return lambda home: home / "landing" / "crm" / "orders" / name


def outside_link(home: Path) -> None:
    rows = "order_id,contact_id,ordered_at,order_amount,currency_code,status,order_type\n"
    write(home.parent / f"{home.name}-outside.csv", rows.encode())
    landing("out.csv")(home).symlink_to(home.parent / f"{home.name}-outside.csv")


def pepper_link(home: Path) -> None:
    write(home / "pepper", PEPPER.encode())
    landing("p.csv")(home).symlink_to("../../../pepper")


def in_current(name: str, act: Callable[[Path], object]) -> Act:
    return change(lambda home: act(current(home) / name))


def nothing(home: Path) -> None:
    pass


PARQUET = "parquet/fct_sessions.parquet"
TIMES_1000 = "update marts.fct_revenue_points set paid_amount = paid_amount * 1000"
ALONE = ("check", "publish")
NIGHT = ("nightly",)

TAMPERINGS = [
    # Nothing was done: the steps go through.
    Tampering("control/publish alone", "healed", change(nothing), base="candidate"),
    Tampering("control/check and publish alone", "healed", unjudged(nothing), ALONE, "candidate"),
    # Evidence without its object.
    Tampering("evidence/mart edited", "refused", sql(TIMES_1000), base="candidate"),
    Tampering("evidence/mart edited, checked alone", "refused", sql(TIMES_1000), ALONE,
              "candidate"),
    Tampering("evidence/mart edited between two runs", "either", sql(TIMES_1000), NIGHT),
    Tampering("evidence/incremental mart edited between two runs", "either",
              sql("update marts.fct_sessions set page_view_count = page_view_count + 1000"), NIGHT),
    Tampering("evidence/mart dropped", "refused", sql("drop table marts.fct_revenue_points"), ALONE,
              "candidate"),
    Tampering("evidence/release_info edited", "refused",
              sql("update marts.release_info set as_of_at = as_of_at + interval 1 day"),
              ALONE, "candidate"),
    Tampering("evidence/half a build", "refused", half_a_build, ALONE, "waiting"),
    Tampering("evidence/results of an earlier build", "refused", results_of_yesterday, ALONE,
              "candidate"),
    Tampering("evidence/results cut", "refused",
              unjudged(lambda home: cut(home / "work/dbt/run_results.json")), ALONE, "candidate"),
    Tampering("evidence/results gone", "refused",
              unjudged(lambda home: remove(home / "work/dbt/run_results.json")), ALONE,
              "candidate"),
    Tampering("evidence/audit gone", "refused", change(lambda home: remove(audit(home))),
              base="candidate"),
    Tampering("evidence/audit cut", "refused", change(lambda home: cut(audit(home))),
              base="candidate"),
    Tampering("evidence/audit of an earlier build", "refused", audit_of_yesterday,
              base="candidate"),
    Tampering("evidence/audit with a failed check", "refused",
              change(lambda home: edit_json(audit(home), failed_verdict)), base="candidate"),
    Tampering("evidence/audit without checks", "refused",
              change(lambda home: edit_json(audit(home), lambda a: a.update(checks=[]))),
              base="candidate"),
    Tampering("evidence/audit with one check", "refused",
              change(lambda home: edit_json(audit(home), few_checks)), base="candidate"),
    Tampering("evidence/ledger edited", "refused",
              unjudged(edited("update ops.files set rows_loaded = rows_loaded + 1")), ALONE,
              "candidate"),
    Tampering("evidence/raw row deleted", "either", sql("delete from raw_crm.orders where order_id "
              "= (select min(order_id) from raw_crm.orders)"), NIGHT),
    Tampering("evidence/raw boundary of other loads", "refused", unjudged(lambda home: edit_json(
              home / "work/raw_boundary.json", lambda r: r.update(state="x"))), ALONE, "candidate"),
    Tampering("evidence/raw boundary cut", "refused",
              unjudged(lambda home: cut(home / "work/raw_boundary.json")), ALONE, "candidate"),
    # Damaged releases: published again, by the same candidate.
    Tampering("release/Parquet file gone", "healed", in_current(PARQUET, remove)),
    Tampering("release/Parquet file flipped", "healed", in_current(PARQUET, flip)),
    Tampering("release/database flipped", "healed", in_current("journey.duckdb", flip)),
    Tampering("release/database gone", "healed", in_current("journey.duckdb", remove)),
    Tampering("release/page flipped", "healed", in_current("journey_map.html", flip)),
    Tampering("release/manifest cut", "healed", in_current("manifest.json", cut)),
    Tampering("release/manifest gone", "healed", in_current("manifest.json", remove)),
    Tampering("release/file added", "healed", in_current("more.txt", write)),
    Tampering("release/current is a folder", "healed", change(current_as_folder)),
    Tampering("release/current is a file", "healed", current_as(None)),
    Tampering("release/current leads nowhere", "healed", current_as("releases/nothing")),
    Tampering("release/current leads outside", "healed", current_as("outside")),
    Tampering("release/current is gone", "healed",
              change(lambda home: remove(home / "published" / "current"))),
    Tampering("release/releases are gone", "healed",
              change(lambda home: remove(home / "published" / "releases"))),
    Tampering("release/all is gone", "healed", change(lambda home: remove(home / "published"))),
    Tampering("release/leftovers of a killed publish", "healed", change(leftovers)),
    Tampering("release/garbage in ledger.jsonl", "healed",
              change(lambda home: write(home / "published" / "ledger.jsonl", b'{"at\x00\xff'))),
    Tampering("release/manifest cut, whole night", "healed", in_current("manifest.json", cut),
              NIGHT),
    Tampering("release/rollback to a damaged one", "refused", change(lambda home: cut(
              home / "published/releases" / earlier(home) / "journey.duckdb")), ("rollback",)),
    # Dagster's storage.
    Tampering("storage/garbage", "healed", storage(write), NIGHT, "waiting"),
    Tampering("storage/truncated", "healed", storage(cut), NIGHT, "waiting"),
    Tampering("storage/empty files", "healed", storage(lambda path: write(path, b"")), NIGHT,
              "waiting"),
    Tampering("storage/deleted", "healed", change(lambda home: remove(home / "dagster")), NIGHT,
              "waiting"),
    Tampering("storage/locked", "healed", storage_locked, NIGHT, "waiting"),
    # The warehouse.
    Tampering("warehouse/truncated", "healed", change(lambda home: cut(warehouse(home))), NIGHT,
              "waiting"),
    Tampering("warehouse/empty", "healed", change(lambda home: write(warehouse(home), b"")), NIGHT,
              "waiting"),
    Tampering("warehouse/a text", "healed", change(lambda home: write(warehouse(home))), NIGHT,
              "waiting"),
    Tampering("warehouse/garbage as its log", "healed", change(lambda home: write(
              warehouse(home).with_name("warehouse.duckdb.wal"), bytes(range(256)) * 40)), NIGHT,
              "waiting"),
    Tampering("warehouse/deleted", "healed", change(lambda home: remove(warehouse(home))), NIGHT,
              "waiting"),
    # The landing zone.
    Tampering("landing/link to the pepper", "refused", change(pepper_link), NIGHT, "waiting",
              (r"p\.csv",), secret=PEPPER),
    Tampering("landing/link out of it", "refused", change(outside_link), NIGHT, "waiting",
              (r"out\.csv",)),
    Tampering("landing/link to nothing", "either", landing_link("gone.csv", "nothing.csv"), NIGHT,
              "waiting", (r"gone\.csv",)),
    Tampering("landing/link to itself", "either", landing_link("loop.csv", "loop.csv"), NIGHT,
              "waiting", (r"loop\.csv",)),
    Tampering("landing/named pipe", "either",
              change(lambda home: os.mkfifo(landing("pipe.csv")(home))), NIGHT, "waiting",
              (r"pipe\.csv",)),
    Tampering("landing/folder named x.csv", "either",
              change(lambda home: landing("x.csv")(home).mkdir()), NIGHT, "waiting", (r"x\.csv",)),
    # Lock and journal.
    Tampering("lock/left by a dead process", "healed",
              change(lambda home: write(home / ".lock", b"4194304")), base="candidate"),
    Tampering("lock/held by a living process", "refused", lock_held, ("publish", "nightly"),
              "candidate", (r"process \d+",)),
    Tampering("journal/torn last line", "healed", change(lambda home: write(home / "journal.jsonl",
              (home / "journal.jsonl").read_bytes() + b'{"kind": "ret')), NIGHT, "waiting"),
    Tampering("journal/torn last line, warehouse deleted", "healed", change(lambda home: (
              write(home / "journal.jsonl", (home / "journal.jsonl").read_bytes() + b'{"kind'),
              remove(warehouse(home)))), NIGHT, "waiting"),
]  # fmt: skip


def toml(text: str) -> Act:
    return change(lambda home: write(home / "journey.toml", text.encode()))


SETTINGS = [
    Tampering(f"settings/{name}", expected, act, commands, words=words, moved=moved)
    for name, expected, act, commands, words, moved in (
        ("zone that does not exist", "refused", toml("business_timezone = 'Mars/Base'"), NIGHT,
         ("business_timezone", "journey.toml"), ""),
        ("zone that is a folder", "refused", toml("business_timezone = 'Asia'"), NIGHT,
         ("business_timezone", "Asia/Tokyo"), ""),
        ("zone of a number", "refused", toml("business_timezone = 9"), NIGHT,
         ("business_timezone",), ""),
        ("zone wrong, publish alone", "refused", toml("business_timezone = 'Asia'"), ("publish",),
         ("business_timezone",), ""),
        ("currency in words", "refused", toml("reporting_currency = 'yen'"), NIGHT,
         ("reporting_currency",), ""),
        ("no TOML", "refused", toml("business_timezone = "), NIGHT, ("journey.toml",), ""),
        ("no text", "refused", change(lambda home: write(home / "journey.toml", b"\xff\xfe\x00")),
         NIGHT, ("journey.toml",), ""),
        ("a folder instead of it", "refused", change(lambda home: (home / "journey.toml").mkdir()),
         NIGHT, ("journey.toml",), ""),
        ("threads of none", "refused", toml("threads = 0"), NIGHT, ("threads",), ""),
        ("memory limit in words", "refused", toml("memory_limit = 'lots'"), NIGHT,
         ("memory_limit",), ""),
        ("policy unknown", "refused", toml("consent_policy = 'perhaps'"), NIGHT,
         ("consent_policy",), ""),
        ("short pepper in the environment", "refused", with_environment(JOURNEY_PEPPER="short"),
         NIGHT, ("pepper", "32"), ""),
        ("short pepper in a file", "refused", with_pepper_file(b"short"), NIGHT,
         ("pepper", "32"), ""),
        ("pepper of no text", "refused", with_pepper_file(b"\xff" * 40), NIGHT, ("pepper",), ""),
        ("pepper file that is not there", "refused",
         with_environment(JOURNEY_PEPPER="", JOURNEY_PEPPER_FILE="/nowhere/pepper"), NIGHT,
         ("pepper",), ""),
        ("another pepper than before", "refused", with_environment(JOURNEY_PEPPER="x" * 40), NIGHT,
         ("pepper",), ""),
        ("as of an impossible instant", "refused", change(nothing), ("nightly as of no month",),
         ("2026-13-45",), ""),
        ("as of an instant before all data", "refused", change(nothing), ("nightly as of 2020",),
         ("2020-01-01",), ""),
        ("blanks and quotes in the home's name", "healed", change(nothing), NIGHT, (),
         "a home's \"new\" name"),
    )
]  # fmt: skip
