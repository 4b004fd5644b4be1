"""Aidbox's documented policies decide here what its documentation says, and each pattern what its row says."""

from __future__ import annotations

from typing import Any

import pytest
from deciding import decided, golden

from falconbox import AccessPolicy, Undetermined
from falconbox_matcho import MatchoEngine

DECISIONS = [
    pytest.param(entry["policy"], asked, id=f"{entry['policy']['id']}-{number}")
    for entry in [*golden("aidbox_policies"), *golden("aidbox_complex")]
    for number, asked in enumerate(entry["decisions"])
]
ANSWERS = {"yes": True, "no": False, "untold": None}
ROWS = [
    pytest.param(entry["pattern"], document, answer, id=f"{entry['rule']}-{said}-{number}")
    for entry in golden("matcho_patterns")
    for said, answer in ANSWERS.items()
    for number, document in enumerate(entry.get(said, ()))
]


@pytest.mark.parametrize(("policy", "asked"), DECISIONS)
def test_a_documented_policy_decides_as_it_is_documented(policy: dict[str, Any], asked: dict[str, Any]) -> None:
    (effect,) = {"allow", "deny"} & asked.keys()
    decision = decided([policy], asked[effect], asked.get("client"))
    assert decision.allow is (effect == "allow")
    assert decision.by == ((policy["id"],) if decision.allow else ())


def test_each_documented_policy_is_asked_for_both_answers_but_the_one_that_always_allows() -> None:
    for entry in [*golden("aidbox_policies"), *golden("aidbox_complex")]:
        effects = {effect for asked in entry["decisions"] for effect in ("allow", "deny") if effect in asked}
        assert effects == ({"allow"} if entry["policy"]["engine"] == "allow" else {"allow", "deny"})


@pytest.mark.parametrize(("pattern", "document", "answer"), ROWS)
def test_a_pattern_says_of_a_document_what_its_row_says(pattern: Any, document: Any, answer: bool | None) -> None:
    evaluator = MatchoEngine().compile(AccessPolicy("p", "matcho", {"matcho": pattern}), no_branch)
    if answer is None:
        with pytest.raises(Undetermined, match=r"\w"):
            evaluator.evaluate(document)
        with pytest.raises(Undetermined):
            evaluator.explain(document)
    else:
        assert evaluator.evaluate(document) is answer
        assert evaluator.explain(document).matched is answer


@pytest.mark.parametrize(("pattern", "document", "answer"), ROWS)
def test_what_cannot_be_told_never_allows_and_always_denies(pattern: Any, document: Any, answer: bool | None) -> None:
    allow = {"id": "p", "engine": "matcho", "matcho": pattern}
    assert decided([allow], document).allow is (answer is True)
    everything = {"id": "all", "engine": "allow"}
    assert decided([everything, {**allow, "effect": "deny"}], document).allow is (answer is False)


def no_branch(_policy: object, _pointer: str) -> Any:
    raise AssertionError("this engine has no branches")
