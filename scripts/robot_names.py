"""
Write `seeds/robot_names.csv` from the maintained list of crawler-user-agents (MIT licence).

`python scripts/robot_names.py <crawler-user-agents.json>`; the file is in the package of that name.
What the patterns of `seeds/traffic_exclusions.csv` find anyway is left out, and so are names that
are too short to mean a robot, and those that browsers, phones and apps of people carry as well.
"""

from __future__ import annotations

import csv
import json
import re
import sys
from pathlib import Path

SEEDS = Path(__file__).resolve().parent.parent / "seeds"
SHORTEST = 6  # letters of a name that is looked for anywhere in a user agent
OF_PEOPLE = {
    "adventurer", "ap3a.240617.008", "asana/", "blackboard", "bluesky/", "butterfly",
    "capitaloneshopping", "charlotte", "coccoc", "code/1.", "devin", "disqus", "dmbrowser",
    "expanse", "feedly", "fluid", "genieo", "goodreads", "grammarly/", "hatena", "hello world",
    "hotjar", "hubspot", "inoreader", "instapaper/", "klaviyo/", "magellan", "mail.ru",
    "mastodon", "metaiab facebook", "newsblur", "nitro-", "notion/", "optimizer)", "overcast/",
    "paypal/", "pocketcasts/", "podimo", "rigor)", "salesforce.com", "stripe/", "trove",
    "tumblr/", "tweakers", "upday/", "valve/steam", "verity/", "viber", "whatsapp",
}  # fmt: skip


def literal(pattern: str) -> str | None:
    """The text that a pattern stands for, in lower case; None when it stands for several."""
    text = pattern.removeprefix("^")
    if re.search(r"\\[A-Za-z]", text) or re.search(r"[\[\]()*+?$|{}.]", re.sub(r"\\.", "", text)):
        return None
    return re.sub(r"\\(.)", r"\1", text).lower().strip()


def main(path: str) -> None:
    """Write the names that are not found otherwise, with what their robots do."""
    with (SEEDS / "traffic_exclusions.csv").open(encoding="utf-8", newline="") as file:
        rules = [
            re.compile(row["pattern"], re.DOTALL)
            for row in csv.DictReader(file)
            if row["field"] == "user_agent"
        ]
    kinds: dict[str, str] = {}
    for entry in json.loads(Path(path).read_text("utf-8")):
        name = literal(entry["pattern"])
        texts = [text.lower() for text in entry["instances"]]
        if name is None or len(name) < SHORTEST or name in OF_PEOPLE:
            continue
        if not texts or not all(any(rule.fullmatch(text) for rule in rules) for text in texts):
            kinds.setdefault(name, (entry.get("tags") or ["other"])[0])
    covered = {name for name in kinds for other in kinds if other != name and other in name}
    with (SEEDS / "robot_names.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["robot_name", "robot_kind"])
        writer.writerows(sorted((n, k) for n, k in kinds.items() if n not in covered))


if __name__ == "__main__":
    main(sys.argv[1])
