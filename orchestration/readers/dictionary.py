"""
The data dictionary: every mart and column in Japanese and English, as a HTML page and a CSV file.

Both are written from the parsed YAML of the dbt project (its manifest), the only home of names,
types, labels and descriptions; where a column leads and which values it may hold are the dbt tests
that hold them. The Japanese description stands beside the English one: as `description_ja` in the
YAML, of a column that several models have as the block `ja_<column>` of `_columns.md`. The CSV
begins with a byte order mark, so that Excel reads Japanese. The page finds a table by any word of
it; it loads nothing.
"""

from __future__ import annotations

import base64
import csv
import hashlib
import json
from pathlib import Path
from typing import Any

from markupsafe import Markup

from orchestration.base.rendering import as_text, templates
from orchestration.building.project import ensure_manifest
from orchestration.gate.audits import integrity
from orchestration.settings import load_settings

HEADER = ("table", "table_ja", "table_en", "column", "column_ja", "column_en", "type", "key",
          "joins", "values", "description", "description_ja")  # fmt: skip
SEARCH = """
const box = document.getElementById("search");
box.closest("p").hidden = false;
box.addEventListener("input", () => {
  const words = box.value.toLowerCase().split(/\\s+/).filter(Boolean);
  for (const place of document.querySelectorAll("section, nav a")) {
    const table = document.getElementById(place.id || place.hash.slice(1));
    place.hidden = !words.every((word) => table.textContent.toLowerCase().includes(word));
  }
});
"""


def tested(manifest: dict[str, Any]) -> tuple[dict[str, str], dict[tuple[str, str], list[str]]]:
    """
    Where columns lead, by name, and the values that a mart's column may hold, by both names.

    A name means the same in all marts, so that a reference which is tested in one holds for all.
    """
    joins: dict[str, str] = {}
    values: dict[tuple[str, str], list[str]] = {}
    marts = {node["name"] for node in manifest["nodes"].values() if is_mart(node)}
    for node in manifest["nodes"].values():
        rules = integrity(node)
        for column, accepted in rules.get("accepted_values", {}).items():
            values[node["attached_node"], column] = accepted
        for column, other in rules.get("references", {}).items():
            name = other["to"].split("'")[1]
            if name in marts:
                joins[column] = f"{name}.{other['field']}"
    return joins, values


def is_mart(node: dict[str, Any]) -> bool:
    """Whether a node of the manifest is a mart."""
    return bool(node["resource_type"] == "model" and node["config"]["schema"] == "marts")


def in_japanese(manifest: dict[str, Any], name: str, described: dict[str, Any]) -> str:
    """The Japanese description of a mart or of one of its columns; empty where there is none."""
    block = manifest["docs"].get(f"doc.journey.ja_{name}", {}).get("block_contents", "")
    return " ".join((described["config"]["meta"].get("description_ja") or block).split())


def marts(manifest: dict[str, Any]) -> list[dict[str, Any]]:
    """Marts by name; each with its columns in the order of the table."""
    keys: dict[str, set[str]] = {}
    for node in manifest["nodes"].values():
        if rules := integrity(node):
            keys[node["attached_node"]] = set(rules.get("primary_key", ()))
    joins, values = tested(manifest)
    found = []
    for unique_id, node in manifest["nodes"].items():
        if not is_mart(node):
            continue
        columns = [
            {
                "name": name,
                "ja": column["config"]["meta"]["label_ja"],
                "en": column["config"]["meta"]["label_en"],
                "type": column["data_type"],
                "is_key": name in keys.get(unique_id, set()),
                "joins": joins.get(name, "")
                if not joins.get(name, "").startswith(f"{node['name']}.")
                else "",
                "values": values.get((unique_id, name), []),
                "description": " ".join(column["description"].split()),
                "description_ja": in_japanese(manifest, name, column),
            }
            for name, column in node["columns"].items()
        ]
        found.append(
            {
                "name": node["name"],
                "ja": node["config"]["meta"]["label_ja"],
                "en": node["config"]["meta"]["label_en"],
                "description": " ".join(node["description"].split()),
                "description_ja": in_japanese(manifest, node["name"], node),
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
    page.write_text(
        environment.get_template("dictionary.html.j2").render(
            tables=tables,
            search=Markup(SEARCH),
            digest=base64.b64encode(hashlib.sha256(SEARCH.encode()).digest()).decode(),
        ),
        "utf-8",
    )
    with sheet.open("w", encoding="utf-8-sig", newline="") as stream:
        writer = csv.writer(stream)
        writer.writerow(HEADER)
        for table in tables:
            for column in table["columns"]:
                writer.writerow(
                    map(
                        as_text,
                        [
                            *(table[part] for part in ("name", "ja", "en")),
                            *(column[part] for part in ("name", "ja", "en", "type")),
                            "key" if column["is_key"] else "",
                            column["joins"],
                            ", ".join(column["values"]),
                            column["description"],
                            column["description_ja"],
                        ],
                    )
                )
    return [page, sheet]


def run(folder: Path) -> None:
    """Write the dictionary of the marts into a folder."""
    path = ensure_manifest(load_settings().environment())
    for written in write(folder, json.loads(path.read_text("utf-8"))):
        print(f"written to {written}")
