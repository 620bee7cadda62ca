"""Pushing to a real PostgreSQL: whole releases only, whoever reads and whatever is killed."""

from __future__ import annotations

import decimal
import os
import pwd
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import duckdb
import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict

from orchestration.readers import postgres
from tests.conftest import ROOT, environment

BINARIES = sorted(Path("/usr/lib/postgresql").glob("*/bin"))
KILLED = """
import os, signal, sys
from pathlib import Path
from orchestration.readers import postgres
def die(step):
    if step == sys.argv[3]:
        os.kill(os.getpid(), signal.SIGKILL)
postgres.push(Path(sys.argv[1]), sys.argv[2], die)
"""


def certify(folder: Path, user: str) -> None:
    """A certificate for db.example that it signs itself, and one of somebody else."""
    for name in ("server", "stranger"):
        subprocess.run(
            ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj",
             "/CN=db.example", "-addext", "subjectAltName=DNS:db.example",
             "-keyout", f"{name}.key", "-out", f"{name}.crt"],
            cwd=folder, check=True, capture_output=True,
        )  # fmt: skip
    shutil.chown(folder / "server.key", user)
    (folder / "server.key").chmod(0o600)


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    """
    A PostgreSQL of its own on a socket in a new folder; skips where none is installed.

    It also speaks TLS on 127.0.0.1, at the port that stands in the address.
    """
    if not BINARIES:
        pytest.skip("PostgreSQL is not installed (Debian and Ubuntu: apt-get install postgresql)")
    folder = Path(tempfile.mkdtemp(prefix="journey-postgres-"))
    user = pwd.getpwuid(os.getuid()).pw_name
    if os.getuid() == 0:  # PostgreSQL refuses to run as root
        user = "postgres"
        shutil.chown(folder, user)

    def run(program: str, *arguments: str) -> None:
        subprocess.run(
            [str(BINARIES[-1] / program), *arguments],
            check=True, cwd=folder, stdout=subprocess.DEVNULL,
            user=user if os.getuid() == 0 else None,
        )  # fmt: skip

    data = str(folder / "data")
    run("initdb", "-D", data, "-A", "trust", "-E", "UTF8", "--no-sync", "-U", user)
    certify(folder, user)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    options = (
        f"-c listen_addresses=127.0.0.1 -c port={port} -c unix_socket_directories={folder} "
        f"-c fsync=off -c ssl=on -c ssl_cert_file={folder}/server.crt "
        f"-c ssl_key_file={folder}/server.key"
    )
    run("pg_ctl", "-D", data, "-o", options, "-l", str(folder / "log"), "-w", "start")
    try:
        yield f"host={folder} port={port} dbname=postgres user={user}"
    finally:
        run("pg_ctl", "-D", data, "-m", "immediate", "stop")
        shutil.rmtree(folder)


@pytest.fixture
def address(server: str) -> str:
    """The server without what an earlier test left."""
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute("drop schema if exists marts cascade")
    return server


def release(folder: Path, number: int, rows: int = 3) -> Path:
    """A release all of whose tables hold the same number."""
    path = folder / f"release-{number}" / "journey.duckdb"
    path.parent.mkdir()
    with duckdb.connect(str(path)) as connection:
        connection.execute("create schema marts")
        connection.execute(
            f"create table marts.fct_a as select {number} as release_number, range::bigint as big, "
            f"12.30::decimal(18, 2) as amount from range({rows})"
        )
        connection.execute(f"create table marts.fct_b as select {number} as release_number")
        connection.execute(
            """
            create table marts.dim_odd as select * from (values
                (null::varchar, null::double, null::boolean, null::date, null::timestamp,
                 null::decimal(38, 10)),
                ('', 0.1, true, date '2026-01-31', timestamp '2026-01-31 23:59:59.123456',
                 12345678901234567890.0123456789),
                ('a "b", c\nd \\N 日本', 'nan'::double, false, date '0001-01-01',
                 timestamp '2026-01-01 00:00:00', -0.0000000001)
            ) as odd(words, ratio, is_odd, odd_date, odd_at, exact)
            """
        )
        connection.execute("comment on table marts.dim_odd is '珍しい値 / Odd values: it''s all.'")
        connection.execute("comment on column marts.dim_odd.words is '言葉 / Words'")
    return path


