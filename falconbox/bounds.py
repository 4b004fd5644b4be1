"""Bounds of documents, and of what policies say, for whatever looks at them and does not look after itself. Public API.

from falconbox.bounds import canonical_text, count_values, size
"""

from __future__ import annotations

import json
import math
from collections.abc import Collection, Mapping
from typing import Any, Final

from falconbox.errors import Undetermined
from falconbox.model import MAX_DEPTH

MAX_VALUES: Final = 100_000
"""How many values a document holds at most, unless an engine says less."""

MAX_BODY_VALUES: Final = 20_000
"""How many values the body of a policy may hold, itself included."""

MAX_BODY_CHARACTERS: Final = 256 * 1024
"""How long the body of a policy may be, written as JSON."""

MAX_INTEGER: Final = 2**53
"""Beyond this, readers of JSON disagree about integers (RFC 8259 section 6)."""


class Unbounded(Exception):
    """The value is no plain JSON, or too much of it; the text says what."""


def count_values(
    document: Mapping[str, Any], *, most: int = MAX_VALUES, deepest: int = MAX_DEPTH, refused: Collection[str] = ()
) -> int:
    """Return how many values a document holds, those inside of others included.

    Raises Undetermined, without a word of the document, unless it is plain JSON: objects with names that are texts,
    none of them one of `refused`, arrays, texts that are Unicode, numbers that every reader keeps exactly, booleans
    and null; at most `most` values, which nest no deeper than `deepest`.
    """
    try:
        return _count(dict(document), most, refused, deepest)
    except Unbounded as fault:
        raise Undetermined(f"the request document {fault}") from None


def size(value: Any, limit: int) -> int:
    """Return how many values a value holds, itself included; more than `limit` when it is too deep or has more."""
    level: list[Any] = [value]
    count = 0
    for _ in range(MAX_DEPTH):
        count += len(level)
        below: list[Any] = []
        for item in level:
            if isinstance(item, (dict, list)):
                if count + len(below) + len(item) > limit:
                    return limit + 1
                below.extend(item.values() if isinstance(item, dict) else item)
        if not below:
            return count
        level = below
    return limit + 1


def canonical_text(value: Any, what: str) -> str:
    """Return the JSON text of what a policy says, the same for equal values only.

    Raises Unbounded unless it is plain JSON within bounds; `what` it is called stands at the start of the text.
    """
    try:
        _count(value, MAX_BODY_VALUES - 1)
        text = json.dumps(value, sort_keys=True, separators=(",", ":"), allow_nan=False)
        if len(text) > MAX_BODY_CHARACTERS:
            raise Unbounded(f"is longer than {MAX_BODY_CHARACTERS:,} characters")
    except Unbounded as fault:
        raise Unbounded(f"{what} {fault}") from None
    return text


def _count(value: Any, most: int, refused: Collection[str] = (), deepest: int = MAX_DEPTH) -> int:
    # Without recursion, and counted: neither depth nor one object met a million times may hurt.
    level: list[Any] = [value]
    count = 0
    for _ in range(deepest):
        below: list[Any] = []
        for held in level:
            _check(held, refused)
            if type(held) is dict:
                below.extend(held.values())
            elif type(held) is list:
                below.extend(held)
            if count + len(below) > most:
                raise Unbounded(f"holds more than {most:,} values")
        count += len(below)
        if not below:
            return count
        level = below
    raise Unbounded(f"nests deeper than {deepest}")


def _check(value: Any, refused: Collection[str]) -> None:
    kind = type(value)
    if kind is str:
        _check_text(value)
    elif kind is dict:
        _check_names(value, refused)
    elif kind is int:
        if not -MAX_INTEGER <= value <= MAX_INTEGER:
            raise Unbounded("has an integer beyond 2^53")
    elif kind is float:
        if not math.isfinite(value):
            raise Unbounded("has a number that is not finite")
    elif value is not None and kind is not bool and kind is not list:
        raise Unbounded(f"has a {kind.__name__}, which is not JSON")


def _check_names(value: Mapping[Any, Any], refused: Collection[str]) -> None:
    for name in value:
        if type(name) is not str:
            raise Unbounded(f"has a {type(name).__name__} where a name is wanted")
        if name in refused:
            raise Unbounded(f"has a name {name}, which stands for something else here")
        _check_text(name)


def _check_text(text: str) -> None:
    if not text.isascii():
        try:
            text.encode()
        except UnicodeEncodeError:
            raise Unbounded("has text that is not Unicode (half a surrogate pair)") from None
