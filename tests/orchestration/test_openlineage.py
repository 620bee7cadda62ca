"""OpenLineage events of dbt's artefacts, as a receiver on this machine gets them."""

from __future__ import annotations

import json
import os
import re
import subprocess
import threading
import time
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from orchestration.operating import openlineage, runs
from orchestration.settings import DBT, Settings, load_settings
from tests.conftest import PEPPER

TAGS = {"journey_run": "0badcafe", "journey_release": "20260110T000000Z-1"}


@dataclass
class Receiver:
    """What was sent, and how it answers."""

    events: list[dict[str, Any]] = field(default_factory=list)
    keys: set[str] = field(default_factory=set)
    status: int = 201
    seconds: float = 0.0
    url: str = ""


@pytest.fixture
def receiver(monkeypatch: pytest.MonkeyPatch) -> Iterator[Receiver]:
    told = Receiver()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            event = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            told.events.append({"path": self.path, **event})
            told.keys.add(self.headers.get("Authorization", ""))
            time.sleep(told.seconds)
            self.send_response(told.status)
            self.send_header("Location", "http://127.0.0.1:9/elsewhere")
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    told.url = f"http://127.0.0.1:{server.server_port}"
    monkeypatch.setenv(openlineage.VARIABLE, told.url)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    yield told
    server.shutdown()
    server.server_close()


def results(settings: Settings) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((settings.dbt_target / "run_results.json").read_text())
    return found


def build_of(settings: Settings) -> str:
    return str(results(settings)["metadata"]["env"]["BUILD_ID"])


def names(relation: str) -> str:
    return relation.replace('"', "")


