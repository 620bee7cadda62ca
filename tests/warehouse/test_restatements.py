"""
The restatement ledger: its totals are the difference of two releases, each change has its cause.

Nights are loaded, built and published as a run does it, in memory and without the report; the
difference is computed again by plain SQL over the files of both releases.
"""

from __future__ import annotations

import csv
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import pytest

from orchestration.building import builds
from orchestration.building.fingerprint import fingerprint
from orchestration.building.project import ensure_manifest
from orchestration.developing.compiled import Project
from orchestration.developing.histories import File
from orchestration.developing.proving import World
from orchestration.gate import restating
from orchestration.gate.audits import Audit
from orchestration.loading import erasure_proofs
from orchestration.publishing import releasing
from tests.conftest import STORIES

CODE, RULES = "c" * 64, "r" * 64


class Nights(World):
    """A home that publishes night after night."""

    def __init__(self, project: Project, connection: duckdb.DuckDBPyConnection, folder: Path):
        super().__init__(project, connection, folder)
        self.settings.prepare()
        manifest = ensure_manifest(self.settings.environment())
        shutil.copy(manifest, self.settings.dbt_target / "manifest.json")
        self.published_count = 0

    @property
    def first(self) -> Path:
        """The release of the first night."""
        return (
            self.settings.published / "releases" / releasing.release_ids(self.settings.published)[0]
        )

    def night(
        self, as_of_at: str, *files: File, full: bool = False, key: str = f"{CODE}-{RULES}"
    ) -> Path:
        """Load what came, build and publish; returns the folder of the release."""
        for file in files:
            self.arrive(file)
        self.load()
        dues = self.connection.execute("select due_id, erased_at, proof from ops.erasure_dues")
        erasure_proofs.write_proofs(self.settings.erasures, dues.fetchall())
        self.connection.execute("delete from ops.erasure_dues")
        reason = builds.begin(self.connection, key, as_of_at, full)
        self.project.build(self.connection, as_of_at, bool(reason))
        builds.complete(self.connection, key, as_of_at, f"build {self.published_count} of the test")
        return self.publish(as_of_at)

    def publish(self, as_of_at: str) -> Path:
        """Compare the candidate with the current release, and make it current."""
        connection, root = self.connection, self.settings.published
        build = builds.last_complete(connection)
        assert build is not None
        before = releasing.previous_release(self.settings)
        assert restating.compare(connection, self.settings, build, before) is None
        candidate = fingerprint(connection)
        assert candidate.value == build.fingerprint  # the ledger is not part of it
        name = f"{as_of_at[:10].replace('-', '')}-{candidate.value[:12]}"
        folder = root / "releases" / name
        if not folder.exists():
            folder.mkdir()
            information = {
                "release_id": name, "content_hash": candidate.content_hash,
                "built_at": datetime(2026, 1, 1, tzinfo=UTC), **builds.made_of(connection),
            }  # fmt: skip
            tables = releasing._write_release(
                connection, folder, information, candidate.tables, lambda step: None
            )
            audit = Audit(build.build_id, build.fingerprint, build.content_hash, as_of_at, ())
            releasing.write_manifest(folder, information, audit, tables, {})
        releasing.flip(root, name)
        erasure_proofs.forget_releases(self.settings.erasures, name, list)
        self.published_count += 1
        return folder


