"""
A year of nights in a small shop: what a night costs, whether it grows, and what is left in the end.

`python -m benchmarks.year [--nights 365] [--real N] [--picture docs/images/year.svg]` draws a shop
of which, night by night, come visits, orders, payments and answers, some of them late; contacts
give, withdraw and give again their consent; files are taken back, people are erased and come back;
a rule changes, a column appears and another has a new name; for a week nobody runs anything, and
for some nights the clock is wrong. Loader, erasure, the compiled models, the restatement ledger and
publishing are the real ones, on a warehouse file; `--real` runs the first N nights by
`journey nightly`, with all that Dagster, dbt and the checks add.

The last release has to be what one full rebuild says, and only as many releases and audits may be
left as the settings say. Exit status 1 when not.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from pathlib import Path
from statistics import median

import duckdb

from orchestration.building import builds
from orchestration.building.fingerprint import fingerprint
from orchestration.developing.compiled import Project
from orchestration.developing.histories import START, File, moment
from orchestration.gate import audits
from orchestration.gate.audits import Audit, Check
from orchestration.publishing import releasing
from orchestration.rules import home as home_rules
from orchestration.settings import SAMPLE_RULES
from tests.conftest import ROOT, environment
from tests.warehouse.test_restatements import CODE, Nights

PEOPLE = 30
KEEP = 7


@dataclass(frozen=True)
class Calendar:
    """When things happen in a year; a shorter one has all of them, closer together."""

    days: int = 365

    def day(self, of_year: int) -> int:
        """The day of this calendar for a day of the year."""
        return of_year * self.days // 365

    def each(self, days: int) -> int:
        """How often comes what the year has each so many days."""
        return max(days * self.days // 365, min(days, 5))

    def is_missed(self, day: int) -> bool:
        """Nobody ran anything for a week."""
        return self.day(201) <= day < max(self.day(208), self.day(201) + 2)


@dataclass
class Night:
    """What one night brings: files of its day and late ones, and what happens beside them."""

    day: int
    files: list[File] = field(default_factory=list)
    retract: int | None = None  # number of an earlier file
    rules: str = ""  # rows of kpi_targets from now on
    clock_days: int = 0  # by which the clock is wrong


def year(nights: int, calendar: Calendar = Calendar(), seed: int = 0) -> Iterator[Night]:
    """The nights on which something runs; a missed week comes with the night after it."""
    retracted, ruled, clocked = (calendar.each(days) for days in (17, 90, 60))
    chance, late, waiting, count = random.Random(seed), [], [], 0
    for day in range(nights):
        night = Night(day)
        files = _files(chance, day, calendar)
        if day % 5 == 3:  # a third of the day's rows come three nights later
            late.append((day + 3, [File(f.table, f.rows[::3]) for f in files if f.rows[::3]]))
            files = [File(f.table, [r for n, r in enumerate(f.rows) if n % 3]) for f in files]
        files += [file for due, held in late if due == day for file in held]
        waiting += [file for file in files if file.rows]
        if calendar.is_missed(day):
            continue
        night.files, waiting = waiting, []
        if day % retracted == retracted - 1:
            night.retract = count - 1  # the file that came last in the night before
        if day % ruled == ruled // 2:
            night.rules = f"visits,month,2026-01-01,all,all,{100 + day}"
        if day % clocked in (clocked // 2, clocked // 2 + 1):
            night.clock_days = -2 if day % (2 * clocked) < clocked else 3
        count += len(night.files)
        yield night


def _files(chance: random.Random, day: int, calendar: Calendar) -> list[File]:
    """The rows of one day, by raw table."""

    def at(hour: int) -> str:
        return moment(day * 24 + hour + chance.randrange(3600) / 3600)

    events, orders, payments, answers, contacts = [], [], [], [], []
    for number in range(chance.randint(15, 25)):
        who = chance.randrange(PEOPLE + day // 10)  # the shop finds a customer every ten days
        event = {
            "event_id": f"e{day}-{number}", "occurred_at": at(chance.randrange(23)),
            "visitor_id": f"v{who}-{chance.randrange(2)}", "event_name": "page_view",
            "user_id": f"u{who}" if number % 4 == 0 else "", "page_url": "https://shop.jp/a",
            "utm_source": chance.choice(["", "", "news"]),
        }  # fmt: skip
        if day >= calendar.day(150):  # the tracker says more from now on
            event["experiment_cookie"] = f"x{number}"
        if day >= calendar.day(250):  # and calls a column by another name
            event["page_location"] = event.pop("page_url")
        events.append(event)
        if number % 6 == 0:
            order = f"o{day}-{number}"
            amount = str(100 * chance.randint(5, 90))
            orders.append({
                "order_id": order, "contact_id": f"c{who}", "ordered_at": at(23),
                "order_type": "one_off", "order_amount": amount, "currency_code": "JPY",
            })  # fmt: skip
            payments.append({
                "payment_id": f"p{day}-{number}", "order_id": order, "paid_at": at(23),
                "payment_type": "charge", "payment_amount": amount, "currency_code": "JPY",
            })  # fmt: skip
            if chance.random() < 0.1:
                payments.append({**payments[-1], "payment_id": f"r{day}-{number}",
                                 "payment_type": "refund"})  # fmt: skip
        if number % 9 == 0:
            answers.append({
                "response_id": f"a{day}-{number}", "survey_id": "nps", "question_id": "nps",
                "responded_at": at(23), "contact_id": f"c{who}", "score": str(chance.randrange(11)),
            })  # fmt: skip
    newcomers = range(PEOPLE) if day == 0 else [PEOPLE + day // 10 - 1] if day % 10 == 0 else []
    for who in [*newcomers, chance.randrange(PEOPLE)]:  # and one who changes their mind
        is_given = (who + day) % 3 > 0
        contacts.append({
            "contact_id": f"c{who}", "created_at": moment(0), "updated_at": moment(day * 24 + 1),
            "user_id": f"u{who}", "email": f"p{who}@hana-mail.jp",
            "analytics_consent_at": moment(day * 24) if is_given else "",
            "analytics_consent_withdrawn_at": "" if is_given else moment(day * 24 + 1),
        })  # fmt: skip
    found = [
        File("web/events", events), File("crm/contacts", contacts), File("crm/orders", orders),
        File("crm/payments", payments), File("survey/answers", answers),
    ]  # fmt: skip
    # Who is erased comes back by the mind that they change, and by new visits.
    if day % calendar.each(40) == calendar.each(40) - 1:
        found.append(File("privacy/erasure_requests", [
            {"request_id": f"q{day}", "requested_at": moment(day * 24 + 2),
             "contact_id": f"c{day % PEOPLE}"}
        ]))  # fmt: skip
    return found


# ---- Nights in this process ----------------------------------------------------------------------


class Year(Nights):
    """A home on disk that lives through the nights; what dbt, Dagster and the pages add is not."""

    rules_count = 0

    def live(self, night: Night, is_published: bool) -> None:
        """One night, with its release or (where none is asked for) its increment alone."""
        self.now = START + timedelta(days=night.day + 1 + night.clock_days, hours=2)
        as_of_at = moment(24 * (night.day + 1))
        if night.retract is not None:
            self.retract(night.retract)
        if night.rules:
            self.rules_count += 1
            give_rules(self.settings.home, night.rules)
            self.project.give_rules(self.connection, home_rules.load(self.settings.home))
        for file in night.files:
            self.arrive(file, night.day)
        key = f"{CODE}-{self.rules_count:064d}"
        if not is_published:
            self.load()
            reason = builds.begin(self.connection, key, as_of_at, False)
            self.project.build(self.connection, as_of_at, bool(reason), self.project.kept)
            builds.complete(self.connection, key, as_of_at, f"night {night.day}")
            return
        self.night(as_of_at, *(), key=key)
        build = builds.last_complete(self.connection)
        assert build is not None
        check = Check("dbt", "a night of a benchmark", "pass")
        audits.write_audit(self.settings.audits, Audit(
            build.build_id, build.fingerprint, build.content_hash, as_of_at, (check,)))  # fmt: skip
        releasing.prune(self.settings.published, KEEP)
        releasing.prune_audits(self.settings, build.fingerprint)
        self.connection.execute("checkpoint")

    def differs_from_a_full_rebuild(self, night: Night) -> list[str]:
        """Marts of which the last increment says something else than one build of everything."""
        before = fingerprint(self.connection).tables
        as_of_at = moment(24 * (night.day + 1))
        self.build(as_of_at, full=True)
        after = fingerprint(self.connection).tables
        return [name for name, table in after.items() if before[name].digest != table.digest]


def give_rules(home: Path, rows: str) -> None:
    """The sample's rules, with own targets."""
    shutil.copytree(SAMPLE_RULES, home / "rules", dirs_exist_ok=True)
    header = "kpi,period,valid_from,dimension,dimension_value,target"
    (home / "rules" / "kpi_targets.csv").write_text(f"{header}\n{rows}\n", "utf-8")


