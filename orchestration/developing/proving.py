"""
`journey prove`: random histories, in which every night's increment must equal one full rebuild.

A history is a few nights. Each brings files of events, contacts, orders and so on, with late rows,
duplicates, conflicting versions, erasures, and may take an earlier file back. The nights run one
after another, as increments; then everything is built anew from the same raw tables, and once more
from files that arrived in one night in another order, on more threads and in another time zone.
Every mart must be the same, row for row. Hypothesis draws the histories and shrinks a failing one
to a minimal example.

The real loader loads, and the SQL is what dbt compiles for an increment and for a full build; only
dbt itself, which takes seconds to start, is left out. Everything happens in memory.
"""

from __future__ import annotations

import csv
import importlib.util
import io
import json
import os
import re
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stdout, suppress
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import cache, partial
from pathlib import Path
from typing import Any

import duckdb
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from orchestration.base import command
from orchestration.building import builds
from orchestration.building.fingerprint import ARRIVAL_TABLES
from orchestration.loading import erasing, ledger, loader
from orchestration.loading.contract import load_contract
from orchestration.loading.reading import file_id
from orchestration.operating import reloading
from orchestration.rules import home as home_rules
from orchestration.rules import store as rule_store
from orchestration.rules.tables import Rules
from orchestration.settings import DBT_PROJECT_DIR, SAMPLE_RULES, load_settings

PEPPER = "a pepper for proofs, at least 32 characters"
_AS_OF = "2001-02-03 04:05:06"  # stands in compiled SQL for the instant of the night
_DATABASE = '"warehouse".'
_START = datetime(2026, 1, 1)


# The SQL ------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Model:
    """One model: its relation, and its SQL on a full build and on a later run."""

    name: str
    relation: str
    kind: str  # table, view or incremental
    full: str
    later: str
    replace: str  # of an incremental model: what a later run does before it inserts
    python: Path | None = None


@dataclass(frozen=True)
class DataTest:
    """One data test of dbt: the models it looks at, and a query that finds what is wrong."""

    name: str
    models: frozenset[str]
    sql: str


