"""Patterns that look at a map and its members, and at references, which stand for one."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

from falconbox import Document, Reason
from falconbox_matcho.combined import OfOne
from falconbox_matcho.patterns import Pattern, Steps, named, reasons_for
from falconbox_matcho.values import MAPS, NOTHING, Answer

REFERENCE: Final = re.compile(r"([A-Z][A-Za-z0-9]{0,63})/([A-Za-z0-9._-]{1,64})", re.ASCII)
"""A reference that can be read: a type and an id."""


class Members(Pattern):
    """A map: each of its keys has a value that matches; all other keys are free."""

    __slots__ = ("members",)
    code = "map"

    def __init__(self, place: str, said: Any, members: Mapping[str, Pattern]) -> None:
        super().__init__(place, said)
        self.members = [*members.items()]

    def ask(self, value: Any, document: Document) -> Answer:
        """Return whether it is a map whose members match."""
        if value is NOTHING or not isinstance(value, MAPS):
            return False
        told: Answer = True
        for key, pattern in self.members:
            answer = pattern.ask(value.get(key, NOTHING), document)
            if answer is False:
                return False
            if answer is None:
                told = None
        return told

    @property
    def wanted(self) -> str:
        """A map with these keys."""
        return "a map" + (f" with {', '.join(key for key, _ in self.members)}" if self.members else "")

    def reasons(self, value: Any, document: Document, steps: Steps, answer: Answer) -> Iterator[Reason]:
        """Yield the reasons of the members that answer so."""
        if not isinstance(value, MAPS):
            yield from super().reasons(value, document, steps, answer)
            return
        for key, pattern in self.members:
            yield from reasons_for(answer, pattern, value.get(key, NOTHING), document, (*steps, key))


class Referred(OfOne):
    """`$reference`: `"Patient/1"` or `{reference: Patient/1}`, of which `{resourceType, id}` matches."""

    __slots__ = ()
    code = "$reference"

    def ask(self, value: Any, document: Document) -> Answer:
        """Return whether it refers to what is wanted; untold of a text or a map that names no type and id."""
        if not isinstance(value, (str, *MAPS)):
            return False
        parsed = _parsed(value)
        return None if parsed is None else self.pattern.ask(parsed, document)

    @property
    def wanted(self) -> str:
        """A reference."""
        return "a reference such as 'Patient/1'"

    def reasons(self, value: Any, document: Document, steps: Steps, answer: Answer) -> Iterator[Reason]:
        """Yield what the reference leads to, or that it cannot be read."""
        parsed = _parsed(value) if isinstance(value, (str, *MAPS)) else None
        if parsed is None:
            yield from super().reasons(value, document, steps, answer)
            return
        for reason in reasons_for(answer, self.pattern, parsed, document, ()):
            yield self.reason(parsed, steps, f"the reference at {named(steps)}: {reason.message}")


def _parsed(value: Any) -> dict[str, str] | None:
    text = value if isinstance(value, str) else value.get("reference")
    match = REFERENCE.fullmatch(text) if isinstance(text, str) else None
    return None if match is None or match[2] in (".", "..") else {"resourceType": match[1], "id": match[2]}
