"""Whether a value of the request is one of some others: JSON Schema's equality, at a bounded cost.

1 equals 1.0, and true does not equal 1 (draft-07, 6.1.3, and JSON Schema core of later dialects, 4.2.2).
"""

from __future__ import annotations

import math
from collections.abc import Hashable, Sequence
from typing import Any, Final

from falconbox.bounds import size

MAX_COMPARED: Final = 10_000
"""How many values, those inside others included, a policy compares with."""


class Options:
    """Values that others are compared with."""

    __slots__ = ("_keys", "_largest")

    def __init__(self, values: Sequence[Any]) -> None:
        """Raises ValueError with what is wrong if they are too many, too deep, or no JSON."""
        self._largest = 1
        count = len(values)
        for value in values[:MAX_COMPARED]:
            if isinstance(value, (dict, list)):
                held = size(value, MAX_COMPARED)
                count += held - 1
                self._largest = max(self._largest, held)
            if count > MAX_COMPARED:
                break
        if count > MAX_COMPARED:
            raise ValueError(f"holds more than {MAX_COMPARED:,} values")
        self._keys = frozenset([_key(value) for value in values])

    def __contains__(self, value: Any) -> bool:
        """Return whether a value is one of them. Raises ValueError if it is no JSON."""
        # What holds more values than any of them is none of them, and is not looked at any further.
        if isinstance(value, (dict, list)) and size(value, self._largest) > self._largest:
            return False
        return _key(value) in self._keys


def _key(value: Any) -> Hashable:
    """Return what equal values, and no others, have in common."""
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, bool):
        # In Python it would equal a number.
        return (bool, value)
    if isinstance(value, (int, float)) and math.isfinite(value):
        return value
    if isinstance(value, list):
        return (list, *map(_key, value))
    if isinstance(value, dict):
        return (dict, frozenset([(name, _key(member)) for name, member in value.items()]))
    raise ValueError(f"holds a {type(value).__name__}, which is not JSON")
