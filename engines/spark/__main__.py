"""
`python -m engines.spark`: load, build, publish, roll back and compare on Spark, for one home.

It needs the environment of `make spark`; docs/spark.md says how it goes.
"""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path
from typing import Any

from engines.spark import inputs, releasing, session
from orchestration.base import command
from orchestration.base.database import open_warehouse
from orchestration.base.locking import single_writer
from orchestration.building import builds
from orchestration.building.fingerprint import table_names
from orchestration.gate import audits
from orchestration.publishing.releasing import PublishError, rollback
from orchestration.rules import home as home_rules
from orchestration.settings import DBT_PROJECT_DIR, Settings, load_settings

PLUGIN = Path(__file__).parent / "plugin"


def spark_folder(settings: Settings) -> Path:
    """Everything of Spark's in a home: inputs, tables, catalog, releases."""
    return settings.home / "spark"


def spark(settings: Settings) -> Any:
    """The session of a home on this machine."""
    memory = os.environ.get("JOURNEY_SPARK_MEMORY", "4g")
    return session.open_folder(spark_folder(settings), settings.threads, memory)


def load(settings: Settings, as_of_at: str | None = None) -> None:
    """Hand the inputs over, and count them again."""
    folder = spark_folder(settings)
    folder.mkdir(exist_ok=True)
    with single_writer(settings.home), open_warehouse(settings) as connection:
        inputs.export(connection, folder, as_of_at)
    check = inputs.conservation(spark(settings), folder)
    if check.status == "fail":
        raise command.Failed(f"{check.name}: {check.message}")
    print("loaded: every load has the rows that the ledger says")


def run_dbt(settings: Settings, command_line: list[str]) -> tuple[bool, str]:
    """Let dbt run on the inputs; whether all went well, and the id of the build."""
    record = inputs.record(spark_folder(settings))
    if record is None:
        raise command.Failed("there are no inputs yet; `python -m engines.spark load`")
    if record["as_of_at"] is None:
        raise command.Failed("the warehouse has no complete build; `journey nightly`")
    sys.path.insert(0, str(PLUGIN))
    environment = settings.environment(record["as_of_at"])
    build_id = builds.new_build_id()
    os.environ.update(environment, JOURNEY_TARGET="spark", DBT_ENV_CUSTOM_ENV_BUILD_ID=build_id)
    from dbt.cli.main import dbtRunner

    rules = home_rules.load(settings.home)
    result = dbtRunner().invoke(
        [
            "--log-level-file",
            "warn",
            *command_line,
            *rules.dbt_arguments,
            *("--project-dir", str(DBT_PROJECT_DIR), "--profiles-dir", str(DBT_PROJECT_DIR)),
            *("--target", "spark", "--target-path", str(spark_folder(settings) / "dbt")),
        ]
    )
    return bool(result.success), build_id


def build(settings: Settings, arguments: list[str]) -> bool:
    """Build everything, or what the `arguments` of dbt select; whether all went well."""
    # A unit test may need the tables of later models, so they have a command of their own.
    everything = ["build", "--exclude-resource-type", "unit_test"]
    success, build_id = run_dbt(settings, [*everything, *arguments])
    if rest_of_a_build := [a for a in arguments if a in ("--select", "-s", "--exclude")]:
        print(f"{rest_of_a_build[0]}: a part of a build is judged by nobody")
        return success
    if not success and releasing.missing(spark(settings), spark_folder(settings)):
        print("dbt failed before all marts were built; there is nothing to judge")
        return False
    audit = releasing.judge(spark(settings), spark_folder(settings), build_id)
    print(f"built and judged: {audit.verdict}, content hash {audit.content_hash}")
    if audit.verdict != "pass":
        print(audits.report(list(audit.checks)))
    return audit.verdict == "pass"


def compare(settings: Settings) -> bool:
    """Compare the marts of the warehouse with those that Spark built, column by column."""
    with single_writer(settings.home), open_warehouse(settings) as warehouse:
        lines = releasing.compare(spark(settings), warehouse, table_names(warehouse))
    print("\n".join(lines))
    unequal = sum(line.startswith("*") for line in lines)
    print(f"{len(lines) - 1 - unequal} of {len(lines) - 1} marts are equal")
    return not unequal


def main() -> int:
    """Run one of the commands."""
    parser = argparse.ArgumentParser(prog="python -m engines.spark", description=__doc__)
    parser.add_argument("--home", type=Path, help="the home; default: $JOURNEY_HOME")
    commands = parser.add_subparsers(dest="command", required=True)
    loading = commands.add_parser("load", help="hand raw tables, ledger and rules over to Spark")
    loading.add_argument(
        "--as-of-at", help="instant of the builds; default: that of the last build"
    )
    commands.add_parser("build", help="dbt build --target spark; what follows goes to dbt")
    commands.add_parser(
        "unit", help="dbt's unit tests, once all is built; what follows goes to dbt"
    )
    commands.add_parser("compare", help="compare all marts with those of the warehouse")
    commands.add_parser("publish", help="publish what the last build made, if it passed")
    back = commands.add_parser("rollback", help="make a release current again")
    back.add_argument("release", nargs="?", help="its id; default: the one before the current")
    chosen, rest = parser.parse_known_args()
    if rest and chosen.command not in ("build", "unit"):
        parser.error(f"unknown arguments: {' '.join(rest)}")
    settings = load_settings(chosen.home)
    if chosen.command == "load":
        load(settings, chosen.as_of_at)
    elif chosen.command == "build":
        return 0 if build(settings, rest) else 1
    elif chosen.command == "unit":
        success, _ = run_dbt(settings, ["test", *(rest or ["--select", "test_type:unit"])])
        return 0 if success else 1
    elif chosen.command == "compare":
        return 0 if compare(settings) else 1
    else:
        with command.failing_on(audits.GateClosed, PublishError), single_writer(settings.home):
            folder = spark_folder(settings)
            if chosen.command == "publish":
                current = releasing.publish(settings, spark(settings), folder)
            else:
                current = rollback(settings, chosen.release, folder / releasing.PUBLISHED)
        print(f"current release on Spark: {current}")
    return 0


if __name__ == "__main__":
    sys.exit(command.run("engines.spark", main))
