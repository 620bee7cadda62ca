"""
Every path of CONTRIBUTING.md is walked on a copy of the whole tree, and one run publishes it all.

What a path costs is what the guide's table says: a walk that touches another file fails.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import ROOT, STORIES, environment, read_release

LEFT_OUT = (".*", "target", "logs", "__pycache__", "site", "benchmarks")
TABLE = (ROOT / "CONTRIBUTING.md").read_text("utf-8").split("\n## ")[2]
PATHS = {
    match[1]: {*re.findall("`([^`]+)`", match[2])}
    for match in re.finditer(r"^\| ([a-zA-Z ]+) \| (`.+`) \|$", TABLE, re.MULTILINE)
}


def hashes(tree: Path) -> dict[str, str]:
    return {
        str(path.relative_to(tree)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(tree.rglob("*"))
        if path.is_file() and not {"target", "logs", "__pycache__"} & {*path.parts}
    }


class Walk:
    """A copy of the tree, in which the commands of its own code run."""

    def __init__(self, folder: Path) -> None:
        self.tree, self.home = folder / "tree", folder / "home"
        shutil.copytree(ROOT, self.tree, ignore=shutil.ignore_patterns(*LEFT_OUT))
        shutil.copytree(STORIES / "happy_week", self.home / "landing")

    @contextmanager
    def path(self, name: str) -> Iterator[None]:
        """A path of the guide, which touches the files that its table names and no other."""
        before = hashes(self.tree)
        yield
        after = hashes(self.tree)
        touched = {p for p in before.keys() | after.keys() if before.get(p) != after.get(p)}
        assert touched == PATHS[name], name

    def run(self, *arguments: str) -> str:
        """A module of the tree, on the home."""
        result = subprocess.run(
            [sys.executable, "-m", *arguments],
            cwd=self.tree,
            env=environment(self.home)
            | {
                "PYTHONPATH": str(self.tree),
                "PWD": str(self.tree),
                "DAGSTER_HOME": str(self.tree),
                "PATH": os.environ["PATH"],
            },
            capture_output=True,
            text=True,
            check=False,
            timeout=600,
        )
        assert result.returncode == 0, result.stdout + result.stderr
        return result.stdout

    def journey(self, *arguments: str) -> str:
        return self.run("orchestration.cli", *arguments)

    def write(self, path: str, text: str) -> None:
        (self.tree / path).parent.mkdir(parents=True, exist_ok=True)
        (self.tree / path).write_text(text, "utf-8")

    def edit(self, path: str, change: Callable[[str], str]) -> None:
        before = (self.tree / path).read_text("utf-8")
        assert change(before) != before
        self.write(path, change(before))

    def add_rows(self, path: str, *rows: str) -> None:
        self.edit(path, lambda text: text + "".join(f"{row}\n" for row in rows))


def fill_in(text: str, of_model: str, entry: str) -> str:
    """The YAML of a model, instead of the stub that the scaffold wrote."""
    start = text.index(f"- name: {of_model}")
    start = text.rindex("\n", 0, start) + 1
    return text[:start] + entry


def add_mart(walk: Walk) -> None:
    walk.journey("model", "marts", "stages", "fct_first_purchases")
    folder = "dbt_project/models/marts/stages"
    walk.write(
        f"{folder}/fct_first_purchases.sql",
        """with revenue_points as (

    select * from {{ ref('fct_revenue_points') }}
    where person_id is not null

)

select
    person_id,
    min(occurred_at) as first_paid_at
from revenue_points
group by person_id
""",
    )
    walk.edit(
        f"{folder}/_stages__models.yml",
        lambda text: fill_in(text, "fct_first_purchases", """\
  - name: fct_first_purchases
    description: >-
      One row per person with a revenue point, with the first one's time.
    config:
      meta: {label_ja: "初回購入日時", label_en: "First purchases"}
    data_tests:
      - name: integrity_fct_first_purchases
        test_name: integrity
        arguments:
          primary_key: [person_id]
    columns:
      - name: person_id
        data_type: varchar
        description: "{{ doc('col_person_id') }}"
        config:
          meta: {label_ja: "顧客ID", label_en: "Person ID"}
      - name: first_paid_at
        data_type: timestamp
        description: Time of the person's first revenue point (UTC).
        config:
          meta: {label_ja: "初回支払日時", label_en: "First paid at"}
