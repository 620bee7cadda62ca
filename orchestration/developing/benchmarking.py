"""Start one of the benchmarks by its name."""

from __future__ import annotations

import subprocess
import sys

from orchestration.base import command
from orchestration.settings import ROOT


def run(what: str, arguments: list[str]) -> int:
    """Run a module of `benchmarks/`; returns its exit status."""
    known = sorted(
        path.stem
        for path in (ROOT / "benchmarks").glob("*.py")
        if "__main__" in path.read_text("utf-8")
    )
    if what not in known:
        raise command.Failed(f"there is no benchmark {what}; there are {', '.join(known)}")
    return subprocess.run(
        [sys.executable, "-m", f"benchmarks.{what}", *arguments], cwd=ROOT, check=False
    ).returncode
