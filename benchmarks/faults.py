"""
How much the nightly stands: attacks on the real commands, and how many of them were held.

`python -m benchmarks.faults [--kills 100] [--fills 10] [--only kills,disk,…] [--seed 0]` works on
small homes of the story happy_week, on which the untouched nightly ran first; what it published is
what every attacked home has to publish in the end. It prints a line per attack while it works and
one table at the end: class, attempts, held, and the name and reason of what failed. An attack is
repeated by its name: `--one kills/17 --seed 0`. Exit status 0 only when all were held.

- **kills**: SIGKILL to the nightly (by turns its process group and the parent alone) at an instant
  drawn uniformly from the processor time that the untouched run takes, so that a loaded machine
  does not move it; on a first run, on a release with new files, and on a full rebuild. Held:
  readers saw whole releases only, no process remained, and the next nightly ended by itself in time
  with the same content.
- **disk**: the home on a small file system (tmpfs, needs root) with room for a part of the run.
  Held: the run ended, in words or well, and with room the next one published the same content.
- **surroundings**: see `benchmarks.surroundings`: a home that is read-only or lacks inodes, memory,
  clock, readers and other runs. Held: as for the disk, and what was refused was so in words.
- **tampering**: see `benchmarks.tampering`; refused in words, or healed by the next run.
- **settings**: one line that names what is wrong, or a right run.
- **canary**: personal data in every place of the landing zone, and in no file afterwards.
- **files**: malformed files; their rows are conserved, or the file is refused in words.
"""

from __future__ import annotations

import argparse
import os
import platform
import random
import re
import shutil
import signal
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import suppress
from datetime import date
from fnmatch import fnmatch
from pathlib import Path
from typing import TYPE_CHECKING

import duckdb

from benchmarks import canary, surroundings, tampering
from benchmarks.attacking import (
    ORDER,
    ORPHANS_SECONDS,
    Attack,
    Ended,
    Homes,
    Outcome,
    Readers,
    file_system,
    finished,
    last_line,
    processes,
    recover,
    release,
    run,
    start,
    wait_for,
)
from orchestration.building.project import ensure_manifest
from orchestration.settings import load_settings
from tests.conftest import ROOT

if TYPE_CHECKING:
    from tests.unit.test_damaged_files import Case

CLASSES = ("kills", "disk", "surroundings", "tampering", "settings", "canary", "files")


# ---- Kills ---------------------------------------------------------------------------------------


def kill(homes: Homes, seed: int, number: int) -> Outcome:
    """Kill a nightly at a random instant, then run the next one."""
    chance = random.Random(f"{seed}/{number}")
    kind = ("later days", "first run", "later days", "full rebuild")[number % 4]
    group = number // 4 % 2 == 0
    base, untouched = {
        "later days": (homes.waiting, homes.built),
        "first run": (homes.empty, homes.first),
        "full rebuild": (homes.waiting, homes.full),
    }[kind]
    instant = chance.uniform(0, untouched.seconds)
    outcome = Outcome(f"kills/{number}", f"{kind}, {'group' if group else 'parent'} killed at "
                      f"{instant:.1f} of {untouched.seconds:.0f} s of processor time")  # fmt: skip
    home = homes.copy(base, outcome.name)
    before, _ = release(home)
    with Readers(home, {before, homes.built.content}) as readers:
        full = ["--full"] if kind == "full rebuild" else []
        process = start(home, "-m", "orchestration.cli", "nightly", *full)
        output: list[str] = []
        reading = threading.Thread(target=lambda: output.extend(process.communicate()))
        reading.start()  # a full pipe would stop the run
        wait_for(process, instant)
        with suppress(ProcessLookupError):
            (os.killpg if group else os.kill)(process.pid, signal.SIGKILL)
        deadline = time.monotonic() + ORPHANS_SECONDS
        while (left := processes(home)) and time.monotonic() < deadline:
            time.sleep(0.2)
        if left:
            outcome.wrong.append(f"{len(left)} processes outlive the killed run")
            for orphan in left:  # they hold the pipes open
                orphan.kill()
        reading.join()
        outcome.stage = "ended before" if process.returncode != -signal.SIGKILL else Ended(
            None, output[0], "", 0).stage  # fmt: skip
        recover(homes, home, outcome)
    outcome.wrong += readers.wrong
    return finished(home, outcome)