"""),
    )  # fmt: skip
    walk.edit(
        f"{folder}/_stages__unit_tests.yml",
        lambda text: fill_in(text, "fct_first_purchases__REPLACE_ME", """\
- name: fct_first_purchases__the_earliest_counts
  model: fct_first_purchases
  given:
  - input: ref('fct_revenue_points')
    rows:
    - {person_id: p, occurred_at: '2026-01-03 10:00:00'}
    - {person_id: p, occurred_at: '2026-01-02 10:00:00'}
    - {person_id: null, occurred_at: '2026-01-01 10:00:00'}
  expect:
    rows:
    - {person_id: p, first_paid_at: '2026-01-02 10:00:00'}
"""),
    )  # fmt: skip
    walk.edit(
        "dbt_project/models/marts/_exposures.yml",
        lambda text: text.replace(
            "      - ref('dim_stages')\n",
            "      - ref('dim_stages')\n      - ref('fct_first_purchases')\n", 1,
        ),
    )  # fmt: skip
    walk.edit("docs/marts.md", lambda text: text + "\n`fct_first_purchases`: first purchases.\n")
    walk.journey("lineage")


def add_kpi(walk: Walk) -> None:
    walk.add_rows(
        "seeds/kpi_definitions.csv",
        "engaged_visits,awareness,エンゲージ率(訪問),Engaged rate,share,ratio,engaged_sessions,"
        "sessions,1,,up,marketing,,2000-01-01",
    )
    walk.run("orchestration.developing.semantic_layer")


def add_stage(walk: Walk) -> None:
    walk.add_rows("seeds/stages.csv", "six,support,7,サポート,Support,2000-01-01")
    walk.add_rows("seeds/stage_mappings.csv", *(
        f"{model},support,{stage},2000-01-01"
        for model, stage in (("six", "support"), ("five", "advocacy"), ("four", "loyalty"))
    ))  # fmt: skip
    walk.add_rows(
        "seeds/stage_rules.csv",
        "any_ticket,7,2000-01-01,true,,ticket,,,,,,,,,support,Whoever opens a ticket",
    )


def add_raw_table(walk: Walk) -> None:
    walk.edit(
        "dbt_project/models/staging/crm/_crm__sources.yml",
        lambda text: (
            text.rstrip("\n")
            + """
      - name: store_visits
        description: Visits of a store, as its staff records them.
        config:
          meta:
            dagster: {asset_key: [raw, crm, store_visits]}
            kind: event
            key: [visit_id]
            time_column: visited_at
        columns:
          - name: visit_id
            data_type: varchar
            description: Identifier of the visit.
            config:
              meta: {required: true}
          - name: contact_id
            data_type: varchar
            description: Contact.
            config:
              meta: {identifier: contact}
          - name: visited_at
            data_type: timestamp
            description: When the visit began.
            config:
              meta: {required: true}
"""
        ),
    )
    walk.journey("model", "staging", "crm", "stg_crm__store_visits")
    walk.write(
        "dbt_project/models/staging/crm/stg_crm__store_visits.sql",
        """with source as (

    select * from {{ source('raw_crm', 'store_visits') }}

)

select
    visit_id,
    contact_id,
    {{ is_known('visited_at') }} as is_known,
    visited_at
