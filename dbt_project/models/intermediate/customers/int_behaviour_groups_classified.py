"""Groups of customers who behave alike, where they are there again and again."""

from orchestration.estimating import groups


def model(dbt, session):
    """Dbt's entry point."""
    dbt.config(materialized="table")
    return groups.propose(dbt.ref("int_churn_features_derived").df())
