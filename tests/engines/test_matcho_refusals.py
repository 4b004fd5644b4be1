"""What is no pattern, has two readings or can never match is refused by name, with what to write instead."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from matcho_patterns import compiled

from falconbox import PolicyInvalid
from falconbox.bounds import MAX_BODY_CHARACTERS, MAX_BODY_VALUES
from falconbox.model import MAX_DEPTH
from falconbox.regex import Regex
from falconbox_matcho.checking import MAX_REGEXES, OPERATORS


def refused(pattern: Any) -> dict[str, str]:
    """Pointers and details of everything that is wrong with a pattern."""
    with pytest.raises(PolicyInvalid) as raised:
        compiled(pattern)
    assert all(problem.detail for problem in raised.value.problems)
    return {problem.pointer: problem.detail for problem in raised.value.problems}


REFUSED: dict[str, tuple[Any, str, str]] = {
    "a word as a key": ({"user": {"present?": True}}, "/matcho/user/present?", "write `name: present?`"),
    "a wrong word as a key": ({"user": {"not-nil?": True}}, "/matcho/user/not-nil?", "write `name: present?`"),
    "not-nil?": ({"a": "not-nil?"}, "/matcho/a", "write present?"),
    "a misspelt word": ({"a": "not-blnk?"}, "/matcho/a", "did you mean 'not-blank?'"),
    "a word that nobody knows": ({"a": "xyzzy?"}, "/matcho/a", "known: nil?, not-blank?, present?"),
    "a misspelt operator": ({"a": {"$one-off": [1]}}, "/matcho/a/$one-off", "did you mean '$one-of'"),
    "an operator of another dialect": ({"a": {"$in": [1]}}, "/matcho/a/$in", "write $enum"),
    "an operator that nobody knows": ({"a": {"$xyzzy": 1}}, "/matcho/a/$xyzzy", "known: $contains, "),
    "an unquoted regular expression": ({"uri": None}, "/matcho/uri", "put a regular expression into quotes"),
    "null deeper down": ({"a": [{"$not": None}]}, "/matcho/a/0/$not", "write nil?"),
    "null in an enum": ({"a": {"$enum": ["x", None]}}, "/matcho/a/$enum/1", "is null"),
    "a path in a regular expression": ({"uri": "#^/Patient/.user.id$"}, "/matcho/uri", ".user.id is no path within"),
    "a path with a slash in one": ({"uri": "#/x/.params.resource/id"}, "/matcho/uri", r"for a real dot write \.params"),
    "a path behind a backslash": ({"uri": "#\\\\.client"}, "/matcho/uri", ".client is no path"),
    "an empty regular expression": ({"a": "#"}, "/matcho/a", "write present?"),
    "no regular expression": ({"a": "#("}, "/matcho/a", "no regular expression of ECMA-262"),
    "look-ahead": ({"body": {"sql": "#^(?!.*DROP).*"}}, "/matcho/body/sql", "look-around"),
    "a regular expression that grows": ({"a": "#a{100000}"}, "/matcho/a", "too large"),
    "a path without steps": ({"a": "."}, "/matcho/a", "is no path"),
    "a path with an empty step": ({"a": ".user..id"}, "/matcho/a", "is no path"),
    "a path as a key": ({".user.id": 1}, "/matcho/.user.id", "stands as the value"),
    "a regular expression as a key": ({"#x": 1}, "/matcho/#x", "stands as the value"),
    "$one-of with other keys": ({"params": {"x": 1, "$one-of": [{"y": 2}]}}, "/matcho/params/$one-of", "stands alone"),
    "$one-of with other operators": ({"a": {"$one-of": [1], "$not": 2}}, "/matcho/a/$one-of", "stands alone"),
    "$one-of of nothing": ({"a": {"$one-of": []}}, "/matcho/a/$one-of", "not empty"),
    "$one-of of a text": ({"a": {"$one-of": "x"}}, "/matcho/a/$one-of", "a list of patterns or a .path to one"),
    "$enum of nothing": ({"a": {"$enum": []}}, "/matcho/a/$enum", "not empty"),
    "$enum of a text": ({"a": {"$enum": "x"}}, "/matcho/a/$enum", "must be a list"),
    "$enum of maps": ({"a": {"$enum": [{"x": 1}]}}, "/matcho/a/$enum/0", "for patterns: $one-of"),
    "$enum beside keys": ({"a": {"$enum": [1], "x": 1}}, "/matcho/a", "can never match"),
    "$length beside keys": ({"a": {"$length": 1, "x": 1}}, "/matcho/a", "can never match"),
    "$contains beside $reference": ({"a": {"$contains": 1, "$reference": {"id": "x"}}}, "/matcho/a", "can never match"),
    "$length that is no count": ({"a": {"$length": True}}, "/matcho/a/$length", "must be a number of items"),
    "$length below zero": ({"a": {"$length": -1}}, "/matcho/a/$length", "must be a number of items"),
    "$length with a fraction": ({"a": {"$length": 1.5}}, "/matcho/a/$length", "must be a number of items"),
    "$present-all of a path": ({"a": {"$present-all": ".b"}}, "/matcho/a/$present-all", "a list of patterns, and"),
    "$present-all with one twice": ({"a": {"$present-all": [{"x": 1, "y": 2}, {"y": 2, "x": 1}]}}, "/matcho/a/$present-all", "twice"),
    "$reference to a text": ({"a": {"$reference": "Patient/1"}}, "/matcho/a/$reference", "must be a map"),
    "$reference to a reference": ({"a": {"$reference": {"reference": "Patient/1"}}}, "/matcho/a/$reference/reference", "resourceType and id"),
}  # fmt: skip


@pytest.mark.parametrize(("pattern", "pointer", "words"), REFUSED.values(), ids=REFUSED)
def test_it_is_refused_where_it_stands_with_what_to_write(pattern: Any, pointer: str, words: str) -> None:
    found = refused(pattern)
    assert words in found[pointer]


ACCEPTED: dict[str, Any] = {
    "a dot that is any letter": {"uri": "#^/Patient/.+$"},
    "an escaped dot": {"jwt": {"iss": r"#^https://auth\.client\.example$"}},
    "a letter and a longer word": {"uri": "#^/.users"},
    "a question": {"params": {"q": "what is it?"}},
    "a word as plain text": {"a": {"$enum": ["really?", "#x", ".y"]}},
    "keys with dots and colons": {"params": {"subject:Patient.name": "x", "_has:Consent:patient:actor": "y"}},
    "a reference that is readable": {"a": {"$reference": "present?"}},
    "a reference that is elsewhere": {"a": {"$reference": ".jwt.patient"}},
    "operators in a reference": {"a": {"$reference": {"$one-of": [{"id": "x"}, {"resourceType": "Group"}]}}},
    "a reference beside keys": {"a": {"$reference": {"id": "x"}, "display": "X"}},
    "several list operators": {"a": {"$length": 2, "$present-all": [1, 2], "$every": 1, "$contains": 2}},
    "a negation beside keys": {"a": {"$not": {"x": 1}, "y": 2}},
    "an empty pattern": {},
}


@pytest.mark.parametrize("pattern", ACCEPTED.values(), ids=ACCEPTED)
def test_what_only_looks_like_a_mistake_is_accepted(pattern: Any) -> None:
    assert compiled(pattern).evaluate({}) in (True, False)


def test_everything_that_is_wrong_is_told_at_once_in_the_order_of_its_place() -> None:
    found = refused({"c": {"$oneof": 1}, "a": None, "b": ["#(", {"$length": "x"}]})
    assert [*found] == ["/matcho/a", "/matcho/b/0", "/matcho/b/1/$length", "/matcho/c/$oneof"]


@pytest.mark.parametrize("value", [None, [], "present?", "#x", 5, True])
def test_a_pattern_of_a_request_is_a_map(value: Any) -> None:
    assert refused(value) == {"/matcho": "must be a map of patterns"}


def nested(levels: int) -> Any:
    value: Any = 1
    for _ in range(levels):
        value = {"a": value}
    return value


BEYOND: dict[str, tuple[Any, str]] = {
    "one level more": (nested(MAX_DEPTH), "deeper than"),
    "many levels": (nested(100_000), "deeper than"),
    "many values": ({"a": [1] * MAX_BODY_VALUES}, "more than"),
    "many letters": ({"a": "x" * MAX_BODY_CHARACTERS}, "longer than"),
    "not a number": ({"a": float("nan")}, "not finite"),
    "a set": ({"a": {1}}, "not JSON"),
    "a key that is no text": ({1: 2}, "a name is wanted"),
    "half a character": ({"a": "\ud800"}, "not Unicode"),
    "a large integer": ({"a": 2**60}, "2^53"),
}


@pytest.mark.parametrize(("pattern", "words"), BEYOND.values(), ids=BEYOND)
def test_a_pattern_beyond_its_bounds_is_refused_as_a_whole(pattern: Any, words: str) -> None:
    found = refused(pattern)
    assert [*found] == ["/matcho"]
    assert words in found["/matcho"]


def test_of_too_many_regular_expressions_none_is_compiled() -> None:
    texts = [f"never compiled {number}" for number in range(MAX_REGEXES + 1)]
    assert "more than 200 regular expressions" in refused({"a": [f"#{text}" for text in texts]})["/matcho"]
    assert not any(text in Regex.shared for text in texts)


def test_a_pattern_at_its_bounds_is_compiled() -> None:
    assert compiled(nested(MAX_DEPTH - 1)).evaluate({}) is False
    assert compiled({"a": [f"#{number}$" for number in range(MAX_REGEXES)]}).evaluate({}) is False


@pytest.mark.parametrize("operator", OPERATORS)
@given(said=st.recursive(st.none() | st.booleans() | st.integers(-2, 2) | st.text(max_size=3), lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=3), inner, max_size=2), max_leaves=4))  # fmt: skip
def test_whatever_an_operator_is_given_is_compiled_or_refused(operator: str, said: Any) -> None:
    try:
        evaluator = compiled({"a": {operator: said}})
    except PolicyInvalid as refusal:
        assert all(problem.pointer.startswith("/matcho") and problem.detail for problem in refusal.problems)
    else:
        assert evaluator.reads == {"a"} or "." in repr(said)
