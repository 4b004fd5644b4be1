"""Regular expressions in a schema: ECMA-262, as far as it can be matched in linear time."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from falconbox import Problem
from falconbox.regex import fault
from falconbox.wording import escape
from falconbox_json_schema.subschemas import Subschema

MAX_PATTERNS: Final = 200
"""How many different ones a schema may have: each may hold some hundred kilobytes."""


def pattern_problems(nodes: list[Subschema]) -> list[Problem]:
    """Return which regular expressions cannot be used. Slow: each is compiled."""
    return [Problem(pointer, why) for pointer, text in _patterns(nodes) if (why := fault(text))]


def too_many_patterns(nodes: list[Subschema]) -> bool:
    """Return whether a schema has more regular expressions than may be compiled for one policy."""
    return len({text for _, text in _patterns(nodes)}) > MAX_PATTERNS


def _patterns(nodes: list[Subschema]) -> Iterator[tuple[str, str]]:
    for node in nodes:
        pattern, named = node.keywords.get("pattern"), node.keywords.get("patternProperties")
        if isinstance(pattern, str):
            yield f"{node.pointer}/pattern", pattern
        if isinstance(named, dict):
            for text in named:
                yield f"{node.pointer}/patternProperties/{escape(text)}", text
