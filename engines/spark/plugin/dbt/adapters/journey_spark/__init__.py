"""Where dbt looks for the adapter of `type: journey_spark`; it is engines/spark/adapter.py."""

from engines.spark.adapter import Plugin

__all__ = ["Plugin"]
