"""Rules for people: commented templates, and the list of which rules hold."""

from __future__ import annotations

from collections.abc import Iterable

from orchestration.rules.home import load
from orchestration.rules.tables import OPTIONS, Rules, RuleTable, default_options, tables
from orchestration.settings import DBT_PROJECT_DIR, load_settings


def template(table: RuleTable) -> str:
    """A file for rules of one's own: the table's meaning, columns and default rows as comments."""
    lines = [table.description, ""]
    for name, data_type in table.columns.items():
        notes = [data_type]
        notes += ["part of the key"] if name in table.key else []
        notes += ["may be empty"] if name in table.optional else []
        notes += ["one of " + ", ".join(table.values[name])] if name in table.values else []
        notes += sorted({f"of {r.to}" for r in table.references if name in r.columns})
        lines.append(f"{name} ({'; '.join(notes)}): {table.meanings[name]}")
    default = table.shipped.read_text("utf-8").splitlines()
    if len(default) > 1:
        lines += [
            "",
            "A row with the key of one of the defaults takes its place. To do without all of them,",
            f"name this file {table.name}.replace.csv. The defaults:",
        ]
        lines += default[1:]
    return "".join(f"# {line}".rstrip() + "\n" for line in lines) + default[0] + "\n"


def options_template() -> str:
    """A file for options of one's own, with the defaults and their meaning as comments."""
    text = (DBT_PROJECT_DIR / "dbt_project.yml").read_text("utf-8")
    block = text.split("\nvars:\n")[1].split("\n\n")[0]
    lines = [line.strip() for line in block.splitlines()]
    return "# Options of the models; the defaults:\n" + "".join(
        (line if line.startswith("#") else f"# {line}") + "\n" for line in lines
    )


def run_init() -> None:
    """Write templates beside the rules that are there, and list which rules hold."""
    settings = load_settings()
    settings.prepare()
    folder = settings.home / "rules"
    folder.mkdir(mode=0o700, exist_ok=True)
    present = {path.name.split(".")[0] for path in folder.iterdir()}
    written = [name for name in (*tables(), OPTIONS) if name not in present]
    for name in written:
        if name == OPTIONS:
            (folder / f"{name}.yml").write_text(options_template(), "utf-8")
        else:
            (folder / f"{name}.csv").write_text(template(tables()[name]), "utf-8")
    print(f"{len(written)} templates written to {folder}")
    run()
    print("\nedit them; the next `journey nightly` checks and uses them")


def run() -> None:
    """List which rules hold, and where they come from."""
    settings = load_settings()
    rules = load(settings.home)
    print(f"rules of {settings.home}\n")
    print("\n".join(_listed(rules)))


def _listed(rules: Rules) -> Iterable[str]:
    yield f"{'rule table':<28}{'rows':>6}{'own':>6}  where from"
    words = {
        "default": "shipped", "extended": "shipped, with yours on top", "own": "yours",
        "replaced": "yours, instead of the shipped ones", "none": "empty: the company's to fill in",
    }  # fmt: skip
    for name, one in rules.sets.items():
        yield f"{name:<28}{len(one.rows):>6}{one.own_row_count:>6}  {words[one.origin]}"
    yield f"{OPTIONS:<28}{len(default_options()):>6}{len(rules.options):>6}  " + (
        words["extended"] if rules.options else words["default"]
    )
