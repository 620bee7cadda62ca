"""
A run of a home, from its lock to its hooks: how it ended is decided, recorded and reported here.

`journey nightly` and every run that Dagster launches go through `recorded`. Each leaves two lines
in `<home>/runs.jsonl`, one at its start and one at its end; a start without an end is a run that
goes on or was killed. The words of the last end without success are in `<home>/last_failure.txt`,
until a run publishes.
"""

from __future__ import annotations

import json
import os
import secrets
import signal
import subprocess
import sys
import tempfile
import time
import traceback
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb

from orchestration.base import command, files, sealed
from orchestration.base.database import WarehouseDamaged
from orchestration.base.locking import single_writer
from orchestration.gate.audits import Check
from orchestration.loading import privacy
from orchestration.operating import openlineage, webhook
from orchestration.settings import Settings, SettingsError, hook, is_instant, load_settings

RECORD = "runs.jsonl"
FAILURE = "last_failure.txt"
# Of a run that found the home locked. The failure file belongs to the run that holds the lock: it
# may have written its own reasons a moment ago.
REFUSAL = "last_refusal.txt"
HOOK_SECONDS = 60.0
NOT_PUBLISHED = "NOT PUBLISHED. Readers keep the previous release."
UNKNOWN = "nothing says why"
SCREEN_LINES = 40


