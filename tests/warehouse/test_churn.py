"""
What churn's features know, on the sample: nothing of the cut-off's day or later.

The guard compares features with those of a world in which nothing happened from the cut-off on;
it has to say so when a future fact is slipped in.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import duckdb
import pandas as pd
import pytest

from orchestration.developing.compiled import Project
from orchestration.estimating import churn
from tests.conftest import read_release

AS_OF = "2026-09-30 15:00:00"
TEST = "2026-07-01"
COMPILED = "2001-02-03 04:05:06"  # the instant that compiled models name


@pytest.fixture
def world(sample_home: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    """What features and labels are made of, in a warehouse of its own."""
    with duckdb.connect(config={"threads": 1}) as connection:
        connection.execute("set TimeZone = 'UTC'")
        connection.execute(
            f"attach '{sample_home / 'warehouse' / 'warehouse.duckdb'}' as built (read_only)"
        )
        for schema, name in (
            ("intermediate", "int_churn_facts_unioned"),
            ("seeds", "churn_rules"),
            ("marts", "dim_dates"),
        ):
            connection.execute(f"create schema {schema}")
            connection.execute(f"create table {schema}.{name} as from built.{schema}.{name}")
        connection.execute("detach built")
        yield connection


class Models:
    """The SQL of features and labels, as of an instant."""

    def __init__(self, project: Project) -> None:
        self.code = {model.name: model.full for model in project.models}

    def features(self, world: duckdb.DuckDBPyConnection, as_of: str = AS_OF,
                 slip: tuple[str, str] = ("", "")) -> pd.DataFrame:  # fmt: skip
        """Features, with a text of their SQL replaced by another."""
        code = self.code["int_churn_features_derived"]
        assert slip[0] in code
        code = code.replace(*slip) if slip[0] else code
        return world.execute(
            f"select * from ({code.replace(COMPILED, as_of)}) order by cutoff_date, person_id"
        ).df()

    def labels(self, world: duckdb.DuckDBPyConnection, as_of: str = AS_OF) -> pd.DataFrame:
        """Labels of the features that stand in the world."""
        code = self.code["int_churn_features_derived"].replace(COMPILED, as_of)
        world.execute(f"create or replace table intermediate.int_churn_features_derived as {code}")
        code = self.code["int_churn_labels_derived"].replace(COMPILED, as_of)
        return world.execute(f"select * from ({code}) order by cutoff_date, person_id").df()


@pytest.fixture(scope="module")
def models(project: Project) -> Models:
    return Models(project)


def future_known(
    models: Models, world: duckdb.DuckDBPyConnection, slip: tuple[str, str] = ("", "")
) -> list[str]:
    """Cut-offs whose features change when nothing happened from them on."""
    whole = models.features(world, slip=slip)
    world.execute("create table every_fact as from intermediate.int_churn_facts_unioned")
    found = []
    for cutoff, rows in whole.groupby("cutoff_date"):
        day = f"{cutoff:%Y-%m-%d}"
        world.execute(
            "create or replace table intermediate.int_churn_facts_unioned as "
            f"from every_fact where known_date < date '{day}'"
        )
        ended = models.features(world, slip=slip)
        ended = ended[ended["cutoff_date"] == cutoff]
        if not ended.reset_index(drop=True).equals(rows.reset_index(drop=True)):
            found.append(day)
    world.execute("create or replace table intermediate.int_churn_facts_unioned as from every_fact")
    world.execute("drop table every_fact")
    return found


def test_features_know_nothing_of_what_came_later(
    models: Models, world: duckdb.DuckDBPyConnection
) -> None:
    assert len(models.features(world)["cutoff_date"].unique()) == 13
    assert future_known(models, world) == []


@pytest.mark.parametrize(
    "slip",
    [
        # The day of the cut-off itself, a charge that was not there yet, a count beside the join.
        ("cutoffs.cutoff_date > facts.known_date", "cutoffs.cutoff_date >= facts.known_date"),
        ("cutoffs.cutoff_date > facts.known_date", "cutoffs.cutoff_date > facts.fact_date"),
        (
            "recent_visit_count::double as recent_visit_count",
            "(select count(*) from intermediate.int_churn_facts_unioned as later "
            "where later.person_id = judged.person_id "
            "and later.fact_date >= judged.cutoff_date)::double as recent_visit_count",
        ),
    ],
)
def test_the_guard_trips_when_the_future_is_slipped_in(
    models: Models, world: duckdb.DuckDBPyConnection, slip: tuple[str, str]
) -> None:
    assert future_known(models, world, slip) != []


def test_a_feature_that_is_the_outcome_does_not_serve(
    models: Models, world: duckdb.DuckDBPyConnection
) -> None:
    """Even if it came through: orders after the cut-off, in the place of visits before it."""
    slip = (
        "recent_visit_count::double as recent_visit_count",
        "(select count(*) from intermediate.int_churn_facts_unioned as later "
        "where later.person_id = judged.person_id and later.fact_type = 'order' "
        "and later.fact_date >= judged.cutoff_date "
        "and later.fact_date < judged.cutoff_date + judged.window_days"
        ")::double as recent_visit_count",
    )
    labels = models.labels(world)
    items = churn.cards(models.features(world, slip=slip), labels)
    served = items[(items["item_type"] == "served") & (items["business_type"] == "purchase")]
    assert served["item"].tolist() == ["leak_suspected"]
    assert served["predictor"].tolist() != ["logistic"]


@pytest.mark.parametrize(
    "change",
    [
        "update intermediate.int_churn_facts_unioned set fact_value = fact_value * 1000 where ",
        "update intermediate.int_churn_facts_unioned set person_id = (select min(person_id) "
        "from intermediate.int_churn_facts_unioned where fact_type = 'order') where ",
        "delete from intermediate.int_churn_facts_unioned where ",
    ],
)
def test_a_future_row_changes_no_feature_and_no_score(
    models: Models, world: duckdb.DuckDBPyConnection, change: str
) -> None:
    """As of the test cut-off, one order of the weeks after it is another one."""
    as_of = "2026-06-30 15:00:00"

    def told() -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
        features = models.features(world, as_of)
        items = churn.cards(features, models.labels(world, as_of))
        return features, items, churn.score(features, items)

    before, now = told(), models.features(world)
    assert len(before[2]) > 100 and before[0]["cutoff_date"].max() == pd.Timestamp(TEST)
    world.execute(
        f"{change} fact_type = 'order' and fact_key = (select min(fact_key) "
        "from intermediate.int_churn_facts_unioned where fact_type = 'order' "
        f"and fact_date between date '{TEST}' and date '2026-07-31')"
    )
    for one, other in zip(before, told(), strict=True):
        pd.testing.assert_frame_equal(one, other)
    # As of today they do change, or nothing was tested.
    today = models.features(world)
    assert not today.equals(now)


def test_labels_equal_pandas(models: Models, world: duckdb.DuckDBPyConnection) -> None:
    """Purchasers of the last cut-off that is judged, from the orders themselves."""
    labels = models.labels(world)
    features = models.features(world)
    facts = world.execute("from intermediate.int_churn_facts_unioned").df()
    orders = facts[facts["fact_type"] == "order"]
    chosen = features[
        (features["cutoff_date"] == pd.Timestamp(TEST))
        & (features["business_type"] == "purchase")
        & features["is_active_customer"]
    ]
    expected = {}
    for row in chosen.itertuples():
        own = orders.loc[orders["person_id"] == row.person_id, "fact_date"]
        until = row.cutoff_date + pd.Timedelta(days=row.window_days)
        expected[row.person_id] = not own.between(row.cutoff_date, until, inclusive="left").any()
    found = labels[
        (labels["cutoff_date"] == pd.Timestamp(TEST)) & (labels["business_type"] == "purchase")
    ].set_index("person_id")["is_churned"]
    assert found.to_dict() == expected and len(expected) > 100


def test_students_drive_churn_and_the_model_sees_it(sample_home: Path) -> None:
    """The persona that the sample plants to churn, among all features."""
    with read_release(sample_home) as release:
        drivers = release.execute(
            "select feature, feature_value, mean_difference_value, adjusted_p_value "
            "from marts.kpi_churn_drivers where business_type = 'purchase' and is_shown "
            "order by adjusted_p_value"
        ).fetchall()
        assert drivers[0][:2] == ("persona", "student") and drivers[0][2] > 0.05
        cards = dict(
            release.execute(
                "select predictor, card_value from marts.kpi_churn_model_cards "
                "where business_type = 'purchase' and card_metric = 'brier'"
            ).fetchall()
        )
        assert cards["logistic"] < min(value for name, value in cards.items() if name != "logistic")
        assert len(cards) == 5
        verdicts = dict(
            release.execute(
                "select distinct business_type, churn_verdict from marts.kpi_churn_model_cards"
            ).fetchall()
        )
        assert verdicts == {"purchase": "model_serves", "subscription": "too_few"}
        risks = dict(
            release.execute(
                "select coalesce(persona = 'student', false), avg(risks.churn_risk_rate) "
                "from marts.fct_churn_risks as risks "
                "inner join marts.dim_customers_360 using (person_id) "
                "where risks.churn_risk_rate is not null group by 1"
            ).fetchall()
        )
        assert risks[True] > risks[False]
        assert release.execute(
            "select count(*) from marts.fct_churn_risks as risks "
            "inner join marts.dim_customers_360 as customers using (person_id) "
            "where risks.churn_risk_rate is distinct from customers.churn_risk_rate"
        ).fetchone() == (0,)
