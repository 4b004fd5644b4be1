"""Generated matcho patterns, documents that hit what they speak of, and a second evaluator that shares nothing with ours."""

from __future__ import annotations

import re
from typing import Any

from hypothesis import strategies as st

from falconbox import AccessPolicy, Evaluator
from falconbox_matcho import MatchoEngine

ENGINE = MatchoEngine()
KEYS = st.sampled_from(["uri", "request-method", "params", "client", "a", "resource/id"])
TEXTS = st.sampled_from(
    ["", "get", "/Patient", "/Patient\n", "/Patient/1", "Patient/1", "Patient/2", "a", "x/y/z", "é"]
)
SCALARS = st.none() | st.booleans() | st.sampled_from([0, 1, 1.0, -1, 2.5]) | TEXTS
VALUES = st.recursive(
    SCALARS | st.builds(lambda text: {"reference": text}, TEXTS),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=3),
    max_leaves=6,
)
DOCUMENTS = st.dictionaries(KEYS, VALUES, max_size=5)
PATHS = st.sampled_from(
    [".a", ".client.a", ".params.resource/id", ".a.0", ".a.0.a", ".client", ".params.a.1", ".no.where"]
)
REGEXES = st.sampled_from(["#^/Patient$", "#Patient", "#^/Patient/[0-9]+$", "#t", "#^a|1$", "#^.?$", "#^/P"])
LEAVES = (
    TEXTS.filter(lambda text: not text.startswith("."))
    | st.sampled_from([True, False, 0, 1, 1.0, 2.5])
    | PATHS
    | REGEXES
    | st.sampled_from(["present?", "nil?", "not-blank?"])
    | st.builds(lambda path: {"$one-of": path}, PATHS)
    | st.builds(
        lambda several: {"$enum": several},
        st.lists(SCALARS.filter(lambda item: item is not None), min_size=1, max_size=3),
    )
    | st.builds(lambda count: {"$length": count}, st.integers(0, 3))
)


def _composed(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    several = st.lists(inner, min_size=1, max_size=3)
    members = st.dictionaries(KEYS, inner, max_size=3)
    operators = st.one_of(
        *(st.builds(lambda said, name=name: {name: said}, inner) for name in ("$contains", "$every", "$not")),
        st.builds(lambda said: {"$present-all": [*{repr(item): item for item in said}.values()]}, several),
    )
    reference = st.fixed_dictionaries({}, optional={"resourceType": inner, "id": inner})
    return st.one_of(
        members,
        st.lists(inner, max_size=3),
        operators,
        st.builds(lambda one, other: {**one, **other}, operators, operators),
        st.builds(lambda said, more: {**more, "$not": said}, inner, members),
        st.builds(lambda said: {"$reference": said}, reference),
        st.builds(lambda said: {"$one-of": said}, several),
    )


PATTERNS = st.recursive(LEAVES, _composed, max_leaves=10)
POLICIES = _composed(PATTERNS).filter(lambda said: isinstance(said, dict))
"""Whole patterns, which are maps."""

YES, UNTOLD, NO = 1.0, 0.5, 0.0
ABSENT = object()


def compiled(pattern: Any) -> Evaluator:
    def no_branch(_policy: object, _pointer: str) -> Evaluator:
        raise AssertionError("this engine has no branches")

    return ENGINE.compile(AccessPolicy("p", "matcho", {"matcho": pattern}), no_branch)


def naive(said: Any, value: Any, document: Any) -> float:
    """Whether a value matches, as a number: all is the least, any the greatest, not is what is missing to one."""
    if isinstance(said, dict):
        parts = [naive_operator(key, said[key], value, document) for key in said if key.startswith("$")]
        keys = [key for key in said if not key.startswith("$")]
        if keys or not parts:
            parts.append(float(isinstance(value, dict)))
        if keys and isinstance(value, dict):
            parts += [naive(said[key], value.get(key, ABSENT), document) for key in keys]
        return min(parts)
    if isinstance(said, list):
        padded = value + [ABSENT] * len(said) if isinstance(value, list) else []
        parts = [naive(item, padded[index], document) for index, item in enumerate(said) if padded]
        return min([float(isinstance(value, list)), *parts])
    return naive_text(said, value, document) if isinstance(said, str) else float(alike(value, said))


def naive_text(said: str, value: Any, document: Any) -> float:
    if said.startswith("."):
        there = at(said, document)
        return UNTOLD if there is ABSENT else float(alike(value, there))
    if said.startswith("#"):
        return float(isinstance(value, str) and re.search(said[1:].replace("$", r"\Z"), value) is not None)
    words = {
        "present?": value is not ABSENT and value is not None,
        "nil?": value is ABSENT or value is None,
        "not-blank?": isinstance(value, str) and len(value) > 0,
    }
    return float(words.get(said, alike(value, said)))


def naive_operator(name: str, said: Any, value: Any, document: Any) -> float:
    if name in ("$contains", "$every", "$present-all", "$length"):
        return naive_list(name, said, value, document) if isinstance(value, list) else NO
    if name == "$not":
        return 1 - naive(said, value, document)
    if name == "$enum":
        return float(any(alike(value, item) for item in said))
    if name == "$reference":
        return naive_reference(said, value, document)
    assert name == "$one-of"
    if isinstance(said, list):
        return max(naive(item, value, document) for item in said)
    there = at(said, document)
    if not isinstance(there, list):
        return UNTOLD
    return max((UNTOLD if item is None else float(alike(value, item)) for item in there), default=NO)


def naive_list(name: str, said: Any, value: list[Any], document: Any) -> float:
    match name:
        case "$length":
            return float(len(value) == said)
        case "$contains":
            return max((naive(said, item, document) for item in value), default=NO)
        case "$every":
            return min((naive(said, item, document) for item in value), default=YES)
    return min(naive_list("$contains", one, value, document) for one in said)


def naive_reference(said: Any, value: Any, document: Any) -> float:
    if not isinstance(value, (str, dict)):
        return NO
    text = value if isinstance(value, str) else value.get("reference")
    parts = text.split("/") if isinstance(text, str) else []
    if len(parts) != 2 or not parts[0][:1].isupper() or not parts[1].isalnum():
        return UNTOLD
    return naive(said, {"resourceType": parts[0], "id": parts[1]}, document)


def at(path: str, document: Any) -> Any:
    value = document
    for step in path[1:].split("."):
        if isinstance(value, list) and step.isdigit() and int(step) < len(value):
            value = value[int(step)]
        elif isinstance(value, dict) and step in value:
            value = value[step]
        else:
            return ABSENT
    return ABSENT if value is None else value


def alike(one: Any, other: Any) -> bool:
    """Whether two values are equal as JSON."""
    if type(one) in (int, float) and type(other) in (int, float):
        return bool(one == other)
    if type(one) is not type(other):
        return False
    if isinstance(one, dict):
        return one.keys() == other.keys() and all(alike(one[key], other[key]) for key in one)
    if isinstance(one, list):
        return len(one) == len(other) and all(map(alike, one, other))
    return bool(one == other)
