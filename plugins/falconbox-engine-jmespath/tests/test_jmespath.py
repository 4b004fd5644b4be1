"""Expressions are true, false, or cannot tell; and the engine keeps the contract of all engines."""

from __future__ import annotations

from typing import Any, ClassVar

import pytest
from falconbox_engine_jmespath import MAX_LENGTH, JMESPathEngine
from falconbox_engine_jmespath.interpreter import MAX_TEXT
from falconbox_engine_jmespath.reading import MAX_BRACKETS, MAX_NESTING
from hypothesis import given, settings
from hypothesis import strategies as st

from falconbox import ALL, AccessPolicy, PolicyInvalid, Undetermined
from falconbox.testing import Bad, Case, EngineContract

PATIENT = {
    "request-method": "get", "uri": "/Patient", "params": {"_count": "10"}, "headers": {"host": "box"},
    "client": {"id": "app", "details": {"roles": ["reader", "writer"], "level": 3}},
}  # fmt: skip
READER = "\"request-method\" == 'get' && starts_with(uri, '/Patient') && contains(client.details.roles, 'reader')"


def expression(text: str) -> dict[str, Any]:
    return {"expression": text}


class TestJMESPath(EngineContract):
    engine = JMESPathEngine()
    cases: ClassVar = [
        Case(expression(READER), PATIENT, True),
        Case(expression(READER), {**PATIENT, "request-method": "post"}, False),
        Case(expression(READER), {"request-method": "get", "uri": "/Patient"}, None),
        Case(expression("client.details.level >= `3`"), PATIENT, True),
        Case(expression("client.details.level >= `3`"), {"client": {"details": {"level": "3"}}}, None),
        Case(expression("client.details.level == `3.0`"), PATIENT, True),
        Case(expression("client.details.level == `1`"), {"client": {"details": {"level": True}}}, False),
        Case(expression("client == null"), {"uri": "/"}, True),
        Case(expression("length(keys(@)) < `3`"), PATIENT, False),
        Case(expression("client.details.roles[?@ == 'admin'] | length(@) == `0`"), PATIENT, True),
        Case(expression("uri"), PATIENT, None),
        Case(expression("`1`"), PATIENT, None),
        Case(expression("client.id"), PATIENT, None),
        Case(expression("'true'"), PATIENT, None),
        Case(expression("[`true`]"), PATIENT, None),
    ]
    bad: ClassVar = [
        Bad({}, "/expression"), Bad(expression(""), "/expression"), Bad(expression("a" * (MAX_LENGTH + 1)), "/expression"),
        Bad(expression(" "), "/expression"), Bad(expression("uri =="), "/expression"),
        Bad(expression("nothing(uri)"), "/expression"), Bad(expression("contains(uri)"), "/expression"),
    ]  # fmt: skip


def compiled(text: str) -> Any:
    return JMESPathEngine().compile(
        AccessPolicy("p", "jmespath", expression(text)), lambda *_: pytest.fail("no branch")
    )


def refusal(text: str) -> str:
    with pytest.raises(PolicyInvalid) as refused:
        compiled(text)
    (problem,) = refused.value.problems
    assert problem.pointer == "/expression"
    return problem.detail


@pytest.mark.parametrize(
    ("text", "reads"),
    [("uri == '/x'", {"uri"}), (READER, {"request-method", "uri", "client", "details", "roles"}), ("keys(@)", ALL),
     ("*.id", ALL), ("client.*", ALL), ("`true`", set()), ("{a: body.b}.a", {"body", "b", "a"})],
)  # fmt: skip
def test_every_name_that_is_looked_up_is_declared(text: str, reads: Any) -> None:
    assert compiled(text).reads == reads


