"""Reading: columns by name, rows whole, and a clear reject for what cannot be read."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import duckdb
import openpyxl
import pytest
import zstandard

from orchestration.loading.contract import load_contract, normalise_header
from orchestration.loading.reading import RejectedFile, read, tables_of
from orchestration.loading.reading.delimited import csv_blocks
from tests.conftest import RULES

TABLE = load_contract(RULES)["survey/invitations"]  # invitation_id, survey_id, sent_at required
HEADER = "invitation_id,survey_id,sent_at"


def rows(path: Path) -> list[tuple[object, ...]]:
    """Rows as the exact reader gives them; the fast one, where it applies, must agree."""
    opened = read(path, TABLE)
    exact = [(*row.values[:3], row.structure_reason) for row in opened.rows()]
    if opened.scan:
        names = ", ".join(column.name for column in TABLE.columns[:3])
        query = f"select {names}, _structure from {opened.scan}"
        try:
            fast = duckdb.sql(query).fetchall()
        except duckdb.Error:
            assert any(row[3] for row in exact)  # it stumbles over rows that the exact one names
        else:
            if len(fast) == opened.row_count:  # else the loader reads exactly
                assert fast == [tuple(v or None for v in row) for row in exact]
    return exact


def place(tmp_path: Path, name: str, content: bytes | str) -> Path:
    path = tmp_path / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


ONE = [("1", "顧客", "2026-01-01", None)]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp932"])
@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_encodings_and_delimiters(tmp_path: Path, encoding: str, delimiter: str) -> None:
    text = f"{HEADER}\r\n1,顧客,2026-01-01\r\n".replace(",", delimiter)
    assert rows(place(tmp_path, "a.csv", text.encode(encoding))) == ONE


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "cp932"])
def test_a_broken_row_is_read_exactly_and_the_others_fast(tmp_path: Path, encoding: str) -> None:
    lines = [f'{n},"顧客 ""{n}"", 様",2026-01-01' for n in range(20_000)]
    lines[9_000] = '9000,"open'
    lines[9_001] = ""
    lines[15_000] = '15000,"two\r\nlines",2026-01-01'
    if encoding != "cp932":
        lines[9_002:11_000] = ["\ufeff" + line for line in lines[9_002:11_000]]
    path = place(tmp_path, "a.csv", "\r\n".join([HEADER, *lines]).encode(encoding))
    opened = read(path, TABLE)
    exact = [(*row.values, row.structure_reason, row.line) for row in opened.rows()]
    fast = [
        tuple(row.values())
        for table in tables_of(TABLE, opened)
        for row in table.drop_columns("_extra").to_pylist()
    ]
    assert fast == exact and exact[9_000][-2:] == ("R_UNTERMINATED_QUOTE", 9_002)
    blocks = csv_blocks(path, encoding, ",", 3)
    assert sum(len(block) for _, block in blocks if isinstance(block, list)) < 10_000


def test_cp932_characters_survive(tmp_path: Path) -> None:
    path = place(tmp_path, "a.csv", f"{HEADER}\n1,髙①～,2026-01-01\n".encode("cp932"))
    assert rows(path)[0][1] == "髙①～"


def test_compressed_files(tmp_path: Path) -> None:
    text = f"{HEADER}\n1,顧客,2026-01-01\n".encode()
    assert rows(place(tmp_path, "a.csv.gz", gzip.compress(text))) == ONE
    assert rows(place(tmp_path, "a.csv.zst", zstandard.compress(text))) == ONE


def test_other_formats_give_the_same_rows(tmp_path: Path) -> None:
    record = {"invitationId": "1", "Survey ID": "顧客", "sent_at": "2026-01-01"}
    assert rows(place(tmp_path, "a.jsonl", json.dumps(record) + "\n")) == ONE
    parquet = tmp_path / "a.parquet"
    duckdb.execute(
        "copy (select '1' as invitation_id, '顧客' as survey_id, '2026-01-01' as sent_at) "
        f"to '{parquet}'"
    )
    assert rows(parquet) == ONE
    book = openpyxl.Workbook()
    assert book.active is not None
    book.active.append(HEADER.split(","))
    book.active.append([1, "顧客", "2026-01-01"])
    book.save(tmp_path / "a.xlsx")
    assert rows(tmp_path / "a.xlsx") == ONE


def test_columns_are_matched_by_name(tmp_path: Path) -> None:
    path = place(tmp_path, "a.csv", "sentAt,SURVEY ID,Invitation-Id\n2026-01-01,顧客,1\n")
    assert rows(path) == ONE


def test_quotes_and_line_breaks_stay_in_their_row(tmp_path: Path) -> None:
    path = place(tmp_path, "a.csv", f'{HEADER}\n1,"a ""b""\nc, d",x\n2,y,z\n')
    assert rows(path) == [("1", 'a "b"\nc, d', "x", None), ("2", "y", "z", None)]


def test_malformed_rows_do_not_touch_their_neighbours(tmp_path: Path) -> None:
    path = place(tmp_path, "a.csv", f"{HEADER}\n1,a,b\n2,a\n3,a,b,c\n\n4,a,b\n")
    assert [row[3] for row in rows(path)] == [
        None, "R_STRUCTURE_MISSING_COLS", "R_STRUCTURE_EXTRA_COLS", None,
    ]  # fmt: skip


def test_an_open_quote_swallows_no_neighbour(tmp_path: Path) -> None:
    """One line is broken, whether its quote stays open to the end or closes amid another row."""
    path = place(tmp_path, "a.csv", f'{HEADER}\n1,"a,b\n2,c,d\n3,"e"f,g\n4,h,i\n')
    assert rows(path) == [
        ("", "", "", "R_UNTERMINATED_QUOTE"), ("2", "c", "d", None),
        ("", "", "", "R_UNTERMINATED_QUOTE"), ("4", "h", "i", None),
    ]  # fmt: skip
    assert [row.line for row in read(path, TABLE).rows()] == [2, 3, 4, 5]


def test_blanks_beside_quotes_are_read_exactly(tmp_path: Path) -> None:
    path = place(tmp_path, "a.csv", f'{HEADER}\n1,"a" ,b\n2, "c",d\n')
    assert read(path, TABLE).scan is None
    assert rows(path)[1] == ("2", ' "c"', "d", None)


def test_a_header_may_hold_line_breaks(tmp_path: Path) -> None:
    header = 'invitation_id,survey_id,sent_at,"How\nmuch?"'
    assert rows(place(tmp_path, "a.csv", f"{header}\n1,顧客,2026-01-01,9\n")) == ONE


def test_glob_characters_in_a_file_name_mean_themselves(tmp_path: Path) -> None:
    place(tmp_path, "a.csv", f"{HEADER}\n2,x,y\n")
    assert rows(place(tmp_path, "[a]*.csv", f"{HEADER}\n1,顧客,2026-01-01\n")) == ONE


def test_a_key_twice_in_a_json_object_is_no_row(tmp_path: Path) -> None:
    good = '{"invitation_id": "1", "survey_id": "a", "sent_at": "x"}\n'
    line = '{"invitation_id": "1", "survey_id": "a", "survey_id": "b", "sent_at": "x"}\n'
    found = rows(place(tmp_path, "a.jsonl", good + line))
    assert [row[3] for row in found] == [None, "R_JSON_INVALID"]


def test_empty_cells_beyond_the_header_say_nothing(tmp_path: Path) -> None:
    assert rows(place(tmp_path, "a.csv", f"{HEADER}\n1,顧客,2026-01-01,,\n")) == ONE


def test_numbers_in_json_keep_their_text(tmp_path: Path) -> None:
    line = '{"invitation_id": 12345678901234567890, "survey_id": 1.10, "sent_at": "x"}\n'
    assert rows(place(tmp_path, "a.jsonl", line))[0][:2] == ("12345678901234567890", "1.10")


def test_broken_json_lines_are_rows_with_a_reason(tmp_path: Path) -> None:
    good = '{"invitation_id": "1", "survey_id": "s", "sent_at": "x"}\n'
    assert [row[3] for row in rows(place(tmp_path, "a.jsonl", good + '{"a\n' + good))] == [
        None, "R_JSON_INVALID", None,
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("name", "content", "code"),
    [
        ("a.csv", b"", "F_EMPTY"),
        ("a.txt", b"x", "F_FORMAT"),
        ("a.csv", b"\xff\x81\xfe\xfd\n", "F_ENCODING"),
        ("a.csv", "invitation_id,survey_id\n1,2\n", "F_HEADER_MISSING_REQUIRED"),
        ("a.csv", f"{HEADER},email,email\n", "F_HEADER_DUPLICATE"),
        ("a.csv", f"{HEADER},sentAt\n", "F_HEADER_COLLISION"),
        ("a.csv", "invitation_id|survey_id|sent_at\n1|2|3\n", "F_DELIMITER_COLLAPSED"),
        ("a.csv", f'"{HEADER}\n1,a,b\n', "F_HEADER_QUOTE"),
        ("a.csv.gz", gzip.compress(HEADER.encode() * 9, mtime=0)[:-9], "F_TRUNCATED"),
        ("a.csv.zst", zstandard.compress(HEADER.encode() * 9)[:-9] + b"x", "F_TRUNCATED"),
        ("a.csv.gz", b"no gzip", "F_TRUNCATED"),
        ("a.parquet", b"PAR1 no", "F_TRUNCATED"),
        ("a.xlsx", b"PK no", "F_TRUNCATED"),
    ],
)
def test_unreadable_files_are_refused_with_their_code(
    tmp_path: Path, name: str, content: bytes | str, code: str
) -> None:
    with pytest.raises(RejectedFile) as reject:
        rows(place(tmp_path, name, content))
    assert reject.value.code == code
    assert reject.value.remedy


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("山田,aoi@hana-mail.jp,sentAt\n", "column 1 (2 characters, shape ＊＊), "
         "column 2 (16 characters, shape xxx@xxxx-xxxx.xx), sentAt"),
        ("山田|090-1111-2222\n", "one single column (16 characters, shape ＊＊|999-9999-9999)"),
        (f"{HEADER},山田,山田\n", "columns 4 and 5 have one name (2 characters, shape ＊＊)"),
        (f"{HEADER},山田,山田 \n", "columns 4 and 5 have one name (3 characters, shape ＊＊)"),
        (f"{HEADER},email,山田,EMAIL\n", "columns 4 and 6 both mean column email"),
    ],
)  # fmt: skip
def test_messages_say_where_and_of_what_shape_never_what(
    tmp_path: Path, content: str, said: str
) -> None:
    for name, text in (("a.csv", content), ("aoi@hana-mail.jp 090-1111-2222.csv", content)):
        with pytest.raises(RejectedFile) as reject:
            rows(place(tmp_path, name, text))
        message = str(reject.value)
        assert said in message
        assert not any(trace in message for trace in ("山田", "aoi", "1111"))


@pytest.mark.parametrize(
    "text", ["clientId", "client_id", "Client ID", "ＣＬＩＥＮＴ－ＩＤ", "client-id"]
)
def test_header_spellings(text: str) -> None:
    assert normalise_header(text) == "client_id"
