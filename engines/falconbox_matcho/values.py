"""Values of a request document: what stands at a path, and when two are equal as JSON."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

from falconbox.model import MAX_DEPTH

Answer = bool | None
"""What a pattern says of a value: yes, no, or None if it cannot be told."""


class Nothing:
    """The type of `NOTHING`."""

    def __repr__(self) -> str:
        return "nothing"


NOTHING: Final = Nothing()
"""What stands where nothing does."""

MAPS: Final = (dict, Mapping)
LISTS: Final = (list, tuple)


class Path:
    """A `.path` into the request document; `.params.resource/id`, `.jwt.roles.0`."""

    __slots__ = ("_steps", "text")

    def __init__(self, text: str) -> None:
        self.text = text
        self._steps = [(step, _index(step)) for step in text[1:].split(".")]

    @property
    def root(self) -> str:
        """The top-level key of the document where it starts."""
        return self._steps[0][0]

    def find(self, document: Mapping[str, Any]) -> Any:
        """Return what stands there. Null counts as nothing: two values that are not known are not equal."""
        value: Any = document
        for step, index in self._steps:
            if isinstance(value, MAPS):
                value = value.get(step, NOTHING)
            elif isinstance(value, LISTS) and index is not None and index < len(value):
                value = value[index]
            else:
                return NOTHING
        return NOTHING if value is None else value


def _index(step: str) -> int | None:
    plain = step.isascii() and step.isdigit() and len(step) < 10
    return int(step) if plain and str(int(step)) == step else None


def all_of(answers: Iterable[Answer]) -> Answer:
    """Return no if one is no, whatever the others are; yes if all are yes."""
    told: Answer = True
    for answer in answers:
        if answer is False:
            return False
        if answer is None:
            told = None
    return told


def any_of(answers: Iterable[Answer]) -> Answer:
    """Return yes if one is yes, whatever the others are; no if all are no."""
    told: Answer = False
    for answer in answers:
        if answer is True:
            return True
        if answer is None:
            told = None
    return told


def same(one: Any, other: Any, depth: int = MAX_DEPTH) -> Answer:
    """Return whether two values are equal as JSON: 1 is 1.0, and true is not 1. None: they are too deep to be told."""
    if type(one) is str or one is None:
        return bool(one == other)
    if isinstance(one, bool) or isinstance(other, bool):
        return one is other
    if isinstance(one, MAPS):
        if not isinstance(other, MAPS) or one.keys() != other.keys():
            return False
        return all_of(same(one[key], other[key], depth - 1) for key in one) if depth else None
    if isinstance(one, LISTS):
        if not isinstance(other, LISTS) or len(one) != len(other):
            return False
        return all_of(same(left, right, depth - 1) for left, right in zip(one, other, strict=True)) if depth else None
    return not isinstance(other, (*MAPS, *LISTS)) and bool(one == other)
