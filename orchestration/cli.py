"""
The command line, `journey`: one command per thing that a person does with a home.

Each imports what it needs when it is called, so that help and status answer at once. How they end
is in `base/command.py`.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any, TypeVar

import click

from orchestration.settings import ROOT, home_path

_Function = TypeVar("_Function", bound=Callable[..., Any])


def _use_home(context: click.Context, parameter: click.Parameter, value: str | None) -> None:
    """Work on this home, here and in every process that is started."""
    if value:
        os.environ["JOURNEY_HOME"] = value


def _home_option() -> click.Option:
    return click.Option(
        ["--home"],
        metavar="FOLDER",
        callback=_use_home,
        expose_value=False,
        is_eager=True,
        help="The home to work on; default: $JOURNEY_HOME, or .journey in the checkout.",
    )


class _Command(click.Command):
    """A command on a home: `--home`, and one line when it cannot do what it was asked to."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.params.append(_home_option())

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command; its status is that of the process."""
        _end(ctx, lambda: click.Command.invoke(self, ctx))


def _end(context: click.Context, function: Callable[[], int | None]) -> None:
    """Run what a command does, on its home, and end the process with its status."""
    from orchestration.base import command

    home = str(home_path())
    os.environ.update(
        JOURNEY_HOME=home,
        DAGSTER_HOME=str(ROOT),
        DAGSTER_STATE_DIR=f"{home}/dagster",
        PYTHONPATH=str(ROOT),
        DO_NOT_TRACK="1",
        GX_ANALYTICS_ENABLED="false",
    )
    context.exit(command.run(context.command_path.removeprefix("journey "), function))


class _Group(click.Group):
    """Commands under the headings that they were declared under."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.sections: dict[str, list[str]] = {}
        self.params.append(_home_option())

    def add(self, section: str, name: str, **options: Any) -> Callable[[_Function], click.Command]:
        """Declare a command under a heading."""
        self.sections.setdefault(section, []).append(name)
        return self.command(name, cls=_Command, **options)

    def add_group(self, section: str, group: click.Group) -> None:
        """Put a group of commands under a heading."""
        self.sections.setdefault(section, []).append(str(group.name))
        self.add_command(group)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List the commands as a person looks for them."""
        for section, names in self.sections.items():
            with formatter.section(section):
                formatter.write_dl(
                    [(name, self.commands[name].get_short_help_str(90)) for name in names]
                )


@click.group(
    cls=_Group,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
def cli() -> None:
    """The journey warehouse: from raw web, CRM and survey files to a published release."""


# --- the run ----------------------------------------------------------------------------------

RUN = "The run"
OPERATE = "Looking after a home"
READ = "For readers of a release"
DEVELOP = "Developing"


@cli.add(RUN, "nightly")
@click.option("--as-of", "as_of_at", default="", metavar='"YYYY-MM-DD HH:MM:SS"',
              help="What was known at this UTC instant; default: the end of the data.")  # fmt: skip
@click.option("--full", is_flag=True, help="Build all models from the raw tables again.")
def nightly(as_of_at: str, full: bool) -> int:
    """Load, build, check and publish what lies in the landing zone."""
    from orchestration.dagster_shell import nightly

    return nightly.run(as_of_at, full)


@cli.add(RUN, "backfill")
@click.argument("first", metavar="FROM", type=click.DateTime(["%Y-%m-%d"]))
@click.argument("last", metavar="TO", type=click.DateTime(["%Y-%m-%d"]))
def backfill(first: datetime, last: datetime) -> int:
    """Publish one release per business day FROM … TO, as of the end of each."""
    from orchestration.dagster_shell import backfill

    return backfill.run(first.date(), last.date())


@cli.add(RUN, "import")
@click.argument("adapter")
@click.argument("folder", type=click.Path(path_type=Path))
def import_(adapter: str, folder: Path) -> None:
    """
    Map the export of a tool into the landing zone.

    ADAPTER is the tool, a folder of adapters/; FOLDER holds its export. What an adapter reads, and
    what it cannot give, stands in adapters/ADAPTER/README.md.
    """
    from orchestration.loading import importing

    importing.run(adapter, folder)


@cli.add(RUN, "publish")
def publish() -> None:
    """Publish the candidate alone; refused unless exactly this one passed its checks."""
    from orchestration.publishing import releasing

    releasing.run_publish()


@cli.add(RUN, "releases")
def releases() -> None:
    """List the releases; a star marks the current one."""
    from orchestration.publishing import releasing

    releasing.run_list()


@cli.add(RUN, "rollback")
@click.argument("release", default="")
def rollback(release: str) -> None:
    """Make RELEASE current again; without one, the release before the current."""
    from orchestration.publishing import releasing

    releasing.run_rollback(release)


# --- looking after a home ---------------------------------------------------------------------


@cli.add(OPERATE, "status")
@click.option("--json", "as_json", is_flag=True,
              help="For programs; ends with status 1 when something is wrong.")  # fmt: skip
@click.option("--maximum-hours", type=click.FloatRange(0, min_open=True),
              help="With --json: hours without a release, from which that is wrong.")  # fmt: skip
def status(as_json: bool, maximum_hours: float | None) -> int:
    """Show release, data, runs, checks, quarantine and disk; changes nothing."""
    from orchestration.operating import status

    return status.run(as_json, maximum_hours)


@cli.add(OPERATE, "settings")
def settings() -> None:
    """Show every setting with its value and where that comes from."""
    from orchestration.operating import status

    status.run_settings()


@click.group("rules", cls=_Group, invoke_without_command=True)
@click.pass_context
def rules(context: click.Context) -> None:
    """List which rules hold; `rules init` writes templates for rules of your own."""
    if context.invoked_subcommand is None:
        from orchestration.rules import templates

        _end(context, templates.run)


cli.add_group(OPERATE, rules)


@rules.add("Commands", "init")
def rules_init() -> None:
    """Write a commented template to HOME/rules for each rule table that is not there yet."""
    from orchestration.rules import templates

    templates.run_init()


@cli.add(OPERATE, "requeue")
@click.argument("what", metavar="FILE|REASON")
def requeue(what: str) -> None:
    """
    Load files again after a repair.

    One file, by its name or id, or all files with rows quarantined for REASON, as R_ENUM_UNKNOWN.
    """
    from orchestration.operating import reloading

    reloading.run(reloading.requeue, what)


@cli.add(OPERATE, "retract")
@click.argument("file")
def retract(file: str) -> None:
    """Retract a load, by file name or id, as if it had never come."""
    from orchestration.operating import reloading

    reloading.run(reloading.retract, file)


@cli.add(OPERATE, "waive")
@click.argument("file")
@click.argument("reason")
def waive(file: str, reason: str) -> None:
    """Publish in spite of a rejected or drifted file; REASON stays on record."""
    from orchestration.operating import waiving

    waiving.run(file, reason)


@cli.add(OPERATE, "identity")
@click.argument("who", metavar="TYPE:VALUE")
@click.option("--and", "other", default="", metavar="TYPE:VALUE",
              help="Why this one is the same person.")  # fmt: skip
@click.option("--on", default="", metavar='"YYYY-MM-DD HH:MM:SS"',
              help="Who it was known to be at this UTC instant.")  # fmt: skip
def identity(who: str, other: str, on: str) -> None:
    """
    Explain who somebody is: person, identifiers, merges and the edges between them.

    TYPE:VALUE is an identifier, as visitor:v1, user:u2, contact:c3 or email:a@example.com.
    """
    from orchestration.operating import identity

    identity.run(who, other, on)


@cli.add(OPERATE, "pepper")
def pepper() -> None:
    """Write a secret pepper for hashing personal data, once."""
    from orchestration.operating import pepper

    pepper.run()


# --- for readers of a release -----------------------------------------------------------------


@click.group("push", cls=_Group)
def push() -> None:
    """Copy the published release into another database: `push postgres`."""


cli.add_group(READ, push)


@push.add("Commands", "postgres")
def push_postgres() -> None:
    """Copy it into PostgreSQL: the database of JOURNEY_POSTGRES_URL or of the PG* variables."""
    from orchestration.readers import postgres

    postgres.run()


@cli.add(READ, "activate")
@click.argument("lists", nargs=-1)
@click.option("--encoding", type=click.Choice(["utf-8", "cp932"]), default="utf-8",
              show_default=True, help="Of the CSV files; what it lacks is reported.")  # fmt: skip
@click.option("--bom", is_flag=True, help="Begin UTF-8 with a mark by which Excel knows it.")
def activate(lists: tuple[str, ...], encoding: str, bom: bool) -> None:
    """Write lists of people, all or LISTS, into the private folder HOME/activation."""
    from orchestration.readers import activation

    activation.run(lists, encoding, bom)


@cli.add(READ, "superset")
def superset() -> None:
    """Write the Superset dashboard of this home's releases, ready to import."""
    from orchestration.readers import superset

    superset.run()