class Project:
    """All models in order of their dependencies, as dbt compiles them, and the seeds."""

    def __init__(self, folder: Path, variables: dict[str, Any] | None = None) -> None:
        """
        Let dbt compile in an empty home in `folder`, under the sample's rules; half a minute.

        `variables` override those of dbt_project.yml.
        """
        overrides = ["--vars", json.dumps(variables or {})]
        environment = dict(os.environ)
        config = load_settings(folder / "home")
        config.prepare()
        os.environ.update(config.environment(_AS_OF))
        try:
            shutil.copytree(SAMPLE_RULES, config.home / "rules", dirs_exist_ok=True)
            own = home_rules.load(config.home)
            self.tables = load_contract(own)
            self.empty = folder / "empty.duckdb"
            with duckdb.connect(str(config.warehouse)) as connection:
                ledger.create(connection, list(self.tables.values()))
                rule_store.apply(connection, own)
                connection.execute("create schema seeds")
                for name in own.sets:  # as the materialization of seeds does it
                    connection.execute(f'create table seeds."{name}" as from rules."{name}"')
            manifest = _dbt(config.dbt_target, "parse", *overrides)
            with duckdb.connect(str(config.warehouse)) as connection:
                _pretend_built(connection, manifest)
            shutil.copy(config.warehouse, self.empty)
            compile_ = partial(_dbt, config.dbt_target, "compile", *overrides, manifest=manifest)
            replaces = compile_("--inline", _REPLACES)
            compiled = compile_("--full-refresh")
            full = _compiled(compiled)
            later = _compiled(compile_())
        finally:
            os.environ.clear()
            os.environ.update(environment)
        statements = dict(
            re.findall(
                r"=== (\w+)\s+((?:create|delete).*?;)\s+insert into",
                replaces[0].node.compiled_code,
                re.DOTALL,
            )
        )
        self.models = [
            Model(
                name,
                node.relation_name.replace(_DATABASE, ""),
                node.config.materialized,
                code,
                later[name][1],
                statements.get(name, "").replace(_DATABASE, ""),
                DBT_PROJECT_DIR / node.original_file_path if node.language == "python" else None,
            )
            for name, (node, code) in full.items()
        ]
        self.tests = [  # of which a row found is an error, not a warning
            DataTest(
                node.name,
                frozenset(full) & {parent.split(".")[-1] for parent in node.depends_on.nodes},
                node.compiled_code.replace(_DATABASE, ""),
            )
            for node in (result.node for result in compiled)
            if node.resource_type == "test" and node.config.severity.lower() == "error"
        ]
        nodes = {name: node for name, (node, _) in full.items()}
        with duckdb.connect(str(self.empty)) as connection:
            for schema in ("staging", "intermediate", "marts"):
                connection.execute(f"drop schema if exists {schema} cascade")
                connection.execute(f"create schema {schema}")
        self.kept = _ancestors(nodes, [m.name for m in self.models if m.kind == "incremental"])

    @contextmanager
    def connect(self, threads: int = 1, zone: str = "UTC") -> Iterator[duckdb.DuckDBPyConnection]:
        """An empty warehouse in memory, with seeds."""
        with duckdb.connect(":memory:", config={"threads": threads}) as connection:
            connection.execute("set enable_progress_bar = false")
            connection.execute(f"attach '{self.empty}' as prepared (read_only)")
            connection.execute("copy from database prepared to memory")
            connection.execute("detach prepared")
            connection.execute(f"set TimeZone = '{zone}'")
            yield connection

    def build(
        self, connection: duckdb.DuckDBPyConnection, as_of_at: str, full: bool, whole: bool
    ) -> None:
        """Build all models, or (not `whole`) those that a later increment rests on."""
        connection.execute("create schema if not exists touched")
        relations = {model.name: model.relation for model in self.models}
        for model in self.models:
            if not whole and model.name not in self.kept:
                continue
            sql = (model.full if full else model.later).replace(_AS_OF, as_of_at)
            if model.python:
                module = _python_model(model.python)
                frame = module.model(_Dbt(connection, relations), connection)  # noqa: F841  # the SQL below reads it by its name
                connection.execute(f"create or replace table {model.relation} as from frame")
            elif model.kind == "incremental" and not full:
                connection.execute(f"create temp table fresh as {sql}")
                connection.execute(model.replace)
                connection.execute(f"insert into {model.relation} by name from fresh")
                connection.execute("drop table fresh")
            else:
                kind = "view" if model.kind == "view" else "table"
                connection.execute(f"create or replace {kind} {model.relation} as {sql}")

    def give_rules(self, connection: duckdb.DuckDBPyConnection, own: Rules) -> None:
        """Put rules in the place of the sample's, as a run and the materialization of seeds do."""
        rule_store.apply(connection, own)
        for name in own.sets:
            connection.execute(f'delete from seeds."{name}"')
            connection.execute(f'insert into seeds."{name}" by name from rules."{name}"')

    def failing(
        self, connection: duckdb.DuckDBPyConnection, as_of_at: str, whole: bool = True
    ) -> list[str]:
        """Names of the data tests of the models built (`whole`: all) that find something."""
        return [
            test.name
            for test in self.tests
            if (whole or test.models <= self.kept)
            and connection.execute(
                f"select count(*) from ({test.sql.replace(_AS_OF, as_of_at)}) as found"
            ).fetchone()
            != (0,)
        ]


_REPLACES = """
-- {{ ref('int_visitors_touched') }} {{ ref('int_persons_touched') }}
{%- for node in graph.nodes.values() if node.config.materialized == 'incremental' %}
=== {{ node.name }}
{{ context['get_incremental_' ~ node.config.incremental_strategy ~ '_sql']({
    'unique_key': node.config.unique_key,
    'target_relation': api.Relation.create(schema=node.schema, identifier=node.name),
    'temp_relation': 'fresh', 'dest_columns': [],
    'incremental_predicates': node.config.incremental_predicates
}) }}
{%- endfor %}
"""


class _Dbt:
    """What a Python model asks of dbt."""

    def __init__(self, connection: duckdb.DuckDBPyConnection, relations: dict[str, str]) -> None:
        self.config = lambda **_: None
        self.connection, self.relations = connection, relations

    def ref(self, name: str) -> duckdb.DuckDBPyRelation:
        return self.connection.table(self.relations.get(name, f"seeds.{name}").replace('"', ""))


def _pretend_built(connection: duckdb.DuckDBPyConnection, manifest: Any) -> None:
    """For dbt a run is a later one when the model's table exists, whatever is in it."""
    for schema in ("intermediate", "marts"):
        connection.execute(f"create schema {schema}")
    for node in manifest.nodes.values():
        if node.resource_type == "model" and node.config.materialized == "incremental":
            connection.execute(f"create table {node.schema}.{node.name} (nothing integer)")


