"""Increments equal a full rebuild: on random histories, and on real events in any batches."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import duckdb
import pytest

from orchestration.developing import histories, proving
from orchestration.developing.compiled import Project
from orchestration.developing.histories import File, History, Run
from orchestration.developing.proving import NotEqual, World
from tests.conftest import run_journey


def test_histories_have_rows_of_every_raw_table(project: Project) -> None:
    assert set(histories.ROWS) == set(project.tables)


def test_random_histories(project: Project) -> None:
    """Few, of a seed that draws every kind of step; `journey prove` draws as many as one likes."""
    runs = [n for h in proving.prove_random(project, 48, 212, progress=print) for n in h.runs]
    files = [file for run in runs for file in run.files]
    assert {file.table for file in files} == set(histories.ROWS)
    assert sum(run.retract is not None for run in runs) >= 3
    assert sum(not run.files for run in runs) >= 3


def test_more_with_all_options_of_sessions(project_with_options: Project) -> None:
    proven = proving.prove_random(project_with_options, 24, 406, progress=print)
    files = [file for history in proven for run in history.runs for file in run.files]
    assert sum(len(file.rows) for file in files if file.table == "web/events") > 50


def test_runs_join_when_the_event_that_parted_them_goes(
    project_with_options: Project, tmp_path: Path
) -> None:
    """The second event brought a campaign; without it, the third one goes on with the first."""
    first, second, third = (
        {"event_id": f"e{number}", "occurred_at": f"2026-01-01 10:0{number}:00",
         "visitor_id": "v1", "event_name": "page_view", "utm_source": source}
        for number, source in enumerate(("news", "other", ""))
    )  # fmt: skip
    files = [File("web/events", [first, third]), File("web/events", [second])]
    history = History([Run(files, 24), Run([], 24, retract=1)])
    proving.prove(project_with_options, history, tmp_path)


def test_a_ticket_and_a_deal_that_are_deleted_leave_their_person(
    project: Project, tmp_path: Path
) -> None:
    """The deletion comes as a newer version; another one lies ahead, and comes due with time."""
    contact = {"contact_id": "c1", "created_at": "2026-01-01 09:00:00"}

    def tickets(name: str, deleted_at: str, updated_at: str) -> list[File]:
        said = {"contact_id": "c1", "deleted_at": deleted_at, "updated_at": updated_at}
        return [
            File("crm/tickets", [
                {"ticket_id": f"t-{name}", "opened_at": "2026-01-01 10:00:00", **said}]),
            File("crm/deals", [
                {"deal_id": f"d-{name}", "created_at": "2026-01-01 10:00:00", "amount": "500",
                 "currency_code": "JPY", "status": "won", "closed_at": "2026-01-01 11:00:00",
                 **said}]),
        ]  # fmt: skip

    first = [File("crm/contacts", [contact]), *tickets("a", "", "2026-01-01 11:00:00"),
             *tickets("b", "2026-01-03 00:00:00", "2026-01-01 11:00:00")]  # fmt: skip
    deletion = tickets("a", "2026-01-02 00:00:00", "2026-01-02 00:00:00")
    history = History([Run(first, 24), Run(deletion, 24), Run([], 48)])
    proving.prove(project, history, tmp_path)


def test_a_device_that_is_no_longer_shared_joins_who_was_seen_on_it(
    project: Project, tmp_path: Path
) -> None:
    """Nothing is said of the first two users; the third one's erasure comes due with time alone."""
    visits = [
        {"event_id": f"e-{visitor}-{user}", "occurred_at": f"2026-01-01 {hour}:00:00",
         "visitor_id": visitor, "event_name": "page_view", "user_id": user}
        for hour, (visitor, user) in enumerate(
            [("kiosk", "u1"), ("kiosk", "u2"), ("kiosk", "u3"), ("v1", "u1"), ("v2", "u2")], 10
        )
    ]  # fmt: skip
    contact = {"contact_id": "c3", "created_at": "2026-01-01 09:00:00", "user_id": "u3",
               "updated_at": "2026-01-01 09:00:00", "erased_at": "2026-01-03 00:00:00"}  # fmt: skip
    files = [File("web/events", visits), File("crm/contacts", [contact])]
    proving.prove(project, History([Run(files, 24), Run([], 96)]), tmp_path)


def test_a_forgotten_removal_is_found_and_shown(
    project: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The proof can fail: with the log of removed events switched off, it does."""
    monkeypatch.setattr("orchestration.loading.ledger.note_removed", lambda *_: None)
    event = {"event_id": "e1", "occurred_at": "2026-01-01 10:00:00", "visitor_id": "v1",
             "event_name": "page_view"}  # fmt: skip
    history = History([
        Run([File("web/events", [event, {**event, "event_id": "e2"}])], 24),
        Run([], 24, retract=0),
    ])  # fmt: skip
    with pytest.raises(NotEqual, match="only by increments"):
        proving.prove(project, history, tmp_path)
    assert "run 2" in repr(history) and "takes back file 0" in repr(history)


@pytest.mark.parametrize("source", ["snowplow", "reconstructr"])
def test_real_events_in_any_batches(
    project: Project, shared_data: Path, tmp_path: Path, source: str
) -> None:
    folder = {"snowplow": "snowplow_web"}.get(source, source)
    imported = run_journey("import", source, str(shared_data / folder), home=tmp_path)
    assert imported.returncode == 0, imported.stderr
    (path,) = (tmp_path / "landing" / "web" / "events").rglob("*.csv*")
    relation = duckdb.read_csv(str(path), all_varchar=True)
    rows = [dict(zip(relation.columns, row, strict=True)) for row in relation.fetchall()]
    whole = sessions(project, [rows], tmp_path / "whole")
    assert whole
    if source == "reconstructr":
        # The authors' counts: 22,224 where a gap of exactly 30:00 stays in the session.
        visitors = {visitor for visitor, *_ in whole}
        found = len(whole), sum(count for _, count, *_ in whole), len(visitors)
        assert found == (22224, 63524, 10000)
    generator = random.Random(3)
    batches: list[list[dict[str, str]]] = [[] for _ in range(4)]
    for row in rows:
        generator.choice(batches).append(row)
    assert sessions(project, batches, tmp_path / "batches") == whole


def sessions(
    project: Project, batches: list[list[dict[str, str]]], folder: Path
) -> list[tuple[Any, ...]]:
    """All sessions after one run per batch, which pass the data tests."""
    as_of_at = "2030-01-01 00:00:00"
    with project.connect(threads=2) as connection:
        world = World(project, connection, folder)
        for batch in batches:
            world.arrive(File("web/events", batch))
            world.load()
            world.build(as_of_at, models=project.kept)
        assert project.failing(connection, as_of_at, project.kept) == []
        return connection.execute(
            "select visitor_id, event_count, sessions.* from marts.fct_sessions as sessions "
            "order by all"
        ).fetchall()