# ---- Disk ----------------------------------------------------------------------------------------


def fill(homes: Homes, number: int, levels: int) -> Outcome:
    """Run the nightly with room for a part of it, then with room enough."""
    needed = homes.room_needed
    room = needed * number // max(levels - 1, 1)
    outcome = Outcome(f"disk/{number}", f"{room / 2**20:.1f} MiB left, {needed / 2**20:.0f} needed")
    folder = homes.scratch / f"disk-{number}"
    content = homes.built.content
    with file_system(folder, 4 * needed + (512 << 20)):
        home = homes.copy(homes.waiting, "home", folder)
        with (folder / "ballast").open("wb") as stream:
            for block in (1 << 20, 4096):
                while shutil.disk_usage(folder).free - room >= block:
                    stream.write(bytes(block))
                    stream.flush()
        with Readers(home, {homes.yesterday.content, content}) as readers:
            ended = run(home, "-m", "orchestration.cli", "nightly", limit=homes.limit)
            outcome.stage = ended.stage if ended.code != 0 else "published"
            if ended.code is None:
                outcome.wrong.append(f"did not end within {homes.limit:.0f} s ({ended.stage})")
            elif ended.code and (problem := ended.not_plain()):
                outcome.wrong.append(f"{ended.stage}: {problem}")
            elif ended.code == 0 and release(home)[0] != content:
                outcome.wrong.append("published other content")
            (folder / "ballast").unlink()
            for process in processes(home):
                outcome.wrong.append("a process outlives the run")
                process.kill()
            recover(homes, home, outcome)
        outcome.wrong += readers.wrong
        finished(home, outcome)
    return outcome


# ---- Tampering and settings ----------------------------------------------------------------------


def tamper(homes: Homes, attack: tampering.Tampering) -> Outcome:
    """Tamper with a home, run the commands, and judge by what was expected."""
    outcome = Outcome(attack.name, attack.expected)
    home = homes.copy(homes.waiting if attack.base == "waiting" else homes.built.home, attack.name)
    if attack.base == "candidate":
        tampering.candidate(home, homes.yesterday.home)
    if attack.moved:
        home = home.rename(home.with_name(attack.moved))
    before, _ = release(home)
    with attack.act(home, homes.yesterday.home) as extra:
        for command in attack.commands:
            ended = run(home, *tampering.COMMANDS[command], limit=homes.limit, **extra)
            if ended.code is None:
                outcome.wrong.append(f"{command} did not end within {homes.limit:.0f} s")
                break
    content, problem = release(home)
    refused = bool(ended.code)
    if ended.code == 0 and attack.expected == "refused":
        outcome.wrong.append(f"{command} went through" + (
            " and changed the release" if content != before else ""))  # fmt: skip
    elif refused and attack.expected == "healed":
        outcome.wrong.append(f"{command} failed: {last_line(ended.err)}")
    elif refused:
        if unclear := ended.not_plain():
            outcome.wrong.append(f"{command}: {unclear}")
        if missing := [w for w in attack.words if not re.search(w, ended.err)]:
            outcome.wrong.append(f"{command} does not name {missing}: {last_line(ended.err)}")
        if problem or content != before:
            outcome.wrong.append(problem or "the release changed")
    elif ended.code == 0 and (problem or content != homes.built.content):
        outcome.wrong.append(problem or "other content was published")
    for path in tampering.holding(home, attack.secret) if attack.secret else ():
        outcome.wrong.append(f"the secret is in {path}")
    return finished(home, outcome)


# ---- Canary --------------------------------------------------------------------------------------