def _directories(target: Path) -> list[str]:
    project = str(DBT_PROJECT_DIR)
    return ["--project-dir", project, "--profiles-dir", project, "--target-path", str(target)]


def _dbt(target: Path, *arguments: str, manifest: Any = None) -> Any:
    from dbt.cli.main import dbtRunner

    with redirect_stdout(io.StringIO()) as output:
        result = dbtRunner(manifest=manifest).invoke(
            ["--quiet", "--no-write-json", *arguments, *_directories(target)]
        )
    if not result.success:
        raise RuntimeError(f"dbt {arguments[0]} failed: {result.exception or output.getvalue()}")
    return result.result


def _compiled(results: Any) -> dict[str, tuple[Any, str]]:
    """Models by name, in order of dependencies, with their compiled code."""
    nodes = {r.node.unique_id: r.node for r in results if r.node.resource_type == "model"}
    ordered: dict[str, tuple[Any, str]] = {}

    def place(unique_id: str) -> None:
        node = nodes.get(unique_id)
        if node is None or node.name in ordered:
            return
        for parent in node.depends_on.nodes:
            place(parent)
        ordered[node.name] = (node, (node.compiled_code or "").replace(_DATABASE, ""))

    for unique_id in nodes:
        place(unique_id)
    return ordered


def _ancestors(nodes: dict[str, Any], names: list[str]) -> set[str]:
    found: set[str] = set()
    todo = list(names)
    while todo:
        name = todo.pop()
        if name in nodes and name not in found:
            found.add(name)
            todo += [parent.split(".")[-1] for parent in nodes[name].depends_on.nodes]
    return found


@cache
def _python_model(path: Path) -> Any:
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


# The histories ------------------------------------------------------------------------------------


