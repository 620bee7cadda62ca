"""Adapters: the same export gives the same bytes; what is wrong is named."""

from __future__ import annotations

import json
import shutil
from datetime import UTC
from decimal import Decimal
from pathlib import Path

import duckdb
import pyarrow as pa
import pytest

from orchestration.base.database import open_warehouse
from orchestration.loading import ledger
from orchestration.loading.adapters import (
    ADAPTERS_DIR,
    ImportFailed,
    Input,
    adapters,
    parse_adapter,
    read_adapter,
)
from orchestration.loading.contract import load_contract
from orchestration.loading.export_files import file_stem, open_input
from orchestration.loading.importing import import_export
from orchestration.loading.sample_home import copy_rules, fill_with_sample
from orchestration.rules import home as home_rules
from orchestration.rules import templates
from orchestration.rules.tables import tables
from orchestration.settings import SAMPLE_RULES, load_settings
from tests.unit.test_damaged_files import parquet, workbook

LOG = "uuid,timestamp,url\nu,2014-01-07 00:00:15,https://a\nu,2014-01-07 00:00:15,https://a\n"


def export(folder: Path, text: str = LOG) -> Path:
    import gzip

    folder.mkdir(exist_ok=True)
    (folder / "session_dataset.csv.gz").write_bytes(gzip.compress(text.encode()))
    return folder


def test_importing_twice_gives_the_same_bytes(tmp_path: Path) -> None:
    settings = load_settings(tmp_path / "home")
    settings.prepare()
    source = export(tmp_path / "export")
    path = settings.landing / "web" / "events" / "reconstructr.csv"
    assert import_export("reconstructr", source, settings) == {"web/events": 2}
    first = path.read_bytes()
    import_export("reconstructr", source, settings)
    assert path.read_bytes() == first
    text = (settings.home / "journey.toml").read_text("utf-8")
    assert "America/Los_Angeles" in text


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    settings = load_settings(tmp_path / "home")
    settings.prepare()
    with pytest.raises(ImportFailed, match=r"session_dataset\.csv\.gz: file is missing"):
        import_export("reconstructr", tmp_path, settings)
    assert list(settings.landing.rglob("*.csv")) == []


def test_a_missing_column_is_named(tmp_path: Path) -> None:
    settings = load_settings(tmp_path / "home")
    settings.prepare()
    source = export(tmp_path / "export", "uuid,url\nu,https://a\n")
    with pytest.raises(ImportFailed, match="timestamp"):
        import_export("reconstructr", source, settings)
    assert [path for path in settings.landing.rglob("*") if path.is_file()] == []


def rows_of(path: Path, entry: Input) -> list[dict[str, str]]:
    with duckdb.connect() as connection:
        open_input(connection, "rows", entry, [path])
        relation = connection.sql("select * exclude (_file, _path) from rows")
        return [dict(zip(relation.columns, row, strict=True)) for row in relation.fetchall()]


COSTS = Input(
    "*", columns=("Day", "Cost"), required=("Day", "Cost"), preamble=3,
    aliases={"day": "Day|日", "cost": r"(?:Cost|費用)(?: \((?P<unit>[A-Z]{3})\))?"},
)  # fmt: skip


@pytest.mark.parametrize(
    ("text", "unit"),
    [
        ('Report\n"January 5, 2026 - January 7, 2026"\nDay,Cost\n2026-01-05,"1,2"\n', None),
        ("レポート\r\n\r\n日;費用 (JPY)\r\n2026-01-05;1,2\r\n", "JPY"),
        ("日\t費用 (USD)\n2026-01-05\t1,2\n", "USD"),
    ],
)
def test_the_header_is_found_below_a_preamble_and_in_other_words(
    text: str, unit: str | None, tmp_path: Path
) -> None:
    path = tmp_path / "report.csv"
    path.write_bytes(text.encode("utf-16"))
    assert rows_of(path, COSTS) == [{"day": "2026-01-05", "cost": "1,2", "cost_unit": unit}]


def test_words_that_stand_for_no_value_are_none(tmp_path: Path) -> None:
    path = tmp_path / "report.csv"
    path.write_text("Day,Cost\n2026-01-05, --\nTotal: all,1\n")
    entry = Input("*", days=("Day",), amounts=("Cost",), nothing="--|Total: .*")
    assert [(row["day"] is None, row["cost"]) for row in rows_of(path, entry)] == [
        (False, None), (True, 1),
    ]  # fmt: skip


