"""What a schema may be before anybody looks at what it says: plain JSON, of a bounded size."""

from __future__ import annotations

import json
import math
from typing import Any, Final

MAX_DEPTH: Final = 64
"""How deeply a schema may nest."""

MAX_VALUES: Final = 20_000
"""How many values a schema may hold, itself included."""

MAX_CHARACTERS: Final = 256 * 1024
"""How long a schema may be, written as JSON."""

MAX_INTEGER: Final = 2**53
"""Beyond this, readers of JSON disagree about integers (RFC 8259 section 6)."""


class Unbounded(Exception):
    """The value is no plain JSON, or too much of it; the text says what."""


def canonical_text(value: Any) -> str:
    """Return JSON text that is the same for equal schemas only. Raises Unbounded."""
    _check(value)
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), allow_nan=False)
    if len(text) > MAX_CHARACTERS:
        raise Unbounded(f"the schema is longer than {MAX_CHARACTERS} characters")
    return text


def _check(value: Any) -> None:
    # Without recursion, and counted: neither depth nor one object met a million times may hurt.
    level = [value]
    count = 0
    for _ in range(MAX_DEPTH):
        below: list[Any] = []
        for item in level:
            _check_value(item)
            if isinstance(item, dict):
                below.extend(item.values())
            elif isinstance(item, list):
                below.extend(item)
            if count + len(below) > MAX_VALUES:
                raise Unbounded(f"the schema holds more than {MAX_VALUES} values")
        count += len(level)
        level = below
        if not level:
            return
    raise Unbounded(f"the schema nests deeper than {MAX_DEPTH}")


def _check_value(value: Any) -> None:
    kind = type(value)
    if kind is str:
        _check_text(value)
    elif kind is dict:
        for key in value:
            if type(key) is not str:
                raise Unbounded(f"the schema has a {type(key).__name__} where a name is wanted")
            _check_text(key)
    elif kind is int:
        if not -MAX_INTEGER <= value <= MAX_INTEGER:
            raise Unbounded("the schema has an integer beyond 2^53")
    elif kind is float:
        if not math.isfinite(value):
            raise Unbounded("the schema has a number that is not finite")
    elif value is not None and kind not in (bool, list):
        raise Unbounded(f"the schema has a {kind.__name__}, which is not JSON")


def _check_text(text: str) -> None:
    if not text.isascii():
        try:
            text.encode()
        except UnicodeEncodeError:
            raise Unbounded("the schema has text that is not Unicode (half of a surrogate pair)") from None