@pytest.mark.parametrize(
    ("text", "answer"),
    [("contains(a, `true`)", False), ("contains(a, `1.0`)", True), ("a == [`true`, 'x']", False), ("b == `{\"c\": 1}`", False),
     ("b == `{\"c\": true}`", True), ("b != `{\"c\": 1}`", True), ("contains(b, 'c')", None), ("a[1] == 'x'", True),
     ("a == [`1.0`, 'x']", True), ("a == b", False), ("contains('axb', a[1])", True), ("contains('axb', a[0])", None)],
)  # fmt: skip
def test_true_is_no_number_however_deep_inside(text: str, answer: bool | None) -> None:
    evaluator = compiled(text)
    document = {"a": [1, "x"], "b": {"c": True}}
    if answer is None:
        with pytest.raises(Undetermined):
            evaluator.evaluate(document)
    else:
        assert evaluator.evaluate(document) is answer


@pytest.mark.parametrize(
    "text", ["level < `3`", "!(level < `3`)", "level < `3` || uri == '/'", "level < uri", "`true` < `false`"]
)
def test_what_has_no_order_cannot_be_told_also_where_it_is_negated(text: str) -> None:
    with pytest.raises(Undetermined, match="compares by order"):
        compiled(text).evaluate({"uri": "/"})


def test_a_filter_leaves_out_what_has_no_order() -> None:
    evaluator = compiled("length(body[?level > `1`]) == `1`")
    assert evaluator.evaluate({"body": [{"level": 2}, {}, {"level": "x"}, {"level": None}]}) is True


@pytest.mark.parametrize(
    ("text", "number"),
    [("12", 12), ("-1.5e2", -150), ("1_000", None), (" 1", None), ("nan", None), ("Infinity", None), ("1e999", None),
     ("\u0661", None), ("0x10", None), ("1" * 4000, None), ("", None), (True, None), (7, 7)],
)  # fmt: skip
def test_only_what_json_calls_a_number_is_made_one(text: Any, number: Any) -> None:
    document = {"x": text}
    assert compiled("to_number(x) == null").evaluate(document) is (number is None)
    if number is not None:
        assert compiled(f"to_number(x) == `{number}`").evaluate(document) is True


@pytest.mark.parametrize("text", ["starts_with(client.id, `1`)", "client.id < `1`", "sum(client.id)"])
def test_what_cannot_tell_says_why_without_quoting_the_request(text: str) -> None:
    with pytest.raises(Undetermined) as cannot_tell:
        compiled(text).evaluate({"client": {"id": "a secret"}})
    assert "secret" not in cannot_tell.value.detail


@pytest.mark.parametrize(
    ("text", "failed"),
    [(READER, "starts_with(uri, '/Patient')"), ("uri && (uri == '/a' && uri == '/Encounter') && uri", "(uri == '/a' && uri == '/Encounter')"),
     ("uri == '/a' || uri == '/b && c'", "uri == '/a' || uri == '/b && c'"), ("!(uri == '/Encounter')", "!(uri == '/Encounter')")],
)  # fmt: skip
def test_a_no_names_the_first_condition_that_is_false(text: str, failed: str) -> None:
    (reason,) = compiled(text).explain({**PATIENT, "uri": "/Encounter"}).reasons
    assert (reason.message, reason.policy_pointer) == (f"{failed} is false", "/expression")


@pytest.mark.parametrize(
    ("text", "place"), [("uri == 'a' ]", 12), ("uri = 'a'", 5), ("uri ==", 7), ("'a", 1), ("contains(uri", 13)]
)
def test_a_mistake_is_told_with_its_place(text: str, place: int) -> None:
    assert refusal(text) == f"is no JMESPath expression, at character {place}"


@pytest.mark.parametrize(
    ("text", "words"),
    [("uri == `/Patient`", "no JSON between"), ("`NaN` == uri", "no JSON between"), ("`9007199254740993` == a", "2^53"),
     ("`1e999` == a", "2^53"), ("starts_with(uri)", "takes 2 arguments, not 1"), ("not_null()", "1 or more"), ("to_string(&uri) == 'x'", "no expression"),
     ("[&uri]", "no function takes"), ("&uri", "no function takes"), ("uri == &uri", "no function takes"), ("startswith(uri, 'a')", "no function startswith()")],
)  # fmt: skip
def test_what_would_mean_something_else_than_it_seems_is_refused(text: str, words: str) -> None:
    assert words in refusal(text)


