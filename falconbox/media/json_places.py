"""Where in a JSON text its values stand, by JSON pointer, and where one that is refused does."""

from __future__ import annotations

import bisect
import dataclasses
import json
import re
from collections.abc import Callable
from typing import Any, Final

from falconbox.errors import Malformed
from falconbox.wording import escape

Place = tuple[int, int]
"""Line and column, from 1."""

TWICE: Final = "a name stands twice in one JSON object"

_TOKEN: Final = re.compile(r'"(?:[^"\\]|\\.)*+"|[\[\]{},:]|[^\s\[\]{},:"]++', re.DOTALL)


def place_of(text: str, offset: int) -> Place:
    """Return where the character at an offset stands."""
    return text.count("\n", 0, offset) + 1, offset - text.rfind("\n", 0, offset)


@dataclasses.dataclass(slots=True)
class _Open:
    """An object or a list that has been opened: where it is, and what of it has been read."""

    pointer: str
    is_object: bool
    names: set[str] = dataclasses.field(default_factory=set)
    name: str | None = None
    count: int = 0

    def below(self) -> str:
        return f"{self.pointer}/{self.count if self.name is None else escape(self.name)}"

    def next(self) -> None:
        self.name = None
        self.count += 1


def places(text: str, scalar: Callable[[str], Any]) -> dict[str, Place]:
    """Return the place of each value of a text that is JSON; of a member, that of its name: people look for that.

    Raises Malformed with the place of the first name that stands twice, or value that `scalar` refuses by Malformed.
    """
    starts = [0, *(match.end() for match in re.finditer("\n", text))]

    def place(offset: int) -> Place:
        line = bisect.bisect_right(starts, offset)
        return line, offset - starts[line - 1] + 1

    try:
        return {pointer: place(offset) for pointer, offset in _offsets(text, scalar).items()}
    except _Refused as refused:
        line, column = place(refused.offset)
        raise Malformed(refused.detail, line=line, column=column) from None


class _Refused(Exception):  # never leaves this module
    def __init__(self, detail: str, offset: int) -> None:
        super().__init__(detail)
        self.detail = detail
        self.offset = offset


def _offsets(text: str, scalar: Callable[[str], Any]) -> dict[str, int]:
    found: dict[str, int] = {}
    opened: list[_Open] = []
    for match in _TOKEN.finditer(text):
        piece, inner = match.group(), opened[-1] if opened else None
        if piece in "]}" and opened:
            opened.pop()
        elif piece == "," and inner is not None:
            inner.next()
        elif piece not in "]},:":
            value = None if piece in "[{" else _checked(scalar, piece, match.start())
            if inner is not None and inner.is_object and inner.name is None:
                _name(inner, str(value), match.start())
                found[inner.below()] = match.start()
                continue
            pointer = "" if inner is None else inner.below()
            found.setdefault(pointer, match.start())
            if piece in "[{":
                opened.append(_Open(pointer, is_object=piece == "{"))
    return found


def _checked(scalar: Callable[[str], Any], piece: str, offset: int) -> Any:
    try:
        return scalar(piece)
    except json.JSONDecodeError as error:
        raise _Refused(f"not JSON: {error.msg}", offset) from None
    except Malformed as error:
        raise _Refused(error.detail, offset) from None


def _name(inner: _Open, name: str, offset: int) -> None:
    if name in inner.names:
        raise _Refused(TWICE, offset)
    inner.names.add(name)
    inner.name = name
