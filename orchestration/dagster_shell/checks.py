"""
The two boundaries as asset checks: what each suite says on its asset, and one verdict that blocks.

Only the verdicts block. A blocking check on a mart in the middle of the graph would make Dagster
split the one `dbt build` at that mart. The second boundary writes the audit record.
"""

import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import dagster as dg

from expectations import checkpoints, judge
from orchestration.base.database import refuse_damage
from orchestration.building.fingerprint import table_names
from orchestration.dagster_shell.assets.published import MARTS
from orchestration.dagster_shell.assets.raw import raw_assets
from orchestration.dagster_shell.run_context import RunContext
from orchestration.gate import audits, learning, restating, volume
from orchestration.gate.audits import Audit, Check
from orchestration.loading import ledger
from orchestration.publishing.releasing import previous_manifest, previous_release


def _asset_key(suite: str) -> dg.AssetKey:
    """`raw__raw_web__events` checks the asset raw/web/events, `marts__marts__x` marts/x."""
    _, schema, table = suite.split("__")
    if suite == learning.SUITE:  # what it observes is of the release as a whole
        return dg.AssetKey(["marts", "release_info"])
    return dg.AssetKey([*schema.split("_", 1), table])


def _specs(boundary: str) -> list[dg.AssetCheckSpec]:
    return [
        dg.AssetCheckSpec(name=f"expectations_{boundary}", asset=_asset_key(suite))
        for suite in checkpoints.suite_names(boundary)
    ]


def _results(boundary: str, outcomes: list[checkpoints.Outcome]) -> Iterator[dg.AssetCheckResult]:
    for suite in checkpoints.suite_names(boundary):
        mine = [outcome for outcome in outcomes if outcome.suite == suite]
        bad = [outcome for outcome in mine if outcome.status != "pass"]
        failed = any(outcome.status == "fail" for outcome in bad)
        yield dg.AssetCheckResult(
            asset_key=_asset_key(suite),
            check_name=f"expectations_{boundary}",
            passed=not bad,
            severity=dg.AssetCheckSeverity.ERROR if failed else dg.AssetCheckSeverity.WARN,
            description="; ".join(f"{o.expectation}: {o.message}" for o in bad) or None,
            metadata={"expectations": len(mine)},
        )


def _gx_checks(boundary: str, outcomes: list[checkpoints.Outcome]) -> list[Check]:
    return [
        Check(boundary, f"{o.suite.split('__', 1)[1]}: {o.expectation}", o.status, o.message)
        for o in outcomes
    ]


def _told(outcome: checkpoints.Outcome, observations: list[dict[str, Any]]) -> checkpoints.Outcome:
    """An outcome of a gate that learns, with the names of what lies beyond its bounds."""
    if outcome.suite != learning.SUITE or outcome.status != "warn":
        return outcome
    beyond = learning.said(observations, learning.GATES[outcome.expectation])
    return replace(outcome, message=f"{outcome.message}: {beyond}")


