"""Runs: however one ends, it is recorded and told once, to whoever has to know."""

from __future__ import annotations

import fcntl
import json
import shlex
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import ClassVar

import pytest

from orchestration.base.locking import holder, single_writer
from orchestration.operating import runs
from orchestration.settings import DEFAULTS, SettingsError, load_settings
from tests.conftest import ROOT, environment


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home, and hooks that write down what they were called with."""
    for name in [*DEFAULTS, "pepper", "pepper_file", "home"]:
        monkeypatch.delenv(f"JOURNEY_{name.upper()}", raising=False)
    calls = tmp_path / "calls.txt"
    script = "import sys; open(sys.argv[1], 'a').write(' '.join(sys.argv[2:]) + '\\n')"
    command = shlex.join([sys.executable, "-c", script, str(calls)])
    monkeypatch.setenv("JOURNEY_ON_FAILURE", f"{command} failure")
    monkeypatch.setenv("JOURNEY_ON_SUCCESS", f"{command} success")
    home = tmp_path / "home"
    load_settings(home).prepare()
    return home


def calls(home: Path) -> list[str]:
    path = home.parent / "calls.txt"
    return path.read_text("utf-8").splitlines() if path.exists() else []


def failure(home: Path) -> str:
    return (home / runs.FAILURE).read_text("utf-8")


@contextmanager
def locked_by_another_process(home: Path) -> Iterator[int]:
    code = (
        "import sys, time; from pathlib import Path\n"
        "from orchestration.base.locking import single_writer\n"
        "with single_writer(Path(sys.argv[1])): print('held', flush=True); sys.stdin.read()\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code, str(home)], cwd=ROOT, env=environment(home),
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    ) as process:  # fmt: skip
        assert process.stdout is not None and process.stdout.readline() == "held\n"
        yield process.pid


def test_a_published_release_ends_what_failed_before(home: Path) -> None:
    (home / runs.FAILURE).write_text("of last night", "utf-8")
    (home / runs.REFUSAL).write_text("of last night", "utf-8")
    with runs.recorded(runs.Run(home, "a test")) as run:
        assert calls(home) == []
        run.release_id = "20260107-abc"
    assert not (home / runs.FAILURE).exists() and not (home / runs.REFUSAL).exists()
    assert calls(home) == [f"success {home}/published/releases/20260107-abc/manifest.json"]
    (past,) = runs.past_runs(home)
    assert (past.outcome, past.release_id, past.launched_by) == (
        "published", "20260107-abc", "a test",
    )  # fmt: skip


def test_a_part_of_the_job_is_no_news(home: Path) -> None:
    (home / runs.FAILURE).write_text("of last night", "utf-8")
    with runs.recorded(runs.Run(home, "a test")):
        pass
    assert failure(home) == "of last night" and calls(home) == []
    assert [run.outcome for run in runs.past_runs(home)] == ["part"]


@pytest.mark.parametrize(
    ("error", "words", "outcome"),
    [
        (KeyboardInterrupt(), "✗ interrupted", "interrupted"),
        (BlockingIOError("process 7 has it open"), "✗ process 7 has it open", "failed"),
        (ZeroDivisionError("division by zero"), "✗ division by zero (details: ", "failed"),
    ],
)
def test_a_run_that_ends_by_an_error_is_told_once(
    home: Path, error: BaseException, words: str, outcome: str
) -> None:
    """Also when it passes two that record it: the command, and the job within it."""
    run = runs.Run(home, "a test")
    with pytest.raises(type(error)), runs.recorded(run), runs.recorded(runs.Run(home, "within")):
        raise error
    assert words in failure(home) and failure(home) == run.text
    assert calls(home) == [f"failure {home / runs.FAILURE}"]
    assert [past.outcome for past in runs.past_runs(home)] == [outcome]
    strange = home / "work" / "last_error.txt"
    assert strange.exists() == isinstance(error, ZeroDivisionError)


def test_wrong_settings_are_told(home: Path) -> None:
    (home / "journey.toml").write_text("threads = 0", "utf-8")
    with pytest.raises(SettingsError), runs.recorded(runs.Run(home, "a test")):
        pass
    assert "threads = '0' must be a whole number" in failure(home)
    assert calls(home) == [f"failure {home / runs.FAILURE}"]


def test_a_run_that_finds_the_home_locked_leaves_the_file_of_the_one_that_holds_it(
    home: Path,
) -> None:
    (home / runs.FAILURE).write_text("of the run that holds the lock", "utf-8")
    with locked_by_another_process(home) as pid:
        assert holder(home) == pid
        with pytest.raises(BlockingIOError), runs.recorded(runs.Run(home, "a test")):
            pass
    assert failure(home) == "of the run that holds the lock"
    assert f"another run (process {pid})" in (home / runs.REFUSAL).read_text("utf-8")
    assert calls(home) == [f"failure {home / runs.REFUSAL}"]
    assert runs.past_runs(home) == [] and holder(home) is None


def test_a_run_in_another_container_is_seen_and_a_look_refuses_no_run(home: Path) -> None:
    """A process there has no number here; the lock is held all the same."""
    number = 2**22 + 1  # more than a system gives
    with (home / ".lock").open("w") as stream:
        fcntl.flock(stream, fcntl.LOCK_EX)
        stream.write(str(number))
        stream.flush()
        assert holder(home) == number
        fcntl.flock(stream, fcntl.LOCK_SH)  # as somebody has it who looks
        assert holder(home) is None
        ending = threading.Timer(0.1, stream.close)
        ending.start()
        with single_writer(home):
            ending.join()
    assert holder(home) is None


def test_reasons_that_the_home_cannot_take_are_handed_over_all_the_same(home: Path) -> None:
    """As on a full disk; what an earlier run left there is not taken for this one's."""
    (home / runs.FAILURE).mkdir()
    with pytest.raises(OSError), runs.recorded(runs.Run(home, "a test")):
        raise OSError(28, "No space left on device")
    (call,) = calls(home)
    assert call.startswith("failure ") and str(home) not in call and call.endswith(runs.FAILURE)
    assert not Path(call.removeprefix("failure ")).exists()


