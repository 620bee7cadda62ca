"""The scaffold: it writes what the conventions ask for, and refuses what they forbid."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from scripts import new_model


@pytest.fixture
def models(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "marts" / "stages"
    folder.mkdir(parents=True)
    (folder / "_stages__models.yml").write_text("models:\n  - name: fct_old\n", "utf-8")
    monkeypatch.setattr(new_model, "MODELS", tmp_path)
    return folder


def test_three_stubs_that_parse(models: Path) -> None:
    touched = new_model.scaffold("marts", "stages", "fct_first_purchases")
    assert [path.name for path in touched] == [
        "fct_first_purchases.sql", "_stages__models.yml", "_stages__unit_tests.yml",
    ]  # fmt: skip
    entries = yaml.safe_load((models / "_stages__models.yml").read_text("utf-8"))["models"]
    assert [entry["name"] for entry in entries] == ["fct_old", "fct_first_purchases"]
    assert entries[1]["columns"][0]["data_type"] == "varchar"
    tests = yaml.safe_load((models / "_stages__unit_tests.yml").read_text("utf-8"))
    assert tests["unit_tests"][0]["model"] == "fct_first_purchases"


@pytest.mark.parametrize(
    ("layer", "domain", "name", "words"),
    [
        ("mart", "stages", "fct_a", "LAYER"),
        ("marts", "stage", "fct_a", "DOMAIN"),
        ("marts", "stages", "first_purchases", "NAME"),
        ("marts", "stages", "fct_FirstPurchases", "NAME"),
    ],
)
def test_names_that_break_the_rules(
    models: Path, layer: str, domain: str, name: str, words: str
) -> None:
    with pytest.raises(ValueError, match=words):
        new_model.scaffold(layer, domain, name)


def test_an_existing_model_is_not_touched(models: Path) -> None:
    new_model.scaffold("marts", "stages", "fct_a")
    with pytest.raises(ValueError, match="exists"):
        new_model.scaffold("marts", "stages", "fct_a")
