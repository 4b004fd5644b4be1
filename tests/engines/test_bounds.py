"""A document is counted if it is plain JSON of a bounded size, and refused without a word of it otherwise."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from schemas_and_documents import DOCUMENTS

from falconbox import Undetermined
from falconbox.bounds import count_values
from falconbox.model import MAX_DEPTH
from falconbox.testing import HOSTILE, nested


def size(value: Any) -> int:
    members = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return 1 + sum(map(size, members))


@given(DOCUMENTS)
def test_plain_json_is_counted(document: dict[str, Any]) -> None:
    assert count_values(document) == size(document) - 1


@pytest.mark.parametrize("name", HOSTILE)
def test_what_passes_the_limits_of_a_request_document_passes(name: str) -> None:
    assert count_values(HOSTILE[name]) == size(HOSTILE[name]) - 1


SHARED: Any = "a"
for _ in range(40):
    SHARED = [SHARED, SHARED]


@pytest.mark.parametrize(
    ("value", "words"),
    [(nested(MAX_DEPTH), "deeper than 64"), (nested(100_000), "deeper than 64"), (["a"] * 100_000, "more than 100,000"), (SHARED, "more than 100,000"),
     (2**53 + 1, "2^53"), (-(10**400), "2^53"), (float("nan"), "not finite"), (float("-inf"), "not finite"), ("\ud800", "surrogate"),
     ({"\udc00": 1}, "surrogate"), ({1: 2}, "a int where a name"), ({None: 2}, "NoneType where a name"), (b"a", "a bytes"), ((1,), "a tuple"), ({1}, "a set"),
     (object(), "a object"), ({"a": [{"__extn": "secret"}]}, "a name __extn")],
)  # fmt: skip
def test_what_is_no_plain_json_is_refused_at_any_depth(value: Any, words: str) -> None:
    for document in ({"body": value}, {"body": {"secret": ["secret", value]}}):
        with pytest.raises(Undetermined) as refused:
            count_values(document, refused={"__entity", "__extn"})
        assert words in refused.value.detail
        assert "secret" not in refused.value.detail


def test_other_bounds_can_be_asked_for() -> None:
    assert count_values({"a": nested(MAX_DEPTH)}, deepest=MAX_DEPTH + 2) == MAX_DEPTH + 1
    for bounds in ({"deepest": 3}, {"most": 3}):
        with pytest.raises(Undetermined, match="3"):
            count_values({"a": nested(3)}, **bounds)
