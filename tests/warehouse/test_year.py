"""What comes in years: a year in thirty nights, consent that goes and comes, another pepper."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

from benchmarks.year import Calendar, simulate, year
from orchestration.developing.compiled import Project
from orchestration.developing.histories import File, moment
from orchestration.developing.proving import World


def test_thirty_nights_with_all_that_a_year_brings(
    project_with_options: Project, tmp_path: Path
) -> None:
    """In the end as one full rebuild, and old releases and audits are gone."""
    calendar = Calendar(30)
    nights = list(year(30, calendar))
    files = [file for night in nights for file in night.files]
    columns = {column for file in files for row in file.rows for column in row}
    # Nothing that a year has is missing: or the end would prove less than it says.
    assert len(nights) < 30  # nobody ran anything for some nights
    assert sum(night.retract is not None for night in nights) >= 3
    assert sum(bool(night.rules) for night in nights) >= 3
    assert {night.clock_days for night in nights} == {-2, 0, 3}
    assert sum(file.table == "privacy/erasure_requests" for file in files) >= 3
    assert columns >= {"experiment_cookie", "page_location", "analytics_consent_withdrawn_at"}
    *_, end = simulate(project_with_options, 30, tmp_path, calendar, published_each=15)
    assert end.note == "as one full rebuild"


CONTACT = {"contact_id": "c1", "created_at": moment(0), "user_id": "u1"}


def visits(day: int) -> File:
    """Somebody looks at a page without a login, and logs in later on the same device."""
    return File("web/events", [
        {"event_id": f"e{day}-{hour}", "occurred_at": moment(24 * day + hour), "visitor_id": "v1",
         "event_name": "page_view", "user_id": "u1" * (hour == 8), "page_url": "https://shop.jp/"}
        for hour in (1, 8)
    ])  # fmt: skip


def consent(day: int, given: int, withdrawn: int | None = None) -> File:
    """The contact as the CRM has it on a day."""
    return File("crm/contacts", [
        CONTACT | {
            "updated_at": moment(24 * day), "analytics_consent_at": moment(24 * given),
            "analytics_consent_withdrawn_at": "" if withdrawn is None else moment(24 * withdrawn),
        }
    ])  # fmt: skip


def test_consent_withdrawn_and_given_again(project_with_options: Project, tmp_path: Path) -> None:
    """Visits are nobody's while consent is withdrawn; then all are theirs, as if it never was."""
    of_the_contact = (
        "select count(*) from marts.fct_sessions where person_id in (select person_id "
        "from marts.dim_person_identifiers where identifier_type = 'contact')"
    )
    found, marts = [], []
    for name, days in (("again", [(0, None), (0, 1), (2, 1)]), ("ever", [(0, None)] * 3)):
        with project_with_options.connect(threads=2) as connection:
            world = World(project_with_options, connection, tmp_path / name)
            for day, (given, withdrawn) in enumerate(days):
                world.arrive(visits(day))
                world.arrive(consent(day, given, withdrawn))
                world.load()
                if name == "again" or day == 2:
                    world.build(moment(24 * (day + 1)))
                    found += connection.execute(of_the_contact).fetchall()
            marts.append(numbers(world))
    assert found == [(2,), (0,), (6,), (6,)]
    assert marts[0] == marts[1]


def numbers(world: World) -> dict[str, list[Any]]:
    """The KPI marts, which name no person; without what says how data arrived."""
    return {
        name: rows for name, rows in world.marts(arrival=False).items() if '"kpi_' in name and rows
    }


def test_another_pepper_changes_no_number(project_with_options: Project, tmp_path: Path) -> None:
    """As the guide says: another key, the warehouse set aside, all loaded again."""
    files = [file for night in year(8, Calendar(30)) for file in night.files]
    assert any(file.table == "privacy/erasure_requests" for file in files)
    persons, marts = [], []
    for key in ("k1", "k2"):
        with project_with_options.connect(threads=2) as connection:
            world = World(project_with_options, connection, tmp_path)
            world.settings = replace(
                world.settings,
                pepper=f"the pepper {key}, at least 32 characters",
                pepper_key_id=key,
            )
            if key == "k1":
                for number, file in enumerate(files):
                    world.arrive(file, number)
            world.load()
            world.build(moment(24 * 8))
            persons.append(set(connection.execute(
                "select identifier_value from marts.dim_person_identifiers "
                "where identifier_type = 'email'"
            ).fetchall()))  # fmt: skip
            marts.append(numbers(world))
    assert len(persons[0]) == len(persons[1]) > 20 and not persons[0] & persons[1]
    assert len(marts[0]) > 20
    assert marts[0] == marts[1]
