"""Expressions of ECMA-262 in linear time: found anywhere, refused in words, shared, and read for what they accept."""

from __future__ import annotations

import gc
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from falconbox.regex import Regex, fault, strings


@pytest.mark.parametrize(
    ("text", "inside", "found"),
    [("b", "abc", True), ("^b", "abc", False), ("^abc$", "abc", True), ("^abc$", "abc\n", False), (r"^\d+$", "12", True),
     (r"^\d+$", "\u0663", False), ("", "", True), ("^a|c$", "xc", True), ("[.]", "a", False)],
)  # fmt: skip
def test_an_expression_is_found_anywhere_and_a_dollar_is_the_end_of_the_text(
    text: str, inside: str, found: bool
) -> None:
    assert Regex(text).is_found_in(inside) is found


@pytest.mark.parametrize(
    ("text", "why"),
    [("(", "no regular expression"), ("a**", "no regular expression"), ("(?=a)", "linear time"), (r"(a)\1", "linear time"),
     ("a{100000}", "too large"), ("(?i)a", "no regular expression of ECMA-262: flags are for a group, as in (?i:...)"),
     ("(?P<n>a)", "(?<name>...)"), (r"^a\Z", "^ and $"), ("^/[a", "a [ is not closed"), (r"^/(a\)", "not every ( has its )")],
)  # fmt: skip
def test_an_expression_that_cannot_be_used_is_refused_in_words(text: str, why: str) -> None:
    assert why in str(fault(text))
    with pytest.raises(ValueError, match=re.escape(why)):
        Regex(text)


def test_nested_repetition_ends() -> None:
    """A matcher that backtracks takes longer than anybody waits."""
    assert not Regex("^(a+)+$").is_found_in("a" * 100_000 + "!")


def test_equal_expressions_are_one_as_long_as_somebody_holds_them() -> None:
    text = "^/kept/[0-9]+$"
    held = Regex.of(text)
    assert Regex.of(text) is held
    assert text in Regex.shared
    del held
    gc.collect()
    assert text not in Regex.shared


LETTERS = st.text(st.sampled_from("ab/.-$^|*+?{}()\\[]1,"), max_size=8)
GROUPS = st.lists(
    st.sampled_from(["(", ")", "|", "(?:", "[", "]", "[^", "a", "/", "$", "\\", "*", "?"]), max_size=10
).map(lambda parts: "^/a" + "".join(parts))


@given(
    LETTERS | GROUPS,
    st.text(st.sampled_from("ab/.-1|()[]"), max_size=6) | st.sampled_from(["/a", "/ab", "/a/", "b", "/", ""]),
)
def test_no_text_in_which_it_is_found_is_outside_of_what_it_is_said_to_accept(text: str, inside: str) -> None:
    if fault(text) is None and Regex(text).is_found_in(inside):
        accepted = strings(text)
        assert accepted.values is None or inside in accepted.values
        assert inside.startswith(accepted.prefix or "")


@pytest.mark.parametrize(
    ("text", "values", "prefix"),
    [("^/Patient$", {"/Patient"}, None), ("^/Patient/", None, "/Patient/"), ("^/Patients?$", None, "/Patient"),
     ("^/Patient(/|$)", None, "/Patient"), ("^/Patient(?:/[^/|]+|)$", None, "/Patient"), ("^/a(b|(c|d))?/[0-9|]", None, "/a"), (r"^/a\|b", None, "/a"),
     ("^/a(b|c)|d", None, None), (r"^/a(b\))|c", None, None), ("^/a[(]|b", None, None), ("^/a([)]|b)", None, "/a"), ("^/a[[](|)", None, None),
     (r"^\/a\.b$", {"/a.b"}, None), ("^/a|/b", None, None), ("/Patient", None, None), ("^a*", None, None)],
)  # fmt: skip
def test_a_literal_start_is_read_as_a_prefix_and_with_its_end_as_one_text(
    text: str, values: set[str] | None, prefix: str | None
) -> None:
    assert (strings(text).values, strings(text).prefix) == (values, prefix)