def sing(homes: Homes) -> list[Outcome]:
    """Personal data in every place, two nightlies with waivers between them, and the search."""
    home = homes.copy(homes.built.home, "canary")
    planting = canary.Planting(home / "landing")
    console = home / "console.txt"
    night = Outcome("canary/the gate", "waived, the next nightly publishes")

    def told(*command: str) -> Ended:
        ended = run(home, *command, limit=homes.limit)
        with console.open("a", encoding="utf-8") as stream:
            stream.write(f"{ended.out}\n{ended.err}\n")
        return ended

    told("-m", "orchestration.cli", "nightly")
    with duckdb.connect(str(tampering.warehouse(home)), read_only=True) as connection:
        closing = connection.execute(
            "select file_id from ops.files where status = 'rejected' union "
            "select file_id from ops.drift_findings where severity = 'fail'"
        ).fetchall()
    for (file_id,) in closing:
        told("-m", "orchestration.cli", "waive", file_id, "canary")
    ended = told("-m", "orchestration.cli", "nightly")
    if ended.code != 0:
        night.wrong.append(f"not published: {last_line(ended.err)}")
    own = ROOT / "dbt_project"
    holders = canary.search([home, own / "logs", own / "target"], home / "landing")
    outcomes = [
        Outcome(f"canary/{place}", canary.Mark(number).email,
                [f"found in {len(files)} files: {', '.join(files[:5])}"] if files else [])
        for number, place in enumerate(planting.places) for files in [holders.get(number)]
    ]  # fmt: skip
    if not any(outcome.wrong for outcome in outcomes):
        finished(home, night)
    return [*outcomes, night]


# ---- Files ---------------------------------------------------------------------------------------


def malformed(scratch: Path, case: Case) -> Outcome:
    """Load one file with the real loader: rows and reasons as they should be, or its refusal."""
    from tests.unit.test_loader import load

    outcome = Outcome("", case.name.encode("utf-8", "replace").decode())
    landing = Path(tempfile.mkdtemp(prefix="files-", dir=scratch))
    path = landing / "crm" / "payments" / case.name
    path.parent.mkdir(parents=True)
    path.write_bytes(case.content)
    with duckdb.connect() as connection:
        try:
            (found,) = load(connection, landing, "crm/payments")
        except Exception as error:
            outcome.wrong.append(f"the load ends with {type(error).__name__}: {str(error)[:150]}")
        else:
            reasons = dict(
                connection.execute(
                    "select reason, count(*) from ops.quarantined_rows group by all"
                ).fetchall()
            )
            (held,) = connection.execute("select count(*) from raw_crm.payments").fetchone()
            kept = sum(reasons.values())
            runbook = (ROOT / "docs" / "runbook.md").read_text("utf-8")
            if found.status == "rejected" and (
                f"`{found.reject_code}`" not in runbook or not found.reject_remedy
            ):
                outcome.wrong.append(f"{found.reject_code}: without a remedy")
            if found.rows_in != held + kept + found.rows_duplicate:
                outcome.wrong.append(f"{found.rows_in} rows in, {held} loaded, {kept} quarantined, "
                                     f"{found.rows_duplicate} duplicate")  # fmt: skip
            code = found.reject_code
            if ("F_" if code and case.code == "F_" else code, held, reasons) != (
                case.code, case.loaded, case.reasons
            ):  # fmt: skip
                outcome.wrong.append(f"{code}, {held} loaded, {reasons}; should be {case.code}, "
                                     f"{case.loaded}, {case.reasons}")  # fmt: skip
    shutil.rmtree(landing)
    return outcome


def damaged(chance: random.Random) -> Case:
    """Valid payments, damaged in some bytes, and what a plain reader makes of them."""
    from tests.unit.test_damaged_files import Case
    from tests.unit.test_fuzz import BYTES, GARBAGE, reference, settle

    rows = [f"p{n},o{n % 3},2026-01-0{1 + n % 7} 10:00:00,{n}.50,JPY,charge" for n in range(9)]
    header = "payment_id,order_id,paid_at,payment_amount,currency_code,payment_type"
    text = chance.choice(["\n", "\r\n", "\r"]).join([header, *rows, ""])
    data = bytearray(text.encode(chance.choice(["utf-8", "utf-8-sig", "utf-16", "cp932"])))
    for _ in range(chance.randint(1, 4)):
        place = chance.randrange(len(data) or 1)
        match chance.randrange(4):
            case 0:
                del data[place : place + chance.randint(1, 9)]
            case 1:
                data[place : place + 1] = chance.randbytes(1)
            case _:
                data[place:place] = chance.choice(BYTES + GARBAGE)
    read = reference(bytes(data))
    kept, _, reasons = settle([read])
    code = "F_" if read.refused else None  # any of them
    return Case("random.csv", bytes(data), code, len(kept), dict(reasons))


