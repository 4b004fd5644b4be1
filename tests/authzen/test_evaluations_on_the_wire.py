"""Applications ask over HTTP as OpenID AuthZEN 1.0 says, and get its statuses and shapes to the letter."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

import serving
from serving import Answer, Box

pytestmark = pytest.mark.blackbox
PEP = "todo-app:the-secret-of-the-app"
ONE, MANY = "/access/v1/evaluation", "/access/v1/evaluations"
ALICE = {"type": "user", "id": "alice"}
QUESTION = {"subject": ALICE, "action": {"name": "read"}, "resource": {"type": "record", "id": "1"}}
YES, NO = {"decision": True}, {"decision": False}

MAY_ASK = {"properties": {"request-method": {"const": "post"}, "uri": {"enum": [ONE, MANY]}}}
ALICE_READS = {
    "required": ["subject", "action"],
    "properties": {
        "subject": {"required": ["id"], "properties": {"id": {"const": "alice"}}},
        "action": {"required": ["name"], "properties": {"name": {"const": "read"}}},
    },
}


@pytest.fixture(scope="module")
def box(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Box]:
    """A box in which one client may ask, and alice may read everything."""
    with serving.running(tmp_path_factory.mktemp("box")) as running:
        for client in ("todo-app", "other-app", "stranger"):
            secret = {"secret": "the-secret-of-the-app", "grant_types": ["basic"]}
            assert running.admin("POST", "/Client", {"id": client, **secret}).status == 201
        links = [{"reference": "Client/todo-app"}, {"reference": "Client/other-app"}]
        ask = {"id": "may-ask", "link": links, "engine": "json-schema", "schema": MAY_ASK}
        assert running.admin("POST", "/AccessPolicy", ask).status == 201
        rule = {
            "id": "alice-reads",
            "type": "authzen",
            "link": links[:1],
            "engine": "json-schema",
            "schema": ALICE_READS,
        }
        assert running.admin("POST", "/AccessPolicy", rule).status == 201
        yield running


def ask(box: Box, body: Any, path: str = ONE, **options: Any) -> Answer:
    return box.ask("POST", path, body, **{"auth": PEP, **options})


def asked(**changes: Any) -> dict[str, Any]:
    return {**QUESTION, **changes}


def without(name: str) -> dict[str, Any]:
    return {key: value for key, value in QUESTION.items() if key != name}


@pytest.mark.parametrize(
    ("question", "expected"),
    [(QUESTION, YES), (asked(subject={"type": "user", "id": "bob"}), NO), (asked(action={"name": "write"}), NO),
     (asked(context={"time": "2026"}), YES), (asked(foo="bar", futureField={"nested": True}), YES),
     (asked(subject={**ALICE, "properties": {"department": "Sales"}, "unknown": 1}), YES)],
)  # fmt: skip
def test_the_answer_is_exactly_the_decision(box: Box, question: Any, expected: Any) -> None:
    answer = ask(box, question)
    assert (answer.status, answer.headers["content-type"], answer.json) == (200, "application/json", expected)
    assert ask(box, question, MANY).json == expected  # one without `evaluations` is one
    assert ask(box, {**question, "evaluations": []}, MANY).json == expected


BROKEN = [
    without("subject"), without("action"), without("resource"), asked(subject="alice"), asked(subject=None), asked(subject=[]),
    asked(subject={"id": "alice"}), asked(subject={"type": "user"}), asked(subject={"type": 1, "id": "alice"}),
    asked(subject={"type": "user", "id": 1}), asked(subject={"type": "user", "id": None}), asked(action={}), asked(action="read"),
    asked(action={"name": 123}), asked(action={"name": ["read"]}), asked(resource={"id": "1"}), asked(resource={"type": "record"}),
    asked(resource={"type": "record", "id": 101}), asked(subject={**ALICE, "properties": []}), asked(context="now"), asked(context=None),
    asked(resource={"type": "record", "id": "1", "properties": None}), asked(action={"name": "read", "properties": "x"}),
    [], "text", 7, None, [QUESTION], {},
]  # fmt: skip


@pytest.mark.parametrize("question", BROKEN, ids=json.dumps)
@pytest.mark.parametrize("path", [ONE, MANY])
def test_a_member_that_is_missing_or_of_the_wrong_type_is_a_400_with_a_message(
    box: Box, path: str, question: Any
) -> None:
    refused(ask(box, json.dumps(question), path))


def refused(answer: Answer, status: int = 400) -> None:
    assert answer.status == status, answer
    assert isinstance(answer.json["message"], str)
    assert answer.json["message"] == answer.json["detail"]
    assert answer.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize(
    ("body", "media"),
    [(b"", "application/json"), (b"{", "application/json"), (b'{"subject": NaN}', "application/json"), (b"\xff", "application/json"),
     (json.dumps(QUESTION), "text/plain"), (json.dumps(QUESTION), "application/yaml"), (json.dumps(QUESTION), "application/x-www-form-urlencoded"),
     (json.dumps(QUESTION), "application/json; charset=latin-1"), (json.dumps(QUESTION), ""), (b"", "text/plain"),
     (b'{"subject": {"type": "user", "id": "alice", "id": "bob"}, "action": {"name": "read"}, "resource": {"type": "a", "id": "1"}}', "application/json"),
     (b'{"a":' * 70 + b"1" + b"}" * 70, "application/json")],
)  # fmt: skip
def test_what_is_no_json_or_not_called_so_is_a_400(box: Box, body: Any, media: str) -> None:
    refused(ask(box, body, media=media))
    assert ask(box, json.dumps(QUESTION), media="Application/JSON; charset=UTF-8").json == YES


def test_a_body_that_is_too_large_is_a_413(box: Box) -> None:
    assert ask(box, {**QUESTION, "context": {"a": "x" * 1_100_000}}).status == 413


def test_another_method_is_a_405_for_who_may_ask_it(box: Box) -> None:
    assert box.admin("GET", ONE).status == 405
    assert ask(box, QUESTION, ONE + "/").status == 403


# Whose questions are answered.


def test_who_asks_passes_the_guard_like_everybody(box: Box) -> None:
    nobody = box.ask("POST", ONE, QUESTION)
    refused(nobody, 401)
    refused(ask(box, QUESTION, auth="todo-app:wrong"), 401)
    refused(ask(box, QUESTION, auth="stranger:the-secret-of-the-app"), 403)
    assert nobody.headers["www-authenticate"]


def test_a_policy_is_linked_to_who_asks_and_not_to_the_subject(box: Box) -> None:
    assert ask(box, QUESTION, auth="other-app:the-secret-of-the-app").json == NO


def test_policies_of_one_type_never_judge_what_is_of_the_other(box: Box) -> None:
    assert box.admin("POST", ONE, QUESTION).json == NO  # although the administrator may do everything
    everything = {"id": "everything", "type": "authzen", "engine": "allow"}
    assert box.admin("PUT", "/AccessPolicy/everything", everything).status == 201
    try:
        assert box.admin("POST", ONE, QUESTION).json == YES
        assert box.ask("GET", "/Patient").status == 401
        assert box.ask("GET", "/Patient", auth="stranger:the-secret-of-the-app").status == 403
    finally:
        assert box.admin("DELETE", "/AccessPolicy/everything").status == 200


def test_a_deny_policy_overrides_and_one_that_fails_denies(box: Box) -> None:
    for schema in (
        {"required": ["subject"]},
        {"properties": {"context": {"properties": {"x": {"const": 1}}, "required": ["x"]}}},
    ):
        deny = {"id": "deny", "type": "authzen", "effect": "deny", "engine": "json-schema", "schema": schema}
        assert box.admin("PUT", "/AccessPolicy/deny", deny).status in {200, 201}
        assert ask(box, {**QUESTION, "context": {"x": 1}}).json == NO
    shadow = {"id": "deny", "type": "authzen", "effect": "deny", "mode": "shadow", "engine": "allow"}
    assert box.admin("PUT", "/AccessPolicy/deny", shadow).status == 200
    assert ask(box, QUESTION).json == YES
    assert box.admin("DELETE", "/AccessPolicy/deny").status == 200


# Many at once.


def test_a_default_stands_for_a_whole_member_and_nothing_is_merged(box: Box) -> None:
    merged = {"subject": {**ALICE, "properties": {"a": 1}}, "action": {"name": "read"}, "resource": {"type": "record"}}
    items = [
        {"resource": {"id": "1"}},
        {"resource": {"type": "record", "id": "1"}},
        {"subject": {"type": "user", "id": "bob"}},
    ]
    answer = ask(box, {**merged, "evaluations": items}, MANY)
    assert answer.status == 200
    assert [one["decision"] for one in answer.json["evaluations"]] == [False, True, False]
    assert answer.json["evaluations"][0]["context"] == {
        "error": {"status": 400, "message": "resource.type is required"}
    }


def test_an_item_that_cannot_be_used_is_a_denial_within_a_200_in_its_place(box: Box) -> None:
    items = [{}, {"subject": None}, None, 7, "x", [], {"action": {"name": 1}}, {"context": []}, {}]
    answer = ask(box, {**QUESTION, "evaluations": items}, MANY)
    assert (answer.status, answer.headers["content-type"]) == (200, "application/json")
    assert [one["decision"] for one in answer.json["evaluations"]] == [True, *[False] * 7, True]
    for one in answer.json["evaluations"][1:-1]:
        assert one["context"]["error"]["status"] == 400
        assert isinstance(one["context"]["error"]["message"], str)


def test_a_broken_default_does_no_harm_where_every_item_overrides_it(box: Box) -> None:
    broken = {"subject": 7, "action": "x", "resource": [], "context": None}
    item = {**QUESTION, "context": {}}
    assert ask(box, {**broken, "evaluations": [item, item]}, MANY).json == {"evaluations": [YES, YES]}
    half = ask(box, {**broken, "evaluations": [item, without("subject")]}, MANY).json["evaluations"]
    assert [one["decision"] for one in half] == [True, False]


BOB, BAD = {"subject": {"type": "user", "id": "bob"}}, {"subject": {"type": "user"}}


@pytest.mark.parametrize(
    ("semantic", "items", "decisions"),
    [("execute_all", [{}, BOB, {}], [True, False, True]), ("deny_on_first_deny", [{}, BOB, {}], [True, False]),
     ("deny_on_first_deny", [{}, BAD, {}], [True, False]), ("deny_on_first_deny", [{}, {}], [True, True]),
     ("permit_on_first_permit", [BOB, {}, BOB], [False, True]), ("permit_on_first_permit", [BOB, BAD, BOB], [False, False, False]),
     ("permit_on_first_permit", [{}, BAD], [True])],
)  # fmt: skip
def test_the_semantic_says_behind_which_decision_nothing_is_evaluated(
    box: Box, semantic: str, items: Any, decisions: Any
) -> None:
    answer = ask(
        box, {**QUESTION, "evaluations": items, "options": {"evaluations_semantic": semantic, "more": 1}}, MANY
    )
    assert [one["decision"] for one in answer.json["evaluations"]] == decisions


@pytest.mark.parametrize(
    "changes",
    [{"options": {"evaluations_semantic": name}} for name in ("", "any", "Execute_All", None, 1, ["execute_all"], {})]
    + [{"options": "execute_all"}, {"options": None}, {"evaluations": {}}, {"evaluations": None}, {"evaluations": "x"},
       {"evaluations": [{}] * 1001}],
    ids=lambda changes: json.dumps(changes)[:60],
)  # fmt: skip
def test_an_unknown_semantic_or_what_is_no_list_of_evaluations_is_a_400(box: Box, changes: Any) -> None:
    refused(ask(box, {**QUESTION, "evaluations": [{}], **changes}, MANY))


def test_a_thousand_evaluations_are_answered(box: Box) -> None:
    assert ask(box, {**QUESTION, "evaluations": [{}, BOB] * 500}, MANY).json == {"evaluations": [YES, NO] * 500}


# What is opt-in.


def test_a_context_is_answered_only_to_who_asks_for_it_and_names_the_record(box: Box) -> None:
    told = ask(box, {**QUESTION, "options": {"context": True}}).json
    assert told.keys() == {"decision", "context"}
    assert told["context"].keys() == {"decision_id", "revision"}
    many = ask(box, {**QUESTION, "evaluations": [{}, BOB], "options": {"context": True}}, MANY).json["evaluations"]
    ids = [told["context"]["decision_id"], *(one["context"]["decision_id"] for one in many)]
    records = box.records(*ids)
    assert [record["decision"] for record in records] == ["allow", "allow", "deny"]
    for unasked in (False, 1, "true", None):
        assert ask(box, {**QUESTION, "options": {"context": unasked}}).json == YES


# Written down.


def test_each_evaluation_has_one_record_with_names_and_no_properties(box: Box) -> None:
    canary = "canary-5d1c"
    item = {"subject": {**ALICE, "properties": {"note": canary}}, "context": {"note": canary}}
    answer = ask(box, {**QUESTION, "evaluations": [item, BAD]}, MANY)
    door = answer.headers["x-decision-id"]
    box.records(door)  # which is written behind those of what was asked in it
    evaluated, unusable = [record for record in box.log() if record.get("request") == door]
    assert evaluated["kind"] == "evaluation"
    assert evaluated["client"] == "todo-app"
    assert (evaluated["subject"], evaluated["action"], evaluated["resource"]) == (ALICE, "read", QUESTION["resource"])
    assert (evaluated["decision"], evaluated["policies"]) == ("allow", ["alice-reads"])
    assert (unusable["kind"], unusable["decision"], unusable["detail"]) == ("refusal", "deny", "subject.id is required")
    assert [record["kind"] for record in box.log() if record["id"] == door] == ["decision"]
    assert canary not in box.output()


# The request's id.


@pytest.mark.parametrize(
    "sent",
    [
        "bfe9eb29-ab87-4ca3-be83-a1d5d8305716",
        'an arbitrary string; with="anything"',
        "x" * 256,
        "<script>",
        "%0d%0aSet-Cookie: a=b",
    ],
)
def test_a_request_id_comes_back_as_it_was_sent_whatever_the_status(box: Box, sent: str) -> None:
    headers = {"X-Request-ID": sent}
    answers = [
        ask(box, QUESTION, headers=headers), ask(box, {}, headers=headers), ask(box, {**QUESTION, "evaluations": [{}]}, MANY, headers=headers),
        box.ask("POST", ONE, QUESTION, headers=headers), ask(box, QUESTION, auth="todo-app:wrong", headers=headers),
        ask(box, QUESTION, auth="stranger:the-secret-of-the-app", headers=headers), box.admin("GET", ONE, headers=headers),
        ask(box, QUESTION, "/access/v1/../v1/evaluation", headers=headers), ask(box, QUESTION, "/access/v1/x", headers=headers),
    ]  # fmt: skip
    assert [answer.status for answer in answers] == [200, 400, 200, 401, 401, 403, 405, 400, 403]
    assert {answer.headers["x-request-id"] for answer in answers} == {sent}


def test_evaluations_that_come_to_more_than_is_decided_on_at_once_are_refused_and_none_is_answered(box: Box) -> None:
    large = {**ALICE, "properties": {"text": "x" * 1_000_000}}
    assert ask(box, {**asked(subject=large), "evaluations": [{}] * 16}, MANY).json == {"evaluations": [YES] * 16}
    answer = ask(box, {**asked(subject=large), "evaluations": [{}] * 20}, MANY)
    assert (answer.status, answer.json["code"], "evaluations" in answer.json) == (413, "too-large", False)
    assert "ask in parts" in answer.json["message"]
    first = {"evaluations": [{}] * 20, "options": {"evaluations_semantic": "permit_on_first_permit"}}
    assert ask(box, {**asked(subject=large), **first}, MANY).json == {"evaluations": [YES]}


@pytest.mark.parametrize("length", [b"Content-Length: 2000000", b"Transfer-Encoding: chunked\r\n\r\n200000"])
def test_a_body_that_the_server_does_not_take_in_is_refused_in_the_same_form(box: Box, length: bytes) -> None:
    answer = box.raw(
        b"POST /access/v1/evaluation HTTP/1.1\r\nHost: box\r\nX-Request-ID: the id\r\n" + length + b"\r\n\r\n"
    )
    head, _, body = answer.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 413 ")
    assert b"x-request-id: the id" in head.lower().split(b"\r\n")
    assert json.loads(body)["message"] == json.loads(body)["detail"]


@pytest.mark.parametrize("sent", [b"x" * 257, b"\xc3\xbc", b"a\tb", b"\x7f", b""])
def test_a_request_id_that_could_be_read_as_something_else_does_not_come_back(box: Box, sent: bytes) -> None:
    answer = box.raw(
        b"POST /access/v1/evaluation HTTP/1.1\r\nHost: box\r\nX-Request-ID: "
        + sent
        + b"\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
    )
    assert answer.startswith((b"HTTP/1.1 401", b"HTTP/1.1 400"))
    assert b"x-request-id" not in answer.lower()


def test_a_request_id_cannot_end_its_header(box: Box) -> None:
    answer = box.raw(
        b"POST /access/v1/evaluation HTTP/1.1\r\nHost: box\r\nX-Request-ID: a\rSet-Cookie: b=c\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
    )
    assert b"set-cookie" not in answer.lower()


# What it says of itself.


def test_the_metadata_names_the_endpoints_under_the_public_url_and_is_open(box: Box) -> None:
    answer = box.ask("GET", "/.well-known/authzen-configuration", headers={"X-Request-ID": "the id"})
    assert (answer.status, answer.headers["content-type"], answer.headers["x-request-id"]) == (
        200,
        "application/json",
        "the id",
    )
    found = answer.json
    assert found["policy_decision_point"] == box.url
    endpoints = {name: url for name, url in found.items() if name.endswith("_endpoint")}
    searches = {
        f"search_{name}_endpoint": f"{box.url}/access/v1/search/{name}" for name in ("subject", "resource", "action")
    }
    assert endpoints == {
        "access_evaluation_endpoint": box.url + ONE,
        "access_evaluations_endpoint": box.url + MANY,
        **searches,
    }
    for url in endpoints.values():
        assert box.admin("POST", url.removeprefix(box.url), {}).status == 400


def test_behind_tls_the_metadata_has_https_urls(tmp_path: Any) -> None:
    with serving.running(tmp_path, "--public-url", "https://pdp.example.com") as behind:
        found = behind.ask("GET", "/.well-known/authzen-configuration").json
        assert found["policy_decision_point"] == "https://pdp.example.com"
        assert all(url.startswith("https://pdp.example.com") for url in found.values())