@pytest.mark.parametrize(
    ("command", "words"),
    [
        ("/no/such/command", "/no/such/command: No such file"),
        ("sh -c 'exit 3'", "it ended with status 3"),
        ("sh -c 'sleep 60 & wait'", "it took longer than 0 s"),
        ("an 'unclosed quote", "is no command"),
    ],
)
def test_a_hook_that_fails_is_one_line(
    home: Path,
    command: str,
    words: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("JOURNEY_ON_SUCCESS", command)
    monkeypatch.setattr(runs, "HOOK_SECONDS", 0.3)
    with runs.recorded(runs.Run(home, "a test")) as run:
        run.release_id = "20260107-abc"
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("JOURNEY_ON_SUCCESS: the command failed: ") and words in line


def test_the_hook_may_change_the_home(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The lock is free by then: a hook may push the release, or start the next run."""
    seen: list[int | None] = []
    monkeypatch.setattr(runs, "_call_hook", lambda *_: seen.append(holder(home)))
    with runs.recorded(runs.Run(home, "a test")) as run:
        run.release_id = "20260107-abc"
    assert seen == [None]
    with single_writer(home):
        pass


class Messages(BaseHTTPRequestHandler):
    """Keeps what is posted to it; `/moved` redirects, `/broken` refuses."""

    bodies: ClassVar[list[bytes]] = []

    def do_POST(self) -> None:
        self.bodies.append(self.rfile.read(int(self.headers["Content-Length"])))
        self.send_response({"/moved": 307, "/broken": 500}.get(self.path, 200))
        self.send_header("Location", "/elsewhere")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Nothing."""


@pytest.fixture
def address(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A server of this machine, to which the messages of runs go."""
    Messages.bodies.clear()
    with ThreadingHTTPServer(("127.0.0.1", 0), Messages) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        url = f"http://127.0.0.1:{server.server_port}/secret"
        monkeypatch.setenv("JOURNEY_WEBHOOK_URL", url)
        yield url
        server.shutdown()


def test_a_web_address_is_told_in_the_words_of_its_template(home: Path, address: str) -> None:
    with runs.recorded(runs.Run(home, "a test")) as run:
        run.release_id = "20260107-abc"
    template = {
        "blocks": [{"kind": "text", "bold": True, "says": "$outcome in $home ($$): $reasons"}]
    }
    (home / "webhook.json").write_text(json.dumps(template), "utf-8")
    with runs.recorded(runs.Run(home, "a test")) as run:
        run.fail(['it says "no" to aoi@hana-mail.jp', "ログ"])
    with runs.recorded(runs.Run(home, "a test")):
        pass  # a part of the job is no news
    assert [json.loads(body) for body in Messages.bodies] == [
        {"text": "journey (home): published 20260107-abc"},
        {"blocks": [{"kind": "text", "bold": True,
                     "says": f"failed in home ($): {'; '.join(run_reasons(home))}"}]},
    ]  # fmt: skip
    assert b"hana-mail" not in Messages.bodies[1]


def run_reasons(home: Path) -> list[str]:
    lines = failure(home).splitlines()
    return [line.removeprefix("  ✗ ") for line in lines if line.startswith("  ✗ ")]


@pytest.mark.parametrize(
    ("path", "template", "words"),
    [
        ("broken", "", "the message was not taken (500)"),
        ("moved", "", "the message was not taken (307)"),
        ("ok", "{", "webhook.json is no JSON"),
        ("ok", '{"text": "$password"}', "is none of $outcome"),
    ],
)
def test_a_message_that_is_not_taken_is_one_line_and_spoils_no_run(
    home: Path,
    address: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    path: str,
    template: str,
    words: str,
) -> None:
    monkeypatch.setenv("JOURNEY_WEBHOOK_URL", address.replace("secret", path))
    if template:
        (home / "webhook.json").write_text(template, "utf-8")
    with runs.recorded(runs.Run(home, "a test")) as run:
        run.release_id = "20260107-abc"
    (said,) = capsys.readouterr().err.splitlines()
    assert said.startswith("JOURNEY_WEBHOOK_URL: ") and words in said and "127.0.0.1" not in said
    assert len(Messages.bodies) <= 1
    assert len(calls(home)) == 1


@pytest.mark.parametrize("url", ["http://127.0.0.1:9/x", "ftp://127.0.0.1/x", "https://"])
def test_an_address_that_nobody_answers_at_spoils_no_run(
    home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], url: str
) -> None:
    monkeypatch.setenv("JOURNEY_WEBHOOK_URL", url)
    with runs.recorded(runs.Run(home, "a test")) as run:
        run.release_id = "20260107-abc"
    (said,) = capsys.readouterr().err.splitlines()
    assert said.startswith("JOURNEY_WEBHOOK_URL: ") and url not in said


def test_reasons_stay_on_one_screen(home: Path) -> None:
    run = runs.Run(home, "a test")
    run.fail(f"file {number}: F_EMPTY" for number in range(100))
    lines = run.text.splitlines()
    assert len(lines) < 40 and lines[-2:] == [
        "  … and more", "What to do: docs/runbook.md. Details: journey dev (Dagster UI).",
    ]  # fmt: skip


def test_what_an_error_quotes_is_masked(home: Path) -> None:
    """Errors of the database may show a value."""
    with pytest.raises(KeyError), runs.recorded(runs.Run(home, "a test")):
        raise KeyError("Could not convert 'taro@example.com' to INT64")
    for text in (failure(home), (home / "work" / "last_error.txt").read_text("utf-8")):
        assert "Could not convert" in text and "[email]" in text and "taro@" not in text


def test_a_failure_without_a_reason_is_one(home: Path) -> None:
    run = runs.Run(home, "a test")
    run.fail([])
    assert run.outcome == "failed" and run.text.count("✗") == 1


def test_a_torn_record_costs_its_own_line_only(home: Path) -> None:
    with runs.recorded(runs.Run(home, "a test")):
        pass
    with (home / runs.RECORD).open("a") as stream:
        stream.write('[1]\n{"run": "x", "event": "end"}\n{"run": "killed whi')
    with runs.recorded(runs.Run(home, "a test")):
        pass
    assert [run.outcome for run in runs.past_runs(home)] == ["part", "part"]
