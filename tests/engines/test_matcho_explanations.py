"""Why a request does not match: what was expected, but what was there, and where, in a sentence and for programs."""

from __future__ import annotations

import json
from typing import Any

import pytest
from matcho_patterns import compiled

from falconbox import Undetermined

DOCUMENT: dict[str, Any] = {
    "request-method": "post", "uri": "/Encounter", "params": {"resource/type": "Encounter", "practitioner": "pr-2"},
    "client": {"id": "app", "details": {"roles": ["nurse"], "practitioner": "pr-1"}},
    "body": {"subject": {"reference": "Patient/2"}, "participant": [{"id": "a"}, {"id": "b"}]},
}  # fmt: skip

SENTENCES: list[tuple[Any, str, str, str]] = [
    ({"request-method": "get"}, "request-method is 'post', the policy wants 'get'", "/request-method", "/matcho/request-method"),
    ({"request-method": "POST"}, "request-method is 'post', the policy wants 'POST'; request-method is in lower case, so no request ever has 'POST'",
     "/request-method", "/matcho/request-method"),
    ({"uri": {"$enum": ["Encounter"]}}, "uri is '/Encounter', the policy wants one of 'Encounter'; every uri starts with a slash, so no request ever has 'Encounter'",
     "/uri", "/matcho/uri/$enum"),
    ({"uri": "#^/Patient"}, "uri is '/Encounter', the policy wants a match of '^/Patient'", "/uri", "/matcho/uri"),
    ({"params": {"practitioner": ".client.details.practitioner"}},
     "params/practitioner is 'pr-2', the policy wants what stands at .client.details.practitioner", "/params/practitioner", "/matcho/params/practitioner"),
    ({"params": {"resource/type": "Patient"}}, "params/resource~1type is 'Encounter', the policy wants 'Patient'", "/params/resource~1type", "/matcho/params/resource~1type"),
    ({"user": {"id": "x"}}, "user is not there, the policy wants a map with id; no request has user: who asks is in client and jwt", "/user", "/matcho/user"),
    ({"jwt": "present?"}, "jwt is not there, the policy wants something there", "/jwt", "/matcho/jwt"),
    ({"body": {"participant": ["present?", "present?", {"id": "c"}]}}, "body/participant/2 is not there, the policy wants a map with id", "/body/participant/2", "/matcho/body/participant/2"),
    ({"body": "nil?"}, 'body is {"subject": {"reference": "Patient/2"}, "participant": [{"id": "a"}, {"id": "b"}..., the policy wants nothing there', "/body", "/matcho/body"),
    ({"client": {"details": {"roles": {"$contains": "doctor"}}}}, "client/details/roles is [\"nurse\"], the policy wants a list with an item that is 'doctor'",
     "/client/details/roles", "/matcho/client/details/roles/$contains"),
    ({"body": {"participant": {"$every": {"id": "a"}}}}, "body/participant/1/id is 'b', the policy wants 'a'", "/body/participant/1/id", "/matcho/body/participant/$every/id"),
    ({"body": {"participant": {"$length": 1}}}, 'body/participant is [{"id": "a"}, {"id": "b"}], the policy wants a list of 1 items', "/body/participant", "/matcho/body/participant/$length"),
    ({"body": {"subject": {"$reference": {"id": "1"}}}}, "the reference at body/subject: id is '2', the policy wants '1'", "/body/subject", "/matcho/body/subject/$reference"),
    ({"client": {"id": {"$not": "app"}}}, "client/id is 'app', the policy wants anything but 'app'", "/client/id", "/matcho/client/id/$not"),
    ({"$not": {"uri": "present?"}}, "the request is something else, the policy wants anything but a map with uri", "", "/matcho/$not"),
]  # fmt: skip


@pytest.mark.parametrize(("pattern", "sentence", "pointer", "policy_pointer"), SENTENCES)
def test_a_sentence_says_what_is_there_and_what_is_wanted(
    pattern: Any, sentence: str, pointer: str, policy_pointer: str
) -> None:
    (reason,) = compiled(pattern).explain(DOCUMENT).reasons
    assert (reason.message, reason.pointer, reason.policy_pointer) == (sentence, pointer, policy_pointer)