@dataclass
class Cost:
    """What a night took, and how large the home is after it, in MiB by part."""

    day: int
    seconds: float  # of processor time
    parts: dict[str, float]
    note: str = ""


def sizes(home: Path) -> dict[str, float]:
    """MiB of the parts of a home."""
    return {
        part.name: sum(
            path.stat().st_size for path in ([part] if part.is_file() else part.rglob("*"))
            if path.is_file() and not path.is_symlink()
        ) / 2**20
        for part in home.iterdir()
    }  # fmt: skip


def simulate(
    project: Project,
    nights: int,
    folder: Path,
    calendar: Calendar = Calendar(),
    published_each: int = 1,
) -> Iterator[Cost]:
    """Live through the nights; the last entry says how the end compares with a full rebuild."""
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / "warehouse.duckdb"
    config = {"threads": 2, "checkpoint_threshold": "1GB"}  # as dbt's profile
    with duckdb.connect(str(file), config=config) as connection:
        connection.execute(f"attach '{project.empty}' as prepared (read_only)")
        connection.execute("copy from database prepared to warehouse")
        connection.execute("detach prepared")
        home = Year(project, connection, folder / "home")
        lived = list(year(nights, calendar))
        releases = 0
        for place, night in enumerate(lived):
            before = time.process_time()
            is_published = place % published_each == 0 or night is lived[-1]
            releases += is_published
            connection.execute(f"set max_vacuum_tasks = {builds.vacuum_tasks(connection)}")
            home.live(night, is_published)
            parts = sizes(home.settings.home) | {"warehouse": file.stat().st_size / 2**20}
            yield Cost(night.day, time.process_time() - before, parts)
        differing = home.differs_from_a_full_rebuild(night)
        left = len(releasing.release_ids(home.settings.published))
        records = len(list(home.settings.audits.glob("*.json")))
        problems = [f"other than a full rebuild: {', '.join(differing)}"] * bool(differing)
        kept = min(KEEP, releases)
        if not left == records == kept:
            problems.append(f"{left} releases and {records} audits are left, not {kept}")
        yield Cost(nights, 0.0, parts, "; ".join(problems) or "as one full rebuild")