def test_types_values_and_comments_arrive(address: str, tmp_path: Path) -> None:
    path = release(tmp_path, 1)
    assert postgres.push(path, address) == {"dim_odd": 3, "fct_a": 3, "fct_b": 1}
    with psycopg.connect(address) as reader, duckdb.connect(str(path)) as source:
        query = "select words, is_odd, odd_date, odd_at, exact from marts.dim_odd order by exact"
        assert reader.execute(query).fetchall() == source.execute(query).fetchall()
        ratios = reader.execute("select ratio::text from marts.dim_odd order by exact").fetchall()
        assert ratios == [("NaN",), ("0.1",), (None,)]
        assert reader.execute("select sum(amount) from marts.fct_a").fetchone() == (
            decimal.Decimal("36.90"),
        )
        types = dict(
            reader.execute(
                "select column_name, data_type || coalesce('(' || numeric_precision || ')', '') "
                "from information_schema.columns where table_name = 'dim_odd'"
            ).fetchall()
        )
        assert types == {
            "words": "text", "ratio": "double precision(53)", "is_odd": "boolean",
            "odd_date": "date", "odd_at": "timestamp without time zone", "exact": "numeric(38)",
        }  # fmt: skip
        comments = reader.execute(
            "select obj_description('marts.dim_odd'::regclass), "
            "col_description('marts.dim_odd'::regclass, 1)"
        ).fetchone()
        assert comments == ("珍しい値 / Odd values: it's all.", "言葉 / Words")


def test_rights_of_readers_are_kept(address: str, tmp_path: Path) -> None:
    postgres.push(release(tmp_path, 1), address)
    with psycopg.connect(address, autocommit=True) as owner:
        owner.execute('create role "bi reader"')
        owner.execute('grant usage on schema marts to "bi reader"')
    postgres.push(release(tmp_path, 2), address)
    with psycopg.connect(address) as reader:
        reader.execute('set role "bi reader"')
        assert reader.execute("select release_number from marts.fct_b").fetchone() == (2,)
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            reader.execute("delete from marts.fct_b")


@pytest.mark.parametrize("step", postgres.STEPS)
def test_killed_at_any_step_leaves_a_whole_release(address: str, tmp_path: Path, step: str) -> None:
    postgres.push(release(tmp_path, 1), address)
    path = release(tmp_path, 2)
    killed = subprocess.run(
        [sys.executable, "-c", KILLED, str(path), address, step],
        cwd=ROOT, env=environment(tmp_path), stdout=subprocess.DEVNULL, timeout=60, check=False,
    )  # fmt: skip
    assert killed.returncode == -signal.SIGKILL
    query = ("select distinct a.release_number, b.release_number "
             "from marts.fct_a as a, marts.fct_b as b")  # fmt: skip
    expected = 2 if step == "committed" else 1
    with psycopg.connect(address, autocommit=True) as reader:
        assert reader.execute(query).fetchall() == [(expected, expected)]
        postgres.push(path, address)
        assert reader.execute(query).fetchall() == [(2, 2)]
        left = "select nspname from pg_namespace where nspname like 'marts%' order by 1"
        assert reader.execute(left).fetchall() == [("marts",)]


def test_readers_in_a_loop_see_only_whole_releases(address: str, tmp_path: Path) -> None:
    """Also in transactions of several statements, and in statements that join old and new names."""
    paths = [release(tmp_path, number, rows=2_000) for number in range(1, 9)]
    postgres.push(paths[0], address)
    stop = threading.Event()
    seen: set[int] = set()
    wrong: list[object] = []
    reads = [0]

    def read(query_first: str, query_second: str) -> None:
        with psycopg.connect(address) as reader:
            while not stop.is_set():
                try:
                    with reader.transaction():
                        first = reader.execute(query_first).fetchall()
                        second = reader.execute(query_second).fetchall()
                except psycopg.Error as error:
                    wrong.append(error)
                    continue
                numbers = {number for row in [*first, *second] for number in row}
                if len(numbers) != 1:
                    wrong.append(numbers)
                seen.update(numbers)
                reads[0] += 1
                time.sleep(0.005)

    join = ("select distinct a.release_number, b.release_number "
            "from marts.{} as a, marts.{} as b")  # fmt: skip
    pairs = [
        (join.format("fct_a", "fct_b"), "select release_number from marts.fct_b"),
        (join.format("fct_b", "fct_a"), "select distinct release_number from marts.fct_a"),
    ]
    readers = [threading.Thread(target=read, args=pair) for pair in pairs]
    for thread in readers:
        thread.start()
    try:
        for path in paths[1:]:
            postgres.push(path, address)
            time.sleep(0.05)
    finally:
        stop.set()
        for thread in readers:
            thread.join()
    assert wrong == []
    assert reads[0] > 20 and len(seen) >= 4


