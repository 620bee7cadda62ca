"""Small files loaded together leave what each of them, loaded alone, would have left."""

from __future__ import annotations

import gzip
import json
import random
from datetime import UTC, datetime, timedelta
from pathlib import Path

import duckdb
import pytest

from orchestration.loading import loader, together
from orchestration.loading.file_load import FileLoad
from orchestration.loading.landing_zone import LandingFile
from orchestration.loading.ledger import FileOutcome
from tests.conftest import PEPPER
from tests.unit.test_loader import EVENTS, PAYMENTS, TABLES, fetch, place

START = datetime(2026, 2, 1, tzinfo=UTC)
COLUMNS = {
    "crm/payments": "payment_id,order_id,paid_at,payment_amount,currency_code,payment_type",
    "crm/orders": "order_id,contact_id,ordered_at,order_amount,currency_code,status",
    "web/events": "event_id,occurred_at,visitor_id,event_name,email,page_url,value_amount,"
    "currency_code",
    "survey/answers": "response_id,survey_id,question_id,responded_at,score,answer_text",
}  # fmt: skip


def row(draw: random.Random, label: str) -> list[str]:
    """A row of a table, now and then wrong, and of a key that came before."""
    key = f"k{draw.randrange(5 if draw.random() < 0.03 else 10**9)}"
    time = f"2026-01-{draw.randrange(1, 29):02}T{draw.randrange(24):02}:00:00Z"
    time = "soon" if draw.random() < 0.005 else time
    amount, currency = str(draw.choice((100, 110, 90, 120))), draw.choice(("JPY", "USD"))
    if label == "crm/payments":
        return [key, "o", time, amount, currency, draw.choice(("charge", "refund", ""))]
    if label == "crm/orders":
        return [key, "c", time, amount, currency, draw.choice(("open", "paid", ""))]
    if label == "web/events":
        email, url = draw.choice(("", "", "Ann@example.com")), "https://shop.jp/"
        url += draw.choice(("", "", "", "?mail=ann@example.com"))
        return [key, time, "v", "page_view", email, url, amount, currency]
    text = draw.choice(("", "fine", "call 090-1234-5678", 'a "quote", or two'))
    return [key, "relationship", "recommend", time, str(draw.randrange(11)), text]


def fill(landing: Path, seed: int, files: int) -> None:
    """Many small files of several tables, as they come: some empty, doubled, wide, or broken."""
    draw = random.Random(seed)
    for label, header in COLUMNS.items():
        for number in range(files):
            names = header.split(",")
            rows = [row(draw, label) for _ in range(draw.choice((0, 1, 5, 25, 30)))]
            rows += rows[:1] if draw.random() < 0.2 else []
            if draw.random() < 0.1:
                names, rows = [*names, "gift"], [[*cells, "yes"] for cells in rows]
            if draw.random() < 0.1:
                names, rows = names[:-1], [cells[: len(names) - 1] for cells in rows]
            if draw.random() < 0.05:
                names[0] = "no_key"
            name = (
                f"{draw.choice(('a', 'b/c', 'dt=2026-01-02/d', 'dt=2026-01-04/d'))}-{seed}{number}"
            )
            if draw.random() < 0.3:
                records = [dict(zip(names, cells, strict=True)) for cells in rows]
                place(
                    landing,
                    label,
                    f"{name}.jsonl",
                    "".join(f"{json.dumps(one)}\n" for one in records),
                )
                continue
            quoted = [
                [f'"{c.replace(chr(34), chr(34) * 2)}"' if '"' in c or "," in c else c for c in r]
                for r in rows
            ]
            path = place(
                landing,
                label,
                f"{name}.csv",
                "\n".join(",".join(cells) for cells in [names, *quoted]) + "\n",
            )
            kind = draw.random()
            if kind < 0.05:
                path.write_bytes(path.read_bytes()[:-9] + b'"')
            elif kind < 0.1:
                path.with_name(f"copy-{number}.csv").write_bytes(path.read_bytes())
            elif kind < 0.2:
                path.with_name(f"{path.name}.gz").write_bytes(gzip.compress(path.read_bytes()))
                path.unlink()


