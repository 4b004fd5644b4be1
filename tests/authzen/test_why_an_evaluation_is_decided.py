"""Whoever may ask why hears of an evaluation what its asker hears, what policies see of it, and what each of them says."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Any

import pytest
from worlds import at, question, requiring

import serving
from serving import Answer, Box

pytestmark = pytest.mark.blackbox
SECRET = "the-secret-of-the-app"
WHY = "/auth/test-policy"
CANARY = "canary-3f7c"
ODD_READ = requiring({"properties": {**at("subject.properties.odd", {"const": True})["properties"],
                                     **at("action.name", {"const": "read"})["properties"]}})  # fmt: skip


def linked(client: str) -> dict[str, Any]:
    return {"link": [{"reference": f"Client/{client}"}]}


@pytest.fixture(scope="module")
def box(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Box]:
    """A box with two applications, of which each may ask, and one who may ask why."""
    policies = [
        {"id": "may-ask", "engine": "json-schema", "schema": {"required": ["client"], "properties": {"uri": {"pattern": "^/access/v1/"}}}},
        {"id": "may-ask-why", **linked("auditor"), **requiring(at("uri", {"const": WHY}))},
        {"id": "odd-read", "type": "authzen", **ODD_READ},
        {"id": "app-writes", "type": "authzen", **linked("app"), **requiring(at("action.name", {"const": "write"}))},
        {"id": "never-3", "type": "authzen", "effect": "deny", **requiring(at("resource.id", {"const": "3"}))},
        {"id": "tried-out", "type": "authzen", "mode": "shadow", "engine": "allow"},
        {"id": "app-gets", **linked("app"), **requiring({"properties": {"uri": {"const": "/todos"}, "request-method": {"const": "get"}}})},
    ]  # fmt: skip
    with serving.running(tmp_path_factory.mktemp("box")) as running:
        for client in ("app", "other", "auditor"):
            body = {"id": client, "secret": SECRET, "grant_types": ["basic"], "details": {"token": CANARY}}
            assert running.admin("POST", "/Client", body).status == 201
        for policy in policies:
            assert running.admin("POST", "/AccessPolicy", policy).status == 201
        for number in range(4):
            attributes = {"odd": number % 2 == 1, "password": CANARY}
            assert running.admin("PUT", f"/User/u{number}", attributes).status == 201
        for number in range(2):
            assert running.admin("PUT", f"/User/twin-{number}", {"identifier": "twin@x"}).status == 201
        yield running


def why(box: Box, asked: Any, auth: str = f"auditor:{SECRET}") -> Answer:
    return box.ask("POST", WHY, asked, auth=auth)


def route(uri: Any = "/todos", subject: Any = ("client", "app"), method: str = "GET") -> dict[str, Any]:
    return {
        "subject": {"type": subject[0], "id": subject[1]},
        "action": {"name": method},
        "resource": {"type": "route", "id": "/todos", "properties": {"uri": uri}},
    }


EVALUATIONS = [
    *(question(subject, action, record) for subject in ("u1", "u2", "nobody") for action in ("read", "write") for record in ("1", "3")),
    question({"type": "user", "id": "u2", "properties": {"odd": True}}), question({"type": "user", "id": "nobody", "properties": {"odd": True}}),
    question("twin@x"), question("u1", context={"x": 1}), route(), route(method="POST"), route("/other"), route("//todos"), route(7), route(method=""),
    route(subject=("client", "nobody")), route(subject=("user", "x")), route(subject=("identity", "app")),
]  # fmt: skip


def test_the_decision_is_the_one_that_is_given_to_who_asks(box: Box) -> None:
    decisions = []
    for evaluation, pep in itertools.product(EVALUATIONS, ("app", "other")):
        given = box.ask("POST", "/access/v1/evaluation", evaluation, auth=f"{pep}:{SECRET}").json["decision"]
        told = why(box, {"evaluation": evaluation, "pep": pep}).json
        assert told["decision"] == ("allow" if given else "deny"), (evaluation, pep)
        assert bool(told["by"]) is (told["code"] in {"allowed-by-policy", "denied-by-policy"})
        decisions.append(given)
    assert {True, False} == set(decisions)


def test_what_policies_see_and_what_each_of_them_says_is_told(box: Box) -> None:
    forged = question({"type": "user", "id": "u2", "properties": {"odd": True, "ip": "192.0.2.1"}})
    told = why(box, {"evaluation": forged, "pep": "app"}).json
    assert told["evaluation"]["subject"]["properties"] == {"odd": False, "ip": "192.0.2.1", "password": "***"}
    assert told["evaluation"]["resource"] == forged["resource"]
    assert told["code"] == "no-policy-allows"
    said = {policy["id"]: policy for policy in told["policies"]}
    assert {name: policy["outcome"] for name, policy in said.items()} == {
        "odd-read": "no",
        "app-writes": "no",
        "never-3": "no",
        "tried-out": "yes",
    }
    assert said["odd-read"]["reasons"][0]["pointer"] == "/subject/properties/odd"
    assert type(told["revision"]) is int
    assert "request" not in told


def test_a_route_is_told_as_the_request_that_policies_for_requests_judge(box: Box) -> None:
    told = why(box, {"evaluation": route("https://api.example.com/todos?a=1")}).json
    assert (told["decision"], told["by"]) == ("allow", ["app-gets"])
    assert (told["request"]["uri"], told["request"]["client"]["id"], told["request"]["params"]) == (
        "/todos",
        "app",
        {"a": "1"},
    )
    assert "evaluation" not in told


@pytest.mark.parametrize(
    ("evaluation", "code", "detail"),
    [
        (question("twin@x"), "ambiguous-entity", "several resources of the box have this identifier"),
        (route("//todos"), "malformed", "the path holds an empty segment (//)"),
        (route(subject=("client", "nobody")), "subject-rejected", "there is no such client"),
    ],
)
def test_where_no_policy_can_be_asked_it_is_told_why(box: Box, evaluation: Any, code: str, detail: str) -> None:
    told = why(box, {"evaluation": evaluation, "pep": "app"}).json
    assert (told["decision"], told["code"], told["detail"]) == ("deny", code, detail)
    assert (told["policies"], told["by"]) == ([], [])


def test_nothing_that_is_named_like_a_secret_is_told(box: Box) -> None:
    reads = requiring(at("subject.properties.password", {"const": "x"}))
    for evaluation in (question("u1"), question("u1", context={"token": CANARY}), route()):
        policy = {} if evaluation["resource"]["type"] == "route" else {"policy": {"type": "authzen", **reads}}
        answer = why(box, {"evaluation": evaluation, "pep": "app", **policy})
        assert answer.status == 200
        assert CANARY.encode() not in answer.body


# A policy given alone.


def test_a_policy_given_alone_is_judged_with_what_the_box_knows_and_is_not_stored(box: Box) -> None:
    policy = {"type": "authzen", **ODD_READ}
    for subject, decision in (("u1", "allow"), ("u2", "deny")):
        told = why(box, {"evaluation": question(subject, resource="3"), "policy": policy}).json
        assert (told["decision"], [one["id"] for one in told["policies"]]) == (decision, ["test-policy"])
    assert box.admin("GET", "/AccessPolicy/test-policy").status == 404


def test_a_policy_given_alone_is_for_the_pep_that_it_is_linked_to(box: Box) -> None:
    policy = {"type": "authzen", "engine": "allow", **linked("app")}
    for pep, decision in (({"pep": "app"}, "allow"), ({"pep": "other"}, "deny"), ({}, "deny")):
        assert why(box, {"evaluation": question(), "policy": policy, **pep}).json["decision"] == decision


REST, AUTHZEN = {"engine": "allow"}, {"type": "authzen", "engine": "allow"}
REQUEST = {"request-method": "get", "uri": "/a"}
REFUSED = [
    ({}, ["/request"]), ({"pep": "app"}, ["/request", "/pep"]), ({"request": REQUEST, "pep": "app"}, ["/pep"]),
    ({"request": REQUEST, "evaluation": question()}, ["/request"]), ({"evaluation": None}, ["/evaluation"]), ({"evaluation": [question()]}, ["/evaluation"]),
    ({"evaluation": {}}, ["/evaluation"]), ({"evaluation": {**question(), "subject": {"type": "user"}}}, ["/evaluation"]),
    ({"evaluation": {**question(), "action": {}}, "pep": "nobody"}, ["/evaluation", "/pep"]),
    *(({"evaluation": question(), "pep": pep}, ["/pep"]) for pep in ("nobody", "", 7, None, [], {"id": "app"})),
    ({"evaluation": question(), "evalution": 1}, ["/evalution"]), ({"evaluation": question(), "policy": {**AUTHZEN, "lnk": []}}, ["/policy/lnk"]),
    ({"evaluation": question(), "policy": REST}, ["/policy/type"]), ({"evaluation": route(), "policy": AUTHZEN}, ["/policy/type"]),
    ({"request": REQUEST, "policy": AUTHZEN}, ["/policy/type"]), ({"evaluation": question(), "policy": 7}, ["/policy"]),
]  # fmt: skip


@pytest.mark.parametrize(("asked", "pointers"), REFUSED, ids=str)
def test_what_makes_no_sense_is_refused_and_each_mistake_named(box: Box, asked: Any, pointers: list[str]) -> None:
    answer = why(box, asked)
    assert answer.status == 422, answer
    assert [problem["pointer"] for problem in answer.json["errors"]] == pointers


# Who may ask.


def test_who_may_ask_for_decisions_may_not_ask_why_and_hears_nothing(box: Box) -> None:
    asked = {"evaluation": question("u1"), "pep": "app"}
    for auth, status in ((f"app:{SECRET}", 403), ("auditor:wrong", 401)):
        refused = why(box, asked, auth)
        assert refused.status == status
        assert b"odd" not in refused.body
    assert box.ask("POST", WHY, asked).status == 401
