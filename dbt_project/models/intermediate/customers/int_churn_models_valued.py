"""Cards of the models of churn: what was compared on held-out time, and what serves."""

from orchestration.estimating import churn


def model(dbt, session):
    """Dbt's entry point."""
    dbt.config(materialized="table")
    features = dbt.ref("int_churn_features_derived").df()
    return churn.cards(features, dbt.ref("int_churn_labels_derived").df())