def test_a_header_that_is_not_found_is_named(tmp_path: Path) -> None:
    path = tmp_path / "report.csv"
    path.write_text("Report\nAll time\nCampaign,Day\nA,2026-01-05\n")
    with pytest.raises(ImportFailed, match=r"column Cost is missing \(found: .*, day\)"):
        rows_of(path, COSTS)
    path.write_text("a\nb\nc\nd\nDay,Cost\n")  # further down than a preamble reaches
    with pytest.raises(ImportFailed, match="column Day, Cost is missing"):
        rows_of(path, COSTS)


def test_only_a_column_that_is_read_must_not_stand_twice(tmp_path: Path) -> None:
    path = tmp_path / "report.csv"
    path.write_text("Day,Note,,Cost,Note,\n2026-01-05,a,b,1,c,d\n")
    assert rows_of(path, COSTS)[0]["cost"] == "1"
    path.write_text("Day,Cost,日\n2026-01-05,1,2026-01-06\n")
    with pytest.raises(ImportFailed, match="columns 1, 3 have a header that stands more than once"):
        rows_of(path, COSTS)


def test_an_id_that_a_spreadsheet_shortened_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "nps.csv"
    path.write_text("Respondent ID,Answer\n1.18E+11,9\n1.18E+11,0\n")
    with pytest.raises(ImportFailed, match=r"row 1, column respondent_id: .* export it again"):
        rows_of(path, Input(files="*.csv", required=("Respondent ID",)))


def test_a_word_that_may_mean_anything_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "payments.csv"
    path.write_text("Id,Status\n1, Bezahlt \n2,\n3,PAID\n")
    entry = Input("*.csv", ("Id",), words={"Status": {"paid": "paid|bezahlt", "open": "pending"}})
    assert [row["status"] for row in rows_of(path, entry)] == ["paid", None, "paid"]
    path.write_text("Id,Status\n1,Zaplaceno\n")
    with pytest.raises(ImportFailed, match=r"row 1, column status: .* one of paid, open; export"):
        rows_of(path, entry)


def test_a_header_that_names_its_time_zone_is_believed(tmp_path: Path) -> None:
    path = tmp_path / "nps.csv"
    entry = Input(
        files="*.csv", header_rows=3, keep=("RecordedDate",), times=("RecordedDate",),
        time_zone="Asia/Tokyo",
    )  # fmt: skip
    for zone, hour in (("America/Denver", 16), ("Z", 10)):
        told = json.dumps({"ImportId": "recordedDate", "timeZone": zone}).replace('"', '""')
        path.write_text(f'RecordedDate,Q1\nRecorded Date,Why?\n"{told}",Q\n2026-10-02 10:00:00,9\n')
        assert rows_of(path, entry)[0]["recorded_date"].astimezone(UTC).hour == hour
    path.write_text(path.read_text().replace('""Z""', '""Nowhere""'))
    with pytest.raises(ImportFailed, match="names the time zone Nowhere"):
        rows_of(path, entry)


def test_a_page_of_an_api_keeps_what_stands_beside_its_records(tmp_path: Path) -> None:
    path = tmp_path / "page.json"
    path.write_text('{"data": [{"id": 1}], "included": [{"id": 2}]}', "utf-8")
    assert rows_of(path, Input("*", records=True)) == [{"json": '{"id": "1"}'}]
    (page,) = rows_of(path, Input("*", records="whole"))
    assert "included" in page["json"]
    path.write_text('{"text": "a\u2028b"}\n{"text": "c"}\n', "utf-8")
    assert len(rows_of(path, Input("*", records=True))) == 2


def test_events_whose_metric_has_no_name_are_refused(tmp_path: Path) -> None:
    settings = load_settings(tmp_path / "home")
    settings.prepare()
    event = {"id": "1", "relationships": {"metric": {"data": {"id": "M1"}}}}
    (tmp_path / "events.json").write_text(json.dumps({"data": [event]}), "utf-8")
    with pytest.raises(
        ImportFailed, match=r"crm__activities\.sql: the name of a metric is missing"
    ):
        import_export("klaviyo", tmp_path, settings)


