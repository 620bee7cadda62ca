"""
Adapters: exports in their true shape give exactly the expected contract rows, and all of them load.

`tests/fixtures/exports/<adapter>/` is an export, `expected/` what has to come of it, read and
approved by eye. Adapters for which `../shared/data` has real files are tried on those as well.
"""

from __future__ import annotations

import csv
import shutil
from pathlib import Path

import duckdb
import pytest

from orchestration.loading import loader
from orchestration.loading.adapters import ADAPTERS_DIR, adapters, read_adapter
from orchestration.loading.contract import load_contract
from orchestration.loading.importing import import_export
from orchestration.settings import Settings, load_settings
from tests.conftest import PEPPER, RULES
from tests.unit.test_loader import fetch

EXPORTS = Path(__file__).parent.parent / "fixtures" / "exports"
FIXTURES = sorted(path.name for path in EXPORTS.iterdir())


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    settings = load_settings(tmp_path / "home")
    settings.prepare()
    return settings


def load(settings: Settings) -> duckdb.DuckDBPyConnection:
    connection = duckdb.connect()
    for table in load_contract(RULES).values():
        for outcome in loader.load_table(connection, table, settings.landing, pepper=PEPPER):
            assert outcome.status == "loaded", outcome
    return connection


@pytest.mark.parametrize("adapter", FIXTURES)
def test_an_export_gives_the_expected_rows(
    adapter: str, settings: Settings, tmp_path: Path
) -> None:
    export = tmp_path / "export"
    shutil.copytree(EXPORTS / adapter, export, ignore=shutil.ignore_patterns("expected"))
    counts = import_export(adapter, export, settings)
    expected = {path.stem: path for path in (EXPORTS / adapter / "expected").glob("*.csv")}
    assert {label.replace("/", "__") for label, count in counts.items() if count} == set(expected)
    for name, path in expected.items():
        (written,) = (settings.landing / name.replace("__", "/")).glob("*.csv")
        rows = [list(csv.reader(p.open(encoding="utf-8", newline=""))) for p in (written, path)]
        assert rows[0] == rows[1], name
    connection = load(settings)
    assert fetch(connection, "select * from ops.quarantined_rows") == []


def test_every_adapter_is_documented_and_tried(shared_data: Path) -> None:
    on_real_data = {"olist", "reconstructr", "online_retail", "snowplow", "hubspot",
                    "qualtrics_connector"}  # fmt: skip
    assert set(adapters()) == set(FIXTURES) | on_real_data
    for name in adapters():
        assert read_adapter(name)
        text = (ADAPTERS_DIR / name / "README.md").read_text("utf-8")
        assert name in ("olist", "reconstructr") or "Known losses" in text


def test_ga4_parquet_gives_what_json_gives(settings: Settings, tmp_path: Path) -> None:
    source = EXPORTS / "ga4" / "events_20260105.jsonl"
    (tmp_path / "export").mkdir()
    duckdb.execute(
        f"copy (select * replace (event_timestamp::bigint as event_timestamp) "
        f"from read_json('{source}', format = 'newline_delimited')) "
        f"to '{tmp_path}/export/events_20260105.parquet'"
    )
    import_export("ga4", tmp_path / "export", settings)
    (written,) = (settings.landing / "web/events").glob("*.csv")
    names = ["event_id", "occurred_at", "visitor_id", "event_name", "order_id", "value_amount"]
    rows = [
        sorted([row[name] for name in names[1:]] for row in csv.DictReader(p.open("r", newline="")))
        for p in (written, EXPORTS / "ga4" / "expected" / "web__events.csv")
    ]
    assert rows[0] == rows[1]


def test_snowplow_on_real_events(settings: Settings, shared_data: Path) -> None:
    """160 labelled edge cases: what is twice, without id or without visitor lands where it must."""
    source = shared_data / "snowplow_web" / "events.csv"
    counts = import_export("snowplow", source.parent, settings)
    assert {label: count for label, count in counts.items() if count} == {"web/events": 160}
    connection = load(settings)
    rows = list(csv.DictReader(source.open(encoding="utf-8", newline="")))
    ids = {row["event_id"] for row in rows} - {""}
    without_id = sum(not row["event_id"] for row in rows)
    (counts,) = fetch(connection, "select rows_loaded, rows_duplicate, rows_quarantined "
                      "from ops.files")  # fmt: skip
    assert counts[0] == len(ids) and sum(map(int, counts)) == 160
    reasons = dict(
        fetch(connection, "select reason, count(*) from ops.quarantined_rows group by 1")
    )
    assert reasons.get("R_KEY_NULL", 0) == without_id
    assert set(reasons) <= {"R_KEY_NULL"}  # what was sent again is a duplicate
    nobody = {row["event_id"] for row in rows
              if not row["domain_userid"] and not row["user_id"]} - {""}  # fmt: skip
    (found,) = fetch(connection, "select count(*) from raw_web.events "
                     "where visitor_id = '(not set)'")  # fmt: skip
    assert found == (len(nobody),)


