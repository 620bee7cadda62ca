"""How customers who left differed from those who stayed, with intervals and adjusted p-values."""

from orchestration.estimating import churn


def model(dbt, session):
    """Dbt's entry point."""
    dbt.config(materialized="table")
    features = dbt.ref("int_churn_features_derived").df()
    return churn.drivers(features, dbt.ref("int_churn_labels_derived").df())