@dataclass
class Run:
    """One run: what is known of it so far. `reasons` stay empty unless it fails."""

    home: Path
    launched_by: str
    run_id: str = field(default_factory=lambda: secrets.token_hex(4))
    reasons: list[str] = field(default_factory=list)
    is_interrupted: bool = False
    release_id: str | None = None
    build_id: str | None = None  # of the build of models that it began
    lineage: str = ""  # what came of the OpenLineage events, where they are asked for
    is_unchanged: bool = False  # there was nothing new, and the release is that of an earlier run
    # Number of checks by boundary and status.
    checks: dict[str, dict[str, int]] = field(default_factory=dict)
    _settings: Settings | None = None
    _told_in: Path | None = None  # the file that holds the reasons
    _started: float = field(default_factory=time.monotonic)

    @property
    def settings(self) -> Settings:
        """Settings of the home; there from the moment that `recorded` hands the run out."""
        assert self._settings is not None
        return self._settings

    @property
    def text(self) -> str:
        """Why nothing was published and what to do, on one screen."""
        head = NOT_PUBLISHED
        if self.release_id:  # it failed, or was stopped, after the last step
            head = f"Release {self.release_id} is current, but the run did not end well."
        lines = [f"{head} Why:"]
        lines += [f"  ✗ {reason}" for reason in self.reasons]
        lines += ["What to do: docs/runbook.md. Details: journey dev (Dagster UI)."]
        lines = "\n".join(lines).splitlines()
        if len(lines) >= SCREEN_LINES:
            lines = [*lines[: SCREEN_LINES - 3], "  … and more", lines[-1]]
        return "\n".join(lines) + "\n"

    def fail(self, reasons: Iterable[str], is_interrupted: bool = False) -> None:
        """Note why the run fails, or that it was stopped from outside; the first note stays."""
        if not self.reasons:
            self.is_interrupted = is_interrupted
            # Whoever wrote them masked them; what the machine's own errors quote is masked here.
            masked = [privacy.masked_text(reason) for reason in dict.fromkeys(reasons)]
            self.reasons = ["interrupted"] if is_interrupted else masked or [UNKNOWN]

    def note_checks(self, checks: Iterable[Check]) -> None:
        """Count the checks of one or several boundaries, in place of earlier counts of theirs."""
        checks = list(checks)
        for boundary in {check.boundary for check in checks}:
            mine = [check.status for check in checks if check.boundary == boundary]
            self.checks[boundary] = {status: mine.count(status) for status in sorted(set(mine))}

    def note_error(self, error: BaseException) -> None:
        """Note an exception that ended the run; the traceback of a strange one goes to a file."""
        if not isinstance(error, Exception):  # Ctrl-C, or Dagster's own name for it
            self.fail([], is_interrupted=True)
        elif not self.reasons:
            self.fail([self._told(error)])

    def _told(self, error: Exception) -> str:
        if isinstance(error, SettingsError | OSError | duckdb.IOException | WarehouseDamaged):
            return command.in_one_line(error)
        text = command.in_one_line(error)[:400]
        if "no room is left" in text:
            return text
        with suppress(OSError):
            path = self.home / "work" / "last_error.txt"
            lines = privacy.masked_text("".join(traceback.format_exception(error)))
            path.write_text(lines, "utf-8")
            text = f"{text} (details: {path})"
        return text or type(error).__name__

    def tell_lineage(self) -> None:
        """Send OpenLineage events of what was built, if they are asked for; under the lock."""
        if not self.build_id or self.is_interrupted:
            return
        tags = {"journey_run": self.run_id, "journey_release": self.release_id or "none"}
        try:
            self.lineage = openlineage.send(self.settings, self.build_id, tags, bool(self.reasons))
            if self.lineage:
                print(f"OpenLineage: {self.lineage}", flush=True)
        except openlineage.NotSent as error:
            self.lineage = f"not sent: {error}"
            print(f"{openlineage.VARIABLE}: {error}", file=sys.stderr)

    @property
    def outcome(self) -> str:
        """`published`, `unchanged`, `failed`, `interrupted`, or `part` for one of no whole job."""
        if self.is_interrupted:
            return "interrupted"
        if self.reasons:
            return "failed"
        if self.is_unchanged:
            return "unchanged"
        return "published" if self.release_id else "part"

    def _begin(self) -> None:
        self._append({"event": "start", "pid": os.getpid(), "launched_by": self.launched_by})

    def _end(self) -> None:
        """Record how it ended, and write or remove the failure file; under the home's lock."""
        counts = {
            status: sum(counts.get(status, 0) for counts in self.checks.values())
            for status in ("pass", "warn", "fail")
        }
        self._append(
            {
                "event": "end",
                "outcome": self.outcome,
                "seconds": round(time.monotonic() - self._started, 1),
                "release_id": self.release_id,
                "checks": counts if self.checks else None,
                **({"lineage": self.lineage} if self.lineage else {}),
            }
        )
        if self.reasons:
            self._write(FAILURE)
        elif self.release_id:
            for name in (FAILURE, REFUSAL):
                (self.home / name).unlink(missing_ok=True)

    def _append(self, entry: dict[str, Any]) -> None:
        line = {"run": self.run_id, "at": datetime.now(UTC).isoformat(timespec="seconds"), **entry}
        try:
            path = self.home / RECORD
            is_torn = path.exists() and path.read_bytes()[-1:] not in (b"", b"\n")
            with path.open("a", encoding="utf-8") as stream:
                stream.write("\n" * is_torn + json.dumps(line) + "\n")
        except OSError as error:
            print(f"the run could not be recorded: {command.in_one_line(error)}", file=sys.stderr)

    def _write(self, name: str) -> None:
        try:
            files.write_whole(self.home / name, self.text)
            self._told_in = self.home / name
        except OSError as error:
            print(f"{name} could not be written: {command.in_one_line(error)}", file=sys.stderr)

    def _refused(self) -> None:
        """Write why the run ended before it had the lock, where the home can be written."""
        if self.home.is_dir():
            try:
                with single_writer(self.home):
                    self._write(FAILURE)
            except BlockingIOError:
                self._write(REFUSAL)
            except OSError as error:
                reason = command.in_one_line(error)
                print(f"{FAILURE} could not be written: {reason}", file=sys.stderr)

    def _call_hooks(self) -> None:
        """Tell once, the lock being free; by a temporary file what the home cannot take."""
        if self.reasons or self.release_id:
            try:
                webhook.send(self.home, self._values())
            except webhook.WebhookError as error:
                print(f"{webhook.VARIABLE}: {error}", file=sys.stderr)
        if not self.reasons:
            if self.release_id:
                _call_hook("JOURNEY_ON_SUCCESS", self._manifest)
        elif self._told_in:
            _call_hook("JOURNEY_ON_FAILURE", self._told_in)
        else:
            with suppress(OSError), tempfile.TemporaryDirectory(prefix="journey-") as folder:
                path = Path(folder) / FAILURE
                path.write_text(self.text, "utf-8")
                _call_hook("JOURNEY_ON_FAILURE", path)

    @property
    def _manifest(self) -> Path:
        """Of the release that is current since this run."""
        return self.home / "published" / "releases" / str(self.release_id) / "manifest.json"

    def _values(self) -> dict[str, str]:
        """What a message may say of the run."""
        manifest = sealed.read(self._manifest) if self.release_id else None
        return {
            "outcome": self.outcome,
            "home": self.home.name,
            "release": self.release_id or "",
            "as_of_at": str(manifest["as_of_at"]) if manifest else "",
            "reasons": "; ".join(self.reasons),
        }


