"""Increments equal a full rebuild: on random histories, and on real events in any batches."""

from __future__ import annotations

import random
from pathlib import Path

import duckdb
import pytest

from orchestration.developing import proving
from orchestration.developing.proving import File, History, Night, NotEqual, Project, World
from tests.conftest import run_journey


def test_histories_have_rows_of_every_raw_table(project: Project) -> None:
    assert set(proving.ROWS) == set(project.tables)


def test_many_random_histories(project: Project) -> None:
    proving.run(project, 160, 1, progress=print)


@pytest.fixture(scope="module")
def project_with_options(tmp_path_factory: pytest.TempPathFactory) -> Project:
    options = {
        "session_new_at_midnight": True,
        "session_new_on_campaign": True,
        "session_maximum_minutes": 45,
    }
    return Project(tmp_path_factory.mktemp("options"), options)


def test_more_with_all_options_of_sessions(project_with_options: Project) -> None:
    proving.run(project_with_options, 40, 3, progress=print)


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
    history = History([Night(files, 24), Night([], 24, retract=1)])
    proving.prove(project_with_options, history, tmp_path)


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
    proving.prove(project, History([Night(files, 24), Night([], 96)]), tmp_path)


def test_a_forgotten_removal_is_found_and_shown(
    project: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The proof can fail: with the log of removed events switched off, it does."""
    monkeypatch.setattr("orchestration.loading.ledger.note_removed", lambda *_: None)
    event = {"event_id": "e1", "occurred_at": "2026-01-01 10:00:00", "visitor_id": "v1",
             "event_name": "page_view"}  # fmt: skip
    history = History([
        Night([File("web/events", [event, {**event, "event_id": "e2"}])], 24),
        Night([], 24, retract=0),
    ])  # fmt: skip
    with pytest.raises(NotEqual, match="only by increments"):
        proving.prove(project, history, tmp_path)
    assert "night 2" in repr(history) and "takes back file 0" in repr(history)


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
        assert len(whole) == 22224  # the authors' count
    generator = random.Random(3)
    for number, count in enumerate((2, 5)):
        batches: list[list[dict[str, str]]] = [[] for _ in range(count)]
        for row in rows:
            batches[generator.randrange(count)].append(row)
        assert sessions(project, batches, tmp_path / str(number)) == whole


def sessions(
    project: Project, batches: list[list[dict[str, str]]], folder: Path
) -> list[tuple[object, ...]]:
    """All sessions after one night per batch."""
    with project.connect(threads=2) as connection:
        world = World(project, connection, folder)
        for batch in batches:
            world.arrive(File("web/events", batch))
            world.load()
            world.build("2030-01-01 00:00:00", whole=False)
        return connection.execute("from marts.fct_sessions order by all").fetchall()
