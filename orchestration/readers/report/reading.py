"""
How the report asks a release: periods, slices of customers, and the queries, kept to be shown.

Every query stands alone, so that a reader can copy it from the page and run it on the release.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import duckdb

from orchestration.readers.report.protecting import Suppression

Row = dict[str, Any]

PERIODS = ("3", "6", "12", "all")  # finished months; the last is everything up to the as-of
WINDOW_DAYS = 30  # in which somebody goes on to a later stage, or is counted as not gone on
CHANNELS = 8  # told one by one, the others as one
NOT_SET, OTHER, ALL = "(not set)", "(other)", "all"


@dataclass
class Release:
    """A release that is open, what it is split by, and what has been asked of it."""

    connection: duckdb.DuckDBPyConnection
    schema: str = "marts"
    queries: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Find out what the release is split by."""
        (self.information,) = self.rows("select * from marts.release_info")
        self.few = Suppression(self.information["minimum_answer_count"])
        (found,) = self.rows(
            """
            select
                (select max(month_start_date) from marts.kpi_monthly where is_complete) as month,
                coalesce(
                    (select max(kpi_date) from marts.kpi_daily),
                    (select as_of_at::date from marts.release_info)
                ) as day
            """
        )
        self.day, self.month = found["day"], found["month"]
        self.named = [
            row["persona"]
            for row in self.rows(
                f"""
                select persons.persona
                from marts.dim_persons as persons
                left join marts.dim_labels as labels
                    on labels.code_type = 'persona' and persons.persona = labels.code
                where persons.persona is not null and persons.persona != '{NOT_SET}'
                group by all
                having count(*) >= {self.few.smallest}
                order by min(labels.code_order), 1
                """
            )
        ]
        # Whoever has no persona, or one of too few people, is one group.
        (others,) = self.rows(
            "select count(*) filter (where "
            f"{self.persona_of('persona')} = '{NOT_SET}') as people from marts.dim_persons"
        )
        self.personas = [*self.named, *([NOT_SET] if others["people"] else [])]
        self.channels = [
            row["channel"]
            for row in self.rows(
                f"""
                select first_channel as channel
                from marts.dim_persons
                where first_channel is not null
                group by all
                having count(*) >= {self.few.smallest}
                order by count(*) desc, channel
                limit {CHANNELS}
                """
            )
        ]
        self.spans = self._spans()

    def _spans(self) -> dict[str, tuple[str, str]]:
        """First and last day of each period, and of the one of the same length before it."""
        if self.month is None:
            return {"all": ("1900-01-01", str(self.day))}
        spans = {}
        for months in ("3", "6", "12"):
            (row,) = self.rows(
                f"""
                select
                    (date '{self.month}' - interval '{int(months) - 1} months')::date as first,
                    (date '{self.month}' + interval '1 month' - interval '1 day')::date as last,
                    (date '{self.month}' - interval '{2 * int(months) - 1} months')::date
                        as first_before,
                    (date '{self.month}' - interval '{int(months) - 1} months'
                        - interval '1 day')::date as last_before
                """
            )
            spans[months] = (str(row["first"]), str(row["last"]))
            spans[f"before {months}"] = (str(row["first_before"]), str(row["last_before"]))
        spans["all"] = ("1900-01-01", str(self.day))
        return spans

    def rows(self, query: str, name: str | None = None) -> list[Row]:
        """Rows of a query; with a name, the query is shown on the page."""
        text = query.replace("marts.", f"{self.schema}.")
        if name is not None:
            self.queries[name] = _dedent(text)
        cursor = self.connection.execute(text)
        names = [column[0] for column in cursor.description]
        return [dict(zip(names, values, strict=True)) for values in cursor.fetchall()]

    def persona_of(self, column: str) -> str:
        """The persona that the page shows for one of a mart."""
        named = ", ".join(_quoted(persona) for persona in self.named) or "null"
        return f"case when {column} in ({named}) then {column} else '{NOT_SET}' end"

    @property
    def persons(self) -> str:
        """CTE: each person's persona and first channel, small channels as one."""
        named = ", ".join(_quoted(channel) for channel in self.channels) or "null"
        return f"""persons as (
            select person_id, {self.persona_of("persona")} as persona,
                case when first_channel in ({named}) then first_channel else '{OTHER}' end
                    as channel
            from marts.dim_persons
        )"""

    def periods(self, with_before: bool = False) -> str:
        """CTE: the periods by name."""
        lines = ", ".join(
            f"('{name}', date '{first}', date '{last}')"
            for name, (first, last) in self.spans.items()
            if with_before or not name.startswith("before")
        )
        return f"periods (period, first_date, last_date) as (values {lines})"


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def _dedent(text: str) -> str:
    """The query without the indentation that it has in this file."""
    lines = text.strip("\n").rstrip().splitlines()
    indents = [len(line) - len(line.lstrip()) for line in lines[1:] if line.strip()]
    indent = min(indents, default=0)
    return "\n".join(line[indent:] if line[:indent].isspace() else line.lstrip() for line in lines)
