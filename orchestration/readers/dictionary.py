"""
The data dictionary: every mart and column with both labels, as one HTML page and one CSV file.

Both are written from the parsed YAML of the dbt project (its manifest), the only home of names,
types, labels and descriptions. The CSV begins with a byte order mark, so that Excel reads Japanese.
"""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

from orchestration.base.rendering import templates
from orchestration.building.project import ensure_manifest
from orchestration.settings import load_settings

HEADER = ("table", "table_ja", "table_en", "column", "column_ja", "column_en", "type", "key",
          "description")  # fmt: skip


def marts(manifest: dict[str, Any]) -> list[dict[str, Any]]:
    """Marts by name; each with its columns in the order of the table."""
    keys: dict[str, set[str]] = {}
    for node in manifest["nodes"].values():
        metadata = node.get("test_metadata") or {}
        if metadata.get("name") == "primary_key":
            arguments = metadata["kwargs"].get("arguments", metadata["kwargs"])
            keys[node["attached_node"]] = set(arguments["columns"])
    found = []
    for unique_id, node in manifest["nodes"].items():
        if node["resource_type"] != "model" or node["config"]["schema"] != "marts":
            continue
        columns = [
            {
                "name": name,
                "ja": column["config"]["meta"]["label_ja"],
                "en": column["config"]["meta"]["label_en"],
                "type": column["data_type"],
                "is_key": name in keys.get(unique_id, set()),
                "description": " ".join(column["description"].split()),
            }
            for name, column in node["columns"].items()
        ]
        found.append(
            {
                "name": node["name"],
                "ja": node["config"]["meta"]["label_ja"],
                "en": node["config"]["meta"]["label_en"],
                "description": " ".join(node["description"].split()),
                "columns": columns,
            }
        )
    return sorted(found, key=lambda mart: mart["name"])


def write(folder: Path, manifest: dict[str, Any]) -> list[Path]:
    """Write `data_dictionary.html` and `data_dictionary.csv` into `folder`; returns both."""
    tables = marts(manifest)
    folder.mkdir(parents=True, exist_ok=True)
    page, sheet = folder / "data_dictionary.html", folder / "data_dictionary.csv"
    environment = templates(Path(__file__).parent)
    page.write_text(environment.get_template("dictionary.html.j2").render(tables=tables), "utf-8")
    with sheet.open("w", encoding="utf-8-sig", newline="") as stream:
        writer = csv.writer(stream)
        writer.writerow(HEADER)
        for table in tables:
            for column in table["columns"]:
                writer.writerow(
                    [
                        *(table[part] for part in ("name", "ja", "en")),
                        *(column[part] for part in ("name", "ja", "en", "type")),
                        "key" if column["is_key"] else "",
                        column["description"],
                    ]
                )
    return [page, sheet]


def run(folder: Path) -> None:
    """Write the dictionary of the marts into a folder."""
    path = ensure_manifest(load_settings().environment())
    for written in write(folder, json.loads(path.read_text("utf-8"))):
        print(f"written to {written}")