@dataclass
class File:
    """Rows of one raw table that arrive together."""

    table: str
    rows: list[dict[str, str]]

    @property
    def text(self) -> str:
        """The file as CSV."""
        stream = io.StringIO(newline="")
        writer = csv.DictWriter(stream, list(self.rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(self.rows)
        return stream.getvalue()


@dataclass
class Night:
    """What one night brings: files, perhaps one to take back, and the instant it looks from."""

    files: list[File]
    hours: int
    retract: int | None = None  # number of an earlier file, counted over all nights


@dataclass
class History:
    """Some nights; printed as short as it can be."""

    nights: list[Night] = field(default_factory=list)

    def __repr__(self) -> str:
        """One line per row."""
        lines = []
        for number, night in enumerate(self.nights, 1):
            lines.append(f"night {number}, as of {_moment(night.hours)}")
            if night.retract is not None:
                lines.append(f"  takes back file {night.retract}")
            for file in night.files:
                lines.append(f"  {file.table}")
                lines += [
                    "    " + ", ".join(f"{k}={v}" for k, v in row.items() if v) for row in file.rows
                ]
        return "\n" + "\n".join(lines)


def _moment(hours: float) -> str:
    return (_START + timedelta(hours=hours)).strftime("%Y-%m-%d %H:%M:%S")


# A day is dense: gaps around the timeout, ties, midnight. Further days are far: journeys lapse.
_MINUTES = [0, 0, 1, 29, 30, 31, 59, 60, 61, 90, 600, 900, 901, 1439]
_DAYS = [0, 0, 0, 1, 2, 91, 92, 200]
_moments = st.builds(
    lambda day, minute: _moment(day * 24 + minute / 60),
    st.sampled_from(_DAYS),
    st.sampled_from(_MINUTES),
)


def _one_of(*values: str) -> st.SearchStrategy[str]:
    return st.sampled_from(values)


_visitors = _one_of("v1", "v2", "v3", "v4", "undefined")
_users = _one_of("", "", "", "u1", "u2", "u3", "guest")
_emails = _one_of("", "", "", "a@x.jp", "b@x.jp", "noreply@x.jp")
_contacts = _one_of("c1", "c2", "c3")
_orders = _one_of("o1", "o2", "o3")


def _rows(**columns: st.SearchStrategy[str]) -> st.SearchStrategy[dict[str, str]]:
    return st.fixed_dictionaries(columns)


_numbers = st.integers(1, 14).map(str)
ROWS: dict[str, st.SearchStrategy[dict[str, str]]] = {
    "web/events": _rows(
        event_id=_numbers.map("e{}".format),
        occurred_at=_moments,
        visitor_id=_visitors,
        event_name=_one_of(
            "page_view", "page_view", "page_view", "generate_lead", "add_to_cart", "purchase"
        ),
        user_id=_users,
        email=_emails,
        page_url=_one_of(
            "", "https://shop.jp/a", "https://shop.jp/?gclid=g", "https://staging.shop.jp/a"
        ),
        page_referrer=_one_of("", "https://www.google.com/", "https://www.paypal.com/"),
        utm_source=_one_of("", "", "news"),
        utm_medium=_one_of("", "", "email"),
        user_agent=_one_of("", "", "", "Chrome", "Googlebot/2.1"),
        country_code=_one_of("", "JP", "US"),
        order_id=_one_of("", "", "", "o1", "o2"),
        value_amount=_one_of("", "", "10", "20"),
        currency_code=_one_of("JPY", "USD"),
    ),
    "crm/contacts": _rows(
        contact_id=_contacts,
        created_at=_moments,
        updated_at=_moments,
        email=_emails,
        phone=_one_of("", "", "09011112222"),
        user_id=_users,
        visitor_id=_one_of("", "", "v1", "v2"),
        persona=_one_of("", "a", "b"),
        country_code=_one_of("", "DE"),
        referred_by_contact_id=_one_of("", "", "", "c1", "c2"),
        merged_into_contact_id=_one_of("", "", "", "", "", "c1", "c3"),
        erased_at=st.one_of(st.just(""), st.just(""), st.just(""), _moments),
    ),
    "crm/orders": _rows(
        order_id=_orders,
        contact_id=_contacts,
        ordered_at=_moments,
        order_amount=_one_of("100", "200"),
        currency_code=st.just("JPY"),
        delivered_at=st.one_of(st.just(""), _moments),
        billed_at=st.one_of(st.just(""), _moments),
        order_type=_one_of("one_off", "one_off", "subscription", "renewal"),
        subscription_id=_one_of("", "", "s1", "s2"),
    ),
    "crm/payments": _rows(
        payment_id=_one_of("p1", "p2", "p3"),
        order_id=_one_of("o1", "o2", "o3", "gone"),
        paid_at=_moments,
        payment_amount=_one_of("100", "200"),
        currency_code=st.just("JPY"),
        payment_type=_one_of("charge", "charge", "refund"),
    ),
    "crm/tickets": _rows(
        ticket_id=_one_of("t1", "t2"),
        opened_at=_moments,
        contact_id=_one_of("", "c1", "c2"),
        email=_emails,
        resolved_at=st.one_of(st.just(""), _moments),
    ),
    "crm/activities": _rows(
        activity_id=_one_of("a1", "a2"),
        contact_id=_contacts,
        occurred_at=_moments,
        activity_type=_one_of("call", "email_click"),
        channel=_one_of("phone", "email"),
    ),
    "crm/order_lines": _rows(
        order_line_id=_one_of("l1", "l2", "l3"),
        order_id=_one_of("o1", "o2", "o3"),
        product_id=_one_of("", "pr1", "pr2"),
        quantity=_one_of("1", "2"),
        line_amount=_one_of("50", "100"),
    ),
    "crm/subscriptions": _rows(
        subscription_id=_one_of("s1", "s2"),
        contact_id=_contacts,
        started_at=_moments,
        period_amount=_one_of("100", "300"),
        currency_code=st.just("JPY"),
        billing_period=_one_of("month", "month", "year"),
        ended_at=st.one_of(st.just(""), _moments),
    ),
    "crm/deals": _rows(
        deal_id=_one_of("d1", "d2"),
        contact_id=_contacts,
        created_at=_moments,
        amount=_one_of("", "500"),
        currency_code=st.just("JPY"),
        closed_at=st.one_of(st.just(""), _moments),
        status=_one_of("open", "won", "lost"),
    ),
    "crm/deal_stage_changes": _rows(
        change_id=_one_of("h1", "h2", "h3"),
        deal_id=_one_of("d1", "d2", "d3"),
        deal_stage=_one_of("proposal", "won"),
        changed_at=_moments,
    ),
    "web/ad_costs": _rows(
        cost_date=_moments.map(lambda moment: moment[:10]),
        utm_source=_one_of("news", "google"),
        utm_medium=_one_of("email", "cpc"),
        utm_campaign=_one_of("", "spring"),
        cost_amount=_one_of("10", "20"),
        currency_code=_one_of("JPY", "USD"),
        impressions=_one_of("100", "200"),
        clicks=_one_of("", "5"),
    ),
    "survey/invitations": _rows(
        invitation_id=_one_of("i1", "i2"),
        survey_id=_one_of("nps", "order"),
        sent_at=_moments,
        contact_id=_one_of("", "c1", "c2"),
        email=_emails,
    ),
    "survey/answers": _rows(
        response_id=_one_of("r1", "r2"),
        survey_id=st.just("nps"),
        question_id=st.just("nps"),
        responded_at=_moments,
        contact_id=_one_of("", "c1", "c2"),
        email=_emails,
        visitor_id=_one_of("", "v1"),
        order_id=_one_of("", "", "o1", "o2"),
        invitation_id=_one_of("", "i1", "i2"),
        score=_one_of("3", "9"),
    ),
    "privacy/erasure_requests": _rows(
        request_id=_one_of("q1", "q2"),
        requested_at=_moments,
        contact_id=_one_of("", "c1"),
        visitor_id=_one_of("", "v1"),
        email=_one_of("", "", "a@x.jp"),
    ),
}
_WEIGHTS = ["web/events"] * 5 + [name for name in ROWS if name != "privacy/erasure_requests"]


# Families share nights and files but no identifier: one run proves as many histories.
FAMILIES = 8


def _of_family(family: int, row: dict[str, str]) -> dict[str, str]:
    """The row with the family's own identifiers; placeholders belong to nobody anyway."""
    return {
        name: f"{value}f{family}"
        if re.fullmatch(r"[a-z][0-9]+", value)
        else re.sub(r"^([ab])@", rf"\g<1>{family}@", value)
        for name, value in row.items()
    }


@st.composite
def _files(draw: st.DrawFn) -> File:
    table = draw(st.sampled_from([*_WEIGHTS, *_WEIGHTS, "privacy/erasure_requests"]))
    families = st.integers(1, FAMILIES)
    row = st.builds(_of_family, families, ROWS[table])
    return File(table, draw(st.lists(row, min_size=1, max_size=5 * FAMILIES)))


@st.composite
def histories(draw: st.DrawFn) -> History:
    """Two to four nights with up to three files each."""
    nights: list[Night] = []
    hours, count = 0, 0
    for _ in range(draw(st.integers(2, 4))):
        files = draw(st.lists(_files(), max_size=3))
        hours += draw(st.sampled_from([0, 1, 24, 25, 48, 2200, 5000]))
        taken = draw(st.one_of(st.none(), st.none(), st.integers(0, count - 1))) if count else None
        nights.append(Night(files, hours, taken))
        count += len(files)
    return History(nights)


# The proof ----------------------------------------------------------------------------------------


class NotEqual(AssertionError):
    """A mart differs; the message names it and the rows that only one side has."""


class World:
    """One warehouse that lives through a history."""

    def __init__(self, project: Project, connection: duckdb.DuckDBPyConnection, folder: Path):
        """An empty landing zone in `folder` and the warehouse behind `connection`."""
        self.project, self.connection, self.tables = project, connection, project.tables
        self.settings = replace(load_settings(folder), pepper=PEPPER)
        self.paths: list[Path] = []

    def arrive(self, file: File, day: int | None = None) -> None:
        """Put a file into the landing zone, as the extract of a day (its number by default)."""
        day = len(self.paths) if day is None else day
        extracted_on = f"dt={_START + timedelta(days=day):%Y-%m-%d}"
        path = self.settings.landing / file.table / extracted_on / f"{len(self.paths)}.csv"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(file.text, encoding="utf-8")
        self.paths.append(path)

    def load(self) -> None:
        """Load what waits, then carry out erasures."""
        self.connection.execute("set TimeZone = 'UTC'")
        for table in self.tables.values():
            if (self.settings.landing / table.source / table.name).exists():
                loader.load_table(
                    self.connection, table, self.settings.landing, pepper=PEPPER,
                    loaded_at=datetime(2030, 1, 1),
                )  # fmt: skip
        erasing.erase(self.connection, self.tables, PEPPER, "k1", datetime(2030, 1, 1))

    def retract(self, number: int) -> None:
        """Take a file back, as `journey retract` does."""
        with suppress(LookupError):  # an equal file, or one already taken back
            reloading.retract(self.connection, self.settings, file_id(self.paths[number]))

    def build(
        self, as_of_at: str, full: bool = False, whole: bool = True, zone: str = "UTC"
    ) -> None:
        """One night's models."""
        self.connection.execute(f"set TimeZone = '{zone}'")
        reason = builds.begin(self.connection, "key", as_of_at, full)
        self.project.build(self.connection, as_of_at, bool(reason), whole or bool(reason))
        builds.complete(self.connection, "key", as_of_at, "build")

    def marts(self, arrival: bool) -> dict[str, list[tuple[Any, ...]]]:
        """All rows of all marts, ordered; `arrival`: also of those that say how data arrived."""
        names = [m.relation for m in self.project.models if m.relation.startswith('"marts"')]
        return {
            name: self.connection.execute(f"select * from {name} order by all").fetchall()
            for name in names
            if arrival or name.split('"')[3] not in ARRIVAL_TABLES
        }


def prove(project: Project, history: History, folder: Path) -> None:
    """Raises `NotEqual` when an increment of the history differs from a full rebuild."""
    with project.connect() as connection:
        world = World(project, connection, folder / "nights")
        for night in history.nights:
            if night.retract is not None:
                world.retract(night.retract)
            for file in night.files:
                world.arrive(file)
            world.load()
            world.build(_moment(night.hours), whole=night is history.nights[-1])
        increments = world.marts(arrival=True)
        as_of_at = _moment(history.nights[-1].hours)
        world.build(as_of_at, full=True)
        compare("a full rebuild", increments, world.marts(arrival=True))
    files = [file for night in history.nights for file in night.files]
    if any(file.table == "privacy/erasure_requests" for file in files):
        return  # whom a request means depends on who was known when it was carried out
    # The same files in one night, last first; those that were taken back never came.
    with project.connect(threads=4) as connection:
        world = World(project, connection, folder / "at_once")
        gone = {files[n.retract].text for n in history.nights if n.retract is not None}
        for number, file in reversed(list(enumerate(files))):
            if file.text not in gone:
                world.arrive(File(file.table, file.rows[::-1]), number)
        world.load()
        world.build(as_of_at, zone="America/New_York")
        increments = {
            n: rows for n, rows in increments.items() if n.split('"')[3] not in ARRIVAL_TABLES
        }
        compare("the same files at once, in another order", increments, world.marts(arrival=False))


def compare(what: str, found: dict[str, list[Any]], expected: dict[str, list[Any]]) -> None:
    """Name the first mart that differs, and how."""
    for name, rows in expected.items():
        if found[name] != rows:
            extra = [row for row in found[name] if row not in rows]
            missing = [row for row in rows if row not in found[name]]
            raise NotEqual(
                f"{name}: {len(found[name])} rows by increments, {len(rows)} by {what}\n"
                f"  only by increments: {extra[:3]}\n  only by {what}: {missing[:3]}"
            )


def run(project: Project, count: int, seed: int, progress: Callable[[str], None]) -> list[History]:
    """Prove `count` histories and return them; raises `NotEqual` on one that fails, shrunk."""
    from hypothesis import seed as with_seed

    proven: list[History] = []
    failing: list[History] = []
    started = time.monotonic()

    @with_seed(seed)
    @settings(
        max_examples=-(-count // FAMILIES),
        deadline=None,
        database=None,
        print_blob=False,
        phases=[Phase.generate, Phase.shrink],
        suppress_health_check=list(HealthCheck),
    )
    @given(history=histories())
    def holds(history: History) -> None:
        with tempfile.TemporaryDirectory() as folder:
            try:
                prove(project, history, Path(folder))
            except Exception:
                failing[:] = [history]  # the last one to fail is the smallest
                raise
        proven.append(history)
        if len(proven) % 10 == 0:
            progress(f"{len(proven) * FAMILIES} histories, {time.monotonic() - started:.0f} s")

    try:
        holds()
    except NotEqual as error:
        raise NotEqual(f"{error}\nin this history:{failing[0]!r}") from None
    return proven


def prove_all(histories: int, seed: int) -> None:
    """Draw histories and compare each increment with a full build; fails with a minimal example."""
    with tempfile.TemporaryDirectory() as folder:
        print("compiling the models …", flush=True)
        project = Project(Path(folder))
        print(f"proving {histories} histories, seed {seed} …", flush=True)
        with command.failing_on(NotEqual):
            run(project, histories, seed, lambda text: print(text, flush=True))
    print(f"{histories} histories: every increment equals the full rebuild")
