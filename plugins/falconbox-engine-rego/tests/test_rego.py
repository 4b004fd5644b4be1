"""Modules are true, false, or cannot tell; they read nothing but the request; nothing ends the process."""

from __future__ import annotations

import json
from typing import Any, ClassVar

import pytest
from falconbox_engine_rego import MAX_LENGTH, MAX_VALUES, RegoEngine
from falconbox_engine_rego.module import MAX_NESTING, MAX_TOKENS
from falconbox_engine_rego.trying import TRIAL_ELSEWHERE
from hypothesis import example, given, settings
from hypothesis import strategies as st

from falconbox import ALL, AccessPolicy, PolicyInvalid, Undetermined
from falconbox.model import Effect
from falconbox.testing import Bad, Case, EngineContract, nested

PATIENT = {
    "request-method": "get", "uri": "/Patient/1", "params": {"_count": "10"}, "headers": {"host": "box"},
    "client": {"id": "app", "details": {"roles": ["reader", "writer"], "level": 3}},
}  # fmt: skip
READER = """
default allow := false
allow if {
    input["request-method"] == "get"
    startswith(input.uri, "/Patient")  # and below
    is_reader
}
is_reader if "reader" in input.client.details.roles
reasons contains "no \\"reader\\"\\n" if not is_reader
"""


def module(text: str) -> dict[str, Any]:
    return {"module": f"package falconbox\n{text}\n"}


class TestRego(EngineContract):
    engine = RegoEngine()
    cases: ClassVar = [
        Case(module(READER), PATIENT, True),
        Case(module(READER), {**PATIENT, "request-method": "post"}, False),
        Case(module(READER), {"request-method": "get", "uri": "/Patient"}, False),
        Case(module('allow if input.uri == "/Patient/1"'), PATIENT, True),
        Case(module('allow if input.uri == "/Patient/1"'), {"uri": "/x"}, None),
        Case(module("allow := count(input) < 3"), PATIENT, False),
        Case(module("default allow := false\nallow if input.body == input.body"), {"body": [1.5, "a"]}, True),
        Case(module('allow := "true"'), PATIENT, None),
        Case(module("allow := 1"), PATIENT, None),
        Case(module("allow contains true"), PATIENT, None),
        Case(module("allow := null"), PATIENT, None),
    ]
    bad: ClassVar = [
        Bad({}, "/module"), Bad({"module": ""}, "/module"), Bad(module("a" * MAX_LENGTH), "/module"), Bad(module("allow := ("), "/module"),
        Bad(module("allowed := true"), "/module"), Bad({"module": "allow := true"}, "/module"), Bad(module("allow := opa.runtime()"), "/module"),
    ]  # fmt: skip


def compiled(text: str, effect: Effect = Effect.ALLOW) -> Any:
    policy = AccessPolicy("p", "rego", module(text), effect=effect)
    return RegoEngine().compile(policy, lambda *_: pytest.fail("there is no branch"))


def told(text: str, document: dict[str, Any]) -> bool | None:
    try:
        return bool(compiled(text).evaluate(document))
    except Undetermined:
        return None


def refusal(text: str) -> str:
    with pytest.raises(PolicyInvalid) as refused:
        compiled(text)
    assert {problem.pointer for problem in refused.value.problems} == {"/module"}
    return "; ".join(problem.detail for problem in refused.value.problems)


# Texts and numbers.


@settings(deadline=None)
@given(st.text(), st.text(max_size=3))
@example("\n", "n")
@example('"', "\\")
@example("\x00a", "a")
@example("\\u0041", "A")
@example("\\", "\\")
@example("\x1f" * 6 + "\x07" * 3 + "\U00010000" * 2, "\U00010000" * 3)
def test_a_text_is_its_characters(text: str, other: str) -> None:
    literals = (json.dumps(text), json.dumps(other))
    if any(0xFFF00 <= ord(letter) <= 0xFFF5C for letter in text + other):
        return
    rules = """
        same if input.x == {0}
        named if input.names[{0}] == 1
        has := contains(input.x, {1})
        ends := endswith(input.x, {1})
        starts := startswith(input.x, {1})
        length := count(input.x)
        joined := concat("", [input.x, {1}]) == input.joined
    """.replace("{0}", literals[0]).replace("{1}", literals[1])  # fmt: skip
    wanted = f"allow := [named, has, ends, starts, length, joined] == [true, {', '.join(json.dumps(one) for one in (other in text, text.endswith(other), text.startswith(other), len(text), True))}]"
    assert told(f"{rules}\n{wanted}", {"x": text, "names": {text: 1}, "joined": text + other}) is True
    assert told(f"allow := input.x == {literals[0]}", {"x": text + "x"}) is False


