"""
`journey lineage`: which model is made of which, one picture per domain, from dbt's manifest.

A domain is a folder of `models/intermediate` and `models/marts`; all of staging is one. What comes
from another domain is drawn as that domain.
"""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

from orchestration.building.project import ensure_manifest
from orchestration.settings import ROOT, load_settings

TARGET = ROOT / "docs" / "lineage.md"
HEAD = """# Lineage

Written by `journey lineage` from the models; a test compares. An arrow leads from what is read to
what is made of it. First the domains, with the number of models read across; then each domain, in
the order of models/_groups.yml, other domains as rounded boxes, marts in bold.
"""


def run() -> None:
    """Write the page."""
    path = ensure_manifest(load_settings().environment())
    TARGET.write_text(text(json.loads(path.read_text("utf-8"))), "utf-8")
    print(f"written to {TARGET}")


def text(manifest: dict[str, Any]) -> str:
    """The page as it should stand in `docs/`."""
    domains: dict[str, str] = {}
    layers: dict[str, str] = {}
    for node in manifest["nodes"].values():
        if node["resource_type"] == "model":
            layer, folder = Path(node["path"]).parts[:2]
            layers[node["name"]] = layer
            domains[node["name"]] = "staging" if layer == "staging" else folder
    edges = sorted(
        (parent.rsplit(".", 1)[1], node["name"])
        for node in manifest["nodes"].values()
        if node["name"] in domains and node["resource_type"] == "model"
        for parent in node["depends_on"]["nodes"]
        if parent.startswith("model.")
    )
    across = Counter(
        (domains[parent], domains[child])
        for parent, child in edges
        if domains[parent] != domains[child]
    )
    lines = [HEAD, "```mermaid", "flowchart LR"]
    lines += [
        f"  {parent} -->|{count}| {child}" for (parent, child), count in sorted(across.items())
    ]
    lines += ["```", ""]
    for domain in (group["name"] for group in manifest["groups"].values()):
        lines += [f"## {domain}", "", "```mermaid", "flowchart LR"]
        own = sorted(name for name in domains if domains[name] == domain)
        lines += [
            f'  {name}["<b>{name}</b>"]' if layers[name] == "marts" else f"  {name}" for name in own
        ]
        read = {
            (parent if domains[parent] == domain else f"_{domains[parent]}", child)
            for parent, child in edges
            if domains[child] == domain
        }
        lines += [
            f"  {other}([{other[1:]}])"
            for other in sorted({parent for parent, _ in read if parent.startswith("_")})
        ]
        lines += [f"  {parent} --> {child}" for parent, child in sorted(read)]
        lines += ["```", ""]
    return "\n".join(lines)
