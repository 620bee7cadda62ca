"""Apache Spark: the models' DuckDB SQL, translated while dbt runs; docs/spark.md."""