@pytest.mark.parametrize("place", ["value", "name"])
def test_a_text_that_cannot_be_handed_over_cannot_be_told(place: str) -> None:
    document = {"x": "\U000fff22"} if place == "value" else {"x": {"\U000fff22": 1}}
    assert told("allow := input.x == input.x", document) is None
    assert "line 2" in refusal('allow := input.x == "\U000fff22"')


@pytest.mark.parametrize(
    "number", [0, 1, -1, 1.0, 1.5, 0.1, 1e-7, 123456789.123456789, 2**53, -(2**53), 1e22, 0.30000000000000004]
)
def test_a_number_keeps_its_digits(number: float) -> None:
    assert told(f"allow := input.x == {json.dumps(number)}", {"x": number}) is True
    assert told(f"allow := input.x == {json.dumps(number)}", {"x": number + 1 if abs(number) < 1e15 else 0}) is False


@pytest.mark.parametrize(
    ("text", "document", "answer"),
    [("allow := input.x == true", {"x": 1}, False), ("allow := input.x == 1.0", {"x": 1}, True), ("allow := true in input.x", {"x": [1]}, False), ("allow := to_number(input.x) == 10", {"x": "10"}, True),
     ("allow := to_number(input.x) == 10", {"x": "ten"}, None), ("default allow := false\nallow if not to_number(input.x)", {"x": "ten"}, None), ("allow := 1 / input.x == 1", {"x": 0}, None),
     ("default allow := false\nallow if startswith(input.x, \"a\")", {"x": 1}, None), ("allow := true\nallow := false", {}, None), ("allow := undefined_name", {}, None),
     ("default allow := false\nallow if { every x in input.l { x > 0 } }", {"l": [1, 2]}, True), ("default allow := false\nallow if { some x in input.l; x == 2 }", {"l": [1, 2]}, True), ("f(x) := x > 1\nallow := f(input.x)", {"x": 2}, True),
     ("default allow := false\nallow if input.l[_] == 2", {"l": [1, 2]}, True), ("import rego.v1\nimport input.client as c\nallow := c.id == \"app\"", PATIENT, True), ("default allow = false\nallow { input.x == 1 }", {"x": 1}, True)],
)  # fmt: skip
def test_it_answers_as_rego_says_and_fails_where_a_function_fails(
    text: str, document: dict[str, Any], answer: bool | None
) -> None:
    assert told(text, document) is answer


def test_a_deny_policy_is_asked_by_its_own_rule() -> None:
    evaluator = compiled('deny := input.uri == "/x"', Effect.DENY)
    assert (evaluator.evaluate({"uri": "/x"}), evaluator.evaluate({"uri": "/y"})) == (True, False)
    with pytest.raises(PolicyInvalid, match="no rule deny"):
        compiled("allow := true", Effect.DENY)


# What is read, and what it costs.


@pytest.mark.parametrize(
    ("text", "reads"),
    [("allow := input.uri == 1", {"uri"}), (READER, {"request-method", "uri", "client"}), ("allow := input == {}", ALL), ("allow := true", set()), ("allow := input[input.uri]", ALL), ("import input as i\nallow := i.x", ALL),
     ("import input.client as c\nallow := c.id", {"client"}), ("allow := input [`body`] . x", {"body"}), ('allow := input["u\\u0072i"] == 1', {"uri"}), ("allow := input[_]", ALL), ("# input\nallow := \"input\" == 1", set()), ("allow := object.get(input, \"body\", 1)", ALL)],
)  # fmt: skip
def test_the_keys_that_follow_input_are_declared(text: str, reads: Any) -> None:
    assert compiled(text).reads == reads


