"""`journey pepper`: a secret key for the hashes of personal data, written into the home once."""

from __future__ import annotations

import os
import secrets

from orchestration.settings import SettingsError, home_path, load_settings


def run() -> None:
    """Write `<home>/pepper`, readable by its owner only; a pepper that exists is never touched."""
    if load_settings().is_sample:
        raise SettingsError(
            f"{home_path()} holds the synthetic sample, which has a pepper of its own; a pepper is "
            "for a home with data of yours: set JOURNEY_HOME to a new folder"
        )
    path = home_path() / "pepper"
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        raise SettingsError(
            f"{path} exists; a new one would part every person from their past"
        ) from None
    try:
        with open(descriptor, "w", encoding="ascii") as stream:
            stream.write(secrets.token_hex(32) + "\n")
            stream.flush()
            os.fsync(descriptor)
    except OSError:
        path.unlink()  # half a pepper would be taken for one
        raise
    print(f"written to {path}; keep a copy in a safe place")
