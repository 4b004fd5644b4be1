"""What stands in for functions of CEL that its library reads in another way, or would let take too long.

Each returns its result in a list, or an empty one when there is none: what is taken out of that with `[0]` is an error
to CEL then, like any other. A function that raises would have its arguments printed.
"""

from __future__ import annotations

import datetime as dt
import math
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from falconbox.regex import Regex
from falconbox_engine_cel.tokens import Token, partners

_NUMBER = re.compile(r"[-+]?[0-9]{1,40}(?:\.[0-9]{1,40})?(?:[eE][-+]?[0-9]{1,3})?", re.ASCII)

_TIMESTAMP = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(?:\.[0-9]{1,6})?(?:Z|[-+][0-9]{2}:[0-9]{2})", re.ASCII
)


def _size(value: Any) -> list[int]:
    # The library counts the bytes of a text.
    return [len(value)] if isinstance(value, (str, bytes, list, dict)) else []


def _double(value: Any) -> list[float]:
    # The library reads "nan" and "inf" too.
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        return []
    if isinstance(value, str) and not _NUMBER.fullmatch(value):
        return []
    number = float(value)
    return [number] if math.isfinite(number) else []


def _timestamp(value: Any) -> list[dt.datetime]:
    # The library keeps the offset, and takes hours and days of such a text from there; to CEL they are those of UTC.
    if isinstance(value, dt.datetime):
        return [value]
    if not isinstance(value, str) or not _TIMESTAMP.fullmatch(value):
        return []
    try:
        return [dt.datetime.fromisoformat(value).astimezone(dt.UTC)]
    except (ValueError, OverflowError):
        return []


def _matches(value: Any, expression: Any) -> list[bool]:
    # The library compiles the expression anew each time. This one has been compiled already, and is shared.
    return [Regex.of(expression).is_found_in(value)] if isinstance(value, str) else []


FUNCTIONS: Mapping[str, Callable[..., Any]] = {
    "_size": _size, "_double": _double, "_matches": _matches, "_timestamp": _timestamp,
}  # fmt: skip
REPLACED = frozenset(name.removeprefix("_") for name in FUNCTIONS)


def replaced(expression: str, found: Sequence[Token]) -> str:
    """Return an expression that compiles, with calls of these functions in the place of the library's."""
    closed = partners(found)
    insertions: list[tuple[int, str]] = []
    for place in calls(found, REPLACED):
        insertions += [(found[place].start, "_"), (found[closed[place + 1]].end, "[0]")]
    for position, text in sorted(insertions, reverse=True):
        expression = expression[:position] + text + expression[position:]
    return expression


def calls(found: Sequence[Token], names: frozenset[str]) -> list[int]:
    """Return where functions of these names are called."""
    return [
        place
        for place, token in enumerate(found[:-1])
        if token.source in names and token.kind == "name" and found[place + 1].source == "("
    ]