from source
""",
    )
    walk.edit(
        "dbt_project/models/staging/crm/_crm__models.yml",
        lambda text: fill_in(text, "stg_crm__store_visits", """\
  - name: stg_crm__store_visits
    description: >-
      One row per visit of a store.
    data_tests:
      - name: integrity_stg_crm__store_visits
        test_name: integrity
        arguments:
          primary_key: [visit_id]
    columns:
      - name: visit_id
        description: Identifier of the visit.
      - name: contact_id
        description: "{{ doc('col_contact_id') }}"
      - name: is_known
        description: "{{ doc('col_is_known') }}"
      - name: visited_at
        description: When the visit began (UTC).
"""),
    )  # fmt: skip
    walk.edit(
        "dbt_project/models/intermediate/identity/int_identifier_records_unioned.sql",
        lambda text: (
            text.rstrip("\n")
            + """
union all by name
select
    'store_visit' as record_type,
    visit_id as record_id,
    contact_id,
    visited_at as seen_at,
    hash('store_visit', store_visits) as row_hash
from {{ ref('stg_crm__store_visits') }} as store_visits
where is_known
"""
        ),
    )
    walk.journey("lineage")


def add_adapter(walk: Walk) -> None:
    walk.write(
        "adapters/tills/adapter.toml",
        'title = "Tills, CSV of a day"\ntime_zone = "Asia/Tokyo"\n\n[inputs.visits]\n'
        'files = "*.csv"\nrequired = ["Visit no", "Card", "Came"]\ntimes = ["Came"]\n',
    )
    walk.write(
        "adapters/tills/crm__store_visits.sql",
        "select\n    visit_no as visit_id,\n    card as contact_id,\n    came as visited_at\n"
        "from visits\n",
    )
    walk.write("adapters/tills/README.md", "# Tills\n\nKnown losses: none.\n")
    walk.write("tests/fixtures/exports/tills/day.csv",
               "Visit no,Card,Came\n7,c1,2026/1/6 9:30\n8,c9,2026/1/6 18:00\n")  # fmt: skip
    walk.write("tests/fixtures/exports/tills/expected/crm__store_visits.csv",
               "visit_id,contact_id,visited_at\n7,c1,2026-01-06 00:30:00Z\n"
               "8,c9,2026-01-06 09:00:00Z\n")  # fmt: skip
    walk.journey("import", "tills", "tests/fixtures/exports/tills")


def change_rule(walk: Walk) -> None:
    """From the 5th on, the day of the story's delivery, a delivery shows no use."""
    walk.add_rows(
        "seeds/stage_rules.csv",
        "delivery,40,2026-01-05,false,,delivery,,,,,,,true,,use,A delivery shows no use",
    )


def test_every_path_of_the_guide(tmp_path: Path) -> None:
    walk = Walk(tmp_path)
    paths = {
        "mart": add_mart, "KPI": add_kpi, "stage": add_stage, "raw table": add_raw_table,
        "adapter": add_adapter, "rule": change_rule,
    }  # fmt: skip
    assert PATHS.keys() == paths.keys()
    for name, take in paths.items():
        with walk.path(name):
            take(walk)
    said = walk.journey("nightly")
    assert " 0 failed" in said, said
    walk.journey("unit", "fct_first_purchases")
    with read_release(walk.home) as release:

        def rows(sql: str) -> list[Any]:
            return release.execute(sql).fetchall()

        assert rows("select count(*) from marts.fct_first_purchases") == rows(
            "select count(distinct person_id) from marts.fct_revenue_points"
        )
        assert rows(
            "select count(*) > 0, bool_or(kpi_value > 0) from marts.kpi_monthly "
            "where kpi = 'engaged_visits' and dimension = 'all'"
        ) == [(True, True)]
        assert rows(
            "select stage, count(*) from marts.fct_stage_intervals "
            "where stage in ('use', 'support') group by stage"
        ) == [("support", 1)]
        assert rows(
            "select identifier_value from marts.dim_person_identifiers "
            "where identifier_type = 'contact' order by 1"
        ) == [("c1",), ("c2",), ("c9",)]
    with pytest.raises(AssertionError, match="KPI"), walk.path("KPI"):
        pass