def all_files(homes: Homes, cases: list[Case]) -> Outcome:
    """All of them in one landing zone: the nightly ends in words, the ledger names each file."""
    outcome = Outcome("files/all in one night", f"{len(cases)} files")
    home = homes.copy(homes.waiting, outcome.name)
    before, _ = release(home)
    for case in cases:
        path = home / "landing" / "crm" / "payments" / "malformed" / case.name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(case.content)
    ended = run(home, "-m", "orchestration.cli", "nightly", limit=homes.limit)
    if ended.code is None:
        outcome.wrong.append(f"did not end within {homes.limit:.0f} s ({ended.stage})")
    elif problem := ended.not_plain():
        outcome.wrong.append(problem)
    if release(home) != (before, None):
        outcome.wrong.append("the release changed")
    with duckdb.connect(str(tampering.warehouse(home)), read_only=True) as connection:
        (told,) = connection.execute(
            "select count(*) from ops.files where file_name like '%/malformed/%'"
        ).fetchone()
    if told != len(cases):
        outcome.wrong.append(f"the ledger names {told} of {len(cases)} files")
    return finished(home, outcome)


# ---- The tally -----------------------------------------------------------------------------------


def attacks(options: argparse.Namespace, homes: Homes) -> Iterator[tuple[str, Attack]]:
    """All attacks that were asked for, by name."""
    wanted = [options.one.split("/")[0]] if options.one else options.only.split(",")
    if "kills" in wanted:
        for number in range(options.kills):
            yield f"kills/{number}", lambda n=number: kill(homes, options.seed, n)
    if "disk" in wanted:
        for number in range(options.fills):
            yield (f"disk/{number}",
                   lambda n=number: fill(homes, n, options.fills))  # fmt: skip
    if "surroundings" in wanted:
        for name, around in surroundings.ATTACKS.items():
            yield f"surroundings/{name}", lambda n=name, a=around: surroundings.attack(homes, n, a)
    if "tampering" in wanted:
        for attack in tampering.TAMPERINGS:
            yield f"tampering/{attack.name}", lambda a=attack: tamper(homes, a)
    if "settings" in wanted:
        for attack in tampering.SETTINGS:
            yield attack.name, lambda a=attack: tamper(homes, a)
    if "canary" in wanted:
        yield "canary", lambda: sing(homes)
    if "files" in wanted:
        from tests.unit.test_damaged_files import cases

        known = cases()
        for case in known:
            shown = os.fsencode(case.name).decode("utf-8", "backslashreplace")
            yield (
                "files/" + shown.replace("\n", "\\n"),
                lambda c=case: malformed(homes.scratch, c),
            )
        for number in range(options.inputs):
            chance = random.Random(f"{options.seed}/{number}")
            yield f"files/random {number}", lambda c=chance: malformed(homes.scratch, damaged(c))
        yield "files/all in one night", lambda: all_files(homes, known)


