"""Patterns that look at a list and its items. Against anything else they say no."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from falconbox import Document, Reason
from falconbox_matcho.combined import OfOne, OfSeveral
from falconbox_matcho.patterns import Pattern, Steps, reasons_for
from falconbox_matcho.values import LISTS, NOTHING, Answer, all_of, any_of


class Items(OfSeveral):
    """A list: the items match position by position; further ones are free. Beyond the end nothing stands."""

    __slots__ = ()
    code = "list"

    def ask(self, value: Any, document: Document) -> Answer:
        """Return whether it is a list that begins so."""
        if not isinstance(value, LISTS):
            return False
        return all_of(pattern.ask(_item(value, index), document) for index, pattern in enumerate(self.parts))

    @property
    def wanted(self) -> str:
        """A list."""
        return "a list"

    def reasons(self, value: Any, document: Document, steps: Steps, answer: Answer) -> Iterator[Reason]:
        """Yield the reasons of the items that answer so."""
        if not isinstance(value, LISTS):
            yield from super().reasons(value, document, steps, answer)
            return
        for index, pattern in enumerate(self.parts):
            yield from reasons_for(answer, pattern, _item(value, index), document, (*steps, index))


class SomeItem(OfOne):
    """`$contains`: a list of which one item matches."""

    __slots__ = ()
    code = "$contains"

    def ask(self, value: Any, document: Document) -> Answer:
        """Return whether it is a list with such an item."""
        if not isinstance(value, LISTS):
            return False
        return any_of(self.pattern.ask(item, document) for item in value)

    @property
    def wanted(self) -> str:
        """Such a list."""
        return f"a list with an item that is {self.pattern.wanted}"

    def reasons(self, value: Any, document: Document, steps: Steps, answer: Answer) -> Iterator[Reason]:
        """Yield that no item matches, or of which that cannot be told."""
        if answer is None:
            for index, item in enumerate(value):
                yield from reasons_for(answer, self.pattern, item, document, (*steps, index))
        else:
            yield from super().reasons(value, document, steps, answer)


class Occurring(SomeItem):
    """One pattern of `$present-all`."""

    __slots__ = ()
    code = "$present-all"


class EveryItem(OfOne):
    """`$every`: a list of which every item matches; an empty one too."""

    __slots__ = ()
    code = "$every"

    def ask(self, value: Any, document: Document) -> Answer:
        """Return whether it is a list of such items only."""
        if not isinstance(value, LISTS):
            return False
        return all_of(self.pattern.ask(item, document) for item in value)

    @property
    def wanted(self) -> str:
        """Such a list."""
        return f"a list in which every item is {self.pattern.wanted}"

    def reasons(self, value: Any, document: Document, steps: Steps, answer: Answer) -> Iterator[Reason]:
        """Yield the reasons of the items that answer so."""
        if not isinstance(value, LISTS):
            yield from super().reasons(value, document, steps, answer)
            return
        for index, item in enumerate(value):
            yield from reasons_for(answer, self.pattern, item, document, (*steps, index))


class Length(Pattern):
    """`$length`: a list of so many items."""

    __slots__ = ()
    code = "$length"

    def ask(self, value: Any, document: Document) -> Answer:
        """Return whether it is a list of that length."""
        return isinstance(value, LISTS) and len(value) == self.said

    @property
    def wanted(self) -> str:
        """The length."""
        return f"a list of {self.said} items"


class AllPresent(OfSeveral):
    """`$present-all`: a list in which each of several patterns is matched by an item, wherever it stands."""

    __slots__ = ()
    code = "$present-all"

    def __init__(self, place: str, said: Any, parts: Sequence[Pattern]) -> None:
        super().__init__(place, said, [Occurring(part.place, part.said, part) for part in parts])

    def ask(self, value: Any, document: Document) -> Answer:
        """Return whether it is a list with an item for each pattern; one item may stand for several."""
        return all_of(pattern.ask(value, document) for pattern in self.parts)

    @property
    def wanted(self) -> str:
        """How many there are."""
        return f"a list in which each of {len(self.parts)} patterns is matched by an item"

    def reasons(self, value: Any, document: Document, steps: Steps, answer: Answer) -> Iterator[Reason]:
        """Yield the reasons of the patterns that answer so."""
        for pattern in self.parts:
            yield from reasons_for(answer, pattern, value, document, steps)


def _item(items: Sequence[Any], index: int) -> Any:
    return items[index] if index < len(items) else NOTHING
