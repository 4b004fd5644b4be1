"""What explanations quote is short, on one line, and told apart from the sentence around it."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from falconbox.wording import MAX_QUOTED, did_you_mean, listed, never, pointer_to, quoted

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


@given(JSON)
def test_any_value_is_quoted_in_short_and_in_letters_that_print(value: Any) -> None:
    for text in (quoted(value), listed([value, value])):
        assert text.isprintable()
        assert len(text) <= 12 * MAX_QUOTED


def test_of_a_deep_or_long_value_no_more_is_looked_at_than_is_quoted() -> None:
    deep: Any = []
    for _ in range(100_000):
        deep = [deep]
    assert quoted(deep) == "[" * MAX_QUOTED + "..."
    assert quoted(["x" * 50] * 1_000_000).startswith('["xxxx')
    while deep:  # a list this deep may not be left to the collector
        deep = deep.pop()


@pytest.mark.parametrize(
    ("value", "text"),
    [("a\n'b", '"a\\n\'b"'), (None, "null"), (True, "true"), (1.0, "1.0"), ({"a": [1, "x"]}, '{"a": [1, "x"]}')],
)
def test_a_value_is_quoted_as_it_is_written(value: Any, text: str) -> None:
    assert quoted(value) == text


def test_a_path_is_told_as_a_json_pointer() -> None:
    assert pointer_to(["params", "resource/id", 0, "a~b"]) == "/params/resource~1id/0/a~0b"
    assert pointer_to([]) == ""


def test_the_closest_known_name_is_offered_and_nothing_far_away() -> None:
    assert did_you_mean("schem", ["schema", "matcho"]) == "; did you mean 'schema'?"
    assert did_you_mean("x", ["schema"]) == ""


def test_what_no_request_can_have_is_told() -> None:
    assert "slash" in never("uri", "Encounter")
    assert "lower case" in never("request-method", "GET")
    assert never("uri", "/a") == never("request-method", "get") == never("params", "GET") == never("uri", 5) == ""
