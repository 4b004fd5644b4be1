"""Clients, policies, sessions and the box over HTTP: versions, preconditions, media types, lists."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import yaml

import serving
from serving import Box

pytestmark = pytest.mark.blackbox


@pytest.fixture(scope="module")
def box(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Box]:
    with serving.running(tmp_path_factory.mktemp("box")) as running:
        yield running


def etag(answer: serving.Answer) -> str:
    return answer.headers["etag"]


def test_a_resource_of_the_box_is_created_read_replaced_and_deleted(box: Box) -> None:
    made = box.admin("POST", "/Patient", {"id": "p1", "name": {"family": "Ä"}, "meta": {"versionId": "spoofed"}})
    assert (made.status, made.headers["location"]) == (201, "/Patient/p1")
    body = made.json
    assert (body["resourceType"], body["id"], body["name"]) == ("Patient", "p1", {"family": "Ä"})
    assert body["meta"].keys() == {"versionId", "lastUpdated"}
    assert etag(made) == f'"{body["meta"]["versionId"]}"'
    assert box.admin("GET", "/Patient/p1").json == body
    replaced = box.admin("PUT", "/Patient/p1", {"n": 1})
    assert (replaced.status, replaced.json["n"], "name" in replaced.json) == (200, 1, False)
    assert box.admin("PUT", "/Patient/p2", {"id": "p2"}).status == 201
    assert box.admin("DELETE", "/Patient/p1").status == 200
    assert box.admin("GET", "/Patient/p1").status == 404
    assert box.admin("DELETE", "/Patient/p1").status == 404


def test_a_resource_without_an_id_is_given_one(box: Box) -> None:
    made = box.admin("POST", "/Observation", {"n": 1}).json
    assert box.admin("GET", f"/Observation/{made['id']}").json == made


def test_posting_an_id_that_exists_is_a_conflict_and_changes_nothing(box: Box) -> None:
    before = box.admin("POST", "/Thing", {"id": "t", "n": 1}).json
    assert box.admin("POST", "/Thing", {"id": "t", "n": 2}).status == 409
    assert box.admin("GET", "/Thing/t").json == before


@pytest.mark.parametrize(
    ("path", "body", "pointer"),
    [
        ("/Thing", {"id": "a/b"}, "/id"),
        ("/Thing", {"id": 5}, "/id"),
        ("/Thing", {"resourceType": "Other"}, "/resourceType"),
    ],
)
def test_a_resource_that_names_itself_wrongly_is_refused(
    box: Box, path: str, body: dict[str, Any], pointer: str
) -> None:
    answer = box.admin("POST", path, body)
    assert (answer.status, [problem["pointer"] for problem in answer.json["errors"]]) == (422, [pointer])
    assert box.admin("PUT", "/Thing/one", {"id": "another"}).status == 422


@pytest.mark.parametrize("path", ["/Vase/v", "/Client/conditional", "/AccessPolicy/conditional"])
def test_preconditions_hold_for_every_resource(box: Box, path: str) -> None:
    body = {"engine": "allow", "mode": "off"} if "Policy" in path else {}
    first = box.admin("PUT", path, body, headers={"If-None-Match": "*"})
    assert first.status == 201
    assert box.admin("PUT", path, body, headers={"If-None-Match": "*"}).status == 412
    second = box.admin("PUT", path, body, headers={"If-Match": etag(first)})
    assert (second.status, etag(second) != etag(first)) == (200, True)
    assert box.admin("PUT", path, body, headers={"If-Match": etag(first)}).status == 412
    assert box.admin("DELETE", path, headers={"If-Match": etag(first)}).status == 412
    assert box.admin("PUT", path, body, headers={"If-Match": f'"0", {etag(second)}'}).status == 200
    assert box.admin("PUT", path, body, headers={"If-Match": "*"}).status == 200
    assert box.admin("PUT", path, body, headers={"If-None-Match": '"1"'}).status == 400
    assert box.admin("DELETE", path).status == 200
    again = box.admin("PUT", path, body)
    assert box.admin("PUT", path, body, headers={"If-Match": etag(second)}).status == 412
    assert again.status == 201


def test_answers_come_in_the_media_type_that_was_asked_for(box: Box) -> None:
    json_answer = box.admin("GET", "/Client/admin", headers={"Accept": "application/json"})
    assert json_answer.headers["content-type"] == "application/json"
    assert json_answer.headers["vary"] == "Authorization, Accept"
    for media in ("application/yaml", "text/yaml"):
        answer = box.admin("GET", "/Client/admin", headers={"Accept": media})
        assert answer.headers["content-type"] == media
        assert yaml.safe_load(answer.body) == json_answer.json


def test_head_answers_like_get_without_a_body(box: Box) -> None:
    for path in ("/Client", "/Client/admin", "/Patient", "/Session"):
        head, get = box.admin("HEAD", path), box.admin("GET", path)
        assert (head.status, head.body) == (200, b"")
        assert head.headers["content-type"] == get.headers["content-type"]


def test_a_method_that_a_path_does_not_know_is_told(box: Box) -> None:
    for method, path in (
        ("PATCH", "/Client/admin"),
        ("PUT", "/Client"),
        ("POST", "/Client/admin"),
        ("POST", "/Session"),
    ):
        assert box.admin(method, path, {}).status == 405


def test_a_list_of_the_box_comes_in_pages(box: Box) -> None:
    for number in range(7):
        box.admin("PUT", f"/Page/n{number}", {"n": number})
    path, seen = "/Page?_count=3", []
    while path:
        page = box.admin("GET", path).json
        assert (page["resourceType"], page["type"], page["total"]) == ("Bundle", "searchset", 7)
        seen += [entry["resource"]["n"] for entry in page["entry"]]
        path = next((link["url"] for link in page.get("link", ()) if link["relation"] == "next"), "")
    assert seen == list(range(7))


def test_a_page_of_large_resources_has_fewer_and_leads_to_the_rest(box: Box) -> None:
    for number in range(10):
        assert box.admin("PUT", f"/Large/n{number}", {"text": "x" * 1_000_000}).status == 201
    assert pages_of(box, "/Large?_count=1000") == [[f"n{number}" for number in range(8)], ["n8", "n9"]]


def test_a_page_in_yaml_has_much_less_for_that_takes_much_longer_to_write(box: Box) -> None:
    for number in range(5):
        assert box.admin("PUT", f"/Middling/n{number}", {"text": "x" * 200_000}).status == 201
    assert pages_of(box, "/Middling") == [[f"n{number}" for number in range(5)]]
    for media in ("application/yaml", "text/yaml"):
        assert pages_of(box, "/Middling", media) == [["n0", "n1"], ["n2", "n3"], ["n4"]]


def pages_of(box: Box, path: str, media: str = "application/json") -> list[list[str]]:
    """Return the ids of a list, page by page."""
    pages = []
    while path:
        answer = box.admin("GET", path, headers={"Accept": media})
        page = yaml.safe_load(answer.body) if "yaml" in media else answer.json
        pages.append([entry["resource"]["id"] for entry in page["entry"]])
        path = next((link["url"] for link in page.get("link", ())), "")
    return pages


def test_clients_and_policies_are_found_by_equality(box: Box) -> None:
    box.admin("PUT", "/Client/s1", {"name": "One", "grant_types": ["basic"], "active": False})
    box.admin("PUT", "/Client/s2", {"name": "Two", "grant_types": ["basic", "client_credentials"]})
    box.admin("PUT", "/AccessPolicy/s1", {"engine": "allow", "mode": "off", "link": [{"reference": "Client/s1"}]})
    box.admin("PUT", "/AccessPolicy/s2", {"engine": "json-schema", "schema": {}, "mode": "off", "effect": "deny"})

    def ids(path: str) -> set[str]:
        return {entry["resource"]["id"] for entry in box.admin("GET", path).json["entry"]}

    assert ids("/Client?name=One") == {"s1"}
    assert ids("/Client?active=false") == {"s1"}
    assert ids("/Client?grant_types=client_credentials&name=Two") == {"s2"}
    assert ids("/AccessPolicy?link=s1") == {"s1"}
    assert ids("/AccessPolicy?effect=deny&engine=json-schema") == {"s2"}
    assert ids("/AccessPolicy?mode=off") >= {"s1", "s2"}
    page = box.admin("GET", "/Client?_count=1").json
    assert len(page["entry"]) == 1
    following = box.admin("GET", page["link"][0]["url"]).json
    assert following["entry"][0]["resource"]["id"] > page["entry"][0]["resource"]["id"]


def test_a_put_without_a_secret_keeps_it_and_one_with_a_secret_replaces_it(box: Box) -> None:
    box.admin("PUT", "/AccessPolicy/who", {"engine": "allow", "link": [{"reference": "Client/admin"}]})
    box.admin("POST", "/Client", {"id": "keeper", "secret": "the-first-secret", "grant_types": ["basic"]})
    shown = box.admin("GET", "/Client/keeper").json
    assert "secret" not in shown
    assert box.admin("PUT", "/Client/keeper", {**shown, "name": "Keeper"}).status == 200
    assert box.ask("GET", "/Patient", auth="keeper:the-first-secret").status == 403
    box.admin("PUT", "/Client/keeper", {**shown, "secret": "the-second-secret"})
    assert box.ask("GET", "/Patient", auth="keeper:the-first-secret").status == 401
    assert box.ask("GET", "/Patient", auth="keeper:the-second-secret").status == 403


def test_a_deleted_client_leaves_its_links_matching_nobody_but_the_next_of_that_id(box: Box) -> None:
    box.admin("POST", "/Client", {"id": "going", "secret": "goodbye-secret", "grant_types": ["basic"]})
    box.admin("POST", "/AccessPolicy", {"id": "of-going", "engine": "allow", "link": [{"reference": "Client/going"}]})
    assert box.ask("GET", "/Patient", auth="going:goodbye-secret").status == 200
    assert box.admin("DELETE", "/Client/going").json == {"deleted": "Client/going", "policiesLinkedToIt": ["of-going"]}
    assert box.ask("GET", "/Patient", auth="going:goodbye-secret").status == 401
    assert box.ask("GET", "/Patient").status == 401
    box.admin("POST", "/Client", {"id": "going", "secret": "somebody-elses", "grant_types": ["basic"]})
    assert box.ask("GET", "/Patient", auth="going:goodbye-secret").status == 401
    assert box.ask("GET", "/Patient", auth="going:somebody-elses").status == 200


def test_a_policy_is_judged_before_it_is_stored(box: Box) -> None:
    """`test-policy` with a policy of its own tells what that policy alone would say, and stores nothing."""
    policy = {"engine": "json-schema", "schema": {"properties": {"uri": {"const": "/Patient"}}}}
    asked = {"request": {"request-method": "get", "uri": "/Patient?a=1&a=2"}, "policy": policy}
    told = box.admin("POST", "/auth/test-policy", asked).json
    assert (told["decision"], told["by"], [p["outcome"] for p in told["policies"]]) == (
        "allow",
        ["test-policy"],
        ["yes"],
    )
    assert told["request"]["params"] == {"a": ["1", "2"], "resource/type": "Patient"}
    assert box.admin("GET", "/AccessPolicy/test-policy").status == 404
    wrong = box.admin("POST", "/auth/test-policy", {**asked, "policy": {**policy, "shcema": {}}})
    assert (wrong.status, wrong.json["errors"][0]["pointer"]) == (422, "/policy/shcema")


@pytest.mark.parametrize(
    ("asked", "pointer"),
    [
        ({}, "/request"), ({"request": {}}, "/request/request-method"), ({"request": "x"}, "/request"),
        ({"request": {"request-method": "get", "uri": "/a//b"}}, "/request/uri"),
        ({"request": {"request-method": "get", "uri": "/a", "clinet": {}}}, "/request/clinet"),
        ({"request": {"request-method": "get", "uri": "/a", "client": {"id": "nobody-here"}}}, "/request/client/id"),
        ({"request": {"request-method": 5, "uri": "/a"}}, "/request/request-method"),
        ({"request": {"request-method": "get", "uri": "/a", "headers": {"x": 5}}}, "/request/headers/x"),
        ({"request": {"request-method": "get", "uri": "/a", "client": {"id": 5}}}, "/request/client/id"),
    ],
)  # fmt: skip
def test_a_described_request_that_makes_no_sense_is_refused(box: Box, asked: dict[str, Any], pointer: str) -> None:
    answer = box.admin("POST", "/auth/test-policy", asked)
    assert answer.status == 422, answer
    assert pointer in [problem["pointer"] for problem in answer.json["errors"]]


def test_a_described_token_is_marked_as_unverified(box: Box) -> None:
    request = {"request-method": "get", "uri": "/a", "session": {"id": "s"}, "jwt": {"pid": "p"}, "body": {"x": 1}}
    told = box.admin("POST", "/auth/test-policy", {"request": request}).json
    assert told["unverified"] == ["session", "jwt"]
    assert (told["request"]["jwt"], told["request"]["session"], told["request"]["body"]) == (
        {"pid": "p"},
        {"id": "s"},
        {"x": 1},
    )


def test_a_body_is_seen_by_policies_that_read_it_and_an_unreadable_one_denies(box: Box) -> None:
    box.admin("POST", "/Client", {"id": "writer", "secret": "writer-secret", "grant_types": ["basic"]})
    schema = {"required": ["body"], "properties": {"request-method": {"const": "post"}, "uri": {"const": "/Note"},
              "body": {"type": "object", "required": ["title"]}}}  # fmt: skip
    link = [{"reference": "Client/writer"}]
    box.admin("POST", "/AccessPolicy", {"id": "writes", "engine": "json-schema", "schema": schema, "link": link})
    me = "writer:writer-secret"
    assert box.ask("POST", "/Note", {"title": "x"}, auth=me).status == 201
    assert box.ask("POST", "/Note", {"text": "x"}, auth=me).status == 403
    assert box.ask("POST", "/Note", '{"title": "x", "title": "y"}', auth=me).status == 403
    assert box.ask("POST", "/Note", "title=x", auth=me, media="application/x-www-form-urlencoded").status == 403
    assert box.ask("POST", "/Note", auth=me).status == 403
    assert box.ask("POST", "/Note", "[" * 1000, auth=me).status == 403


def test_a_shadow_policy_is_logged_and_changes_nothing(box: Box) -> None:
    box.admin("PUT", "/AccessPolicy/shadow", {"engine": "allow", "effect": "deny", "mode": "shadow"})
    answer = box.admin("GET", "/Patient/in-the-shadow")
    assert answer.status == 404
    box.admin("DELETE", "/AccessPolicy/shadow")
    (record,) = box.records(answer.headers["x-decision-id"])
    assert record["decision"] == "allow"
    assert [(r["policy"], r["mode"], r["outcome"]) for r in record["reasons"]] == [("shadow", "shadow", "yes")]


def test_every_decision_has_one_record_that_its_answer_names(box: Box) -> None:
    answers = [box.admin("GET", f"/Patient/logged-{number}") for number in range(20)]
    wanted = {answer.headers["x-decision-id"] for answer in answers}
    box.records(*wanted)
    found = [record for record in box.log() if "/Patient/logged-" in record.get("uri", "")]
    assert len(found) == 20
    assert {record["id"] for record in found} == wanted
    for record in found:
        assert (record["client"], record["method"], record["decision"]) == ("admin", "GET", "allow")
        assert record["policies"]
        assert record["revision"] > 0
        assert record["duration_us"] >= 0
