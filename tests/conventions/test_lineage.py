"""The pictures of the lineage are those of the models."""

import json

from orchestration.building.project import ensure_manifest
from orchestration.developing import lineage
from orchestration.settings import load_settings
from tests.conftest import ROOT


def test_the_lineage_is_current() -> None:
    manifest = ensure_manifest(load_settings(ROOT / ".journey").environment())
    expected = lineage.text(json.loads(manifest.read_text("utf-8")))
    assert lineage.TARGET.read_text("utf-8") == expected, "run `journey lineage`"
