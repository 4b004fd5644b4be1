"""Expressions are true, false, or cannot tell; what is read and needed is proven; nothing ends the process."""

from __future__ import annotations

from typing import Any, ClassVar

import pytest
from falconbox_engine_cel import MAX_LENGTH, MAX_STEPS, CELEngine
from falconbox_engine_cel.tokens import MAX_NESTING

from falconbox import ALL, AccessPolicy, Facets, PolicyInvalid, Undetermined
from falconbox.testing import Bad, Case, EngineContract, nested

PATIENT = {
    "request-method": "get", "uri": "/Patient/1", "params": {"_count": "10"}, "headers": {"host": "box"},
    "client": {"id": "app", "details": {"roles": ["reader", "writer"], "level": 3, "half": 0.5, "on": True}},
}  # fmt: skip
READER = 'request["request-method"] == "get" && request.uri.startsWith("/Patient") && "reader" in request.client.details.roles'


def expression(text: str) -> dict[str, Any]:
    return {"expression": text}


class TestCEL(EngineContract):
    engine = CELEngine()
    cases: ClassVar = [
        Case(expression(READER), PATIENT, True),
        Case(expression(READER), {**PATIENT, "request-method": "post"}, False),
        Case(expression(READER), {"request-method": "get", "uri": "/Patient"}, None),
        Case(expression('request.uri in ["/A", "/B"] && request.nothing == 1'), PATIENT, False),
        Case(expression('request.uri in ["/A", "/B"] && request.nothing == 1'), {"uri": "/A"}, None),
        Case(
            expression('request.uri.matches("^/Patient/[0-9]+$") && request["request-method"] in ["get", "head"]'),
            PATIENT,
            True,
        ),
        Case(expression("!has(request.client)"), {"uri": "/"}, True),
        Case(expression("request.client.details.roles.exists(r, r.startsWith('w'))"), PATIENT, True),
        Case(expression("request.client.details.roles.filter(r, r == 'x').size() == 0"), PATIENT, True),
        Case(expression("size(request) < 3"), PATIENT, False),
        Case(expression("request.body == request.body"), PATIENT, None),
        Case(expression('"true"'), PATIENT, None),
        Case(expression("1"), PATIENT, None),
        Case(expression("null"), PATIENT, None),
        Case(expression("request"), PATIENT, None),
        Case(expression("[true]"), PATIENT, None),
        Case(expression("true"), {}, True),
    ]
    bad: ClassVar = [
        Bad({}, "/expression"), Bad(expression(""), "/expression"), Bad(expression("a" * (MAX_LENGTH + 1)), "/expression"),
        Bad(expression(" "), "/expression"), Bad(expression("request.uri =="), "/expression"), Bad(expression("now() == 1"), "/expression"),
    ]  # fmt: skip


def compiled(text: str) -> Any:
    return CELEngine().compile(AccessPolicy("p", "cel", expression(text)), lambda *_: pytest.fail("no branch"))


def refusal(text: str) -> str:
    with pytest.raises(PolicyInvalid) as refused:
        compiled(text)
    assert {problem.pointer for problem in refused.value.problems} == {"/expression"}
    return "; ".join(problem.detail for problem in refused.value.problems)


@pytest.mark.parametrize(
    ("text", "reads"),
    [("request.uri == '/x'", {"uri"}), (READER, {"request-method", "uri", "client"}), ("request == {}", ALL), ("true", set()),
     ("request[request.uri] == 1", ALL), ("[1].exists(x, x == request.body.a)", {"body"}), ("request /* */ . uri == 'a'".replace("/* */", "//\n"), {"uri"}),
     ("request['uri'] == 'a' && request [\"body\"] == 1", {"uri", "body"}), ('request["u\\x72i"] == "a"', ALL), ("'request.body' == request.uri", {"uri"}),
     ("has(request.jwt)", {"jwt"}), ("{'request': 1}.request == request.uri", ALL), ("[request].size() == 1", ALL), ("size(request) == 1", ALL),
     ("// request\ntrue", set()), ("r'\\' == request.uri", {"uri"}), ("'''a'b''' == request.uri", {"uri"})],
)  # fmt: skip
def test_the_keys_that_follow_request_are_declared(text: str, reads: Any) -> None:
    assert compiled(text).reads == reads


