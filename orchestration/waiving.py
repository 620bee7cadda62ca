"""`make waive`: let the gate pass without a rejected file, with a reason that stays on record."""

from __future__ import annotations

import sys

import duckdb

from orchestration import command
from orchestration.loading import ledger
from orchestration.locking import single_writer
from orchestration.settings import load_settings


def main(arguments: list[str]) -> int:
    """Command line: file name or id, reason."""
    file, reason = arguments
    settings = load_settings()
    try:
        with single_writer(settings.home), duckdb.connect(str(settings.warehouse)) as connection:
            ledger.create(connection, [])
            name = ledger.waive(connection, file, reason)
    except (LookupError, BlockingIOError) as error:
        print(f"not waived: {error}", file=sys.stderr)
        return 1
    print(f"waived {name}: {reason}")
    return 0


if __name__ == "__main__":
    sys.exit(command.run("waive", lambda: main(sys.argv[1:])))