# ---- Nights by the real command ------------------------------------------------------------------


def real(nights: int, home: Path) -> Iterator[Cost]:
    """The same nights by `journey`, as anybody runs it."""
    give_rules(home, "visits,month,2026-01-01,all,all,100")
    (home / "journey.toml").write_text(f"keep_releases = {KEEP}\nkeep_runs = {KEEP}\n", "utf-8")
    names: list[str] = []
    for night in year(nights):
        for file in night.files:
            path = (home / "landing" / file.table / f"dt={START + timedelta(days=night.day):%F}"
                    / f"{len(names)}.csv")  # fmt: skip
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(file.text, "utf-8")
            names.append(str(path.relative_to(home / "landing")))
        if night.rules:
            give_rules(home, night.rules)
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        code = 0
        if night.retract is not None:
            code = _journey(home, night, "retract", names[night.retract])
        code = code or _journey(home, night, "nightly", "--as-of", moment(24 * (night.day + 1)))
        used = resource.getrusage(resource.RUSAGE_CHILDREN)
        seconds = used.ru_utime + used.ru_stime - before.ru_utime - before.ru_stime
        yield Cost(night.day, seconds, sizes(home), "" if code == 0 else "not published")


def _journey(home: Path, night: Night, *arguments: str) -> int:
    """A command of the product, some hours after the day's end, by the clock as it is."""
    at = START + timedelta(days=night.day + 1 + night.clock_days, hours=2)
    offset = int((at - datetime.now()).total_seconds())
    faketime = ["faketime", "-f", f"{offset:+d}s"] if shutil.which("faketime") else []
    ended = subprocess.run(
        [*faketime, sys.executable, "-m", "orchestration.cli", *arguments],
        cwd=ROOT, capture_output=True, text=True, check=False,
        env=environment(home, FAKETIME_DONT_FAKE_MONOTONIC="1"),
    )  # fmt: skip
    if ended.returncode:
        print(f"night {night.day}: {ended.stderr.strip()[-400:]}", file=sys.stderr)
    return ended.returncode


# ---- The tally -----------------------------------------------------------------------------------


