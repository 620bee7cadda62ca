"""Each rule for values that are nobody's catches its own example, as an export writes it."""

from __future__ import annotations

from pathlib import Path

import duckdb
import pytest

from orchestration.developing.compiled import Project
from orchestration.developing.histories import File
from orchestration.developing.proving import World
from orchestration.loading import privacy
from orchestration.loading.contract import load_contract
from orchestration.rules import home as home_rules

RULES = home_rules.defaults().rows("identifier_invalid_values")
TABLES = load_contract(home_rules.defaults())


def test_every_rule_has_an_example() -> None:
    assert all(row["example"] for row in RULES)


@pytest.mark.parametrize("kind", ["email", "phone"])
def test_patterns_catch_their_examples(kind: str) -> None:
    """The rule itself is named, so that no rule stands behind another one that catches all."""
    connection = duckdb.connect()
    privacy.prepare(connection, "p" * 32, "k1")
    column = next(c for c in TABLES["crm/contacts"].columns if c.name == kind)
    for row in RULES:
        if row["identifier_type"] == kind:
            found = connection.execute(
                f"select {privacy.stored(column, 'spelled')} from "
                f"(select {privacy.spelled(column, 'given')} as spelled from (select ? as given))",
                [row["example"]],
            ).fetchone()
            assert found and str(found[0]).startswith(f"invalid:{row['invalid_rule_id']}:"), row


def test_values_catch_their_examples(project: Project, tmp_path: Path) -> None:
    examples = {kind: [str(row["example"]) for row in RULES if row["identifier_type"] == kind]
                for kind in ("visitor", "user", "contact")}  # fmt: skip
    at = "2026-01-01 00:00:00"
    with project.connect() as connection:
        world = World(project, connection, tmp_path)
        world.arrive(File("web/events", [
            {"event_id": f"{kind}{number}", "occurred_at": at, "event_name": "page_view",
             "visitor_id": example if kind == "visitor" else f"v{number}",
             "user_id": example if kind == "user" else ""}
            for kind in ("visitor", "user") for number, example in enumerate(examples[kind])
        ]))  # fmt: skip
        world.arrive(File("crm/contacts", [
            {"contact_id": example, "created_at": at} for example in examples["contact"]
        ]))  # fmt: skip
        world.load()
        world.build("2026-02-01 00:00:00")
        found = connection.execute(
            "select identifier_type, identifier_value, invalid_rule_id "
            "from intermediate.int_identifiers_aggregated where is_invalid"
        ).fetchall()
    rules_of = {(kind, value): rule for kind, value, rule in found}
    for row in RULES:
        if row["identifier_type"] in examples:
            key = (row["identifier_type"], row["example"])
            assert rules_of.get(key) == row["invalid_rule_id"], row
