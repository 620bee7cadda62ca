"""The order of the packages of `orchestration/`: no import runs upward, and none in a circle."""

from __future__ import annotations

import ast
from graphlib import TopologicalSorter
from pathlib import Path

from orchestration.settings import ROOT

# From the ground up: each may import what stands before it. CONTRIBUTING.md says what each is for.
ORDER = (
    "settings", "base", "rules", "estimating",
    "loading", "building", "gate", "readers", "publishing",
    "operating", "dagster_shell", "developing", "cli",
)  # fmt: skip
CODE = ROOT / "orchestration"


def module(path: Path) -> str:
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


MODULES = {module(path): path for path in sorted(CODE.rglob("*.py"))}


def imports(path: Path) -> set[str]:
    """Modules of ours that a file imports, wherever in it."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: imports are absolute"
            found |= {f"{node.module}.{alias.name}" for alias in node.names} | {str(node.module)}
    return found & MODULES.keys()


def room(name: str) -> str:
    return name.split(".")[1]


def test_every_module_lies_in_a_package_that_has_its_place() -> None:
    rooms = {room(name) for name in MODULES if name != "orchestration"}
    assert rooms == set(ORDER)


def test_no_model_and_no_module_is_too_long_to_be_read_at_once() -> None:
    """A step with a name and a grain fits on a few screens; what does not holds two of them."""
    longest = {".sql": 300, ".py": 600}
    lengths = {
        path.relative_to(ROOT).as_posix(): len(path.read_text("utf-8").splitlines())
        for folder in ("orchestration", "engines", "dbt_project/models", "dbt_project/macros")
        for path in (ROOT / folder).rglob("*.*")
        if path.suffix in longest
    }
    assert len(lengths) > 250
    too_long = {path: n for path, n in lengths.items() if n > longest[Path(path).suffix]}
    assert too_long == {}


def test_the_guide_says_what_each_package_is_for() -> None:
    layout = (ROOT / "CONTRIBUTING.md").read_text("utf-8").split("```")[1]
    assert [name for name in ORDER if name not in layout] == []


def test_no_import_runs_upward() -> None:
    upward = [
        f"{name} imports {other}"
        for name, path in MODULES.items()
        for other in imports(path) - {"orchestration"}
        if ORDER.index(room(other)) > ORDER.index(room(name))
    ]
    assert upward == []


def test_no_import_runs_in_a_circle() -> None:
    graph = {
        name: {other for other in imports(path) if not name.startswith(f"{other}.")}
        for name, path in MODULES.items()
    }
    TopologicalSorter(graph).prepare()  # raises CycleError, which names the circle
