"""`make waive`: let the gate pass without a rejected file, with a reason that stays on record."""

from __future__ import annotations

import sys

from orchestration.base import command
from orchestration.base.database import WarehouseDamaged, open_warehouse
from orchestration.base.locking import single_writer
from orchestration.building import builds
from orchestration.loading import journal, ledger, privacy
from orchestration.loading.contract import load_contract
from orchestration.settings import load_settings


def main(arguments: list[str]) -> int:
    """Command line: file name or id, reason."""
    file, reason = (privacy.masked_text(argument) for argument in arguments)
    settings = load_settings()
    try:
        with (
            single_writer(settings.home),
            builds.own_change(settings),
            open_warehouse(settings) as connection,
        ):
            ledger.create(connection, [])
            name, label = ledger.waive(connection, file, reason)
            journal.keep(connection, load_contract()[label], settings.journal)
    except (LookupError, BlockingIOError, WarehouseDamaged) as error:
        print(f"not waived: {error}", file=sys.stderr)
        return 1
    print(f"waived {name}: {reason}")
    return 0


if __name__ == "__main__":
    sys.exit(command.run("waive", lambda: main(sys.argv[1:])))
