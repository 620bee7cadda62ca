"""What readers open: pages in which the data is escaped, sheets in which it is no formula."""

from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")


def as_text(value: str) -> str:
    """A text for a cell of a CSV file: one that a spreadsheet would run gets an apostrophe."""
    return f"'{value}" if value.startswith(_FORMULA) else value


def templates(folder: Path) -> Environment:
    """Templates that lie in `folder`; a name that is missing is an error."""
    return Environment(
        loader=FileSystemLoader(folder),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
