"""What a policy's schema may say: draft-07, strictly. Whatever a stock validator would ignore is refused here.

A misspelt keyword, ignored, is a condition that never holds anybody back.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping
from typing import Any, Final

import jsonschema
import jsonschema_rs

from falconbox import Problem
from falconbox_json_schema.references import MAX_EVALUATIONS, References, evaluations, find_cycle
from falconbox_json_schema.subschemas import FORMATS, KEYWORDS, escape, walk, with_const

MAX_SCHEMAS: Final = 5000
"""How many subschemas one policy may have."""

MAX_NESTING: Final = 64
REGEX: Final = jsonschema_rs.RegexOptions(size_limit=1024 * 1024)
"""Regular expressions run in linear time and compile to at most this many bytes."""

DRAFT_07: Final = frozenset(
    f"{scheme}://json-schema.org/draft-07/schema{end}" for scheme in ("http", "https") for end in ("", "#")
)
_META_SCHEMA: Final = jsonschema_rs.Draft7Validator(jsonschema.Draft7Validator.META_SCHEMA, offline=True)
_NEWER: Final = ("draft/2019-09", "draft/2020-12")


def problems(schema: Any) -> list[Problem]:
    """Return everything that is wrong with a schema, with pointers that start at it."""
    if _nesting(schema) > MAX_NESTING:
        return [Problem("", f"the schema nests deeper than {MAX_NESTING}")]
    nodes = [*walk(schema)]
    if len(nodes) > MAX_SCHEMAS:
        return [Problem("", f"the schema has more than {MAX_SCHEMAS} subschemas")]
    found = [problem for node, pointer in nodes for problem in _node_problems(node, pointer)]
    # Each of these needs what the ones before it have checked.
    return found or _shape_problems(schema) or [*_reference_problems(schema)]


def compile_schema(schema: Any) -> jsonschema_rs.Draft7Validator:
    """Return the validator of a schema without problems."""
    return jsonschema_rs.Draft7Validator(
        with_const(schema), validate_formats=True, ignore_unknown_formats=False, pattern_options=REGEX, offline=True
    )


def _nesting(value: Any) -> int:
    deepest = 0
    waiting = [(value, 1)]
    while waiting and deepest <= MAX_NESTING:
        current, depth = waiting.pop()
        deepest = max(deepest, depth)
        if isinstance(current, Mapping):
            waiting += [(member, depth + 1) for member in current.values()]
        elif isinstance(current, list):
            waiting += [(item, depth + 1) for item in current]
    return deepest


def _node_problems(node: Any, pointer: str) -> Iterator[Problem]:
    if isinstance(node, bool):
        return
    if not isinstance(node, Mapping):
        yield Problem(pointer, "must be a schema: an object, or true or false")
        return
    for keyword, value in node.items():
        if keyword == "$data" or (isinstance(value, Mapping) and "$data" in value and keyword not in KEYWORDS):
            yield Problem(f"{pointer}/{keyword}", "$data is not supported yet")
        elif keyword not in KEYWORDS:
            yield Problem(f"{pointer}/{keyword}", f"unknown keyword{_did_you_mean(keyword)}")
        else:
            yield from _keyword_problems(keyword, value, f"{pointer}/{keyword}", root=pointer == "")
    if "const" in node and "constant" in node:
        yield Problem(f"{pointer}/constant", "means the same as const, which stands beside it: keep one")


def _keyword_problems(keyword: str, value: Any, pointer: str, *, root: bool) -> Iterator[Problem]:
    if keyword in ("const", "constant", "enum") and _holds_data(value):
        yield Problem(pointer, "$data is not supported yet")
    elif keyword == "$schema":
        yield from _schema_problems(value, pointer, root=root)
    elif keyword == "$id" and not root and not (isinstance(value, str) and value.startswith("#")):
        yield Problem(pointer, "below the top only a name within the schema is supported: #name")
    elif keyword == "$ref" and not (isinstance(value, str) and value.startswith("#")):
        yield Problem(pointer, "must start with #: nothing is ever fetched from elsewhere")
    elif keyword == "format" and value not in FORMATS:
        yield Problem(pointer, f"unknown format; known: {', '.join(sorted(FORMATS))}")
    elif keyword == "pattern":
        yield from _pattern_problems(value, pointer)
    elif keyword == "patternProperties" and isinstance(value, Mapping):
        for pattern in value:
            yield from _pattern_problems(pattern, pointer)


def _schema_problems(value: Any, pointer: str, *, root: bool) -> Iterator[Problem]:
    if not root:
        yield Problem(pointer, "may stand only at the top")
    elif isinstance(value, str) and any(draft in value for draft in _NEWER):
        yield Problem(pointer, "2019-09 and 2020-12 are not supported yet; leave it out for draft-07")
    elif value not in DRAFT_07:
        yield Problem(
            pointer, "only draft-07 is supported: leave it out, or write http://json-schema.org/draft-07/schema#"
        )


def _pattern_problems(pattern: Any, pointer: str) -> Iterator[Problem]:
    if not isinstance(pattern, str):
        yield Problem(pointer, "must be a regular expression in a string")
        return
    try:
        jsonschema_rs.Draft7Validator({"pattern": pattern}, pattern_options=REGEX, offline=True)
    except jsonschema_rs.ValidationError:
        detail = "is no regular expression of ECMA-262, or one that needs look-around, back-references or too much room"
        yield Problem(pointer, detail)


def _holds_data(value: Any) -> bool:
    items = value if isinstance(value, list) else [value]
    return any(isinstance(item, Mapping) and "$data" in item for item in items)


def _shape_problems(schema: Any) -> list[Problem]:
    """Return where the official meta-schema of draft-07 does not agree."""
    return [
        Problem("".join(f"/{escape(part)}" for part in error.instance_path), f"does not fit: {error.message[:200]}")
        for error in _META_SCHEMA.iter_errors(with_const(schema))
    ]


def _reference_problems(schema: Any) -> Iterator[Problem]:
    references = References(schema)
    lost = False
    for node, pointer in walk(schema):
        if isinstance(node, Mapping) and "$ref" in node:
            try:
                references.target(node["$ref"])
            except LookupError:
                lost = True
                yield Problem(f"{pointer}/$ref", "names no schema in this policy")
    if lost:
        return
    cycle = find_cycle(schema, references)
    if cycle is not None:
        yield Problem(cycle, "leads back to itself without looking any deeper into the document")
    elif evaluations(schema, references) > MAX_EVALUATIONS:
        yield Problem("", f"would look at one place of a document more than {MAX_EVALUATIONS} times")


def _did_you_mean(keyword: str) -> str:
    close = difflib.get_close_matches(keyword, KEYWORDS, n=1)
    return f"; did you mean {close[0]!r}?" if close else ""
