"""Patterns that join patterns for one value. What one part leaves untold, another may settle."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from falconbox import Document, Reason
from falconbox.wording import shortened
from falconbox_matcho.patterns import Pattern, Steps, named, reasons_for
from falconbox_matcho.values import LISTS, Answer, Path, all_of, any_of, same


class OfOne(Pattern):
    """A pattern that is made of one other."""

    __slots__ = ("pattern",)

    def __init__(self, place: str, said: Any, pattern: Pattern) -> None:
        super().__init__(place, said)
        self.pattern = pattern


class OfSeveral(Pattern):
    """A pattern that is made of several others."""

    __slots__ = ("parts",)

    def __init__(self, place: str, said: Any, parts: Sequence[Pattern]) -> None:
        super().__init__(place, said)
        self.parts = parts


class Both(OfSeveral):
    """Two or more patterns for one value: a map that has operators beside each other."""

    __slots__ = ()
    code = "map"

    def ask(self, value: Any, document: Document) -> Answer:
        """Return whether all match."""
        return all_of(part.ask(value, document) for part in self.parts)

    @property
    def wanted(self) -> str:
        """All of them."""
        return " and ".join(part.wanted for part in self.parts)

    def reasons(self, value: Any, document: Document, steps: Steps, answer: Answer) -> Iterator[Reason]:
        """Yield the reasons of the parts that answer so."""
        for part in self.parts:
            yield from reasons_for(answer, part, value, document, steps)


class OneOf(OfSeveral):
    """`$one-of`: any of several patterns."""

    __slots__ = ()
    code = "$one-of"

    def ask(self, value: Any, document: Document) -> Answer:
        """Return whether one matches."""
        return any_of(pattern.ask(value, document) for pattern in self.parts)

    @property
    def wanted(self) -> str:
        """How many there are."""
        return f"one of {len(self.parts)} alternatives"

    def reasons(self, value: Any, document: Document, steps: Steps, answer: Answer) -> Iterator[Reason]:
        """Yield that none matches, and why each does not."""
        if answer is False:
            message = f"{named(steps)} matches none of {len(self.parts)} alternatives"
            yield self.reason(value, steps, message)
        for pattern in self.parts:
            yield from reasons_for(answer, pattern, value, document, steps)


class OneItemOf(Pattern):
    """`$one-of: .path`: one of the values in a list that stands elsewhere. They are values, never patterns."""

    __slots__ = ("path",)
    code = "$one-of"

    def __init__(self, place: str, said: str) -> None:
        super().__init__(place, said)
        self.path = Path(said)

    def ask(self, value: Any, document: Document) -> Answer:
        """Return whether it is one of them; that cannot be told where no list stands at the path."""
        items = self.path.find(document)
        if not isinstance(items, LISTS):
            return None
        return any_of(None if item is None else same(value, item) for item in items)

    @property
    def wanted(self) -> str:
        """The list."""
        return f"one of the values at {shortened(self.said)}"

    def reasons(self, value: Any, document: Document, steps: Steps, answer: Answer) -> Iterator[Reason]:
        """Yield that it is none of them, or that there is no list of them."""
        if answer is None:
            message = f"{named(steps)} is to be {self.wanted}, and no list of values stands there"
            yield self.reason(value, steps, message)
        else:
            yield from super().reasons(value, document, steps, answer)


class Not(OfOne):
    """`$not`: whatever does not match. What cannot be told stays so: its negation is no yes."""

    __slots__ = ()
    code = "$not"

    def ask(self, value: Any, document: Document) -> Answer:
        """Return whether it does not match."""
        answer = self.pattern.ask(value, document)
        return None if answer is None else not answer

    @property
    def wanted(self) -> str:
        """Anything else."""
        return f"anything but {self.pattern.wanted}"

    def reasons(self, value: Any, document: Document, steps: Steps, answer: Answer) -> Iterator[Reason]:
        """Yield what it must not be, or why that cannot be told."""
        if answer is None:
            yield from reasons_for(answer, self.pattern, value, document, steps)
        else:
            yield from super().reasons(value, document, steps, answer)