_open: dict[Path, Run] = {}


@contextmanager
def recorded(run: Run, as_of_at: str = "") -> Iterator[Run]:
    """
    Hold the home's lock for a run; then record and report its end, free the lock, call the hook.

    Yields the run, or the one that this process has open on the home already. Settings are read
    and the folders of the home made first. Raises `SettingsError`, also for an `as_of_at` that is
    no instant, `BlockingIOError` when another process holds the lock, and whatever the block
    raises; each is reported before.
    """
    home = run.home
    if outer := _open.get(home):
        try:
            yield outer
        except BaseException as error:
            outer.note_error(error)
            raise
        return
    is_open = False
    try:
        run._settings = load_settings(home)
        if as_of_at and not is_instant(as_of_at):
            raise SettingsError(f"as_of_at = {as_of_at!r} is no instant YYYY-MM-DD HH:MM:SS (UTC)")
        run._settings.prepare()
        with single_writer(home):
            _open[home], is_open = run, True
            run._begin()
            try:
                yield run
            except BaseException as error:
                run.note_error(error)
                raise
            finally:
                del _open[home]
                run._end()
    except BaseException as error:
        run.note_error(error)
        if not is_open:
            run._refused()
        raise
    finally:
        run._call_hooks()


def _call_hook(variable: str, path: Path) -> None:
    """Run the command that the variable holds on a file; what goes wrong with it is one line."""
    try:
        words = hook(variable)
        if not words:
            return
        process = subprocess.Popen(
            [*words, str(path)], stdin=subprocess.DEVNULL, start_new_session=True
        )
        try:
            status = process.wait(HOOK_SECONDS)
        except BaseException:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            raise
        problem = f"it ended with status {status}" if status else ""
    except subprocess.TimeoutExpired:
        problem = f"it took longer than {HOOK_SECONDS:.0f} s and was ended"
    except (OSError, ValueError) as error:
        problem = command.in_one_line(error)
    if problem:
        print(f"{variable}: the command failed: {problem}", file=sys.stderr)


@dataclass(frozen=True)
class PastRun:
    """A run by the record: instants are UTC; `outcome` is None while no end is recorded."""

    started_at: datetime
    pid: int
    launched_by: str
    outcome: str | None = None
    seconds: float | None = None
    release_id: str | None = None
    checks: dict[str, int] | None = None


def past_runs(home: Path) -> list[PastRun]:
    """The runs that the home's record holds, oldest first; lines that are damaged are left out."""
    found: dict[str, PastRun] = {}
    try:
        lines = (home / RECORD).read_text("utf-8", errors="replace").splitlines()
    except OSError:
        return []
    for line in lines:
        with suppress(ValueError, KeyError, TypeError):
            entry = json.loads(line)
            if entry["event"] == "start":
                at = datetime.fromisoformat(entry["at"]).astimezone(UTC)
                found[entry["run"]] = PastRun(at, int(entry["pid"]), str(entry["launched_by"]))
            else:
                start = found[entry["run"]]
                checks = entry["checks"]
                found[entry["run"]] = PastRun(
                    start.started_at, start.pid, start.launched_by, str(entry["outcome"]),
                    float(entry["seconds"]), entry["release_id"],
                    {name: int(count) for name, count in checks.items()} if checks else None,
                )  # fmt: skip
    return list(found.values())