def test_programs_get_expected_but_and_path_as_aidbox_gives_them() -> None:
    (reason,) = compiled({"client": {"details": {"roles": ["doctor"]}}}).explain(DOCUMENT).reasons
    assert reason.details == {"expected": "doctor", "but": "nurse", "path": ["client", "details", "roles", 0]}
    (reason,) = compiled({"jwt": {"sub": "x"}}).explain(DOCUMENT).reasons
    assert reason.details == {"expected": {"sub": "x"}, "but": None, "path": ["jwt"]}


def test_of_several_keys_each_that_does_not_match_is_told() -> None:
    verdict = compiled({"uri": "/a", "request-method": "post", "jwt": {"sub": "x"}}).explain(DOCUMENT)
    assert [reason.pointer for reason in verdict.reasons] == ["/jwt", "/uri"]


def test_of_alternatives_it_is_told_why_each_does_not_match() -> None:
    verdict = compiled({"uri": {"$one-of": ["/a", {"$not": "#^/E"}]}}).explain(DOCUMENT)
    assert [(reason.code, reason.policy_pointer) for reason in verdict.reasons] == [
        ("$one-of", "/matcho/uri/$one-of"), ("equal", "/matcho/uri/$one-of/0"), ("$not", "/matcho/uri/$one-of/1/$not"),
    ]  # fmt: skip
    assert verdict.reasons[0].message == "uri matches none of 2 alternatives"


def test_a_pattern_of_present_all_that_nothing_matches_is_told() -> None:
    (reason,) = (
        compiled({"body": {"participant": {"$present-all": [{"id": "a"}, {"id": "c"}]}}}).explain(DOCUMENT).reasons
    )
    assert (reason.code, reason.policy_pointer) == ("$present-all", "/matcho/body/participant/$present-all/1")


@pytest.mark.parametrize(
    ("pattern", "sentence"),
    [
        ({"params": {"practitioner": ".jwt.sub"}}, "params/practitioner is to be what stands at .jwt.sub, and nothing stands there"),
        ({"params": {"practitioner": {"$not": ".jwt.sub"}}}, "params/practitioner is to be what stands at .jwt.sub, and nothing stands there"),
        ({"params": {"practitioner": {"$one-of": ".jwt.all"}}}, "params/practitioner is to be one of the values at .jwt.all, and no list of values stands there"),
        ({"body": {"participant": {"$contains": {"id": ".jwt.sub"}}}}, "; ".join(
            f"body/participant/{index}/id is to be what stands at .jwt.sub, and nothing stands there" for index in (0, 1))),
        ({"uri": {"$reference": {"id": "1"}}}, "uri is '/Encounter', the policy wants a reference such as 'Patient/1'"),
    ],
)  # fmt: skip
def test_what_cannot_be_told_says_on_what_it_depends(pattern: Any, sentence: str) -> None:
    for ask in (compiled(pattern).evaluate, compiled(pattern).explain):
        with pytest.raises(Undetermined) as raised:
            ask(DOCUMENT)
        assert raised.value.detail == sentence


def test_a_match_says_so_and_an_empty_pattern_that_it_is_empty() -> None:
    assert (
        compiled({"uri": "/Encounter"}).explain(DOCUMENT).reasons[0].message
        == "the request matches the policy's pattern"
    )
    assert "empty" in compiled({}).explain(DOCUMENT).reasons[0].message


def test_long_values_are_cut_in_sentence_and_details_and_no_document_rearranges_the_sentence() -> None:
    document = {
        "uri": "/" + "a" * 10_000,
        "params": {"a": "x\n\u202e'; the policy wants nothing", "b": {"c": ["d" * 100] * 1000}},
    }
    verdict = compiled({"uri": "/b", "params": {"a": "y", "b": "nil?"}}).explain(document)
    assert len(verdict.reasons) == 3
    for reason in verdict.reasons:
        assert len(reason.message) < 300
        assert reason.message.isprintable()
        assert len(json.dumps(reason.details)) < 500


def test_a_long_policy_is_cut_in_the_sentence_too() -> None:
    deep: object = {"$enum": ["x" * 500, "y"]}
    for number in range(15):
        deep = {"$not": {"$not": {"a" * 50 + str(number): deep}}}
    (reason,) = compiled({"k" * 5000: {f"{number}": 1 for number in range(1000)}}).explain({}).reasons
    assert len(reason.message) < 500
    for reason in compiled({"a": {"b": deep}}).explain({"a": {"b": {}}}).reasons:
        assert len(reason.message) < 700


def test_there_are_at_most_ten_reasons() -> None:
    assert len(compiled({f"k{number}": 1 for number in range(50)}).explain({}).reasons) == 10