@dg.multi_asset_check(
    name="raw_boundary",
    specs=[
        *_specs("raw"),
        *(dg.AssetCheckSpec(name="drift", asset=asset.key) for asset in raw_assets),
        dg.AssetCheckSpec(
            name="raw_verdict",
            asset=["ops", "files"],
            additional_deps=[["ops", "quarantined_rows"], *(asset.key for asset in raw_assets)],
            blocking=True,
        ),
    ],
)
def raw_boundary(run: RunContext) -> Iterator[dg.AssetCheckResult]:
    """Judge what was loaded; a rejected file or lost row stops the run here."""
    settings = run.settings
    with run.warehouse() as connection:
        loads = audits.load_checks(connection, run.rules)
        state = ledger.load_state(connection)
        findings = audits.last_findings(connection)
    outcomes = judge.run("raw", settings.warehouse, {})
    refuse_damage(settings, (outcome.message for outcome in outcomes))
    checks = [*loads, *_gx_checks("raw", outcomes)]
    audits.write_boundary(settings.home / "work" / "raw_boundary.json", state, checks)
    run.recorded.note_checks(checks)
    failed = any(check.status == "fail" for check in checks)
    counts = {
        status: sum(c.status == status for c in checks) for status in ("pass", "warn", "fail")
    }
    run.progress("raw boundary", ", ".join(f"{n} {status}" for status, n in counts.items()))
    yield dg.AssetCheckResult(
        asset_key=["ops", "files"],
        check_name="raw_verdict",
        passed=not failed,
        description=audits.report(checks) if failed else None,
    )
    for asset in raw_assets:
        found = findings.get("/".join(asset.key.path[1:]), [])
        yield dg.AssetCheckResult(
            asset_key=asset.key,
            check_name="drift",
            passed=all(severity == "info" for severity, _ in found),
            severity=dg.AssetCheckSeverity.ERROR
            if any(severity == "fail" for severity, _ in found)
            else dg.AssetCheckSeverity.WARN,
            description="; ".join(text for _, text in found) or None,
        )
    yield from _results("raw", outcomes)


@dg.multi_asset_check(
    name="marts_boundary",
    specs=[
        *_specs("marts"),
        dg.AssetCheckSpec(
            name="audit",
            asset=["marts", "release_info"],
            additional_deps=[key for key in MARTS if key.path[-1] != "release_info"],
            blocking=True,
        ),
    ],
)
def marts_boundary(run: RunContext) -> Iterator[dg.AssetCheckResult]:
    """Judge the candidate and write its audit record, which publishing will ask for."""
    settings = run.settings
    try:
        with run.warehouse() as connection:
            build = audits.require_build(connection)
            rows = {
                name: ledger.count(connection, f'marts."{name}"')
                for name in table_names(connection)
            }
            sources = volume.source_rows(connection)
            problem = restating.compare(
                connection, settings, build, previous_release(settings), run.tables
            )
            zone = settings.business_timezone
            learning.observe(connection, restating.last_whole_day(build.as_of_at, zone))
            observations = learning.observations(connection)
            ledger_hash = restating.digest(connection)
        built = audits.dbt_checks(settings.dbt_target, build.build_id)
    except audits.GateClosed as closed:
        raise dg.Failure(str(closed)) from closed
    minimum = volume.minimum_rows(previous_manifest(settings, build.as_of_at), sources, rows)
    parameters: dict[str, Any] = {f"minimum_{name}": count for name, count in minimum.items()}
    outcomes = judge.run("marts", settings.warehouse, parameters)
    judge.end()
    refuse_damage(settings, (outcome.message for outcome in outcomes))
    outcomes = [_told(outcome, observations) for outcome in outcomes]
    checks = (
        *audits.read_boundary(settings.home / "work" / "raw_boundary.json", build.load_state),
        *built,
        *_gx_checks("marts", outcomes),
        *([Check("marts", "restatement ledger", "warn", problem)] if problem else []),
    )
    audit = Audit(
        build.build_id, build.fingerprint, build.content_hash, build.as_of_at, checks,
        tuple(observations), ledger_hash,
    )  # fmt: skip
    path = audits.write_audit(settings.audits, audit)
    run.recorded.note_checks(audit.checks)
    run.progress(
        "marts boundary",
        f"verdict {audit.verdict}: {audit.count('pass')} passed, {audit.count('warn')} warned, "
        f"{audit.count('fail')} failed",
    )
    for check in audit.checks:
        if check.status == "warn":
            run.progress("marts boundary", f"warning: {check.name}: {check.message}")
    yield dg.AssetCheckResult(
        asset_key=["marts", "release_info"],
        check_name="audit",
        passed=audit.verdict == "pass",
        description=audits.report(list(audit.checks)) if audit.verdict != "pass" else None,
        metadata={
            "audit": str(path),
            "content_hash": audit.content_hash,
            "summary": json.dumps({s: audit.count(s) for s in ("pass", "warn", "fail")}),
        },
    )
    yield from _results("marts", outcomes)
