"""
The gate: a verdict about exactly one candidate, written as an audit record.

The record binds its verdict to one build: its id, the loads it was made of, and the fingerprint of
the marts right after it. `publish` takes the fingerprint and reads the record again by itself and
refuses everything else, so no orchestrator is trusted with this.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import asdict, dataclass
from datetime import date
from functools import lru_cache
from pathlib import Path
from typing import Any

import duckdb

from orchestration.base import sealed
from orchestration.building import builds
from orchestration.building.builds import Build
from orchestration.loading import contract, ledger
from orchestration.rules import home as home_rules
from orchestration.rules.tables import Row, Rules

Status = str  # pass, warn or fail
DID_NOT_RUN = "did not run"
REMEDY = "Run the whole job (`journey nightly`); a step alone never skips the checks"


@dataclass(frozen=True)
class Check:
    """One checked fact: where it was checked, its name, its status and, unless passed, why."""

    boundary: str
    name: str
    status: Status
    message: str = ""


@dataclass(frozen=True)
class Audit:
    """The verdict about the marts of one build."""

    build_id: str
    fingerprint: str
    content_hash: str
    as_of_at: str
    checks: tuple[Check, ...]
    observations: tuple[dict[str, Any], ...] = ()  # of the gates that learn: `learning.py`
    ledger_hash: str = ""  # of what the release will say of the one before: `restating.py`

    @property
    def verdict(self) -> Status:
        """Fail when any check failed, or none was made; otherwise pass."""
        return "fail" if not self.checks or self.count("fail") else "pass"

    def count(self, status: Status) -> int:
        """Number of checks of a status."""
        return sum(check.status == status for check in self.checks)


class GateClosed(RuntimeError):
    """The candidate may not be published; the message says why and what to do."""


def load_checks(connection: duckdb.DuckDBPyConnection, rules: Rules | None = None) -> list[Check]:
    """
    What the loads say: rejected files, conservation, quarantine rates and drift.

    The limits are those of `rules`, by default the shipped ones.
    """
    thresholds = (rules or home_rules.defaults()).rows("load_thresholds")
    checks = [
        Check(
            "load",
            name,
            "fail",
            code + (f" [{column}]" if column else "") + f": {message}. Remedy: {remedy}",
        )
        for name, code, column, message, remedy in connection.execute(
            "select file_name, reject_code, reject_column, reject_message, reject_remedy "
            "from ops.files where status = 'rejected' order by file_name"
        ).fetchall()
    ]
    waived = connection.execute(
        "select file_name, waive_reason from ops.files where status = 'waived' order by file_name"
    ).fetchall()
    checks += [Check("load", name, "warn", f"rejected and waived: {why}") for name, why in waived]
    requeued = connection.execute(
        "select file_name from ops.files where status = 'requeued' order by file_name"
    ).fetchall()
    if requeued:
        names = ", ".join(name for (name,) in requeued[:5])
        names += f" and {len(requeued) - 5} more" if len(requeued) > 5 else ""
        checks.append(
            Check("load", "files to be loaded again", "fail", f"{names}: not in the landing zone. "
                  "Remedy: put them back, or `journey retract <name>`")
        )  # fmt: skip
    checks += _erasures(connection)
    return [
        *checks,
        _conservation(connection),
        *_quarantine_rates(connection, thresholds),
        *_drift(connection),
    ]


def _erasures(connection: duckdb.DuckDBPyConnection) -> list[Check]:
    """Nobody who is to be erased may be published by a build that left the erasure out."""
    requests, contacts = "raw_privacy.erasure_requests", "raw_crm.contacts"
    present = {
        f"{schema}.{name}"
        for schema, name in connection.execute(
            "select schema_name, table_name from duckdb_tables()"
        ).fetchall()
    }
    problems = []
    is_asked = ledger.count(connection, "ops.erased_identifiers") or (
        contacts in present
        and ledger.count(connection, f"{contacts} where erased_at <= now() at time zone 'UTC'")
    )
    if requests in present and ledger.count(connection, requests):
        is_asked = True
        nobody = [
            name
            for (name,) in connection.execute(
                f"""
                select distinct files.file_name || ', row ' || asked._row_number
                from {requests} as asked
                inner join ops.files on files.file_id = asked._file_id
                    and files.source = 'privacy' and files.table_name = 'erasure_requests'
                where asked.request_id not in (select request_id from ops.erased_identifiers)
                order by all
                """
            ).fetchall()
        ]
        checked = connection.execute(
            "select coalesce(bool_and(is_erasure_checked), false) from ops.files "
            "where status = 'loaded'"
        ).fetchone()
        if nobody and checked == (True,):
            problems.append(
                f"{'; '.join(nobody[:5])} ({len(nobody)} erasure requests) name nobody: no "
                "identifier, or one that belongs to no person. Remedy: `journey retract <name>`, "
                "then a corrected file"
            )
    unchecked = ledger.count(
        connection, "ops.files where status = 'loaded' and is_erasure_checked is distinct from true"
    )
    if is_asked and unchecked:
        problems.append(
            f"{unchecked} files were not searched yet for people who asked to be erased. "
            "Remedy: `journey nightly`"
        )
    return [Check("load", "erasures are carried out", "fail", text) for text in problems]


def _conservation(connection: duckdb.DuckDBPyConnection) -> Check:
    """
    Per file: rows in = loaded + duplicate + quarantined + erased + expired.

    The tables hold as many as are loaded, the quarantine as many as are quarantined.
    """
    row = connection.execute(
        "select count(*), count(*) filter (where rows_in != rows_loaded + rows_duplicate "
        "+ rows_quarantined + coalesce(rows_erased, 0) + coalesce(rows_expired, 0)), "
        "coalesce(sum(rows_loaded), 0), coalesce(sum(rows_quarantined), 0) "
        "from ops.files where status = 'loaded'"
    ).fetchone()
    assert row is not None
    files, broken, loaded, quarantined = row
    held = sum(
        ledger.count(connection, f'"{schema}"."{name}"')
        for schema, name in connection.execute(
            "select schema_name, table_name from duckdb_tables() "
            "where database_name = current_database() and starts_with(schema_name, 'raw_')"
        ).fetchall()
    )
    kept = ledger.count(connection, "ops.quarantined_rows")
    message = ""
    if files == 0:
        message = "no file is loaded"
    elif broken:
        message = f"{broken} of {files} files lost or made up rows; see marts.load_quality"
    elif (held, kept) != (loaded, quarantined):
        message = (
            f"the raw tables hold {held} rows and the ledger {loaded}; the quarantine holds "
            f"{kept} and the ledger {quarantined}"
        )
    return Check("load", "rows are conserved", "fail" if message else "pass", message)


def _quarantine_rates(
    connection: duckdb.DuckDBPyConnection, thresholds: tuple[Row, ...]
) -> list[Check]:
    """F_REJECT_RATE per source, over all loads and over the last ones."""
    checks = []
    for source, rows, quarantined, last_rows, last_quarantined in connection.execute(
        """
        with files as (
            select *, load_batch = max(load_batch) over (partition by source, table_name) as is_last
            from ops.files where status = 'loaded'
        )
        select source, sum(rows_in), sum(rows_quarantined),
            coalesce(sum(rows_in) filter (where is_last), 0),
            coalesce(sum(rows_quarantined) filter (where is_last), 0)
        from files group by source order by source
        """
    ).fetchall():
        limits = contract.limits(thresholds, source, date.today())
        shares = [(quarantined / max(rows, 1), rows, "all files")]
        if last_rows >= limits.reject_rate_minimum_rows:
            shares.append((last_quarantined / last_rows, last_rows, "the last files"))
        share, checked, where = max(shares)
        status = "pass"
        if share > limits.reject_rate_warn:
            # One of three rows is a bad row; only of many is a share a bad export.
            share_of_many = share * min(checked / limits.reject_rate_minimum_rows, 1)
            status = "fail" if share_of_many > limits.reject_rate_fail else "warn"
        checks.append(
            Check(
                "load",
                f"quarantine of {source}",
                status,
                ""
                if status == "pass"
                else f"F_REJECT_RATE: {share:.1%} of the rows of {where} are quarantined (limits "
                f"{limits.reject_rate_warn:.0%} and {limits.reject_rate_fail:.0%} in "
                "rule table load_thresholds); see ops.quarantined_rows",
            )
        )
    return checks


def _drift(connection: duckdb.DuckDBPyConnection) -> list[Check]:
    """Drift that closes the gate until waived, and what the last loads of each table brought."""
    return [
        Check(
            "load",
            f"{name}: {kind}" + (f" of {column}" if column else ""),
            "warn" if waived or severity == "warn" else "fail",
            detail + (f" (waived: {waived})" if waived else ""),
        )
        for name, kind, column, severity, detail, waived in connection.execute(
            """
            with files as (
                select *, load_batch = max(load_batch) over (
                    partition by source, table_name
                ) as is_last
                from ops.files where status = 'loaded'
            )
            select file_name, kind, column_name, severity, detail, waive_reason
            from ops.drift_findings inner join files using (file_id, source, table_name)
            where severity = 'fail' or (severity = 'warn' and is_last)
            order by all
            """
        ).fetchall()
    ]


def last_findings(connection: duckdb.DuckDBPyConnection) -> dict[str, list[tuple[str, str]]]:
    """Severity and text of what drifted in the last files of each raw table, by its label."""
    found: dict[str, list[tuple[str, str]]] = {}
    for source, table, severity, text in connection.execute(
        """
        select source, table_name, severity,
            concat_ws(': ', file_name, concat_ws(' of ', kind, column_name), detail)
        from ops.drift_findings inner join ops.files as files using (file_id, source, table_name)
        where status = 'loaded' and load_batch = (
            select max(load_batch) from ops.files as others
            where others.source = files.source and others.table_name = files.table_name
        )
        order by all
        """
    ).fetchall():
        found.setdefault(f"{source}/{table}", []).append((severity, text))
    return found


def dbt_checks(
    target: Path,
    build_id: str,
    connect: Callable[[], AbstractContextManager[duckdb.DuckDBPyConnection]] | None = None,
) -> list[Check]:
    """
    One check per dbt node; a node of the project that did not run is a failure.

    Except for seeds where the build left them out: they are those of the last one, which passed.
    `target` is dbt's target folder; `connect` opens its warehouse, which tells the rules that a
    failed test of integrity found broken. Raises `GateClosed` when the results are of another
    build.
    """
    try:
        record = json.loads((target / "run_results.json").read_text("utf-8"))
        nodes = _nodes(target)
        results, found_id = record["results"], record["metadata"]["env"].get("BUILD_ID")
        has_seeds = "seed" not in record["args"].get("exclude_resource_types", ())
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise GateClosed(f"the results of dbt's build are missing or cut. {REMEDY}") from error
    if found_id != build_id:
        raise GateClosed(f"the results of dbt are of another build. {REMEDY}")
    wanted = {
        name
        for name, node in nodes.items()
        if node["resource_type"] in ("model", "seed", "test") and node["config"]["enabled"]
    }
    found = {
        result["unique_id"]: result
        for result in results
        if not result["unique_id"].startswith("exposure.")  # nothing runs for them
    }
    checks: list[Check] = []
    for name in sorted(wanted | set(found)):
        label = nodes[name]["name"] if name in nodes else name.split(".")[-1]
        result = found.get(name)
        if result is None and not has_seeds and nodes[name]["resource_type"] == "seed":
            checks.append(Check("dbt", label, "pass"))
        elif result is None or result["status"] == "skipped":
            checks.append(Check("dbt", label, "fail", DID_NOT_RUN))
        elif result["status"] in ("success", "pass"):
            checks.append(Check("dbt", label, "pass"))
        else:
            message = " ".join((result.get("message") or result["status"]).split())[:400]
            if connect and result["status"] == "fail" and integrity(nodes.get(name, {})):
                with connect() as connection:
                    message = _broken_rules(connection, result["compiled_code"]) or message
            status = "warn" if result["status"] == "warn" else "fail"
            checks.append(Check("dbt", label, status, message))
    return checks


def integrity(node: dict[str, Any]) -> dict[str, Any]:
    """What a node of dbt's manifest tests of its model: arguments of `integrity`, else nothing."""
    metadata = node.get("test_metadata") or {}
    rules: dict[str, Any] = metadata["kwargs"] if metadata.get("name") == "integrity" else {}
    return rules


