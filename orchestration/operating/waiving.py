"""`journey waive`: publish in spite of a rejected or drifted file; the reason stays on record."""

from __future__ import annotations

from orchestration.base import command
from orchestration.base.database import WarehouseDamaged, open_warehouse
from orchestration.base.locking import single_writer
from orchestration.building import builds
from orchestration.loading import journal, ledger, privacy
from orchestration.loading.contract import load_contract
from orchestration.settings import load_settings


def run(file: str, reason: str) -> None:
    """Waive a file, by its name or id, for a reason that stays on record."""
    file, reason = privacy.masked_text(file), privacy.masked_text(reason)
    settings = load_settings()
    with (
        command.failing_on(LookupError, WarehouseDamaged),
        single_writer(settings.home),
        builds.own_change(settings),
        open_warehouse(settings) as connection,
    ):
        ledger.create(connection, [])
        name, label = ledger.waive(connection, file, reason)
        journal.keep(connection, load_contract()[label], settings.journal)
    print(f"waived {name}: {reason}")
