"""Regular expressions in a schema: ECMA-262, as far as it can be matched in linear time."""

from __future__ import annotations

import functools
from typing import Final

import jsonschema_rs

from falconbox import Problem
from falconbox_json_schema.subschemas import Subschema, escape

REGEX: Final = jsonschema_rs.RegexOptions(size_limit=256 * 1024)
"""Matching takes time in proportion to the text; a pattern that compiles to more bytes than this is refused."""


def pattern_problems(nodes: list[Subschema]) -> list[Problem]:
    """Return which regular expressions cannot be used. Slow: each is compiled."""
    found = []
    for node in nodes:
        pattern, named = node.keywords.get("pattern"), node.keywords.get("patternProperties")
        places = [("/pattern", pattern)] if isinstance(pattern, str) else []
        places += [(f"/patternProperties/{escape(name)}", name) for name in named] if isinstance(named, dict) else []
        found += [Problem(node.pointer + below, fault) for below, text in places if (fault := _pattern_fault(text))]
    return found


@functools.lru_cache(maxsize=4096)
def _pattern_fault(pattern: str) -> str | None:
    try:
        jsonschema_rs.Draft7Validator({"pattern": pattern}, pattern_options=REGEX, offline=True)
    except jsonschema_rs.ValidationError as error:
        if error.schema_path[-1:] == ["format"]:
            return "is no regular expression of ECMA-262"
        return "is too large when compiled, or needs what linear time cannot give (look-around, back-references)"
    return None