@pytest.mark.parametrize(
    ("text", "facets"),
    [(READER, Facets(methods=frozenset({"get"}), uri_prefix="/Patient")), ("request.uri == '/a'", Facets(uris=frozenset({"/a"}))),
     ("request.uri in ['/a', '/b'] && request['request-method'] in ['get']", Facets(methods=frozenset({"get"}), uris=frozenset({"/a", "/b"}))),
     ("request.uri == '/a' || true", Facets()), ("request.uri == '/a' ? true : true", Facets()), ("!(request.uri == '/a')", Facets()),
     ("request.uri != '/a'", Facets()), ("request.uri in ['/a', request.client.id]", Facets()), ("request.uri in ['/a'] == ['b']", Facets()),
     ("request.uri in ['/a', '/b'] == ['/c', '/d']", Facets()), ("request.uri == '/a' == false", Facets()), ("request.uri.matches('^/a/')", Facets(uri_prefix="/a/")),
     ("request.uri.matches('^/a|b')", Facets()), ("request.client.id == 'a'", Facets()), ("request.uri.startsWith(request.client.id)", Facets()),
     ("request.params.uri == '/a'", Facets()), ("request.uri.id == '/a'", Facets()), ("[1].all(x, request.uri == '/a')", Facets()), ("request.uri == r'/a'", Facets()),
     ("request.uri in []", Facets())],
)  # fmt: skip
def test_what_every_yes_needs_is_declared_where_it_can_be_proven(text: str, facets: Facets) -> None:
    assert compiled(text).facets == facets


@pytest.mark.parametrize(
    ("text", "answer"),
    [("request.client.details.level == 3.0", True), ("request.client.details.on == 1", False), ("[request.client.details.level] == [3.0]", True),
     ("1 in [true]", False), ("request.client.details.level + 0.5 > 1.0", None), ("double(request.client.details.level) + 0.5 > 3.0", True),
     ("int(request.params._count) <= 10", True), ("request.nothing == null", None), ("!(request.nothing == 1)", None), ("request.nothing == 1 || true", True),
     ("request.nothing == 1 && false", False), ("9223372036854775807 + 1 > 0", None), ("1 / 0 == 1", None), ("'\u00e4\u00f6'.size() == 2 && size('\u00e4') == 1", True),
     ("request.client.size() == 2 && size([1, 2]) == 2", True), ("size(3) == 1", None), ("timestamp('2026-01-01T00:00:00Z').getFullYear() == 2026", True),
     ("timestamp(request.uri) > timestamp('2026-01-01T00:00:00Z')", None), ("type(request.client) == map", True), ("request.client.matches('a')", None),
     ("request.client.matches('a') != true", None), ("request.uri.matches(r'^/Patient/\\d$')", True), ("request.uri.matches('1$')", True),
     ("request.params._count.startsWith(1)", None), ("request.uri.contains('tie')", True), ("request.uri[0] == '/'", None)],
)  # fmt: skip
def test_it_answers_as_cel_says(text: str, answer: bool | None) -> None:
    evaluator = compiled(text)
    if answer is None:
        with pytest.raises(Undetermined):
            evaluator.evaluate(PATIENT)
    else:
        assert evaluator.evaluate(PATIENT) is answer


@pytest.mark.parametrize(
    "text", ["nan", "NaN", "inf", "-Infinity", "1e999", " 1", "1_0", "0x1", "\u0661", "", "1" * 1000]
)
@pytest.mark.parametrize(
    "condition",
    [
        "double(request.x) > 1.0",
        "!(double(request.x) <= 1.0)",
        "double(request.x) != 1.0",
        "double(request.x) == double(request.x)",
    ],
)
def test_what_is_no_number_is_none(text: str, condition: str) -> None:
    with pytest.raises(Undetermined):
        compiled(condition).evaluate({"x": text})


