"""Bounds of a document, for engines that hand it to something that does not look after itself. Public API.

from falconbox.bounds import count_values
"""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping
from typing import Any, Final

from falconbox.errors import Undetermined
from falconbox.model import MAX_DEPTH

MAX_VALUES: Final = 100_000
"""How many values a document holds at most, unless an engine says less."""

MAX_INTEGER: Final = 2**53
"""Beyond this, readers of JSON disagree about integers (RFC 8259 section 6)."""


def count_values(document: Mapping[str, Any], *, most: int = MAX_VALUES, refused: Collection[str] = ()) -> int:
    """Return how many values a document holds, those inside of others included.

    Raises Undetermined, without a word of the document, unless it is plain JSON: objects with names that are texts,
    none of them one of `refused`, arrays, texts that are Unicode, numbers that every reader keeps exactly, booleans
    and null; `most` values, no deeper than `falconbox.model.MAX_DEPTH`.
    """
    # Without recursion, and counted: neither depth nor one object met a million times may hurt.
    level: list[Any] = [dict(document)]
    count = 0
    for _ in range(MAX_DEPTH):
        below: list[Any] = []
        for value in level:
            _check(value, refused)
            if type(value) is dict:
                below.extend(value.values())
            elif type(value) is list:
                below.extend(value)
            if count + len(below) > most:
                raise Undetermined(f"the request document holds more than {most:,} values")
        count += len(below)
        if not below:
            return count
        level = below
    raise Undetermined(f"the request document nests deeper than {MAX_DEPTH}")


def _check(value: Any, refused: Collection[str]) -> None:
    kind = type(value)
    if kind is str:
        _check_text(value)
    elif kind is dict:
        _check_names(value, refused)
    elif kind is int:
        if not -MAX_INTEGER <= value <= MAX_INTEGER:
            raise Undetermined("the request document has an integer beyond 2^53")
    elif kind is float:
        if not math.isfinite(value):
            raise Undetermined("the request document has a number that is not finite")
    elif value is not None and kind is not bool and kind is not list:
        raise Undetermined(f"the request document has a {kind.__name__}, which is not JSON")


def _check_names(value: Mapping[Any, Any], refused: Collection[str]) -> None:
    for name in value:
        if type(name) is not str:
            raise Undetermined(f"the request document has a {type(name).__name__} where a name is wanted")
        if name in refused:
            raise Undetermined(f"the request document has a name {name}, which stands for something else here")
        _check_text(name)


def _check_text(text: str) -> None:
    if not text.isascii():
        try:
            text.encode()
        except UnicodeEncodeError:
            raise Undetermined("the request document has text that is not Unicode (half a surrogate pair)") from None