@cli.add(READ, "metrics", context_settings={"ignore_unknown_options": True})
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
def metrics(arguments: tuple[str, ...]) -> int:
    """
    Ask MetricFlow about the release.

    \b
    journey metrics list metrics
    journey metrics query --metrics cvr --group-by metric_time__month
    """
    from orchestration.readers import metrics

    return metrics.run(list(arguments))


@cli.add(READ, "docs")
@click.argument("folder", type=click.Path(path_type=Path), default=ROOT / "docs" / "site")
def docs(folder: Path) -> None:
    """Write dbt's documentation and the data dictionary (page and CSV) to docs/site/, or FOLDER."""
    from orchestration.developing import dbt
    from orchestration.readers import dictionary

    dbt.write_documentation(folder)
    dictionary.run(folder)


# --- developing -------------------------------------------------------------------------------


@cli.add(DEVELOP, "dev")
def dev() -> None:
    """Start Dagster's pages on http://127.0.0.1:3000, with the schedule."""
    from orchestration.dagster_shell import dagster_store

    dagster_store.serve()


@cli.add(DEVELOP, "model")
@click.argument("layer")
@click.argument("domain")
@click.argument("name")
def model(layer: str, domain: str, name: str) -> None:
    """
    Scaffold a model: SQL, its entry in YAML and a unit test.

    As in: journey model marts stages fct_first_purchases
    """
    from orchestration.developing import new_model

    new_model.run(layer, domain, name)