@pytest.fixture(scope="module")
def first_night(project: Project, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The home after the first release, its warehouse beside it. Copied by each test."""
    home = tmp_path_factory.mktemp("first_night")
    with project.connect(threads=2) as connection:
        nights = Nights(project, connection, home)
        nights.night(FIRST, *first_files())
        connection.execute(f"attach '{home / 'memory.duckdb'}' as kept")
        connection.execute("copy from database memory to kept")
    return home


@pytest.fixture
def nights(project: Project, first_night: Path, tmp_path: Path) -> Iterator[Nights]:
    home = tmp_path / "home"
    shutil.copytree(first_night, home, symlinks=True)
    with duckdb.connect(":memory:", config={"threads": 2}) as connection:
        connection.execute(f"attach '{home / 'memory.duckdb'}' as kept (read_only)")
        connection.execute("copy from database kept to memory")
        connection.execute("detach kept")
        connection.execute("set TimeZone = 'UTC'")
        found = Nights(project, connection, home)
        found.paths = [Path()] * len(first_files())
        yield found


@contextmanager
def both(was: Path, now: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    """Two releases side by side: schemas `was.marts` and `now.marts`."""
    with duckdb.connect(":memory:") as connection:
        for name, folder in (("was", was), ("now", now)):
            connection.execute(f"attach '{folder / 'journey.duckdb'}' as {name} (read_only)")
        yield connection


def ledger(folder: Path, mart: str, where: str = "true") -> list[dict[str, Any]]:
    """What a release says about itself and the one before it."""
    with duckdb.connect(str(folder / "journey.duckdb"), read_only=True) as connection:
        cursor = connection.execute(
            f"from marts.{mart} where release_id = '{folder.name}' and {where} order by all"
        )
        names = [column[0] for column in cursor.description or []]
        return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]


def assert_totals_are_the_difference(was: Path, now: Path, known_through: str) -> None:
    """Recomputed without the ledger's code: EXCEPT ALL per mart, a full join per KPI and day."""
    told = {row["mart_name"]: row for row in ledger(now, "fct_restatements")}
    with both(was, now) as connection:
        marts = [
            name for (name,) in connection.execute(
                "select distinct table_name from duckdb_tables() where schema_name = 'marts'"
            ).fetchall() if name not in restating.UNCOMPARED
        ]  # fmt: skip
        assert set(told) <= set(marts)
        for name in marts:
            new, gone, rows, rows_before = connection.execute(
                f"""
                select
                    (select count(*) from (from now.marts.{name} except all from was.marts.{name})),
                    (select count(*) from (from was.marts.{name} except all from now.marts.{name})),
                    (select count(*) from now.marts.{name}), (select count(*) from was.marts.{name})
                """
            ).fetchone() or (0, 0, 0, 0)
            if name not in told:
                assert (new, gone) == (0, 0), name
                continue
            row = told[name]
            added, removed, changed = (
                row[f"{what}_row_count"] for what in ("added", "removed", "changed")
            )
            assert (added + changed, removed + changed) == (new, gone), name
            assert rows - rows_before == added - removed, name
            assert (row["current_row_count"], row["previous_row_count"]) == (rows, rows_before)
        for period, mart, day in (
            ("day", "kpi_daily", "kpi_date"), ("month", "kpi_monthly", "month_start_date")
        ):  # fmt: skip
            end = day if period == "day" else f"last_day({day})"
            differing = connection.execute(
                f"""
                select kpi, {day}, was.kpi_value, now.kpi_value
                from (from was.marts.{mart} where dimension = 'all') as was
                full join (from now.marts.{mart} where dimension = 'all') as now
                    using (kpi, {day})
                where {end} <= date '{known_through}'
                    and was.kpi_value is distinct from now.kpi_value
                """
            ).fetchall()
            told_values = ledger(now, "kpi_restatements", f"period = '{period}'")
            found = {
                (row["kpi"], row["period_start_date"],
                 row["previous_value"], row["restated_value"])
                for row in told_values
                if row["previous_value"] != row["restated_value"] or row["is_value_withheld"]
            }  # fmt: skip
            if any(row["is_value_withheld"] for row in told_values):  # of those, that it changed
                found = {(kpi, day, None, value) for kpi, day, _, value in found}
                differing = [(kpi, day, None, value) for kpi, day, _, value in differing]
                assert found >= set(differing)
            else:
                assert found == set(differing)


def order(number: int, person: int, day: str, amount: int) -> dict[str, str]:
    return {
        "order_id": f"o{number}", "contact_id": f"c{person}", "ordered_at": f"{day} 03:00:00",
        "order_type": "new", "order_amount": str(amount), "currency_code": "JPY",
    }  # fmt: skip


def payment(number: int, of: int, kind: str, day: str, amount: int) -> dict[str, str]:
    return {
        "payment_id": f"p{number}", "order_id": f"o{of}", "paid_at": f"{day} 04:00:00",
        "payment_type": kind, "payment_amount": str(amount), "currency_code": "JPY",
    }  # fmt: skip


def contact(person: int, **more: str) -> dict[str, str]:
    at = "2026-08-01 00:00:00"
    return {"contact_id": f"c{person}", "created_at": at, "updated_at": at,
            "user_id": f"u{person}", "persona": "individual", **more}  # fmt: skip


def event(number: int, visitor: str, at: str, user: str = "") -> dict[str, str]:
    return {"event_id": f"e{number}", "occurred_at": at, "visitor_id": visitor,
            "event_name": "page_view", "user_id": user}  # fmt: skip


def first_files() -> list[File]:
    """Three customers who paid in August, and three visitors of 5 August."""
    return [
        File("crm/contacts", [contact(person) for person in (1, 2, 3)]),
        File("crm/orders", [order(n, n, f"2026-08-0{n + 2}", 1000 * n) for n in (1, 2, 3)]),
        File("crm/payments",
             [payment(n, n, "charge", f"2026-08-0{n + 2}", 1000 * n) for n in (1, 2, 3)]),
        File("web/events", [event(1, "v1", "2026-08-05 01:00:00", "u1"),
                            event(2, "v2", "2026-08-05 02:00:00"),
                            event(3, "v3", "2026-08-05 03:00:00", "u3")]),
    ]  # fmt: skip


FIRST, SECOND, THIRD = (f"2026-09-0{day} 15:00:00" for day in (1, 2, 3))


def test_late_refunds_restate_the_month_and_their_days(nights: Nights) -> None:
    first = nights.first
    assert ledger(first, "fct_restatements") == ledger(first, "kpi_restatements") == []
    refunds = [
        payment(11, 1, "refund", "2026-08-20", 300), payment(12, 2, "refund", "2026-08-20", 500)
    ]  # fmt: skip
    second = nights.night(SECOND, File("crm/payments", refunds))
    assert_totals_are_the_difference(first, second, "2026-09-01")
    (august,) = ledger(second, "kpi_restatements", "period = 'month' and kpi = 'revenue'")
    assert (august["previous_value"], august["restated_value"]) == (6000, 5200)
    assert august["cause"] == "late_data"
    assert (august["cause_records"], august["cause_record_count"]) == ("crm.payments.refund=2", 2)
    (day,) = ledger(second, "kpi_restatements", "period = 'day' and kpi = 'revenue'")
    assert str(day["period_start_date"]) == "2026-08-20" and day["restated_value"] == -800
    causes = {row["cause"] for row in ledger(second, "kpi_restatements")}
    assert causes <= {"late_data", "later_data"}
    # Repeated, and rebuilt in full, the release has its name and its ledger.
    told = [ledger(second, mart) for mart in restating.LEDGERS]
    assert nights.night(SECOND, full=True) == second
    assert [ledger(second, mart) for mart in restating.LEDGERS] == told
    # The ledger goes on, and nothing is told twice.
    third = nights.night(THIRD)
    with duckdb.connect(str(third / "journey.duckdb"), read_only=True) as connection:
        rows = connection.execute(
            "select count(*), count(distinct kpi_restatement_id) from marts.kpi_restatements "
            "where release_id = $1",
            [second.name],
        ).fetchall()
    assert rows == [(len(told[1]), len(told[1]))]


def test_a_file_taken_back(nights: Nights) -> None:
    first = nights.night(FIRST, File("crm/payments", [payment(9, 3, "charge", "2026-08-06", 700)]))
    nights.retract(4)
    second = nights.night(FIRST)
    assert_totals_are_the_difference(first, second, "2026-09-01")
    (day,) = ledger(second, "kpi_restatements", "period = 'day' and kpi = 'revenue'")
    assert (day["previous_value"], day["restated_value"], day["cause"]) == (700, 0, "retraction")


def test_persons_who_turn_out_to_be_one(nights: Nights) -> None:
    """A login of today says that the visitor of 5 August was customer 1, an individual."""
    first = nights.first
    login = event(9, "v2", "2026-09-02 01:00:00", "u1")
    second = nights.night(SECOND, File("web/events", [login]))
    assert_totals_are_the_difference(first, second, "2026-09-01")
    rows = ledger(second, "kpi_restatements", "period_start_date = date '2026-08-05'")
    assert {row["cause"] for row in rows} == {"identity_merge"}
    (visits,) = [row for row in rows if row["kpi"] == "visits"]  # as many, of other personas
    assert visits["previous_value"] == visits["restated_value"] == 3
    assert visits["changed_slice_count"] == 2
    assert {row["cause_record_count"] for row in rows} == {1}


def test_code_and_rules_that_changed_are_named_only_where_they_must_have_been(
    nights: Nights,
) -> None:
    """
    The naive rule (new code, so all is due to it) lies: the late refund explains its own day.

    Visits of a day that nothing else reaches can only be due to the code.
    """
    first = nights.first
    models = nights.project.models
    refund = File("crm/payments", [payment(11, 1, "refund", "2026-08-20", 300)])
    nights.arrive(refund)
    second = nights.night(FIRST, key=f"{'d' * 64}-{RULES}")
    rows = ledger(second, "kpi_restatements", "kpi = 'revenue'")
    assert {row["cause"] for row in rows} == {"late_data"}
    assert all("code_version" in row["possible_causes"] for row in rows)
    assert_totals_are_the_difference(first, second, "2026-09-01")
    nights.project.models = [
        model if model.name != "kpi_daily" else type(model)(**{
            **vars(model),
            "full": f"select * replace (case when kpi = 'visits' then kpi_value + 1 "
                    f"else kpi_value end::decimal(24, 6) as kpi_value) from ({model.full})",
        })
        for model in models
    ]  # fmt: skip
    try:
        third = nights.night(FIRST, key=f"{'e' * 64}-{RULES}")
    finally:
        nights.project.models = models
    rows = ledger(third, "kpi_restatements")
    assert {(row["kpi"], row["cause"]) for row in rows} == {("visits", "code_version")}
    # A rule, too: the model is as it was, visits are again what they were.
    nights.connection.execute(
        "update seeds.kpi_definitions set multiplier = 2 where kpi = 'revenue'"
    )
    fourth = nights.night(FIRST, key=f"{'e' * 64}-{'s' * 64}")
    assert_totals_are_the_difference(third, fourth, "2026-09-01")
    rows = ledger(fourth, "kpi_restatements", "kpi = 'revenue'")
    assert len(rows) >= 4 and {row["cause"] for row in rows} == {"rule_version"}


def test_what_nothing_explains_is_unknown(nights: Nights) -> None:
    nights.connection.execute("update marts.kpi_daily set kpi_value = 7 where kpi = 'revenue'")
    builds.complete(nights.connection, f"{CODE}-{RULES}", FIRST, "edited by hand")
    second = nights.publish(FIRST)
    rows = ledger(second, "kpi_restatements")
    assert {(row["kpi"], row["cause"]) for row in rows} == {("revenue", "unknown")}


def test_an_erasure_leaves_no_former_value(nights: Nights) -> None:
    """Of the customer erased, neither this release's nor an earlier entry keeps what they paid."""
    refund = File("crm/payments", [payment(13, 3, "refund", "2026-08-05", 2999)])
    second = nights.night(SECOND, refund)
    assert ledger(second, "kpi_restatements", "previous_value = 3000 and restated_value = 1")
    request = {"request_id": "r1", "requested_at": "2026-09-03 01:00:00", "contact_id": "c3"}
    third = nights.night(THIRD, File("privacy/erasure_requests", [request]))
    assert_totals_are_the_difference(second, third, "2026-09-02")
    rows = ledger(third, "kpi_restatements")
    assert "erasure" in {row["cause"] for row in rows}
    assert all(row["is_value_withheld"] and row["previous_value"] is None for row in rows)
    with duckdb.connect(str(third / "journey.duckdb"), read_only=True) as connection:
        kept = connection.execute(
            "select previous_value, restated_value from marts.kpi_restatements "
            "where release_id = $1 and (period_start_date = date '2026-08-05' or period = 'month')",
            [second.name],
        ).fetchall()
        assert kept and set(kept) == {(None, None)}
        texts = str([connection.execute(f"from marts.{mart}").fetchall() for mart in
                     restating.LEDGERS])  # fmt: skip
    assert not [text for text in ("c3", "u3", "o3", "2999") if f"'{text}'" in texts]
    assert Decimal("2999") not in {value for row in rows for value in row.values()}


def test_a_release_that_cannot_be_read_is_told(nights: Nights) -> None:
    first = nights.first
    database = first / "journey.duckdb"
    database.write_bytes(database.read_bytes()[:4096] + b"\xff" * (database.stat().st_size - 4096))
    nights.connection.execute("drop table ops.restatement_runs")
    build, before = builds.last_complete(nights.connection), releasing.previous_release(
        nights.settings
    )  # fmt: skip
    assert build and before
    problem = restating.compare(nights.connection, nights.settings, build, before)
    assert problem and first.name in problem


def test_the_nights_of_the_happy_week(project: Project, tmp_path: Path) -> None:
    """Each row comes the night after its day, every third one two nights later."""
    times = ("occurred_at", "created_at", "ordered_at", "paid_at", "opened_at", "responded_at",
             "cost_date")  # fmt: skip
    arriving: dict[str, dict[str, list[dict[str, str]]]] = {}
    for path in sorted((STORIES / "happy_week").rglob("*.csv")):
        with path.open(encoding="utf-8", newline="") as stream:
            for number, row in enumerate(csv.DictReader(stream)):
                at = next(row[name] for name in times if name in row)[:10]
                night = datetime.fromisoformat(at) + timedelta(days=2 if number % 3 == 2 else 0)
                night += timedelta(days=night.day % 2)  # every second night
                table = f"{path.parent.parent.name}/{path.parent.name}"
                arriving.setdefault(f"{night:%Y-%m-%d}", {}).setdefault(table, []).append(row)
    before, restated = None, 0
    with project.connect(threads=2) as connection:
        nights = Nights(project, connection, tmp_path)
        for night, tables in sorted(arriving.items()):
            now = nights.night(
                f"{night} 15:00:00", *(File(table, rows) for table, rows in tables.items())
            )
            if before:
                assert_totals_are_the_difference(before[0], now, before[1])
                rows = ledger(now, "kpi_restatements")
                restated += len(rows)
                assert "unknown" not in {row["cause"] for row in rows}
            before = now, night
    assert restated > 20
