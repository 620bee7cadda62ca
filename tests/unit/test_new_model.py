"""The scaffold: it writes what the conventions ask for, and refuses what they forbid."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
import yaml

from orchestration.developing import new_model

FOLDERS = sorted(
    f"{path.parent.name}/{path.name}"
    for path in new_model.MODELS.glob("*/*")
    if path.is_dir() and path.parent.name in new_model.NAMES
)


@pytest.fixture
def models(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the project's models."""
    shutil.copytree(new_model.MODELS, tmp_path / "models")
    monkeypatch.setattr(new_model, "MODELS", tmp_path / "models")
    return tmp_path / "models"


@pytest.mark.parametrize("folder", FOLDERS)
def test_stubs_stand_in_the_lists_of_every_folder(models: Path, folder: str) -> None:
    layer, domain = folder.split("/")
    name = {"staging": f"stg_{domain}__new", "intermediate": "int_new_derived"}.get(
        layer, "fct_new"
    )
    lists = {
        path: yaml.safe_load(path.read_text("utf-8"))
        for path in (models / folder).glob("_*__*s.yml")
    }
    touched = new_model.scaffold(layer, domain, name)
    assert [path.name for path in touched] == [
        f"{name}.sql", f"_{domain}__models.yml", f"_{domain}__unit_tests.yml",
    ][: 2 if layer == "staging" else 3]  # fmt: skip
    for path, key in zip(touched[1:], ("models", "unit_tests"), strict=False):
        entries = yaml.safe_load(path.read_text("utf-8"))[key]
        assert entries[:-1] == lists.get(path, {key: []})[key]
        assert entries[-1].get("model", entries[-1]["name"]) == name
    columns = yaml.safe_load(touched[1].read_text("utf-8"))["models"][-1]["columns"]
    assert columns[0].get("data_type") == ("varchar" if layer == "marts" else None)


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
