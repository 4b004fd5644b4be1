"""The engine decides as a second, naive evaluator does; what it declares to read and to need is true; so is what it explains."""

from __future__ import annotations

from typing import Any

from hypothesis import assume, given, settings
from hypothesis import strategies as st
from matcho_patterns import DOCUMENTS, KEYS, NO, POLICIES, UNTOLD, YES, compiled, naive

from falconbox import All, PolicyInvalid, Undetermined
from falconbox.testing import asked, holds

ANSWERS = {YES: True, UNTOLD: None, NO: False}


def accepted(pattern: Any) -> Any:
    """Return the evaluator; a pattern that can never match is not generated on purpose."""
    try:
        return compiled(pattern)
    except PolicyInvalid as refusal:
        assert all("can never match" in problem.detail for problem in refusal.problems)
        assume(False)


@settings(max_examples=400, deadline=None)
@given(POLICIES, st.lists(DOCUMENTS, min_size=1, max_size=5))
def test_the_engine_decides_as_a_naive_evaluator_does(pattern: Any, documents: list[dict[str, Any]]) -> None:
    evaluator = accepted(pattern)
    for document in documents:
        assert asked(evaluator, document) is ANSWERS[naive(pattern, document, document)]


@settings(max_examples=250, deadline=None)
@given(POLICIES, st.lists(DOCUMENTS, min_size=1, max_size=5), st.sets(KEYS))
def test_a_document_cut_down_to_the_keys_that_are_read_is_judged_and_explained_the_same(
    pattern: Any, documents: list[dict[str, Any]], more: set[str]
) -> None:
    evaluator = accepted(pattern)
    for document in documents:
        kept = document.keys() if isinstance(evaluator.reads, All) else evaluator.reads | more
        projected = {key: value for key, value in document.items() if key in kept}
        assert explained(evaluator, projected) == explained(evaluator, document)


@settings(max_examples=250, deadline=None)
@given(POLICIES, st.lists(DOCUMENTS, min_size=1, max_size=5))
def test_where_its_facets_do_not_hold_the_answer_is_no(pattern: Any, documents: list[dict[str, Any]]) -> None:
    evaluator = accepted(pattern)
    for document in documents:
        if not holds(evaluator.facets, document):
            assert asked(evaluator, document) is False


def explained(evaluator: Any, document: Any) -> Any:
    try:
        return evaluator.explain(document)
    except Undetermined as cannot_tell:
        return cannot_tell.detail


@settings(max_examples=200, deadline=None)
@given(POLICIES, DOCUMENTS)
def test_an_explanation_agrees_with_the_answer_and_points_into_the_policy(pattern: Any, document: Any) -> None:
    evaluator = accepted(pattern)
    answer = asked(evaluator, document)
    assume(answer is not None)
    verdict = evaluator.explain(document)
    assert verdict.matched is answer
    assert 1 <= len(verdict.reasons) <= 10
    for reason in verdict.reasons:
        value: Any = {"matcho": pattern}
        for token in reason.policy_pointer.split("/")[1:]:
            name = token.replace("~1", "/").replace("~0", "~")
            value = value[int(name)] if isinstance(value, list) else value[name]
        assert 0 < len(reason.message) < 1000
        assert answer or reason.details["path"] == [
            int(step) if step.isdigit() else step.replace("~1", "/").replace("~0", "~")
            for step in reason.pointer.split("/")[1:]
        ]