@pytest.mark.parametrize(
    "text",
    ["&& x".join(["x "] * 400), "!" * 4000 + "uri", "(" * 1000 + "x" + ")" * 1000, "[" * 900, "{a:" * 900, "f(" * 900, "x[?" * 900,
     "*" + ".*" * 2000, "x | " * 900 + "x", "(" * (MAX_BRACKETS + 1) + "x" + ")" * (MAX_BRACKETS + 1), "`" + "[" * 2000 + "]" * 2000 + "`"],
)  # fmt: skip
def test_an_expression_that_nests_too_deep_is_refused(text: str) -> None:
    assert "nest" in refusal(text) or "is no JMESPath" in refusal(text)


@pytest.mark.parametrize(
    "text",
    [
        "[@, @] | " * 7 + "@",
        "[[@, @], [@, @]] | " * 4 + "@",
        "map(&[@, @], x) | " * 7 + "x",
        "[@] | to_string(@) | " * 7 + "@",
    ],
)
def test_an_expression_that_would_grow_what_it_reads_is_refused(text: str) -> None:
    assert "times over" in refusal(text)


@pytest.mark.parametrize("text", ["length(join(uri, body)) > `1`", "length(to_string([body, body])) > `1`"])
def test_a_text_that_grows_too_long_cannot_be_told(text: str) -> None:
    body = ["a" * 8] * (MAX_TEXT // 12)
    with pytest.raises(Undetermined, match="1,048,576 characters"):
        compiled(text).evaluate({"uri": "/" * 1000, "body": body})


def test_an_expression_at_its_limits_is_compiled() -> None:
    joined = " && ".join(["uri == '/a'"] * (MAX_NESTING - 2))
    assert compiled(joined).evaluate({"uri": "/a"}) is True
    assert compiled("uri" + ".a" * 1000 + " == null").evaluate({"uri": "/a"}) is True
    assert compiled("`true` || " + "'" + "a" * (MAX_LENGTH - 12) + "'").evaluate({}) is True


PIECES = st.sampled_from(
    [*"()[]{}@*&|!<>=.,:?'`\"-1x ", "&&", "||", "==", "[?", "[]", "uri", "length(", "'a'", "`1`", "`x`", "keys(@)"]
)


@settings(deadline=None)
@given(st.lists(PIECES, max_size=30).map("".join))
def test_any_text_is_compiled_or_refused_and_what_is_compiled_answers(text: str) -> None:
    try:
        evaluator = compiled(text)
    except PolicyInvalid:
        return
    try:
        answer = evaluator.evaluate(PATIENT)
    except Undetermined:
        return
    assert isinstance(answer, bool)
    assert evaluator.explain(PATIENT).matched is answer


@pytest.mark.parametrize(
    "text",
    [f"body[?contains(`{[*range(500)]}`, @)] == `[]`", "body" + "[]" * 60 + " == `[]`", " && ".join(["length(body) > `0`"] * 20)],
)  # fmt: skip
def test_an_expression_meets_no_more_values_than_is_bounded(text: str) -> None:
    evaluator = compiled(text)
    for question in (evaluator.evaluate, evaluator.explain):
        with pytest.raises(Undetermined, match="too many"):
            question({"body": ["x"] * 90_000})
    assert isinstance(evaluator.evaluate({"body": ["x"] * 1000}), bool)


@pytest.mark.parametrize(
    "text", ["!a.b", "uri == '/' || !client.details.trusted", "!a.b.c == `1`", "!a[?b]", "!a[]", "!a.*", "!a.[b]", "!a.{b: c}", "!a[0].b", "(!a).b"]
)  # fmt: skip
def test_a_negation_that_takes_less_than_was_meant_is_refused(text: str) -> None:
    with pytest.raises(PolicyInvalid, match=r"write !\(a\.b\)"):
        compiled(text)


@pytest.mark.parametrize("text", ["!(a.b)", "!a[0]", "!a[*]", "!a", "!(a.b) || !(a[?b])", "!a | @"])
def test_a_negation_of_a_whole_path_is_true_for_what_is_missing(text: str) -> None:
    assert compiled(text).evaluate({}) is True
