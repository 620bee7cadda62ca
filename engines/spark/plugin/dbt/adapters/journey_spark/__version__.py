"""The adapter's version, which dbt looks for: dbt-spark's."""

from dbt.adapters.spark.__version__ import version

__all__ = ["version"]