@pytest.mark.parametrize(
    ("text", "most"),
    [("allow if { some x in input.l; some y in input.l; x + y == -1 }", 315), ("allow if { input.l[i] + input.l[j] == -1 }", 315), ("f(x) if { some y in input.l; x == y }\nallow if { some x in input.l; f(x) }", 315),
     ("allow if\nsome x in input.l\nallow if { some x in input.l; x == 1; some y in input.l; some z in input.l; z == y }", 45), ("allow := count(input.l) == 1", MAX_VALUES - 1)],
)  # fmt: skip
def test_loops_in_loops_walk_through_no_more_than_is_bounded(text: str, most: int) -> None:
    evaluator = compiled(f"default allow := false\n{text}")
    with pytest.raises(Undetermined, match="holds"):
        evaluator.evaluate({"l": [1] * (most + 1)})
    evaluator.evaluate({"l": [1] * (most - 1), "params": ["x"] * 5000})


def test_the_letters_of_a_text_count_where_it_is_split() -> None:
    text = 'default allow := false\nallow if { some x in split(input.uri, ""); some y in split(input.uri, ""); x == y }'
    assert told(text, {"uri": "/a"}) is True
    assert told(text, {"uri": "/" + "a" * 400}) is None


@pytest.mark.parametrize(
    "value", [float("nan"), 2**53 + 1, {1: 2}, b"a", "\ud800", nested(64), nested(3000), [1] * MAX_VALUES]
)
def test_what_is_no_request_document_of_its_bounds_cannot_be_told(value: Any) -> None:
    assert told("allow := input.body == input.body", {"body": value}) is None


@pytest.mark.parametrize(
    ("text", "words"),
    [("allow := (", "at line 2"), ("a := b\nb := a\nallow := a", "rules that need themselves"), ("allow := 1 {", "at line 2: this is unclosed"), ("allow := 'a'", "line 2, character 10"), ("allow := lower(input.x)", "calls lower"), ("allow := start_with(input.x, \"a\")", "did you mean 'startswith'?"),
     ("allow := contains(input.x, \"\\q\")", "a text that is none, at line 2"), ("allow := true with input as {}", "has with"), ("import data.x\nallow := true", "imports data.x"), ("import rego.v1 as\nallow := true", "cannot be read"),
     ("allow := " + "(" * 20_000 + "1" + ")" * 20_000, "nests brackets"), ("allow := " + "(" * (MAX_NESTING + 1) + "1", "nests brackets"), ("allow := 1" + "+1" * (MAX_TOKENS // 2), "has more than 3000"),
     ("allow if { some a in input; some b in input; some c in input; some d in input }", "loops in loops")],
)  # fmt: skip
def test_what_cannot_be_judged_is_refused_with_its_place(text: str, words: str) -> None:
    assert words in refusal(text)


def test_a_module_needs_its_package_first() -> None:
    for text in (
        "allow := true",
        "",
        "# nothing",
        "allow := true\npackage falconbox",
        "package",
        "package a[1]\nallow := true",
        "package falconbox.if\nallow := true",
    ):
        with pytest.raises(PolicyInvalid, match="package"):
            RegoEngine().compile(AccessPolicy("p", "rego", {"module": text}), lambda *_: pytest.fail("no branch"))
    nested_package = AccessPolicy("p", "rego", {"module": "# mine\n\npackage a.b\nallow := true"})
    assert RegoEngine().compile(nested_package, lambda *_: pytest.fail("no branch")).evaluate({}) is True


def test_the_reasons_of_a_module_are_shown_as_they_are_written() -> None:
    reasons = compiled(READER).explain({"uri": "/x"}).reasons
    assert [reason.message for reason in reasons] == ["the rule allow is false", "the module says: 'no \"reader\"\\n'"]
    many = compiled("allow := true\nreasons contains x if some x in input.l").explain(
        {"l": [str(number) for number in range(50)]}
    )
    assert len(many.reasons) == 10


def test_what_regopy_does_not_survive_ends_another_process() -> None:
    for number in range(3):
        TRIAL_ELSEWHERE._running().kill()
        TRIAL_ELSEWHERE._process.wait()
        with pytest.raises(PolicyInvalid, match="could be compiled"):
            compiled(f"allow := {number}")
        assert compiled(f"allow := input.x == {number}").evaluate({"x": number}) is True
