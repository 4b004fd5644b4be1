"""Regular expressions in a schema: ECMA-262, as far as it can be matched in linear time."""

from __future__ import annotations

import functools
from collections.abc import Iterator
from typing import Final

import jsonschema_rs

from falconbox import Problem
from falconbox_json_schema.subschemas import Subschema, escape

REGEX: Final = jsonschema_rs.RegexOptions(size_limit=256 * 1024)
"""Matching takes time in proportion to the text; a pattern that compiles to more bytes than this is refused."""

MAX_PATTERNS: Final = 200
"""How many different ones a schema may have: each may hold some hundred kilobytes."""


def pattern_problems(nodes: list[Subschema]) -> list[Problem]:
    """Return which regular expressions cannot be used. Slow: each is compiled."""
    return [Problem(pointer, fault) for pointer, text in _patterns(nodes) if (fault := _fault(text))]


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


@functools.lru_cache(maxsize=4096)
def _fault(pattern: str) -> str | None:
    try:
        jsonschema_rs.Draft7Validator({"pattern": pattern}, pattern_options=REGEX, offline=True)
    except jsonschema_rs.ValidationError as error:
        if error.schema_path[-1:] == ["format"]:
            return "is no regular expression of ECMA-262"
        return "is too large when compiled, or needs what linear time cannot give (look-around, back-references)"
    return None