def test_a_reader_that_never_pauses_and_views_are_named(address: str, tmp_path: Path) -> None:
    postgres.push(release(tmp_path, 1), address)
    path = release(tmp_path, 2)
    with psycopg.connect(address) as reader:
        reader.execute("select * from marts.fct_a")  # its transaction stays open
        with pytest.raises(postgres.PushError, match="reading the old release"):
            postgres.push(path, address, patience=0.2)
        reader.rollback()
        reader.execute("create view public.mine as select * from marts.fct_b")
        reader.commit()
        with pytest.raises(postgres.PushError, match="view mine depends"):
            postgres.push(path, address)
        assert reader.execute("select release_number from public.mine").fetchone() == (1,)


def test_no_address_no_release_and_no_password_in_a_message(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = release(tmp_path, 1)
    with pytest.raises(postgres.PushError) as refused:
        postgres.push(path, f"host={tmp_path} user=a password=topsecret dbname=x")
    assert "topsecret" not in str(refused.value) and "No such file" in str(refused.value)
    with pytest.raises(postgres.PushError, match="cannot be read") as refused:
        postgres.push(path, "postgresql://a:topsecret@[broken")
    assert "topsecret" not in str(refused.value)
    with pytest.raises(postgres.PushError, match="journey nightly"):
        postgres.push(tmp_path / "none.duckdb", "")
    kept = {k: v for k, v in environment(tmp_path).items() if not k.startswith("PG")}
    told = subprocess.run(
        [sys.executable, "-m", "orchestration.cli", "push", "postgres"],
        cwd=ROOT, env=kept, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert told.returncode == 1 and "JOURNEY_POSTGRES_URL" in told.stderr


def test_a_verified_push_goes_to_the_right_server_only(address: str, tmp_path: Path) -> None:
    folder = conninfo_to_dict(address)["host"]
    network = address.replace(f"host={folder}", "hostaddr=127.0.0.1")
    verified = f"{network} host=db.example sslmode=verify-full sslrootcert={folder}"
    path = release(tmp_path, 1)
    assert postgres.push(path, f"{verified}/server.crt")["fct_a"] == 3
    with pytest.raises(postgres.PushError, match="certificate verify failed"):
        postgres.push(path, f"{verified}/stranger.crt")
    with pytest.raises(postgres.PushError, match="does not match host name"):
        postgres.push(path, f"{verified}/server.crt".replace("db.example", "other.example"))


@pytest.mark.parametrize(
    ("address", "variables", "is_refused"),
    [
        ("host=db.example dbname=x", {}, True),
        ("postgresql://a@db.example/x", {}, True),
        ("dbname=x", {"PGHOST": "db.example"}, True),
        ("host=localhost,db.example dbname=x", {}, True),
        ("host=localhost hostaddr=192.0.2.1", {}, True),
        ("host=db.example sslmode=verify-full sslrootcert=system", {}, False),
        ("host=db.example", {"PGSSLMODE": "require"}, False),  # somebody chose
        ("host=localhost", {}, False),
        ("host=/run/postgresql", {}, False),
        ("dbname=x", {}, False),
        ("service=bi", {}, False),  # whose file says
    ],
)
def test_no_push_to_a_server_that_nothing_proves(
    monkeypatch: pytest.MonkeyPatch, address: str, variables: dict[str, str], is_refused: bool
) -> None:
    for name in ("PGHOST", "PGHOSTADDR", "PGSSLMODE", "PGSERVICE"):
        monkeypatch.delenv(name, raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    if is_refused:
        with pytest.raises(postgres.PushError, match="sslmode=verify-full"):
            postgres.refuse_unverified(address)
    else:
        postgres.refuse_unverified(address)