def test_a_folder_without_any_file_of_an_export_is_refused(tmp_path: Path) -> None:
    settings = load_settings(tmp_path / "home")
    settings.prepare()
    with pytest.raises(ImportFailed, match=r"no file \*\.\[ctx\].* is there"):
        import_export("google_ads", tmp_path, settings)


def test_a_sum_of_many_days_has_no_day(tmp_path: Path) -> None:
    settings = load_settings(tmp_path / "home")
    settings.prepare()
    header = "Campaign name,Amount spent (USD),Reporting starts,Reporting ends\n"
    (tmp_path / "report.csv").write_text(f"{header}A,1.00,2026-01-05,2026-01-11\n")
    with pytest.raises(ImportFailed, match="a row sums several days"):
        import_export("meta_ads", tmp_path, settings)
    assert list(settings.landing.rglob("*.csv")) == []


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.csv", b"\xff\x81\xfe\xfd\n", "neither UTF-8"),
        ("a.xlsx", b"PK no zip", "no workbook with a sheet"),
        ("a.xlsx", workbook([["id"], ["#N/A"]]), "line 2: a cell shows an error"),
        ("a.parquet", b"PAR1 no", "not a whole Parquet file"),
        ("a.parquet", parquet({"id": pa.array([Decimal(1)], pa.decimal256(50, 2))}), "decimal"),
        ("a.csv", None, "is a directory"),
    ],
)
def test_a_file_that_cannot_be_read_is_named(
    tmp_path: Path, name: str, content: bytes | None, message: str
) -> None:
    path = tmp_path / name
    path.write_bytes(content) if content else path.mkdir()
    with duckdb.connect() as connection, pytest.raises(ImportFailed, match=message) as failed:
        open_input(connection, "a", Input(name, ("id",)), [path])
    assert str(path) in str(failed.value)


def test_folders_add_no_columns_to_an_export(tmp_path: Path) -> None:
    path = tmp_path / "id=x" / "more=y" / "a*.parquet"
    path.parent.mkdir(parents=True)
    path.write_bytes(parquet({"id": ["1"]}))
    connection = duckdb.connect()
    open_input(connection, "a", Input("a", ("id",)), [path])
    found = connection.execute("select * exclude (_path) from a").fetchall()
    assert found == [("1", "a*")]


def test_unknown_adapters_and_the_sample_are_refused(tmp_path: Path) -> None:
    settings = load_settings(tmp_path / "home")
    settings.prepare()
    with pytest.raises(ImportFailed, match="olist"):
        import_export("nobody", tmp_path, settings)
    settings.sample_mark.touch()
    with pytest.raises(ImportFailed, match="never"):
        import_export("reconstructr", export(tmp_path / "export"), settings)


@pytest.mark.parametrize(
    "trace", ["refused file", "journal", "release", "damaged warehouse", "rules", "own file"]
)
def test_the_sample_goes_only_into_a_home_that_never_loaded_anything(
    tmp_path: Path, trace: str
) -> None:
    """Each trace of a home of somebody's own; nothing is in its landing zone any more."""
    settings = load_settings(tmp_path / "home")
    settings.prepare()
    with open_warehouse(settings) as connection:
        ledger.create(connection, [])
        match trace:
            case "refused file":
                connection.execute(
                    "insert into ops.files (file_id, status) values ('f', 'rejected')"
                )
            case "journal":
                settings.journal.touch()
            case "release":
                (settings.published / "releases" / "20260101-abc").mkdir()
            case "damaged warehouse":
                (settings.warehouse.parent / "damaged-1").mkdir()
            case "rules":
                (settings.home / "rules").mkdir()
                shutil.copy(SAMPLE_RULES / "kpi_targets.csv", settings.home / "rules")
            case "own file":
                (settings.landing / "web" / "events").mkdir(parents=True)
                (settings.landing / "web" / "events" / "a.csv").touch()
        assert not fill_with_sample(settings, connection)
    assert not settings.is_sample
    assert not list((settings.landing / "crm").glob("*"))


def test_the_sample_is_filled_in_whole_after_a_kill(tmp_path: Path) -> None:
    settings = load_settings(tmp_path / "home")
    settings.prepare()
    with open_warehouse(settings) as connection:
        assert fill_with_sample(settings, connection)
        shutil.rmtree(settings.landing / "crm")
        assert fill_with_sample(settings, connection)
        assert list((settings.landing / "crm").rglob("*.csv*"))
        assert settings.is_sample and (settings.home / "rules" / "kpi_targets.csv").exists()
        (settings.landing / "web" / "events" / "mine.csv").touch()
        with pytest.raises(ImportFailed, match=r"mine\.csv.*set JOURNEY_HOME to a new folder"):
            fill_with_sample(settings, connection)


