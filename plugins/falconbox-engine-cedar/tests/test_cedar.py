"""Sets of Cedar policies permit, do not, or cannot tell; nothing that is asked becomes an entity; nothing ends the process."""

from __future__ import annotations

from typing import Any, ClassVar

import pytest
from falconbox_engine_cedar import MAX_LENGTH, CedarEngine
from falconbox_engine_cedar.presenting import ESCAPES, MAX_SEGMENTS
from falconbox_engine_cedar.syntax import MAX_NESTING, MAX_POLICIES

from falconbox import ALL, NO_FACETS, AccessPolicy, Facets, PolicyInvalid, Undetermined
from falconbox.testing import Bad, Case, EngineContract

PATIENT = {
    "request-method": "get", "uri": "/Patient/1", "params": {"a": "1"}, "headers": {"host": "box"},
    "client": {"id": "app", "details": {"roles": ["reader"], "level": 3, "half": 0.5, "gone": None}},
    "body": {"kind": "a", "half": 0.5, "list": [1, None]},
}  # fmt: skip
READERS = """
    @id("readers") @reason("they may")
    permit (principal is Client, action in [Action::"get", Action::"head"], resource in Uri::"/Patient")
    when { principal.details.roles.contains("reader") };
"""
NO_BODIES = '@id("no-bodies") forbid (principal, action, resource) when { context has body };'
ANYTHING = "permit (principal, action, resource)"


def policies(text: str) -> dict[str, Any]:
    return {"policies": text}


def when(condition: str) -> str:
    return f"{ANYTHING} when {{ {condition} }};"


WITHOUT_BODY = {key: value for key, value in PATIENT.items() if key != "body"}
ANONYMOUS = {key: value for key, value in WITHOUT_BODY.items() if key != "client"}


class TestCedar(EngineContract):
    engine = CedarEngine()
    cases: ClassVar = [
        Case(policies(READERS), PATIENT, True),
        Case(policies(READERS), {**PATIENT, "request-method": "post"}, False),
        Case(policies(READERS), {**PATIENT, "uri": "/Patients"}, False),
        Case(policies(READERS), {**PATIENT, "client": {"id": "app"}}, None),
        Case(policies(READERS), ANONYMOUS, False),
        Case(policies(READERS + NO_BODIES), PATIENT, False),
        Case(policies(READERS + NO_BODIES), WITHOUT_BODY, True),
        Case(policies(when('context["request-method"] == "get" && context.uri like "/Patient/*"')), PATIENT, True),
        Case(policies(when("context == {}")), PATIENT, None),
        Case(policies(when("context.nothing == 1")), PATIENT, None),
        Case(policies(f'{ANYTHING} unless {{ principal == Client::"app" }};'), PATIENT, False),
        Case(policies(f"{ANYTHING};"), ANONYMOUS, True),
        Case(policies('permit (principal is Anonymous, action, resource == Uri::"/Patient/1");'), ANONYMOUS, True),
    ]
    bad: ClassVar = [
        Bad({}, "/policies"), Bad(policies(""), "/policies"), Bad(policies("a" * (MAX_LENGTH + 1)), "/policies"), Bad(policies("// nothing"), "/policies"),
        Bad(policies("permit (principal)"), "/policies"), Bad(policies(when("foo(1)")), "/policies"), Bad(policies("forbid (principal, action, resource);"), "/policies"),
    ]  # fmt: skip


def compiled(text: str, kind: str = "rest") -> Any:
    policy = AccessPolicy("p", "cedar", policies(text), type=kind)
    return CedarEngine().compile(policy, lambda *_: pytest.fail("there is no branch"))


def told(text: str, document: dict[str, Any], kind: str = "rest") -> bool | None:
    try:
        return bool(compiled(text, kind).evaluate(document))
    except Undetermined:
        return None


def refusal(text: str) -> str:
    with pytest.raises(PolicyInvalid) as refused:
        compiled(text)
    (problem,) = refused.value.problems
    assert problem.pointer == "/policies"
    return problem.detail


# A policy that fails.


@pytest.mark.parametrize(
    "failing",
    [
        "context.nothing == 1",
        "principal.nothing",
        "1 + context.uri == 2",
        "context.params.a < 3",
        "9223372036854775807 + 1 > 0",
        "ip(context.uri).isLoopback()",
    ],
)
def test_a_forbid_that_fails_is_not_skipped(failing: str) -> None:
    text = f"{ANYTHING}; forbid (principal, action, resource) when {{ {failing} }};"
    assert told(text, PATIENT) is None


def test_a_permit_that_fails_is_not_made_up_for_by_another() -> None:
    assert told(f"{ANYTHING}; {when('context.nothing == 1')}", PATIENT) is None