def _broken_rules(connection: duckdb.DuckDBPyConnection, query: str) -> str:
    """What a test of integrity finds."""
    return "; ".join(
        f"{rule.replace('_', ' ')} of {subject}: {count:,} row{'s' * (count > 1)}"
        for rule, subject, count in connection.execute(query).fetchall()
    )


def _nodes(target: Path) -> dict[str, dict[str, Any]]:
    """The nodes of dbt's manifest there."""
    path = target / "manifest.json"
    return _nodes_of(path, path.stat().st_mtime_ns)


@lru_cache(1)
def _nodes_of(path: Path, _: int) -> dict[str, dict[str, Any]]:
    nodes: dict[str, dict[str, Any]] = json.loads(path.read_text("utf-8"))["nodes"]
    return nodes


def mart_keys(target: Path) -> dict[str, list[str]]:
    """The columns that dbt tests as the key of each mart, by its name."""
    try:
        nodes = _nodes(target)
    except (OSError, ValueError, KeyError):
        return {}
    return {
        nodes[node["attached_node"]]["name"]: key
        for node in nodes.values()
        if (key := integrity(node).get("primary_key"))
    }


def audit_path(audits: Path, fingerprint: str) -> Path:
    """Where the audit record of a candidate lies."""
    return audits / f"{fingerprint}.json"


