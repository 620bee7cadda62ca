"""Raw loads: contract, reading, casting, privacy and the ledger. No Dagster in here."""