@pytest.mark.parametrize(
    ("text", "failed", "pointer"),
    [(READER, 'request.uri.startsWith("/Patient")', "/uri"), ("request.nothing && (request.uri == 'a' && true) && true", "(request.uri == 'a' && true)", "/uri"),
     ("request.uri == 'a' || request.uri == 'b && c'", "request.uri == 'a' || request.uri == 'b && c'", "/uri"), ("true && has(request.params['a/b'].c)", "", None),
     ("'x' in\n  request.client.details.roles", "'x' in request.client.details.roles", "/client/details/roles")],
)  # fmt: skip
def test_a_no_names_the_condition_that_is_false_and_where_it_looked(
    text: str, failed: str, pointer: str | None
) -> None:
    if not failed:
        with pytest.raises(Undetermined):
            compiled(text).explain(PATIENT)
        return
    (reason,) = compiled(text).explain({**PATIENT, "uri": "/Encounter"}).reasons
    assert (reason.message, reason.pointer, reason.policy_pointer) == (f"{failed} is false", pointer, "/expression")


@pytest.mark.parametrize(
    "text",
    ["request.client.secret == 1", "request[request.client.id] == 1", "int(request.client.id) == 1", "timestamp(request.client.id) == timestamp('x')",
     "double(request.client.id) == 1.0", "request.client.id + 1 == 2", "request.client.id.matches('a') == request.client.id.size()", "request.client"],
)  # fmt: skip
def test_what_cannot_tell_says_why_without_quoting_the_request(text: str, capfd: pytest.CaptureFixture[str]) -> None:
    document = {"client": {"id": "hunter2\nforged line", "x": "hunter2"}}
    try:
        compiled(text).evaluate(document)
    except Undetermined as cannot_tell:
        assert "hunter2" not in cannot_tell.detail
        assert "forged" not in cannot_tell.detail
    # The library prints what a function of ours raises.
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize(
    ("text", "words"),
    [("request.uri == 'a' ]", "at line 1, character 20"), ("request.uri ==\n'a", "at character 16"), ("usr.id == 1", "nothing named usr"), ("request.uri.startswith('a')", "did you mean 'startsWith'?"),
     ("now() > timestamp('2026-01-01T00:00:00Z')", "no function now"), ("_size(request) == [1]", "no function _size"), ("request.uri.matches(request.uri)", "written where it is used"),
     ("matches(request.uri, 'a')", "written where it is used"), ("request.uri.matches('a', 'b')", "written where it is used"), ("request.uri.matches('a' + 'b')", "written where it is used"),
     ("request.uri.matches('(')", "is no regular expression"), ("request.uri.matches(b'a')", "must be a text"), ("request.uri.matches('(a{1000}){1000}')", "too large"),
     ("request{a: 1} == 1", "makes a message"), ("[1].exists(request, true)", "the name request"), ("request.uri; true", "character 12"), ("request.`uri` == 1", "character 9"),
     (".request.uri == 'a'", "nothing named .request"), ("exists(request, 'a')", "no function exists")],
)  # fmt: skip
def test_what_cannot_be_judged_is_refused_with_its_place(text: str, words: str) -> None:
    assert words in refusal(text)


@pytest.mark.parametrize(
    "text",
    ["(" * 2000 + "1" + ")" * 2000, "[" * 2000 + "]" * 2000, "!" * 4000 + "true", "-" * 4000 + "1 == 1", "&&".join(["true"] * 800), "+".join(["1"] * 800) + " == 1",
     "request" + ".a" * 2000 + " == 1", "true ? " * 500 + "true" + ": true" * 300, "{1:" * 1300 + "1", "request.list" + "[0]" * 1300,
     "(" * (MAX_NESTING + 1) + "true" + ")" * (MAX_NESTING + 1)],
)  # fmt: skip
def test_an_expression_that_nests_too_deep_is_refused(text: str) -> None:
    assert refusal(text)


@pytest.mark.parametrize(
    ("text", "words"),
    [("[1].map(x, [x, x])" + ".map(x, [x, x])" * 6 + " == [1]", "times over"), ("['a'].map(x, x + x + x + x + x + x + x + x)" + ".map(x, x + x + x + x + x + x + x + x + x)" + " == ['a']", "times over"),
     ("[1].all(a, [1].all(b, [1].map(c, [1].all(d, true)).size() > 1))", "loops in loops")],
)  # fmt: skip
def test_an_expression_that_would_grow_what_it_reads_is_refused(text: str, words: str) -> None:
    assert words in refusal(text)


