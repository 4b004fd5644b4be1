"""How much work a pattern makes of a document: in lists, each item is asked about, and may be compared with many."""

from __future__ import annotations

from typing import Final

from falconbox import Document
from falconbox.bounds import size
from falconbox_matcho.combined import OneItemOf
from falconbox_matcho.finding import parts, paths
from falconbox_matcho.lists import EveryItem, SomeItem
from falconbox_matcho.patterns import Pattern, SameAs

MAX_STEPS: Final = 2_000_000
"""How often a pattern of one policy may meet a value of one document: a second or two."""

FREE: Final = 4
"""So many patterns for each item are never too many: a document has no more values than that."""


class Work:
    """Bounds what one pattern makes."""

    def __init__(self, pattern: Pattern) -> None:
        inside = [*_in_lists(pattern)]
        self._patterns = len(inside)
        self._paths = [held.path for held in inside if isinstance(held, (SameAs, OneItemOf))]
        self._all_paths = [path.path for path in paths(pattern)]
        self.free = self._patterns <= FREE and not self._paths and len(self._all_paths) <= FREE

    def too_much(self, seen: Document) -> bool:
        """Whether a pattern would have to do too much for what it sees of a document; never, where it is `free`."""
        if sum(size(path.find(seen), MAX_STEPS) for path in self._all_paths) > MAX_STEPS:
            return True
        # What stands at a path is compared with each item.
        each = self._patterns + sum(size(path.find(seen), MAX_STEPS) for path in self._paths)
        most = MAX_STEPS // max(each, 1)
        return size(seen, most) > most


def _in_lists(pattern: Pattern) -> list[Pattern]:
    """Return the patterns that are asked about each item of a list."""
    found: list[Pattern] = []
    waiting = [(pattern, False)]
    while waiting:
        held, inside = waiting.pop()
        if inside:
            found.append(held)
        inside = inside or isinstance(held, (EveryItem, SomeItem))
        waiting += [(part, inside) for part in parts(held)]
    return found
