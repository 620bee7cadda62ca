"""Read the files of `<home>/rules/`: rows of rule tables with their lines, and options."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import yaml

from orchestration.rules.tables import OPTIONS, Row, RuleTable, default_options, tables
from orchestration.settings import nearest, unknown

Report = Callable[[str], None]  # takes a problem: file, line, what is wrong, remedy

_OPTION_VALUES = {"attribution_path": ("exposure", "unique", "remove_direct")}
# Whole numbers beyond these are slips of the pen; the unit is the last word of the option's name.
_OPTION_LIMITS = {"days": 36_500, "minutes": 525_600, "seconds": 31_536_000}
_COUNT_LIMIT = 9_999
_MAY_BE_ZERO = {
    "session_maximum_minutes", "engaged_session_seconds", "engaged_gap_seconds",
    "engaged_page_views", "renewal_grace_days", "channel_lookback_days", "minimum_answers",
    "pain_prior_journeys",
}  # fmt: skip


def shown(path: Path) -> str:
    """How messages name a file."""
    return f"{path.parent.name}/{path.name}"


def found(home: Path | None, report: Report) -> Iterator[Path]:
    """The files of `<home>/rules/`; others than rules are a problem."""
    folder = home / "rules" if home else None
    if folder is None or not (folder.exists() or folder.is_symlink()):
        return
    try:
        paths = sorted(folder.iterdir())
    except OSError as error:
        report(f"{folder}: it is no folder that can be read ({error.strerror}); correct it")
        return
    for path in paths:
        if path.name.startswith((".", "_")) or path.name.lower().startswith("readme"):
            continue
        name, _, rest = path.name.partition(".")
        endings = ("csv", "yml", "yaml")
        allowed = endings[1:] if name == OPTIONS else [*endings, *(f"replace.{e}" for e in endings)]
        if name not in tables() and name != OPTIONS:
            near = nearest(name, [*tables(), OPTIONS])
            report(
                f"{shown(path)}: there is no rule table {name}"
                + (f"; did you mean {near}?" if near else f"; there are: {', '.join(tables())}")
            )
        elif rest not in allowed or not path.is_file():
            report(f"{shown(path)}: it has to be a file {name}.{' or .'.join(allowed)}")
        else:
            yield path


def _rows_of_csv(table: RuleTable, path: Path, report: Report) -> Iterator[tuple[int, Row]]:
    """Line number and row of each rule; lines that begin with `#` are comments."""
    text = _text(path, report)
    if text is None:
        return
    # Comments become empty lines, so that the numbers stay.
    lines = ["" if line.startswith("#") else line for line in text.splitlines(keepends=True)]
    reader = csv.reader(io.StringIO("".join(line or "\n" for line in lines)), strict=True)
    header: list[str] | None = None
    try:
        for cells in reader:
            if not any(cell.strip() for cell in cells):
                continue
            if header is None:
                header = [cell.strip() for cell in cells]
                if not _header_is_right(table, path, header, reader.line_num, report):
                    return
                continue
            if len(cells) != len(header):
                report(
                    f"{shown(path)}, line {reader.line_num}: {len(cells)} cells where the header "
                    f"has {len(header)}; put quotes around a text with a comma"
                )
                continue
            given = {name: cell.strip() or None for name, cell in zip(header, cells, strict=True)}
            yield reader.line_num, {name: given.get(name) for name in table.columns}
    except csv.Error as error:
        report(f"{shown(path)}, line {reader.line_num}: {error}; repair the quotes")


def _rows_of_yaml(table: RuleTable, path: Path, report: Report) -> Iterator[tuple[int, Row]]:
    """Line number and row of each rule of a YAML list of mappings; values as they are written."""
    root = _root_of_yaml(path, report)
    if root is None:
        return
    entries = root.value if isinstance(root, yaml.SequenceNode) else [root]
    for entry in entries:
        line = entry.start_mark.line + 1
        if not isinstance(root, yaml.SequenceNode) or not isinstance(entry, yaml.MappingNode):
            report(f"{shown(path)}, line {line}: rules are a list, `- name: value` per row")
            return
        row: Row = {}
        for name, value in entry.value:
            if not isinstance(name, yaml.ScalarNode) or not isinstance(value, yaml.ScalarNode):
                spelling = name.value if isinstance(name, yaml.ScalarNode) else "a column"
                report(f"{shown(path)}, line {line}: {spelling} has to be a single value")
                return
            if name.value in row:
                report(f"{shown(path)}, line {line}: {name.value} stands there twice; remove one")
                return
            is_null = value.tag.endswith(":null") and not value.style
            row[name.value] = None if is_null else value.value.strip() or None
        if _header_is_right(table, path, list(row), line, report):
            yield line, {name: row.get(name) for name in table.columns}


def _text(path: Path, report: Report) -> str | None:
    try:
        return path.read_text("utf-8-sig")
    except UnicodeDecodeError:
        report(f"{shown(path)}: it is no UTF-8 text; save it as UTF-8")
    except OSError as error:
        report(f"{shown(path)}: it cannot be read ({error.strerror})")
    return None


def _header_is_right(
    table: RuleTable,
    path: Path,
    header: list[str],
    line: int,
    report: Report,
) -> bool:
    where = f"{shown(path)}, line {line}"
    if len(header) == 1 and len(table.columns) > 1 and re.search("[;\t]", header[0]):
        report(f"{where}: columns are separated by commas; save it so")
        return False
    wrong = [name for name in header if name not in table.columns]
    for name in wrong:
        near = nearest(name, table.columns)
        report(
            f"{where}: {table.name} has no column {name!r}; "
            + (f"did you mean {near}? " if near else "")
            + f"Its columns: {', '.join(table.columns)}"
        )
    twice = {name for name in header if header.count(name) > 1}
    missing = [n for n in table.columns if n not in header and n not in table.optional]
    if twice:
        report(f"{where}: column {', '.join(sorted(twice))} stands there twice; remove one")
    if missing:
        report(f"{where}: column {', '.join(missing)} is missing; add it")
    return not (wrong or twice or missing)


def is_empty_list(path: Path) -> bool:
    """Whether a file says that there is no row, as `[]` of YAML does."""
    if path.suffix == ".csv":
        return False
    root = _root_of_yaml(path, lambda _: None)
    return isinstance(root, yaml.SequenceNode) and not root.value


def read(table: RuleTable, path: Path, report: Report) -> Iterator[tuple[int, Row]]:
    """Line number and row of each rule of a file."""
    return (_rows_of_csv if path.suffix == ".csv" else _rows_of_yaml)(table, path, report)


def read_options(path: Path, report: Report) -> dict[str, Any]:
    """The options that a file sets to something else than their default."""
    root = _root_of_yaml(path, report)
    if root is None:
        return {}
    if not isinstance(root, yaml.MappingNode):
        report(f"{shown(path)}, line {root.start_mark.line + 1}: options are `name: value`")
        return {}
    lines: dict[str, int] = {}
    options: dict[str, Any] = {}
    for key, node in root.value:
        line = key.start_mark.line + 1
        name = str(key.value)[:60] if isinstance(key, yaml.ScalarNode) else "a list"
        where = f"{shown(path)}, line {line}"
        if name not in default_options():
            report(f"{where}: {unknown(name, 'option', default_options())}")
        elif name in lines:
            report(f"{where}: {name} stands in line {lines[name]} already; remove one")
        else:
            lines[name] = line
            try:
                value = yaml.SafeLoader("").construct_object(node, deep=True)
            except (yaml.YAMLError, ValueError) as error:  # ValueError: 2026-02-30
                report(f"{where}: {name} cannot be read ({' '.join(str(error).split())})")
                continue
            if problem := _option_problem(name, value):
                report(f"{where}: {name} = {repr(value)[:60]} {problem}")
            options[name] = value
    return {name: value for name, value in options.items() if value != default_options()[name]}


def _option_problem(name: str, value: object) -> str | None:
    default = default_options()[name]
    if type(value) is not type(default):
        kind = {bool: "true or false", int: "a whole number"}.get(type(default), "a text")
        return f"has to be {kind}, as {default!r}"
    low = 0 if name in _MAY_BE_ZERO else 1
    high = _OPTION_LIMITS.get(name.rpartition("_")[2], _COUNT_LIMIT)
    if type(value) is int and not low <= value <= high:
        return f"has to be from {low} to {high}"
    allowed = _OPTION_VALUES.get(name)
    return f"is not one of {', '.join(allowed)}" if allowed and value not in allowed else None


def _root_of_yaml(path: Path, report: Report) -> yaml.Node | None:
    """What a file of YAML holds; None for nothing or what cannot be read."""
    text = _text(path, report)
    try:
        return yaml.compose(text or "", yaml.SafeLoader)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = f", line {mark.line + 1}" if mark else ""
        problem = " ".join(str(error.problem or error.context).split())
        report(f"{shown(path)}{line}: not valid YAML ({problem}); correct it")
    except (yaml.YAMLError, RecursionError) as error:
        report(f"{shown(path)}: not valid YAML ({' '.join(str(error).split())[:200]}); correct it")
    return None