def test_what_its_head_keeps_away_does_not_fail() -> None:
    assert (
        told(
            f'{ANYTHING}; forbid (principal, action == Action::"put", resource) when {{ context.nothing == 1 }};',
            PATIENT,
        )
        is True
    )


# What is asked.


@pytest.mark.parametrize("escape", sorted(ESCAPES))
@pytest.mark.parametrize("place", ["body", "params", "headers", "jwt", "client"])
def test_nothing_that_is_asked_becomes_an_entity_or_an_extension(escape: str, place: str) -> None:
    forged = (
        {escape: {"type": "Client", "id": "admin"}}
        if escape == "__entity"
        else {escape: {"fn": "ip", "arg": "127.0.0.1"}}
    )
    text = f'{ANYTHING} when {{ context.{place}.x == Client::"admin" }}; {ANYTHING} when {{ context.{place}.x == ip("127.0.0.1") }}; {ANYTHING};'
    for value in (forged, [forged], {"deep": [{"er": forged}]}):
        document = {**PATIENT, place: {"id": "app", "x": value}}
        with pytest.raises(Undetermined, match="stands for something else"):
            compiled(text).evaluate(document)
    assert (
        told(when('principal.x == Client::"admin"') + f"{ANYTHING};", {**PATIENT, "client": {"id": "app", "x": forged}})
        is None
    )


def test_a_client_is_no_anonymous_and_an_id_is_no_code() -> None:
    odd = 'a", "b\\ \n\x00'
    assert told("permit (principal is Anonymous, action, resource);", PATIENT) is False
    assert told(f"{ANYTHING};", {**PATIENT, "client": {"id": odd}}) is True
    assert told('permit (principal == Client::"a", action, resource);', {**PATIENT, "client": {"id": odd}}) is False
    assert told("permit (principal is Anonymous, action, resource);", {**ANONYMOUS, "client": None}) is None
    assert told(f"{ANYTHING};", {**PATIENT, "client": {"id": 5}}) is None


@pytest.mark.parametrize(
    ("uri", "inside"),
    [("/Patient", True), ("/Patient/1", True), ("/Patient/1/2", True), ("/Patient/", True), ("/Patients", False), ("/patient", False), ("/", False), ("/a/Patient", False)],
)  # fmt: skip
def test_a_uri_lies_in_those_above_it(uri: str, inside: bool) -> None:
    assert told('permit (principal, action, resource in Uri::"/Patient");', {**PATIENT, "uri": uri}) is inside
    assert told('permit (principal, action, resource in Uri::"/");', {**PATIENT, "uri": uri}) is True


def test_a_uri_of_too_many_segments_cannot_be_told() -> None:
    assert told(f"{ANYTHING};", {**PATIENT, "uri": "/a" * MAX_SEGMENTS}) is True
    assert told(f"{ANYTHING};", {**PATIENT, "uri": "/a" * (MAX_SEGMENTS + 1)}) is None


@pytest.mark.parametrize(
    ("condition", "answer"),
    [('context.body.kind == "a"', True), ("context.body has kind", True), ("context has body && context.body has half", True), ("context.body.half == 1", None),
     ("context.body.list.contains(1)", None), ('context.body == {kind: "a"}', None), ("principal.details.level == 3", True), ("principal.details.half == 1", None),
     ("principal.details has gone", True), ("principal.details.gone == 1", None), ('context.client.details.roles == ["reader"]', True), ("context has body.kind", True),
     ("(if true then context else context).uri == \"/Patient/1\"", None), ('{a: context.uri}.a == "/Patient/1"', True), ("{a: principal}.a.details.level == 3", None),
     ("principal in principal", True), ('[principal].contains(Client::"app")', None), ('context["body"]["kind"] == "a"', True)],
)  # fmt: skip
def test_it_looks_at_no_more_than_it_names(condition: str, answer: bool | None) -> None:
    assert told(when(condition), PATIENT) is answer


@pytest.mark.parametrize(
    ("text", "reads"),
    [(f"{ANYTHING};", set()), (READERS, set()), (NO_BODIES + f"{ANYTHING};", {"body"}), (when("context.params.a == context.headers.host"), {"params", "headers"}), (when("context == {}"), ALL),
     (when('context has jwt.sub && context["session"].id == "x"'), {"jwt", "session"}), (when("[context].contains(context)"), ALL)],
)  # fmt: skip
def test_the_members_of_the_context_that_it_names_are_declared(text: str, reads: Any) -> None:
    always = {"request-method", "uri", "client"}
    assert compiled(text).reads == (ALL if reads is ALL else always | reads)