def picture(costs: list[Cost], path: Path, title: str) -> None:
    """Processor seconds and MiB per night, as SVG."""
    width, height, left, top = 880, 190, 62, 34
    last = max(cost.day for cost in costs) or 1
    panels = [
        ("processor seconds of a night", [("night", [c.seconds for c in costs])]),
        ("MiB of the home after it", [
            (name, [c.parts.get(name, 0.0) for c in costs])
            for name in ("warehouse", "published", "landing", "dagster", "audit")
            if any(c.parts.get(name) for c in costs)
        ]),
    ]  # fmt: skip
    colours = ("#1f66a8", "#b3541e", "#2f7d4f", "#7a4fa3", "#8a8a1f")
    parts = []
    for number, (label, lines) in enumerate(panels):
        base = top + number * (height + 62)
        most = max(max(values) for _, values in lines) * 1.08 or 1.0
        parts.append(f'<text x="{left}" y="{base - 9}" font-weight="600">{label}</text>')
        for share in (0, 0.5, 1):
            y = base + height * (1 - share)
            parts.append(f'<path d="M{left} {y:.1f}H{left + width}" stroke="#d5d8dc"/>'
                         f'<text x="{left - 8}" y="{y + 4:.1f}" text-anchor="end">'
                         f"{most * share:.3g}</text>")  # fmt: skip
        for colour, (name, values) in zip(colours, lines, strict=False):
            points = " ".join(
                f"{left + width * cost.day / last:.1f},{base + height * (1 - value / most):.1f}"
                for cost, value in zip(costs, values, strict=True)
            )
            parts.append(f'<polyline points="{points}" fill="none" stroke="{colour}" '
                         'stroke-width="1.5"/>')  # fmt: skip
            if len(lines) > 1:
                place = left + 240 + 112 * [n for n, _ in lines].index(name)
                parts.append(f'<text x="{place}" y="{base - 9}" fill="{colour}">{name}</text>')
        for day in range(0, last + 1, max(last // 6, 1)):
            x = left + width * day / last
            parts.append(f'<text x="{x:.1f}" y="{base + height + 18}" text-anchor="middle">'
                         f"{day}</text>")  # fmt: skip
    path.write_text(
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {left + width + 20} 560" '
        f'font-family="sans-serif" font-size="12" fill="#1c1e21"><title>{title}</title>'
        '<rect width="100%" height="100%" fill="#fff"/>' + "".join(parts) + "</svg>\n",
        "utf-8",
    )


def grown(costs: list[Cost], value: str) -> str:
    """The median of thirty nights after the warm-up, and of the last thirty."""
    by_night = [c.seconds if value == "seconds" else c.parts.get(value, 0.0) for c in costs]
    early, end = median(by_night[30:60] or by_night), median(by_night[-30:])
    return f"| {value} | {early:.2f} | {end:.2f} | {end / early if early else 0:.2f} |"


def main() -> int:
    """Command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)  # fmt: skip
    parser.add_argument("--nights", type=int, default=365)
    parser.add_argument("--real", type=int, default=0, help="nights by `journey nightly`, instead")
    parser.add_argument("--folder", type=Path, help="kept afterwards; a temporary one otherwise")
    parser.add_argument("--picture", type=Path)
    parser.add_argument("--costs", type=Path, help="each night's numbers, as JSON lines")
    options = parser.parse_args()
    os.environ["JOURNEY_CONSENT_POLICY"] = "opt_out"  # of the compiled models, and of `--real`
    folder = options.folder or Path(tempfile.mkdtemp(prefix="year-"))
    folder.mkdir(parents=True, exist_ok=True)
    if options.real:
        found = real(options.real, folder / "real")
    else:
        project = Project(folder / "project")
        found = simulate(project, options.nights, folder / "year")
    costs = []
    for cost in found:
        costs.append(cost)
        shown = ", ".join(f"{name} {size:.1f}" for name, size in sorted(cost.parts.items()))
        print(f"night {cost.day}: {cost.seconds:.1f} s; {shown} {cost.note}", flush=True)
        if options.costs:
            with options.costs.open("a", encoding="utf-8") as stream:
                stream.write(json.dumps(cost.__dict__) + "\n")
    nights = [cost for cost in costs if cost.seconds]
    print(f"\n{date.today()}, DuckDB {duckdb.__version__}: {len(nights)} nights\n")
    print(
        "| per night | median of nights 31 to 60 | of the last 30 | ratio |\n|---|---:|---:|---:|"
    )
    for value in ("seconds", *sorted(costs[-1].parts)):
        print(grown(nights, value))
    if options.picture:
        picture(nights, options.picture, f"{len(nights)} nights")
    if not options.folder:
        shutil.rmtree(folder)
    return any(c.note not in ("", "as one full rebuild") for c in costs)


if __name__ == "__main__":
    sys.exit(main())
