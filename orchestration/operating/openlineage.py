"""
Tell a lineage catalogue what a run built: OpenLineage events to `JOURNEY_OPENLINEAGE_URL`.

The address is that of a receiver (`https://…`) or of a file to which lines of JSON are added
(`file:/…`). OpenLineage's own library makes the events of dbt's artefacts of the run: START, then
COMPLETE or FAIL, of each model and its tests, below those of the run itself, which holds the
release in its tags. It works in a process of its own that is ended when it takes too long: no
receiver fails a run. Without the variable nothing of it is imported, and nothing is sent.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from orchestration.settings import DBT_PROJECT_DIR, Settings

if TYPE_CHECKING:
    from openlineage.client.event_v2 import RunEvent
    from openlineage.client.transport import Transport

VARIABLE = "JOURNEY_OPENLINEAGE_URL"
LIBRARIES = Path(sys.prefix) / "openlineage"
SECONDS = 20.0  # for all events
REQUEST_SECONDS = 5.0
GRACE_SECONDS = 5.0  # for what knows no limit of its own, such as the lookup of a name


class NotSent(Exception):
    """Not all events were sent; the text says why, without the address."""


def send(
    settings: Settings,
    build_id: str,
    tags: dict[str, str],
    is_failed: bool,
    project: Path = DBT_PROJECT_DIR,
) -> str:
    """
    Send the events of a build; returns what came of it, nothing without the variable.

    `tags` are added to the run of each event. Raises `NotSent`.
    """
    url = os.environ.get(VARIABLE, "").strip()
    if not url:
        return ""
    if urlsplit(url).scheme not in ("http", "https", "file"):
        raise NotSent("it is no address http(s): or file:")
    if not LIBRARIES.exists():
        raise NotSent("the library is not installed: run `make openlineage` once")
    order = {"url": url, "seconds": SECONDS, "build_id": build_id, "tags": tags,
             "target": str(settings.dbt_target), "project": str(project),
             "is_failed": is_failed}  # fmt: skip
    try:
        done = subprocess.run(
            [sys.executable, "-P", "-m", "orchestration.operating.openlineage"],
            input=json.dumps(order),
            env={**os.environ, **settings.environment()},
            capture_output=True,
            text=True,
            timeout=SECONDS + GRACE_SECONDS,
            check=False,
        )
        answer = json.loads(done.stdout)
    except subprocess.TimeoutExpired as error:
        raise NotSent(f"it took longer than {error.timeout:.0f} s and was ended") from None
    except (OSError, ValueError):
        raise NotSent("the events could not be made of what dbt left") from None
    if answer["problem"]:
        raise NotSent(answer["problem"])
    return f"{answer['sent']} events sent"


def events(order: dict[str, Any], namespace: str) -> list[RunEvent]:
    """The events of the build that an order names; raises `NotSent` when dbt left none of it."""
    from openlineage.client.event_v2 import Job, Run, RunEvent, RunState
    from openlineage.client.facet_v2 import tags_run
    from openlineage.client.uuid import generate_new_uuid
    from openlineage.common.provider.dbt.facets import ParentRunMetadata
    from openlineage.common.provider.dbt.local import DbtLocalArtifactProcessor
    from openlineage.common.provider.dbt.processor import ModelNode
    from openlineage.common.provider.dbt.utils import PRODUCER

    class Processor(DbtLocalArtifactProcessor):
        def get_dbt_metadata(self) -> Any:
            """The artefacts, without the tests that did not run: the library says they failed."""
            manifest, results, *others = super().get_dbt_metadata()
            ran = [result for result in results["results"] if result["status"] != "skipped"]
            return manifest, {**results, "results": ran}, *others

    target, parent = Path(order["target"]), str(generate_new_uuid())
    try:
        metadata = json.loads((target / "run_results.json").read_text("utf-8"))["metadata"]
    except (OSError, ValueError, KeyError):
        raise NotSent("dbt left no results") from None
    if metadata["env"].get("BUILD_ID") != order["build_id"]:
        raise NotSent("the results of dbt are of another build")
    processor = Processor(
        producer=PRODUCER,
        job_namespace=namespace,
        project_dir=order["project"],
        target_path=order["target"],
    )
    processor.dbt_run_metadata = ParentRunMetadata(parent, "nightly", namespace)
    told = processor.parse()
    manifest = processor.manifest
    tags = tags_run.TagsRunFacet(
        [tags_run.TagsRunFacetFields(*tag, source="JOURNEY") for tag in order["tags"].items()]
    )
    # A start and its end share run, job and datasets. In place of the tags that the library makes
    # of labels, and beside the inputs that it knows, which are no seeds.
    for event in told.starts:
        event.run.facets["tags"] = tags
        unique_id = event.job.facets["dbt_node"].unique_id
        if not unique_id.startswith("model."):
            continue
        if event.job.facets["jobType"].jobType == "MODEL":
            event.inputs += [
                processor.node_to_dataset(ModelNode("seed", manifest["nodes"][seed]), True)
                for seed in manifest["parent_map"][unique_id]
                if seed.startswith("seed.")
            ]
        if manifest["nodes"][unique_id]["language"] != "sql":
            event.job.facets.pop("sql", None)
        for output in event.outputs:
            _keep_known_columns(output.facets, {one.name for one in event.inputs})

    def of_run(state: RunState, at: str) -> RunEvent:
        return RunEvent(eventType=state, eventTime=at, run=Run(parent, {"tags": tags}),
                        job=Job(namespace, "nightly"), producer=PRODUCER)  # fmt: skip

    end = RunState.FAIL if order["is_failed"] else RunState.COMPLETE
    return [
        of_run(RunState.START, metadata["invocation_started_at"]),
        *told.events(),
        of_run(end, metadata["generated_at"]),
    ]


def _keep_known_columns(facets: dict[str, Any], inputs: set[str]) -> None:
    """Drop columns that the library says come of a dataset of a CTE's name."""
    if lineage := facets.get("columnLineage"):
        lineage.fields = {
            name: field
            for name, field in lineage.fields.items()
            if field.inputFields and all(source.name in inputs for source in field.inputFields)
        }
        if not lineage.fields:
            del facets["columnLineage"]