@pytest.mark.parametrize(
    ("text", "facets"),
    [(READERS, Facets(methods=frozenset({"get", "head"}), uri_prefix="/Patient")), (READERS + NO_BODIES, NO_FACETS), (READERS + "forbid (principal, action, resource);", Facets(methods=frozenset({"get", "head"}), uri_prefix="/Patient")),
     ('permit (principal, action == Action::"get", resource == Uri::"/a"); permit (principal, action == Action::"put", resource == Uri::"/b");', Facets(methods=frozenset({"get", "put"}), uris=frozenset({"/a", "/b"}))),
     ('permit (principal, action == Action::"get", resource == Uri::"/ab"); forbid (principal, action == Action::"put", resource is Uri in Uri::"/ac") when { context has x };', Facets(methods=frozenset({"get", "put"}), uri_prefix="/a")),
     ('permit (principal, action in Action::"get", resource is Uri);', Facets(methods=frozenset({"get"}))),
     (when('action == Action::"get"'), NO_FACETS)],
)  # fmt: skip
def test_what_every_yes_and_every_failure_needs_is_read_from_the_heads(text: str, facets: Facets) -> None:
    assert compiled(text).facets == facets


# AuthZEN.


EVALUATION = {
    "subject": {"type": "user", "id": "bob", "properties": {"name": "b", "half": 0.5}}, "action": {"name": "read"},
    "resource": {"type": "doc", "id": "1", "properties": {"owner": "b"}}, "context": {"ip": "10.0.0.1"},
}  # fmt: skip


@pytest.mark.parametrize(
    ("text", "change", "answer"),
    [('permit (principal == user::"bob", action == Action::"read", resource == doc::"1");', {}, True), ('permit (principal, action == Action::"write", resource);', {}, False),
     (when('resource.owner == principal.name && context.ip == "10.0.0.1"'), {}, True), (when("context has ip"), {"context": {}}, False), (when("principal.half == 1"), {}, None),
     (f"{ANYTHING};", {"subject": {"type": "no type", "id": "bob"}}, None), (f"{ANYTHING};", {"subject": {"type": "user"}}, None), (f"{ANYTHING};", {"subject": "bob"}, None),
     (f"{ANYTHING};", {"subject": {"type": "user", "id": 5}}, None), (f"{ANYTHING};", {"resource": {"type": "user", "id": "bob"}}, True), (when("principal.name == resource.name"), {"resource": {"type": "user", "id": "bob"}}, None),
     (f"{ANYTHING};", {"context": 5}, None), (when("principal.a == 1"), {"subject": {"type": "user", "id": "bob", "properties": 5}}, None)],
)  # fmt: skip
def test_an_evaluation_is_asked_in_its_own_words(text: str, change: dict[str, Any], answer: bool | None) -> None:
    document = {**EVALUATION, **change}
    assert told(text, document, "authzen") is answer
    evaluator = compiled(text, "authzen")
    assert evaluator.facets == NO_FACETS
    assert evaluator.reads in ({"subject", "action", "resource"}, {"subject", "action", "resource", "context"})


# What is refused.


@pytest.mark.parametrize(
    ("text", "words"),
    [("permit (principal == ?principal, action, resource);", "template"), ("forbid (principal, action, resource);", "permits nothing"), (" ", "permits nothing"), ("permit (principal, action, resource", "unexpected end"),
     (when("contxt.a"), "contxt"), (f"{ANYTHING} when {{ context.a == 'a' }};", "line 1, character 58"), (f"{ANYTHING};\n\n  #", "line 3, character 3"),
     (f'{ANYTHING} when {{ context.a == "a }};', "line 1, character 58"), ('@id("a") @id("b") ' + ANYTHING + ";", "duplicate annotation")],
)  # fmt: skip
def test_what_is_no_set_of_policies_is_refused_with_its_place(text: str, words: str) -> None:
    assert words in refusal(text)


@pytest.mark.parametrize(
    "text",
    [when("(" * 15_000 + "true" + ")" * 15_000), when("[" * 15_000 + "]" * 15_000), when("{a:" * 5_000 + "1" + "}" * 5_000), when("!" * 5_000 + "true"), when("-" * 5_000 + "1 == 1"),
     when("&&".join(["true"] * 500)), when("+".join(["1"] * 500) + " == 1"), when("context" + ".a" * 500), when("if true then true else " * 500 + "true"), f"{ANYTHING};" * (MAX_POLICIES + 1),
     when("[]" + ".contains(1)" * 500), when("(" * (MAX_NESTING + 1) + "true" + ")" * (MAX_NESTING + 1)), "@a" * 5_000 + ANYTHING + ";"],
)  # fmt: skip
def test_a_set_that_is_too_deep_or_too_long_is_refused_before_it_is_parsed(text: str) -> None:
    assert "more than" in refusal(text)