def test_a_receiver_gets_what_was_built_of_what(
    story_home: Path, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = load_settings(story_home)
    secrets = {"JOURNEY_PEPPER": PEPPER, "OPENLINEAGE_API_KEY": "a key of the receiver"}
    for name, value in secrets.items():
        monkeypatch.setenv(name, value)
    # The library would take these over; nothing of it is read.
    monkeypatch.setenv("OPENLINEAGE__FACETS__ENVIRONMENT_VARIABLES", json.dumps([*secrets]))
    told = openlineage.send(settings, build_of(settings), TAGS, is_failed=False)
    assert told == f"{len(receiver.events)} events sent"
    assert receiver.keys == {"Bearer a key of the receiver"}
    assert {event["path"] for event in receiver.events} == {"/api/v1/lineage"}
    written = json.dumps(receiver.events)
    assert not [secret for secret in secrets.values() if secret in written]
    assert not re.search(r"\w@\w+\.\w", written), "addresses of persons"

    by_run = defaultdict(list)
    for event in receiver.events:
        by_run[event["run"]["runId"]].append(event)
    manifest = json.loads((settings.dbt_target / "manifest.json").read_text("utf-8"))
    models = {}
    for run_id, (start, end) in by_run.items():
        assert (start["eventType"], end["eventType"]) == ("START", "COMPLETE")
        assert start["job"] == end["job"] and start["eventTime"] <= end["eventTime"]
        assert start["job"]["namespace"] == "journey"
        tags = {tag["key"]: tag["value"] for tag in end["run"]["facets"]["tags"]["tags"]}
        assert tags == TAGS
        if end["job"]["name"] == "nightly":
            assert receiver.events[0]["run"] == receiver.events[-1]["run"] == end["run"]
            parent = run_id
        elif end["job"]["facets"]["jobType"]["jobType"] == "MODEL":
            models[end["job"]["facets"]["dbt_node"]["unique_id"]] = end
    assert {end["run"]["facets"]["parent"]["run"]["runId"] for end in models.values()} == {parent}

    ran = {result["unique_id"] for result in results(settings)["results"]}
    assert set(models) == {name for name in ran if name.startswith("model.")}
    nodes = {**manifest["nodes"], **manifest["sources"]}
    for unique_id, end in models.items():
        (output,) = end["outputs"]
        assert output["name"] == names(nodes[unique_id]["relation_name"])
        parents = [nodes[parent] for parent in manifest["parent_map"][unique_id]]
        inputs = sorted(names(node["relation_name"]) for node in parents)
        assert sorted(one["name"] for one in end["inputs"]) == inputs, unique_id
        lineage = output["facets"].get("columnLineage", {"fields": {}})["fields"]
        for column in lineage.values():
            assert {source["name"] for source in column["inputFields"]} <= set(inputs)
        is_sql = nodes[unique_id]["language"] == "sql"
        assert ("sql" in end["job"]["facets"]) == is_sql
    points = models["model.journey.fct_revenue_points"]
    assert [one["name"] for one in points["inputs"]] == [
        "warehouse.intermediate.int_revenue_points_placed",
        "warehouse.seeds.value_stage_rules",
    ]


MODELS = {
    "good.sql": "select id, id * 2 as twice from {{ ref('numbers') }}",
    "bad.sql": "{{ config(materialized='table') }} "
    "select error('told of row ' || id) as id from {{ ref('numbers') }}",
    "below.sql": "select * from {{ ref('bad') }}",
    "models.yml": "models: [{name: good, columns: [{name: id, data_tests: [unique]}]},"
    " {name: below, columns: [{name: id, data_tests: [unique]}]}]",
}


def test_what_failed_is_told_as_failed_and_what_did_not_run_not_at_all(
    tmp_path: Path, receiver: Receiver
) -> None:
    project, home = tmp_path / "project", tmp_path / "home"
    for folder in (project / "models", project / "seeds", home / "work" / "dbt"):
        folder.mkdir(parents=True)
    (project / "dbt_project.yml").write_text("{name: small, profile: small, version: '0.1.0'}")
    (project / "profiles.yml").write_text(
        f"small: {{target: x, outputs: {{x: {{type: duckdb, path: {home}/small.duckdb}}}}}}"
    )
    (project / "seeds" / "numbers.csv").write_text("id\n1\n1\n")
    for name, text in MODELS.items():
        (project / "models" / name).write_text(text)
    settings = load_settings(home)
    built = subprocess.run(
        [*DBT, "build", "--project-dir", project, "--profiles-dir", project,
         "--target-path", settings.dbt_target, "--indirect-selection", "cautious"],
        env={**os.environ, **settings.environment(), "DBT_ENV_CUSTOM_ENV_BUILD_ID": "b1"},
        capture_output=True, check=False,
    )  # fmt: skip
    assert built.returncode == 1
    assert {r["unique_id"]: r["status"] for r in results(settings)["results"]}.items() >= {
        "model.small.good": "success", "model.small.bad": "error", "model.small.below": "skipped",
    }.items()  # fmt: skip
    openlineage.send(settings, "b1", TAGS, is_failed=True, project=project)
    ends = {e["job"]["name"]: e for e in receiver.events if e["eventType"] != "START"}
    assert {name: end["eventType"] for name, end in ends.items()} == {
        "small.main.small.good.build.run": "COMPLETE",
        "small.main.small.good.build.test": "FAIL",
        "small.main.small.bad.build.run": "FAIL",
        "nightly": "FAIL",
    }
    assert "told of row 1" not in json.dumps(receiver.events)
    made = ends["small.main.small.good.build.run"]
    assert [one["name"] for one in made["inputs"]] == ["small.main.numbers"]
    (output,) = made["outputs"]
    assert output["facets"]["columnLineage"]["fields"]["twice"]["inputFields"] == [
        {"field": "id", "name": "small.main.numbers", "namespace": output["namespace"],
         "transformations": []}
    ]  # fmt: skip
    with pytest.raises(openlineage.NotSent, match="of another build"):
        openlineage.send(settings, "b2", TAGS, is_failed=True, project=project)


def test_no_receiver_fails_a_run_or_holds_it_up(
    story_home: Path,
    receiver: Receiver,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    settings = load_settings(story_home)

    def line(url: str) -> str:
        monkeypatch.setenv(openlineage.VARIABLE, url)
        run = runs.Run(story_home, "test", build_id=build_of(settings))
        run._settings = settings
        started = time.monotonic()
        run.tell_lineage()
        limit = openlineage.SECONDS + openlineage.GRACE_SECONDS + 1
        assert time.monotonic() - started < limit and not run.reasons
        output = capsys.readouterr()
        assert output.out == "" and url not in output.err
        problem = output.err.removeprefix(f"{openlineage.VARIABLE}: ").removesuffix("\n")
        assert run.lineage == f"not sent: {problem}"
        return problem

    assert " were sent, then: ConnectionError" in line("http://user:secret@127.0.0.1:9")
    receiver.status = 503
    assert " were sent, then: RetryError" in line(receiver.url)
    receiver.status = 307
    assert " were sent, then: status 307" in line(receiver.url)
    receiver.status, receiver.seconds = 201, 0.5
    monkeypatch.setattr(openlineage, "SECONDS", 1.0)
    monkeypatch.setattr(openlineage, "GRACE_SECONDS", 30.0)  # this machine may be busy
    assert " events were sent in 1 s" in line(receiver.url)
    monkeypatch.setattr(openlineage, "SECONDS", 0.0)
    monkeypatch.setattr(openlineage, "GRACE_SECONDS", 0.2)
    assert line(receiver.url) == "it took longer than 0 s and was ended"
    assert "no address" in line("receiver:5000")
    monkeypatch.setattr(openlineage, "LIBRARIES", story_home / "none")
    assert "run `make openlineage` once" in line(receiver.url)
    # And without the variable nothing is said, or even looked for.
    monkeypatch.delenv(openlineage.VARIABLE)
    assert openlineage.send(settings, "b", {}, is_failed=False) == ""
