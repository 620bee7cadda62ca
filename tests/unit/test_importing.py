"""Adapters: the same export gives the same bytes; what is wrong is named."""

from __future__ import annotations

import shutil
from decimal import Decimal
from pathlib import Path

import duckdb
import pyarrow as pa
import pytest

from orchestration import rules
from orchestration.database import open_warehouse
from orchestration.importing import (
    ADAPTERS_DIR,
    ImportFailed,
    Input,
    _open_input,
    copy_rules,
    fill_with_sample,
    import_export,
)
from orchestration.loading import ledger
from orchestration.loading.contract import load_contract
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
        _open_input(connection, "a", Input(name, ("id",)), [path])
    assert str(path) in str(failed.value)


def test_folders_add_no_columns_to_an_export(tmp_path: Path) -> None:
    path = tmp_path / "id=x" / "more=y" / "a*.parquet"
    path.parent.mkdir(parents=True)
    path.write_bytes(parquet({"id": ["1"]}))
    connection = duckdb.connect()
    _open_input(connection, "a", Input("a", ("id",)), [path])
    assert connection.execute("select * from a").fetchall() == [("1", "a*")]


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
    template.write_text(rules.template(rules.tables()["journey_maps"]), "utf-8")
    assert copy_rules(source, settings) == 4
    assert copy_rules(source, settings) == 0
    assert rules.load(settings.home).sets["survey_questions"].origin == "own"


def test_adapters_map_onto_contract_tables() -> None:
    from orchestration.importing import adapters

    tables = load_contract()
    for name in adapters():
        queries = list((ADAPTERS_DIR / name).glob("*__*.sql"))
        assert queries and (ADAPTERS_DIR / name / "README.md").exists()
        assert {query.stem.replace("__", "/") for query in queries} <= set(tables)
