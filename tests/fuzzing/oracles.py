"""What others say of a document: the standard JSON reader with our rules beside it, and what plain JSON is."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator
from typing import Any

from refusals import REFUSED

from falconbox.model import MAX_DEPTH


def standard_json(data: bytes) -> Any:
    """Return what the standard reader reads, or REFUSED where that has two readings or exceeds a limit."""
    faults: list[str] = []

    def pairs(found: list[tuple[str, Any]]) -> dict[str, Any]:
        if len({name for name, _ in found}) < len(found):
            faults.append("a name twice")
        return dict(found)

    def integer(digits: str) -> int:
        if len(digits) > 20 or abs(int(digits)) > 2**53:
            faults.append("too large")
            return 0
        return int(digits)

    def real(digits: str) -> float:
        if math.isinf(float(digits)):
            faults.append("too large")
        return float(digits)

    try:
        value = json.loads(
            data.decode(), object_pairs_hook=pairs, parse_int=integer, parse_float=real, parse_constant=faults.append
        )
    except (ValueError, RecursionError):
        return REFUSED
    if any(depth > MAX_DEPTH for depth, _ in walk(value)):
        return REFUSED
    if any(isinstance(part, str) and re.search("[\ud800-\udfff]", part) for _, part in walk(value)):
        return REFUSED
    return REFUSED if faults else value


def walk(value: Any) -> Iterator[tuple[int, Any]]:
    """Yield every value and every name, with how many arrays and objects it is in, itself included."""
    waiting = [(0, value)]
    while waiting:
        depth, part = waiting.pop()
        if isinstance(part, dict):
            waiting += [(depth + 1, inner) for inner in (*part, *part.values())]
        elif isinstance(part, list):
            waiting += [(depth + 1, inner) for inner in part]
        # Names and plain values add no depth of their own.
        yield depth + isinstance(part, (dict, list)), part


def check_plain(value: Any) -> None:
    """Hold a value to plain JSON within the limits."""
    for depth, part in walk(value):
        assert depth <= MAX_DEPTH
        assert part is None or type(part) in (bool, int, float, str, list, dict)
        if type(part) is str:
            assert not re.search("[\ud800-\udfff]", part)
        if type(part) in (int, float):
            assert math.isfinite(part)
            assert type(part) is float or abs(part) <= 2**53
