"""What dbt gives our macros and sqlfluff's builtins lack, for linting without a warehouse."""

import re
from types import SimpleNamespace


def env_var(name: str, default: str = "") -> str:
    """The default: linting does not depend on the environment."""
    return default


def _raise(message: str) -> None:
    raise ValueError(message)


modules = SimpleNamespace(re=re)
exceptions = SimpleNamespace(raise_compiler_error=_raise)
