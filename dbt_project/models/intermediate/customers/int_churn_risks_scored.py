"""The risk of churn of each customer who is not gone yet, by what serves."""

from orchestration.estimating import churn


def model(dbt, session):
    """Dbt's entry point."""
    dbt.config(materialized="table")
    features = dbt.ref("int_churn_features_derived").df()
    return churn.score(features, dbt.ref("int_churn_models_valued").df())