@pytest.mark.parametrize(
    ("text", "most"),
    [("request.body.exists(x, request.body.exists(y, x + y == -1))", 316), ("request.body.map(x, x).size() == 0", 316), ("request.body.filter(x, x == 1).size() == 0", 316),
     ("request.body.all(x, request.body.map(y, y).size() == 0)", 46)],
)  # fmt: skip
def test_loops_in_loops_walk_through_no_more_than_is_bounded(text: str, most: int) -> None:
    evaluator = compiled(text)
    with pytest.raises(Undetermined, match="loops in loops"):
        evaluator.evaluate({"body": [1] * most})
    assert evaluator.evaluate({"body": [1] * (most // 4), "params": {"a": ["x"] * 1000}}) is False
    assert MAX_STEPS == 100_000


@pytest.mark.parametrize(
    "text",
    ["request.body.all(x, x in request.body)", "request.body.exists(x, x == request.body)", "request.body.all(x, size(request.body) > x)", "request.body.all(x, x in request['body'])",
     "request.body.all(x, request.body[x] == x)", "request.body.all(x, {'a': x} != request)"],
)  # fmt: skip
def test_loops_look_at_no_more_elsewhere_than_is_bounded(text: str) -> None:
    evaluator = compiled(text)
    with pytest.raises(Undetermined, match="elsewhere"):
        evaluator.evaluate({"body": [*range(2000)]})
    assert isinstance(evaluator.evaluate({"body": [*range(500)]}), bool)
    little = compiled("request.body.all(x, x != request.client.id) && 1 in request.body")
    assert little.evaluate({"body": [*range(50_000)], "client": {"id": "a"}}) is True


@pytest.mark.parametrize(
    "value", [float("nan"), 2**53 + 1, 10**400, {1: 2}, {None: 1}, b"a", "\ud800", nested(64), nested(3000)]
)
def test_what_is_no_request_document_cannot_be_told(value: Any) -> None:
    with pytest.raises(Undetermined):
        compiled("request.body == request.body || true").evaluate({"body": value})


@pytest.mark.parametrize(
    ("part", "value"),
    [("getHours", 4), ("getMinutes", 15), ("getDate", 1), ("getDayOfMonth", 0), ("getMonth", 0), ("getFullYear", 2025), ("getDayOfWeek", 3), ("getDayOfYear", 0), ("getMilliseconds", 123)],
)  # fmt: skip
def test_the_parts_of_a_timestamp_are_those_of_utc_whatever_offset_a_caller_writes(part: str, value: int) -> None:
    evaluator = compiled(f"timestamp(request.params.at).{part}() == {value}")
    for written in ("2025-01-01T04:15:00.123Z", "2024-12-31T23:15:00.123-05:00", "2025-01-01T12:00:00.123+07:45"):
        assert evaluator.evaluate({"params": {"at": written}}) is True


@pytest.mark.parametrize(
    "written", ["2025-01-01 04:00:00Z", "2025-01-01T04:00:00", "2025-01-01", "2025-02-30T04:00:00Z", "2025-01-01T24:00:01Z", "2025-01-01T04:00:00+99:00", "0001-01-01T00:00:00+01:00",
                "2025-01-01T04:00:00.0000001Z", "20250101T040000Z", "２025-01-01T04:00:00Z", 1735689600, None, ""]
)  # fmt: skip
def test_what_is_no_timestamp_cannot_be_told(written: Any) -> None:
    with pytest.raises(Undetermined):
        compiled("timestamp(request.at) > timestamp('2024-01-01T00:00:00Z')").evaluate({"at": written})


def test_timestamps_are_compared_and_reckoned_with_as_moments() -> None:
    text = "timestamp(request.at) == timestamp('2025-01-01T04:00:00Z') && timestamp(timestamp(request.at)) - duration('1h') < timestamp(request.at)"
    assert compiled(text).evaluate({"at": "2025-01-01T05:00:00+01:00"}) is True
