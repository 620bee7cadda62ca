"""The gate: what counts as passed."""

from __future__ import annotations

import json
from pathlib import Path

import duckdb
import pytest

from orchestration.building.fingerprint import fingerprint
from orchestration.gate import audits
from orchestration.gate.audits import Audit, Check, GateClosed


def artefacts(folder: Path, left_out: tuple[str, ...] = (), **statuses: str) -> Path:
    results = folder / "run_results.json"
    manifest = folder / "manifest.json"
    results.write_text(
        json.dumps({"metadata": {"env": {"BUILD_ID": "b1"}},
                    "args": {"exclude_resource_types": left_out}, "results": [
            {"unique_id": f"model.journey.{name}", "status": status, "message": f"{name} broke"}
            for name, status in statuses.items()
        ]}), "utf-8",
    )  # fmt: skip
    node = {"resource_type": "model", "config": {"enabled": True}}
    nodes = {f"model.journey.{name}": {**node, "name": name} for name in ("a", "b")}
    if left_out:
        nodes["seed.journey.c"] = {**node, "name": "c", "resource_type": "seed"}
    manifest.write_text(json.dumps({"nodes": nodes}), "utf-8")
    return folder


@pytest.mark.parametrize(
    ("status", "expected"),
    [("success", "pass"), ("pass", "pass"), ("warn", "warn"), ("error", "fail"), ("fail", "fail"),
     ("skipped", "fail"), ("partial success", "fail"), ("runtime error", "fail")],
)  # fmt: skip
def test_only_known_good_statuses_pass(tmp_path: Path, status: str, expected: str) -> None:
    checks = audits.dbt_checks(artefacts(tmp_path, a=status, b="success"), "b1")
    assert [check.status for check in checks] == [expected, "pass"]


def test_a_node_that_did_not_run_fails(tmp_path: Path) -> None:
    checks = audits.dbt_checks(artefacts(tmp_path, a="success"), "b1")
    assert checks[1] == Check("dbt", "b", "fail", "did not run")


def test_only_seeds_may_be_left_out(tmp_path: Path) -> None:
    folder = artefacts(tmp_path, ("seed", "model"), a="success")
    checks = audits.dbt_checks(folder, "b1")
    assert [(check.name, check.status) for check in checks] == [
        ("a", "pass"), ("b", "fail"), ("c", "pass"),
    ]  # fmt: skip
    checks = audits.dbt_checks(artefacts(tmp_path, ("unit_test",), a="success", b="success"), "b1")
    assert checks[2] == Check("dbt", "c", "fail", "did not run")


def test_no_results_close_the_gate(tmp_path: Path) -> None:
    with pytest.raises(GateClosed, match="journey nightly"):
        audits.dbt_checks(tmp_path, "b1")
    artefacts(tmp_path, a="success", b="success")
    (tmp_path / "run_results.json").write_text('{"metadata": {}, "results": [')
    with pytest.raises(GateClosed, match="missing or cut"):
        audits.dbt_checks(tmp_path, "b1")


def test_results_of_another_build_are_no_evidence(tmp_path: Path) -> None:
    with pytest.raises(GateClosed, match="another build"):
        audits.dbt_checks(artefacts(tmp_path, a="success", b="success"), "b2")


def test_an_audit_without_checks_does_not_pass() -> None:
    assert Audit("b", "f", "c", "t", ()).verdict == "fail"
    assert Audit("b", "f", "c", "t", (Check("x", "a", "warn"),)).verdict == "pass"


def test_checks_of_other_loads_do_not_count(tmp_path: Path) -> None:
    path = tmp_path / "raw_boundary.json"
    audits.write_boundary(path, "monday", [Check("raw", "a", "pass")])
    assert [check.status for check in audits.read_boundary(path, "monday")] == ["pass"]
    assert [check.status for check in audits.read_boundary(path, "tuesday")] == ["fail"]
    assert [check.status for check in audits.read_boundary(tmp_path / "no", "x")] == ["fail"]


def test_the_report_fits_a_screen() -> None:
    text = audits.report([Check("dbt", f"check {n}", "fail", "x" * 2000) for n in range(90)])
    assert len(text.splitlines()) <= 14 and "and 78 more" in text


def test_fingerprints_see_content_and_not_order() -> None:
    def of(*rows: str, extra: str = "") -> str:
        connection = duckdb.connect()
        connection.execute("create schema marts; create table marts.a (x varchar, y varchar)")
        for row in rows:
            connection.execute(f"insert into marts.a values {row}")
        if extra:
            connection.execute(extra)
        return fingerprint(connection).value

    assert of("('1', '2')", "('3', null)") == of("('3', null)", "('1', '2')")
    assert of("('1', '2')") != of("('12', '')")
    assert of("('1', null)") != of("('1', '')")
    assert of("('1', '2')") != of("('1', '2')", "('1', '2')")
    assert of("('1', '2')") != of("('2', '1')")
    assert of("('1', '2')") != of("('1', '2')", extra="alter table marts.a rename x to z")
    zero, minus_zero, one = (
        f"create table marts.b as select {x}::double as z" for x in (0, "-0.0", 1)
    )
    assert of(extra=zero) == of(extra=minus_zero) != of(extra=one)


def test_how_data_arrived_is_no_content() -> None:
    connection = duckdb.connect()
    connection.execute("create schema marts; create table marts.load_quality (x varchar)")
    before = fingerprint(connection)
    connection.execute("insert into marts.load_quality values ('renamed')")
    after = fingerprint(connection)
    assert before.content_hash == after.content_hash and before.value != after.value
