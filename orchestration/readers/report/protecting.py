"""
Suppression of small counts, also by difference.

A count of 1 to `smallest - 1` people is not shown. Since the reader of the page can switch from a
total to its parts, and from a period to a shorter one, further cells are suppressed until no sum
and no difference of two cells that the page shows gives a small count away.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

Cells = dict[Any, int]
Sum = tuple[Hashable, Sequence[Hashable]]


@dataclass(frozen=True)
class Suppression:
    """Of counts of fewer than `smallest` people."""

    smallest: int

    def is_small(self, count: float) -> bool:
        """A count that could point at somebody."""
        return 0 < count < self.smallest

    def protect(
        self,
        cells: Cells,
        sums: Iterable[Sum] = (),
        chains: Iterable[Sequence[Hashable]] = (),
        hidden: Iterable[Hashable] = (),
        worth: Callable[[Any], int] = lambda key: 0,
    ) -> set[Hashable]:
        """
        Keys of the cells that are not shown.

        `sums` are pairs of a total and its parts; a cell that is missing counts as zero. `chains`
        are counts of which one holds the people of another, as periods of different length, those
        that matter most first. `hidden` are cells that are suppressed for a reason of their own.
        What is `worth` least is suppressed first.
        """
        closed = {key for key, count in cells.items() if self.is_small(count)} | set(hidden)
        totals = [
            (
                total,
                sorted(
                    (part for part in parts if cells.get(part)), key=lambda p: (worth(p), cells[p])
                ),
            )
            for total, parts in sums
            if cells.get(total)
        ]
        nested = [[key for key in chain if key in cells] for chain in chains]
        before = -1
        while before != len(closed):
            before = len(closed)
            for total, parts in totals:
                self._settle(cells, closed, total, parts, worth)
            for chain in nested:
                kept: list[int] = []
                for key in chain:
                    if key in closed:
                        continue
                    if any(self.is_small(abs(cells[key] - count)) for count in kept):
                        closed.add(key)
                    else:
                        kept.append(cells[key])
        return closed

    def _settle(
        self,
        cells: Cells,
        closed: set[Hashable],
        total: Hashable,
        parts: Sequence[Hashable],
        worth: Callable[[Any], int],
    ) -> None:
        """Suppress cells until what is hidden cannot be had by subtraction."""
        shown = [part for part in parts if part not in closed]
        hidden = [part for part in parts if part in closed]
        if total in closed:
            if shown and not hidden:
                closed.add(shown[0])
            return
        while hidden and (len(hidden) < 2 or self.is_small(sum(cells[part] for part in hidden))):
            if not shown or worth(total) < worth(shown[0]):
                closed.add(total)
                return
            hidden.append(shown.pop(0))
            closed.add(hidden[-1])
