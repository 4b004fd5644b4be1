"""`?__debug=policy` tells why to those who may ask, does nothing else, and shows no secret."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

import serving

pytestmark = pytest.mark.blackbox
APP = "app:a long secret"
CANARY = "canary-77b1"
SCHEMA = {
    "required": ["uri", "request-method", "body"],
    "properties": {
        "uri": {"const": "/Patient"},
        "request-method": {"const": "post"},
        "body": {"required": ["password"], "properties": {"password": {"const": "another"}}},
    },
}


@pytest.fixture(scope="module")
def box(tmp_path_factory: pytest.TempPathFactory) -> Iterator[serving.Box]:
    with serving.running(tmp_path_factory.mktemp("debug")) as running:
        client = {"id": "app", "secret": "a long secret", "grant_types": ["basic"]}
        assert running.admin("POST", "/Client", client).status == 201
        for policy_id, link, body in (
            ("app-writes", [{"reference": "Client/app"}], {"engine": "json-schema", "schema": SCHEMA}),
            ("app-reads", [{"reference": "Client/app"}], {"engine": "json-schema", "schema": {"properties": {"request-method": {"const": "get"}}}}),
        ):  # fmt: skip
            policy = {"id": policy_id, "link": link, **body}
            assert running.admin("POST", "/AccessPolicy", policy).status == 201
        yield running


def test_the_answer_says_what_each_policy_says_of_the_request_that_carries_it(box: serving.Box) -> None:
    answer = box.admin("GET", "/Patient/1?__debug=policy&_count=5")
    assert answer.status == 200
    told = answer.json
    assert told["request"]["uri"] == "/Patient/1"
    assert told["request"]["request-method"] == "get"
    assert told["request"]["params"] == {
        "__debug": "policy",
        "_count": "5",
        "resource/type": "Patient",
        "resource/id": "1",
    }
    assert "authorization" not in told["request"]["headers"]
    assert [(policy["id"], policy["eval-result"]) for policy in told["policies"]] == [("admin", True)]
    assert (told["decision"], told["by"]) == ("allow", ["admin"])


def test_the_request_is_not_carried_out(box: serving.Box) -> None:
    answer = box.admin("POST", "/Patient?__debug=policy", {"id": "made", "name": "x"})
    assert (answer.status, answer.json["decision"]) == (200, "allow")
    assert box.admin("GET", "/Patient/made").status == 404
    assert box.admin("DELETE", "/Client/app?__debug=policy").status == 200
    assert box.admin("GET", "/Client/app").status == 200


@pytest.mark.parametrize(
    ("auth", "status"), [(None, 401), ("app:wrong", 401), (APP, 403)], ids=["nobody", "wrong", "not allowed"]
)
@pytest.mark.parametrize("path", ["/Patient", "/", "/auth/test-policy", "/Nothing/1"])
def test_it_is_refused_to_whom_no_policy_allows_to_ask_whatever_else_they_may_do(
    box: serving.Box, path: str, auth: str | None, status: int
) -> None:
    answer = box.ask("GET", f"{path}?__debug=policy", auth=auth)
    assert answer.status == status
    assert "policies" not in answer.json
    if auth == APP:
        assert box.ask("GET", "/Patient", auth=APP).status == 200


@pytest.mark.parametrize(
    "query",
    ["__debug=policy", "%5f%5Fdebug=policy", "__%64ebug=polic%79", "__debug=policy&__debug=policy",
     "__debug=1&__debug=policy", "a=%25&__debug=policy"],
)  # fmt: skip
def test_it_is_asked_in_every_spelling_of_a_query_and_then_nothing_is_carried_out(box: serving.Box, query: str) -> None:
    assert box.admin("PUT", "/Patient/kept", {}).status in (200, 201)
    told = box.admin("DELETE", f"/Patient/kept?{query}")
    assert (told.status, told.json["decision"]) == (200, "allow")
    assert box.admin("GET", "/Patient/kept").status == 200


@pytest.mark.parametrize(
    "query", ["__debug=1", "__debug=", "__debug=Policy", "x=__debug", "__Debug=policy", "%255f_debug=policy"]
)
def test_another_value_is_an_ordinary_parameter(box: serving.Box, query: str) -> None:
    answer = box.ask("GET", f"/auth/test-policy?{query}", auth=APP)
    assert answer.status in (404, 405)


def test_a_target_that_is_refused_is_refused_all_the_same(box: serving.Box) -> None:
    assert box.admin("GET", "//Patient?__debug=policy").status == 400


def test_no_secret_is_shown_and_no_sentence_quotes_one(box: serving.Box) -> None:
    policy = {"id": "secret-bodies", "engine": "json-schema", "schema": SCHEMA}
    assert box.admin("POST", "/AccessPolicy", policy).status == 201
    answer = box.admin(
        "POST", f"/Patient?__debug=policy&access_token={CANARY}", {"password": CANARY}, headers={"X-Api-Key": CANARY}
    )
    assert answer.status == 200
    told: dict[str, Any] = answer.json
    assert CANARY not in answer.body.decode()
    assert told["request"]["body"] == {"password": "***"}
    (refusing,) = (held for held in told["policies"] if held["id"] == "secret-bodies")
    assert refusing["eval-result"] is False
    assert refusing["reasons"][0]["pointer"] == "/body/password"
    assert box.admin("DELETE", "/AccessPolicy/secret-bodies").status == 200
    assert CANARY not in box.output() + box.errors()


def test_a_record_says_that_somebody_asked_why(box: serving.Box) -> None:
    answer = box.admin("GET", "/Patient?__debug=policy")
    (record,) = box.records(answer.headers["x-decision-id"])
    assert (record["door"], record["uri"], record["client"], record["decision"]) == (
        "debug",
        "/auth/test-policy",
        "admin",
        "allow",
    )


def test_the_answer_is_in_the_media_type_that_is_wanted(box: serving.Box) -> None:
    assert (
        box.admin("GET", "/x?__debug=policy", headers={"Accept": "application/yaml"}).headers["content-type"]
        == "application/yaml"
    )
    assert box.admin("GET", "/x?__debug=policy", headers={"Accept": "image/png"}).status == 406