def test_hubspot_on_real_tables(settings: Settings, shared_data: Path) -> None:
    counts = import_export("hubspot", shared_data / "hubspot", settings)
    assert all(counts[f"crm/{name}"] for name in ("contacts", "deals", "deal_stage_changes",
                                                  "tickets", "activities"))  # fmt: skip
    connection = load(settings)

    def lines(name: str) -> list[dict[str, str]]:
        path = shared_data / "hubspot" / f"{name}_data.csv"
        return list(csv.DictReader(path.open(encoding="utf-8-sig", newline="")))

    alive = {row["id"] for row in lines("contact") if row["_fivetran_deleted"].lower() != "true"}
    found = fetch(connection, "select distinct contact_id from raw_crm.contacts")
    assert {row[0] for row in found} == alive
    deals = {row["deal_id"] for row in lines("deal") if row["is_deleted"].lower() != "true"}
    assert {row[0] for row in fetch(connection, "select deal_id from raw_crm.deals")} == deals


def test_qualtrics_connector_on_real_tables(settings: Settings, shared_data: Path) -> None:
    counts = import_export("qualtrics_connector", shared_data / "qualtrics", settings)
    connection = load(settings)
    assert fetch(connection, "select count(*) from ops.quarantined_rows") == [(0,)]
    responses = list(csv.DictReader(
        (shared_data / "qualtrics" / "survey_response.csv").open(encoding="utf-8", newline="")
    ))  # fmt: skip
    answers = list(csv.DictReader(
        (shared_data / "qualtrics" / "question_response.csv").open(encoding="utf-8", newline="")
    ))  # fmt: skip
    real = {row["id"] for row in responses if row["status"] in ("0", "IP Address")}
    assert counts["survey/answers"] == sum(row["response_id"] in real for row in answers)


def test_online_retail_by_night_and_at_once(
    settings: Settings, tmp_path: Path, shared_data: Path
) -> None:
    """Some days, one a night and all at once: equal tables, and money to the penny."""
    days = sorted((shared_data / "online_retail").glob("2010-12-*.csv.gz"))[:4]
    export = tmp_path / "export"
    export.mkdir()
    nightly = duckdb.connect()
    tables = {
        name: load_contract(RULES)[f"crm/{name}"] for name in ("orders", "order_lines", "payments")
    }
    for day in days:
        for path in export.iterdir():
            path.unlink()
        shutil.copy(day, export)
        import_export("online_retail", export, settings)
        for table in tables.values():
            loader.load_table(nightly, table, settings.landing, pepper=PEPPER)
    at_once = load(settings)
    for name, table in tables.items():
        query = (
            f"select {', '.join(c.name for c in table.columns)} from raw_crm.{name} order by all"
        )
        assert fetch(nightly, query) == fetch(at_once, query)
    query = ("select file_id, table_name, rows_in, rows_loaded, rows_duplicate, rows_quarantined "
             "from ops.files order by all")  # fmt: skip
    assert fetch(nightly, query) == fetch(at_once, query)
    import pandas as pd

    lines = pd.concat(pd.read_csv(day, dtype=str, keep_default_na=False) for day in days)
    distinct = lines.drop_duplicates()
    ((rows, duplicates, quarantined),) = fetch(
        at_once, "select sum(rows_in), sum(rows_duplicate), sum(rows_quarantined) from ops.files "
        "where table_name = 'order_lines'",
    )  # fmt: skip
    assert (rows, duplicates, quarantined) == (len(lines), len(lines) - len(distinct), 0)
    pence = distinct.Quantity.astype(int) * (
        distinct.UnitPrice.astype(float) * 1000
    ).round().astype(int)
    expected = sum(round(value / 10 + (1e-9 if value > 0 else -1e-9)) for value in pence)
    ((net,),) = fetch(at_once, "select sum(case payment_type when 'charge' then payment_amount "
                      "else -payment_amount end) * 100 from raw_crm.payments")  # fmt: skip
    assert int(net) == expected
    ((amount,),) = fetch(at_once, "select sum(line_amount) * 100 from raw_crm.order_lines")
    assert int(amount) == expected