def test_an_import_brings_its_rules_into_a_home_that_has_none(tmp_path: Path) -> None:
    settings = load_settings(tmp_path / "home")
    settings.prepare()
    source = ADAPTERS_DIR / "olist" / "rules"
    (settings.home / "rules").mkdir()
    template = settings.home / "rules" / "journey_maps.csv"
    template.write_text(templates.template(tables()["journey_maps"]), "utf-8")
    assert copy_rules(source, settings) == len(list(source.iterdir()))
    assert copy_rules(source, settings) == 0
    assert home_rules.load(settings.home).sets["survey_questions"].origin == "own"


def test_adapters_map_onto_contract_tables() -> None:

    tables = load_contract()
    for name in adapters():
        queries = list((ADAPTERS_DIR / name).glob("*__*.sql"))
        assert queries and (ADAPTERS_DIR / name / "README.md").exists()
        assert {query.stem.replace("__", "/") for query in queries} <= set(tables)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('titel = "x"', "titel is no key; did you mean title"),
        (
            '[inputs.a]\nfiles = "a"\ncolums = ["id"]',
            r"inputs\.a\.colums is no key; did you mean columns",
        ),
        ('[inputs.a]\ncolumns = ["id"]', r"inputs\.a\.files is missing"),
        ('[inputs.a]\nfiles = "a"\ntimes = "at"', r"inputs\.a\.times must be a list"),
        ('[inputs.a]\nfiles = "a"\ndate_order = "dmy"', 'date_order must be "day_first"'),
        ('time_zone = "Tokyo"\n[inputs]\na = "a"', "time_zone must be an IANA time zone"),
        ("[home]\nthread = 1", r"home\.thread is no key; did you mean threads"),
        ('file_by_file = "b"\n[inputs]\na = "a"', "file_by_file names no input"),
        ("[inputs", "not valid TOML"),
    ],
)
def test_a_wrong_key_of_an_adapter_is_named(tmp_path: Path, text: str, words: str) -> None:
    path = tmp_path / "adapter.toml"
    path.write_text(text, "utf-8")
    with pytest.raises(ImportFailed, match=words) as failed:
        parse_adapter(path, {})
    assert str(failed.value).startswith(f"{path}: ") and "\n" not in str(failed.value)


def stripe(folder: Path, *amounts: str) -> Path:
    folder.mkdir(exist_ok=True)
    rows = [f'ch_{n},2026-09-01 10:00:00,"{text}",eur,Paid' for n, text in enumerate(amounts)]
    header = "id,Created date (UTC),Amount,Currency,Status"
    (folder / "unified_payments.csv").write_text("\n".join([header, *rows]), "utf-8")
    return folder


def test_decimal_commas_are_declared_and_checked_against_the_file(tmp_path: Path) -> None:
    settings = load_settings(tmp_path / "home")
    settings.prepare()
    source = stripe(tmp_path / "export", "12,50", "1.234")
    with pytest.raises(
        ImportFailed, match=r"payments\.csv: .*column amount: '12,50'.*decimal_mark"
    ):
        import_export("stripe", source, settings)
    config = settings.home / "journey.toml"
    config.write_text('[adapters.stripe]\ndecimal_mark = ","\n', "utf-8")
    import_export("stripe", source, load_settings(settings.home))
    text = (settings.landing / "crm" / "payments" / "stripe.csv").read_text("utf-8")
    assert '"12.50","EUR"' in text and '"1234.00","EUR"' in text
    stripe(source, "12.50", "12,50")
    with pytest.raises(ImportFailed, match="contradict"):
        import_export("stripe", source, load_settings(settings.home))


def test_a_value_that_is_none_of_its_kind_is_named(tmp_path: Path) -> None:
    settings = load_settings(tmp_path / "home")
    settings.prepare()
    source = stripe(tmp_path / "export", "12.50", "Taro Yamada")
    with pytest.raises(ImportFailed, match=r"payments\.csv, row 2, column amount: 11 characters"):
        import_export("stripe", source, settings)
    assert list(settings.landing.rglob("*.csv")) == []


