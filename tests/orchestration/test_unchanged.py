"""A run without anything new ends at once; whatever may change its result makes it a whole one."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import duckdb
import pytest

from orchestration.operating import unchanged
from orchestration.publishing import releasing
from orchestration.settings import Settings, load_settings
from tests.conftest import PEPPER


@pytest.fixture
def settings(
    story_home: Path, copy_home: Callable[[Path], Path], monkeypatch: pytest.MonkeyPatch
) -> Settings:
    """Of a home whose last run published."""
    monkeypatch.setenv("JOURNEY_PEPPER", PEPPER)
    return load_settings(copy_home(story_home))


def current(settings: Settings) -> str:
    release_id = releasing.current_release(settings.published)
    assert release_id is not None
    return release_id


def test_whatever_a_run_takes_in_makes_it_a_whole_one(settings: Settings) -> None:
    home, release_id = settings.home, current(settings)
    assert unchanged.release(settings, "") is None, "it was copied: other files"

    @contextmanager
    def known() -> Iterator[None]:
        unchanged.remember(settings, "", release_id)
        assert unchanged.release(settings, "") == release_id
        yield

    events = home / "landing" / "web" / "events" / "events.csv"
    with known():
        text = events.read_text("utf-8")
        stat = events.stat()
        events.write_text(text.replace("a", "b", 1), "utf-8")  # of the same size and time
        os.utime(events, ns=(stat.st_atime_ns, stat.st_mtime_ns))
        assert unchanged.release(settings, "") is None
        events.write_text(text, "utf-8")
    for name in ("crm/orders/new.csv", "crm/strange/new.csv", "new.csv"):
        with known():
            path = home / "landing" / name
            path.parent.mkdir(exist_ok=True)
            path.write_text("order_id\n", "utf-8")
            assert unchanged.release(settings, "") is None, name
            path.unlink()
    with known():
        (home / "rules").mkdir(exist_ok=True)
        rules = home / "rules" / "kpi_targets.csv"
        rules.write_text("kpi,valid_from,target_value\nrevenue,2026-01-01,1\n", "utf-8")
        assert unchanged.release(settings, "") is None, "a rule of the home"
        rules.unlink()
    with known():
        assert unchanged.release(settings, "2026-01-05 15:00:00") is None, "another instant"
        for other in (
            replace(settings, data_set_name="Shop"),
            replace(settings, pepper="another-pepper-of-many-letters"),
            replace(settings, keep_releases=settings.keep_releases + 1),
        ):
            assert unchanged.release(other, "") is None, other
    with known():
        (home / "activation").mkdir(exist_ok=True)
        (home / "activation" / "ledger.jsonl").write_text("{}\n", "utf-8")
        assert unchanged.release(settings, "") is None, "somebody was put on a list"
    with known():
        with duckdb.connect(str(settings.warehouse)) as connection:
            connection.execute("update marts.dim_persons set persona = 'other'")
        assert unchanged.release(settings, "") is None, "somebody edited the warehouse"


def test_a_file_that_is_touched_renamed_or_copied_brings_nothing(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    release_id, landing = current(settings), settings.landing
    events, orders = landing / "web" / "events" / "events.csv", landing / "crm" / "orders"
    unchanged.remember(settings, "", release_id)

    def is_unchanged() -> bool:
        return unchanged.release(settings, "") == release_id

    os.utime(events, (1, 1))
    assert is_unchanged()
    with monkeypatch.context() as patch:  # it was read once
        patch.setattr(unchanged.loader, "brings_nothing", None)
        assert is_unchanged()
    events.rename(events.with_name("moved.csv"))
    assert is_unchanged()
    (events.parent / "2026").mkdir()
    (events.parent / "2026" / "copy.csv").write_bytes(events.with_name("moved.csv").read_bytes())
    assert is_unchanged()

    def is_changed(path: Path, content: bytes) -> None:
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(content)
        assert not is_unchanged(), path
        path.unlink()
        assert is_unchanged(), path

    order = next(orders.rglob("*.csv")).read_bytes()
    is_changed(orders / "dt=2031-01-01" / "copy.csv", order)  # seen again, its versions are younger
    is_changed(orders / "dt=31" / "copy.csv", order)
    is_changed(landing / "crm" / "payments" / "copy.csv", order)
    is_changed(landing / "copy.csv", order)
    is_changed(orders / "more.csv", order + b"\n")
    shutil.move(orders, settings.home / "orders")
    assert not is_unchanged()
    shutil.move(settings.home / "orders", orders)
    assert is_unchanged()


@pytest.mark.parametrize(
    "change",
    [
        "update ops.files set status = 'requeued' where table_name = 'events'",
        "insert into ops.files (file_id, source, table_name, status) "
        "values ('gone', 'web', 'events', 'waived')",
        "insert into ops.quarantined_rows (reason) values ('R_TS_FUTURE')",
    ],
)
def test_a_file_that_is_touched_may_bring_something(settings: Settings, change: str) -> None:
    with duckdb.connect(str(settings.warehouse)) as connection:
        connection.execute(change)
    unchanged.remember(settings, "", current(settings))
    assert unchanged.release(settings, "") is not None
    os.utime(settings.landing / "web" / "events" / "events.csv", (1, 1))
    assert unchanged.release(settings, "") is None


def test_a_release_that_is_not_whole_or_not_current_is_published_again(settings: Settings) -> None:
    release_id = current(settings)
    unchanged.remember(settings, "", release_id)
    page = settings.published / "releases" / release_id / "journey_map.html"
    text = page.read_bytes()
    page.write_bytes(text[:-1] + b"x")
    assert unchanged.release(settings, "") is None
    page.write_bytes(text)
    assert unchanged.release(settings, "") == release_id
    link = settings.published / "current"
    link.unlink()
    assert unchanged.release(settings, "") is None
    link.symlink_to("releases/another")
    assert unchanged.release(settings, "") is None


def test_a_record_that_was_edited_and_one_of_a_run_that_goes_on_say_nothing(
    settings: Settings,
) -> None:
    release_id = current(settings)
    unchanged.remember(settings, "", release_id)
    path = settings.home / "work" / "inputs.json"
    path.write_text(path.read_text("utf-8").replace(release_id, f"{release_id}.2"), "utf-8")
    assert unchanged.release(settings, "") is None
    unchanged.remember(settings, "", release_id)
    unchanged.forget(settings)
    assert unchanged.release(settings, "") is None


def test_an_erasure_that_falls_due_by_the_clock_is_not_missed(settings: Settings) -> None:
    with duckdb.connect(str(settings.warehouse)) as connection:
        connection.execute(
            "update raw_crm.contacts set erased_at = now() at time zone 'UTC' + interval 1 hour"
        )
    unchanged.remember(settings, "", current(settings))
    assert unchanged.release(settings, "") is None


def test_code_that_changed_makes_a_whole_run(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = tmp_path / "code" / "models" / "fct_orders.sql"
    model.parent.mkdir(parents=True)
    model.write_text("select 1", "utf-8")
    monkeypatch.setattr(unchanged, "_CODE", (tmp_path / "code",))
    unchanged.remember(settings, "", current(settings))
    (model.parent / "target").mkdir()
    (model.parent / "target" / "manifest.json").write_text("{}", "utf-8")
    assert unchanged.release(settings, "") == current(settings)
    model.write_text("select 2", "utf-8")
    assert unchanged.release(settings, "") is None