def main() -> int:
    """Command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)  # fmt: skip
    parser.add_argument("--only", default=",".join(CLASSES), help="classes, with commas between")
    parser.add_argument("--one", metavar="NAME", help="this alone: kills/17, 'tampering/lock/*'")
    parser.add_argument("--kills", type=int, default=100)
    parser.add_argument("--fills", type=int, default=10)
    parser.add_argument("--inputs", type=int, default=300, help="randomly damaged files")
    parser.add_argument("--seed", default="0")
    parser.add_argument("--parallel", type=int, default=1, help="attacks at a time")
    parser.add_argument("--limit", type=float, default=180.0, help="seconds for one command")
    parser.add_argument("--scratch", type=Path, help="folder for the homes; those that failed stay")
    parser.add_argument("--reuse", action="store_true", help="the untouched homes in --scratch")
    options = parser.parse_args()
    if unknown := set(options.only.split(",")) - set(CLASSES):
        parser.error(f"no such class: {', '.join(sorted(unknown))}")
    if {"disk", "surroundings"} & set(options.only.split(",")) and os.geteuid():
        parser.error("disk and surroundings mount file systems, which takes root; see --only")
    scratch = (options.scratch or Path(tempfile.mkdtemp(prefix="faults-"))).resolve()
    scratch.mkdir(parents=True, exist_ok=True)
    ensure_manifest(load_settings(scratch).environment())
    homes = Homes(scratch, options.limit, options.reuse)
    planned = {
        name: attack
        for name, attack in attacks(options, homes)
        if not options.one or fnmatch(name, options.one)
    }
    homes.make_ready({name.split("/")[0] for name in planned})
    outcomes: list[Outcome] = []
    started = time.monotonic()
    with ThreadPoolExecutor(options.parallel) as pool:
        running = [pool.submit(timed, name, attack) for name, attack in planned.items()]
        for done in as_completed(running):
            outcomes += done.result()
            for outcome in done.result():
                if outcome.wrong or not outcome.name.startswith(("files/", "canary/")):
                    print(f"[{time.monotonic() - started:6.0f}s] {len(outcomes)}/{len(planned)} "
                          f"{outcome.name} ({outcome.what}): "
                          + ("; ".join(outcome.wrong) or "held"), flush=True)  # fmt: skip
    tell(outcomes, options, time.monotonic() - started)
    if not options.scratch and not any(outcome.wrong for outcome in outcomes):
        shutil.rmtree(scratch)
    else:
        print(f"homes: {scratch}")
    return any(outcome.wrong for outcome in outcomes)


def timed(name: str, attack: Attack) -> list[Outcome]:
    """Carry an attack out; one that the benchmark itself cannot carry out is not held."""
    started = time.monotonic()
    try:
        found = attack()
    except Exception as error:
        found = Outcome(name, "", [f"not carried out: {type(error).__name__}: {error}"])
    if isinstance(found, Outcome):
        found.name, found.seconds = name, time.monotonic() - started
        return [found]
    return found


def tell(outcomes: list[Outcome], options: argparse.Namespace, seconds: float) -> None:
    """Print the table, the stages that the kills met, and what failed."""
    print(f"\n{date.today()}, {platform.machine()}, {os.cpu_count()} cores, Python "
          f"{platform.python_version()}, DuckDB {duckdb.__version__}, seed {options.seed}, "
          f"{seconds / 60:.0f} minutes\n")  # fmt: skip
    print("| attack | attempts | held |\n|---|---:|---:|")
    classes = dict.fromkeys(outcome.name.split("/")[0] for outcome in outcomes)
    for kind in classes:
        mine = [outcome for outcome in outcomes if outcome.name.split("/")[0] == kind]
        print(f"| {kind} | {len(mine)} | {sum(not outcome.wrong for outcome in mine)} |")
    for kind in ("kills", "disk"):
        mine = [outcome for outcome in outcomes if outcome.name.startswith(kind) and outcome.stage]
        if mine:
            total = Counter(outcome.stage for outcome in mine)
            held = Counter(outcome.stage for outcome in mine if not outcome.wrong)
            print(f"\n{kind}, by the stage that the run had reached (held of attempts):")
            for stage in [s for s in ORDER if s in total]:
                print(f"  {stage:16} {held[stage]:3} of {total[stage]:3} {'█' * total[stage]}")
    if failed := sorted((o for o in outcomes if o.wrong), key=lambda o: o.name):
        print(f"\nfailed ({len(failed)}); repeat one with --one NAME --seed {options.seed}:")
        for outcome in failed:
            print(f"  {outcome.name} ({outcome.what}): {'; '.join(outcome.wrong)}")
    print()


if __name__ == "__main__":
    sys.exit(main())
