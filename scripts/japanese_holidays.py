"""
Write `seeds/holidays.csv` from the maintained library holidays (MIT licence).

`pip install holidays; python scripts/japanese_holidays.py`. The government announces the equinoxes
of a year in the February before; until then those of the library are computed.
"""

from __future__ import annotations

import csv
from pathlib import Path

from holidays import country_holidays

SEED = Path(__file__).resolve().parent.parent / "seeds" / "holidays.csv"
YEARS = range(2005, 2041)


def main() -> None:
    """Write the public holidays of Japan with their names in Japanese and English."""
    names_ja, names_en = (
        country_holidays("JP", years=YEARS, language=language) for language in ("ja", "en_US")
    )
    with SEED.open("w", encoding="utf-8", newline="") as file:
        rows = csv.writer(file, lineterminator="\n")
        rows.writerow(["holiday_date", "name_ja", "name_en"])
        rows.writerows([day, names_ja[day], names_en[day]] for day in sorted(names_ja))


if __name__ == "__main__":
    main()