def test_a_home_says_what_its_exports_are_like(tmp_path: Path) -> None:
    settings = load_settings(tmp_path / "home")
    settings.prepare()
    config = settings.home / "journey.toml"
    config.write_text('[adapters.surveymonkey]\ntime_zone = "America/New_York"\n', "utf-8")
    export_of = tmp_path / "export"
    export_of.mkdir()
    (export_of / "NPS 2026.csv").write_text(
        "Respondent ID,End Date,Recommend\n,,Response\n1,10/01/2026 10:01:00 AM,9\n", "utf-8"
    )
    import_export("surveymonkey", export_of, load_settings(settings.home))
    (written,) = (settings.landing / "survey" / "answers").glob("*.csv")
    assert '"NPS 2026","Recommend","2026-10-01 14:01:00Z"' in written.read_text("utf-8")


def test_typed_columns_of_any_spelling(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text(
        "ID,CREATEDDATE,Close Date,ISWON,Owner_Id,Amount\n"
        '1,2026-05-07 20:47:49,2026-06-11 00:00:00,1,000000000000000AAA,"1,234.50"\n'
        "2,,,,,\n",
        "utf-8",
    )
    entry = Input("a.csv", ("Id",), times=("CreatedDate",), days=("CloseDate",), flags=("IsWon",),
                  ids=("OwnerId", "Missing"), amounts=("Amount",), time_zone="UTC")  # fmt: skip
    connection = duckdb.connect()
    connection.execute("set TimeZone = 'UTC'")
    open_input(connection, "a", entry, [path])
    rows = connection.execute(
        "select id, created_date::varchar, close_date::varchar, is_won, owner_id, missing, "
        "amount::varchar from a order by id"
    ).fetchall()
    assert rows == [
        ("1", "2026-05-07 20:47:49+00", "2026-06-11", True, None, None, "1234.500000"),
        ("2", None, None, None, None, None, None),
    ]


def test_the_name_of_a_survey_is_the_part_of_the_file_name_that_stays() -> None:
    pattern = parse_adapter(ADAPTERS_DIR / "qualtrics" / "adapter.toml", {}).inputs["answers"]
    for name, stem in (
        ("Customer+NPS_2026-10-01_020000123.csv", "Customer+NPS"),
        ("Customer+NPS_October+3,+2026_10.05.csv", "Customer+NPS"),
        ("Customer NPS_October 3, 2026_10.05.csv.gz", "Customer NPS"),
        ("Dr. Sato v1.2 (1).tsv", "Dr. Sato v1.2"),
    ):
        assert file_stem(Path(name), pattern.file_name) == stem


INPUTS = [(name, relation) for name in adapters() for relation in read_adapter(name).inputs]


@pytest.mark.parametrize(("adapter", "relation"), INPUTS)
def test_a_file_of_other_columns_is_refused(adapter: str, relation: str, tmp_path: Path) -> None:
    """Of a file from which nothing would come, an adapter says what it looked for, and where."""
    entry = read_adapter(adapter).inputs[relation]
    assert entry.required, "without a required column nothing can be missed"
    is_json = bool(entry.records)
    is_parquet = entry.files.endswith(".parquet")
    path = tmp_path / ("a.json" if is_json else "a.parquet" if is_parquet else "a.csv")
    if is_parquet:
        duckdb.execute(f"copy (select 1 as fruit, 2 as colour) to '{path}'")
    else:
        table = "fruit,colour,weight\n" * (entry.header_rows + entry.preamble) + "apple,red,2\n"
        path.write_text('[{"fruit": "apple"}]' if is_json else table, "utf-8")
    with pytest.raises(ImportFailed) as refused:
        open_input(duckdb.connect(), relation, entry, [path])
    message = str(refused.value)
    assert path.name in message and entry.required[0] in message
    assert "adapter's page" in message and "apple" not in message
    # One that is good does not hide it.
    if not is_json and not is_parquet and not entry.preamble and not entry.keep:
        good = tmp_path / "0.csv"
        good.write_text(",".join(f'"{name}"' for name in entry.required) + "\n", "utf-8")
        with pytest.raises(ImportFailed, match=r"a\.csv"):
            open_input(duckdb.connect(), relation, entry, [good, path])