@cli.add(DEVELOP, "build")
@click.argument("models", nargs=-1)
def build(models: tuple[str, ...]) -> int:
    """Build models with dbt on the loaded data, without publishing: all, or as +fct_sessions."""
    from orchestration.developing import dbt

    selected = ("--select", *models) if models else ()
    return dbt.run(["build", "--exclude-resource-type", "unit_test", *selected])


@cli.add(DEVELOP, "unit")
@click.argument("models", nargs=-1)
def unit(models: tuple[str, ...]) -> int:
    """Run dbt's unit tests: all, or those of MODELS."""
    from orchestration.developing import dbt

    selected = models or ("test_type:unit",)
    return dbt.run(["test", "--select", *selected, "--exclude-resource-type", "test"])


@cli.add(DEVELOP, "dbt", context_settings={"ignore_unknown_options": True})
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED, required=True)
def dbt(arguments: tuple[str, ...]) -> int:
    """Run any command of dbt on the home, as in: journey dbt show --select fct_sessions."""
    from orchestration.developing import dbt

    return dbt.run(list(arguments))


@cli.add(DEVELOP, "lineage")
def lineage() -> None:
    """Write docs/lineage.md, a picture per domain of which model is made of which."""
    from orchestration.developing import lineage

    lineage.run()


@cli.add(DEVELOP, "prove")
@click.option("--histories", default=200, show_default=True, help="How many are drawn.")
@click.option("--seed", default=0, show_default=True, help="Another seed, other histories.")
def prove(histories: int, seed: int) -> None:
    """Prove on random histories that every incremental build equals a full one."""
    from orchestration.developing import proving

    proving.prove_all(histories, seed)


@cli.add(DEVELOP, "benchmark", context_settings={"ignore_unknown_options": True})
@click.argument("what", default="nightly")
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
def benchmark(what: str, arguments: tuple[str, ...]) -> int:
    """
    Measure the nightly run, or WHAT: a module of benchmarks/.

    As in: journey benchmark loading --rows 1000000
    """
    from orchestration.developing import benchmarking

    return benchmarking.run(what, list(arguments))


if __name__ == "__main__":
    from orchestration.base.command import end_at_once

    end_at_once(lambda: cli(prog_name="journey"))