def write_audit(audits: Path, audit: Audit) -> Path:
    """Write the record whole or not at all."""
    path = audit_path(audits, audit.fingerprint)
    sealed.write(path, {"verdict": audit.verdict, **asdict(audit)})
    return path


def require_build(connection: duckdb.DuckDBPyConnection) -> Build:
    """The last build, complete and of the loads that are there now; raises `GateClosed` if not."""
    build = builds.last_complete(connection)
    if build is None:
        raise GateClosed(f"there is no complete build of the models. {REMEDY}")
    if build.load_state != ledger.load_state(connection):
        raise GateClosed(
            "the loads changed since the build (a file was loaded, retracted, waived or erased). "
            + REMEDY
        )
    return build


def require_passed(audits: Path, build: Build) -> Audit:
    """The passing audit of exactly this build; raises `GateClosed` otherwise."""
    path = audit_path(audits, build.fingerprint)
    if not path.exists():
        raise GateClosed(
            f"no audit for candidate {build.fingerprint[:12]}: never checked. {REMEDY}"
        )
    record = sealed.read(path)
    if record is None:
        raise GateClosed(f"{path.name} was cut or edited. {REMEDY}")
    checks = tuple(Check(**check) for check in record.pop("checks"))
    verdict = record.pop("verdict")
    audit = Audit(**record, checks=checks)
    if (audit.build_id, audit.fingerprint, audit.as_of_at) != (
        build.build_id,
        build.fingerprint,
        build.as_of_at,
    ):
        raise GateClosed(f"{path.name} is about another build. {REMEDY}")
    if audit.verdict != "pass" or verdict != "pass":
        raise GateClosed(report(list(audit.checks)) + f"\n{REMEDY}")
    return audit


def report(checks: list[Check], limit: int = 12) -> str:
    """What failed, on one screen."""
    failed = [check for check in checks if check.status == "fail"]
    lines = [f"{len(failed)} of {len(checks)} checks failed:"]
    lines += [f"  ✗ {c.boundary}: {c.name}: {c.message[:400]}" for c in failed[:limit]]
    if len(failed) > limit:
        lines.append(f"  … and {len(failed) - limit} more")
    return "\n".join(lines)


def write_boundary(path: Path, state: str, checks: list[Check]) -> None:
    """Keep the checks of the raw boundary for the audit, bound to the state they checked."""
    sealed.write(path, {"state": state, "checks": [asdict(check) for check in checks]})


def read_boundary(path: Path, state: str) -> list[Check]:
    """Checks of the raw boundary; one failed check when they checked other loads, or nothing."""
    record = sealed.read(path)
    if record and record["state"] == state:
        return [Check(**check) for check in record["checks"]]
    return [
        Check(
            "raw", "raw boundary", "fail", "was not checked on these loads; run `journey nightly`"
        )
    ]