def left(landing: Path, journal: Path, database: Path, days: range) -> dict[str, object]:
    """What the warehouse and the journal hold after the loads of some days."""
    with duckdb.connect(str(database)) as connection:
        for day in days:
            outcomes: list[FileOutcome] = []
            for label in COLUMNS:
                outcomes += loader.load_table(
                    connection, TABLES[label], landing, pepper=PEPPER,
                    loaded_at=START + timedelta(days=day), journal_path=journal,
                )  # fmt: skip
        found: dict[str, object] = {"outcomes": outcomes, "journal": journal.read_text("utf-8")}
        names = [TABLES[label].relation for label in COLUMNS]
        names += ["ops.quarantined_rows", "ops.column_profiles"]
        for name in names:
            found[name] = fetch(connection, f"select * from {name} order by all")
        for name in ("ops.files", "ops.drift_findings"):
            found[name] = fetch(connection, f"select * from {name} order by rowid")
    return found


def test_together_as_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    landing = tmp_path / "landing"

    def both(name: str, days: range) -> tuple[dict[str, object], dict[str, object]]:
        with monkeypatch.context() as patch:
            patch.setattr(together, "MAXIMUM_FILES", 4)
            one = left(landing, tmp_path / "together.jsonl", tmp_path / f"together{name}", days)
            patch.setattr(together, "SMALL", -1)
            return one, left(landing, tmp_path / "alone.jsonl", tmp_path / f"alone{name}", days)

    fill(landing, 1, 6)
    for day in (1, 2):  # one key, two contents
        text = EVENTS + f"e,2026-01-0{day}T00:00:00Z,v,page_view\n"
        place(landing, "web/events", f"conflict-{day}.csv", text)
    one, other = both("", range(1))
    assert one == other
    fill(landing, 2, 3)
    one, other = both("", range(1, 2))
    assert one == other
    kinds = {"reason": "ops.quarantined_rows", "kind": "ops.drift_findings", "status": "ops.files"}
    with duckdb.connect(str(tmp_path / "together")) as connection:
        for column, name in kinds.items():
            assert len(fetch(connection, f"select distinct {column} from {name}")) > 1, name
        assert fetch(connection, "from ops.files where rows_duplicate > 0")
    one, other = both("-lost", range(2, 3))
    assert one == other


def test_one_file_of_many_goes_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One with a duplicate, or one that changes while the others are written, stops none."""
    alone: list[str] = []
    load, insert = FileLoad.load, together.Together._insert

    def load_alone(self: FileLoad, file: LandingFile, sequence: int | None) -> FileOutcome:
        alone.append(file.name)
        return load(self, file, sequence)

    def change(self: together.Together, outcomes: list[FileOutcome]) -> None:
        insert(self, outcomes)
        place(tmp_path, "crm/payments", "17.csv", PAYMENTS + "other,o,2026-01-01,9,JPY,\n")

    monkeypatch.setattr(FileLoad, "load", load_alone)
    connection = duckdb.connect()

    def run() -> dict[str, FileOutcome]:
        alone.clear()
        outcomes = loader.load_table(
            connection, TABLES["crm/payments"], tmp_path, pepper=PEPPER, loaded_at=START
        )
        return {outcome.file_name.removeprefix("crm/payments/"): outcome for outcome in outcomes}

    for number in range(10):
        text = PAYMENTS + f"p{number},o,2026-01-01,{number + 1},JPY,\n"
        place(tmp_path, "crm/payments", f"{number}.csv", text)
    run()
    assert not alone
    for number in range(10, 20):
        text = PAYMENTS + f"p{number},o,2026-01-01,{number + 1},JPY,\n"
        place(tmp_path, "crm/payments", f"{number}.csv", text)
    place(tmp_path, "crm/payments", "z.csv", PAYMENTS + "p3,o,2026-01-01,4,JPY,\n" * 2)
    with monkeypatch.context() as patch:
        patch.setattr(together.Together, "_insert", change)
        outcomes = run()
    assert outcomes["z.csv"].rows_duplicate == 2
    assert outcomes["17.csv"].reject_code == "F_CHANGED"
    assert fetch(connection, "select sum(rows_loaded) from ops.files") == [(19,)]
    assert sorted(run()) == ["17.csv"]
    assert alone == ["crm/payments/17.csv"]