def _transport(url: str) -> Transport:
    """What takes the events; no settings of the library's own files are read."""
    from openlineage.client.transport.file import FileConfig, FileTransport
    from openlineage.client.transport.http import HttpConfig, HttpTransport
    from requests import Session

    if urlsplit(url).scheme == "file":
        return FileTransport(FileConfig(url, append=True))
    session = Session()
    session.max_redirects = 0  # it would carry the events to an address that nobody chose
    key = os.environ.get("OPENLINEAGE_API_KEY")
    return HttpTransport(
        HttpConfig.from_dict({
            "url": url,
            "endpoint": os.environ.get("OPENLINEAGE_ENDPOINT") or "api/v1/lineage",
            "timeout": REQUEST_SECONDS,
            "auth": {"type": "api_key", "apiKey": key} if key else {},
            "retry": {"total": 1, "connect": 0, "read": 1},
            "session": session,
        })
    )  # fmt: skip


def _sent(order: dict[str, Any]) -> tuple[int, str]:
    """How many events were sent, and what was wrong."""
    deadline = time.monotonic() + order["seconds"]
    try:
        made = events(order, os.environ.get("OPENLINEAGE_NAMESPACE") or "journey")
        transport = _transport(order["url"])
    except NotSent as error:
        return 0, str(error)
    for number, event in enumerate(made):
        so_far = f"{number} of {len(made)} events were sent"
        if time.monotonic() > deadline:
            return number, f"{so_far} in {order['seconds']:.0f} s"
        try:
            transport.emit(event)
        except Exception as error:  # whatever a receiver may do; an error may quote its address
            answer = getattr(error, "response", None)
            what = type(error).__name__ if answer is None else f"status {answer.status_code}"
            return number, f"{so_far}, then: {what}"
    return len(made), ""


def main() -> None:
    """Send what stdin orders."""
    sys.path.append(str(LIBRARIES))
    sent, problem = _sent(json.load(sys.stdin))
    json.dump({"sent": sent, "problem": problem}, sys.stdout)


if __name__ == "__main__":
    main()
