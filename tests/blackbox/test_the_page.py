"""The page that falconbox grew from, to the letter, against the real server, on both stores."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import serving
from serving import Box

pytestmark = pytest.mark.blackbox

BASIC_CLIENT = """
id: api-consumer
secret: verysecretstring
grant_types:
  - basic
"""
POLICY = """
id: for-api-consumer
link:
  - resourceType: Client
    id: api-consumer
engine: json-schema
schema:
  type: object
  properties:
    request-method: { constant: 'get' }
    uri: { enum: ['/Patient', 'Encounter'] }
"""
TOKEN_CLIENT = """
id: api-consumer
secret: verysecretstring
grant_types:
  - client_credentials
auth:
  client_credentials:
    access_token_expiration: 3600 # in seconds
    access_token_format: jwt
"""
TOKEN_REQUEST = """
client_id: api-consumer
client_secret: verysecretstring
grant_type: client_credentials
# optional
audience: https://another-service
"""
ME = "api-consumer:verysecretstring"
YAML = "text/yaml"


@pytest.fixture(params=["sqlite", "wire"])
def box(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Box]:
    """A fresh box, on the embedded store and on one behind MongoDB's wire protocol."""
    arguments = [] if request.param == "sqlite" else ["--store", request.getfixturevalue("nx_mongo_uri")]
    with serving.running(tmp_path, *arguments) as running:
        yield running


def claims(token: str) -> dict[str, Any]:
    part = token.split(".")[1]
    return json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))


def test_the_section_on_basic_works_as_printed(box: Box) -> None:
    assert box.admin("POST", "/Client", BASIC_CLIENT, media=YAML).status == 201
    assert box.ask("GET", "/Patient", auth=ME).status == 403
    assert box.admin("POST", "/AccessPolicy", POLICY, media=YAML).status == 201
    allowed = box.ask("GET", "/Patient", auth=ME)
    assert (allowed.status, allowed.json["resourceType"], allowed.json["type"]) == (200, "Bundle", "searchset")
    for method, path in (
        ("POST", "/Patient"), ("PUT", "/Patient/1"), ("DELETE", "/Patient"), ("HEAD", "/Patient"), ("OPTIONS", "/Patient"),
        ("GET", "/Patient/1"), ("GET", "/Encounter"), ("GET", "/Patient/"), ("GET", "/patient"), ("GET", "/"),
        ("GET", "/Client"), ("GET", "/AccessPolicy"), ("GET", "/nothing/here"), ("POST", "/auth/test-policy"),
    ):  # fmt: skip
        assert box.ask(method, path, auth=ME).status == 403, (method, path)


def test_who_cannot_prove_who_they_are_gets_401_with_both_challenges(box: Box) -> None:
    box.admin("POST", "/Client", BASIC_CLIENT, media=YAML)
    box.admin("POST", "/AccessPolicy", POLICY, media=YAML)
    box.admin(
        "POST", "/Client", {"id": "no-basic", "secret": "verysecretstring", "grant_types": ["client_credentials"]}
    )
    box.admin("POST", "/Client", {"id": "off", "secret": "verysecretstring", "grant_types": ["basic"], "active": False})
    wrong = [
        box.ask("GET", "/Patient", auth=auth)
        for auth in ("api-consumer:wrong", "no-basic:verysecretstring", "off:verysecretstring", "nobody:x")
    ]
    for answer in (*wrong, box.ask("GET", "/Patient")):
        assert answer.status == 401
        assert answer.headers["www-authenticate"] == box.challenges
    assert len({answer.body for answer in wrong}) == 1


def test_the_administrator_is_told_why(box: Box) -> None:
    box.admin("POST", "/Client", BASIC_CLIENT, media=YAML)
    box.admin("POST", "/AccessPolicy", POLICY, media=YAML)
    request = {"request-method": "get", "uri": "/Encounter", "client": {"id": "api-consumer"}}
    told = box.admin("POST", "/auth/test-policy", {"request": request}).json
    assert told["decision"] == "deny"
    (policy,) = told["policies"]
    assert (policy["id"], policy["outcome"]) == ("for-api-consumer", "no")
    (reason,) = policy["reasons"]
    assert (reason["pointer"], reason["policy_pointer"]) == ("/uri", "/schema/properties/uri/enum")
    assert "no request ever has 'Encounter'" in reason["message"]


def test_the_section_on_tokens_works_as_printed(box: Box) -> None:
    assert box.admin("POST", "/Client", TOKEN_CLIENT, media=YAML).status == 201
    assert box.admin("POST", "/AccessPolicy", POLICY, media=YAML).status == 201
    answer = box.ask("POST", "/auth/token", TOKEN_REQUEST, media=YAML)
    assert answer.status == 200
    assert {name: value for name, value in answer.json.items() if name != "access_token"} == {
        "token_type": "bearer",
        "expires_in": 3600,
    }
    told = claims(answer.json["access_token"])
    assert told.keys() == {"iss", "sub", "client_id", "jti", "sid", "gen", "iat", "exp", "aud"}
    assert (told["client_id"], told["aud"], told["exp"] - told["iat"]) == (
        "api-consumer",
        "https://another-service",
        3600,
    )
    assert box.ask("GET", "/Patient", auth=answer.json["access_token"]).status == 401  # it is for another service
    assert box.ask("GET", "/Patient", auth=ME).status == 401  # the client may not use basic


@pytest.mark.parametrize("how", ["form", "json", "yaml", "basic"])
def test_a_token_is_given_in_every_supported_way_and_opens_the_box(box: Box, how: str) -> None:
    box.admin("POST", "/Client", TOKEN_CLIENT, media=YAML)
    box.admin("POST", "/AccessPolicy", POLICY, media=YAML)
    fields = {"grant_type": "client_credentials", "client_id": "api-consumer", "client_secret": "verysecretstring"}
    form = "application/x-www-form-urlencoded"
    if how == "form":
        answer = box.ask("POST", "/auth/token", "&".join(f"{k}={v}" for k, v in fields.items()), media=form)
    elif how == "json":
        answer = box.ask("POST", "/auth/token", fields)
    elif how == "yaml":
        answer = box.ask("POST", "/auth/token", "\n".join(f"{k}: {v}" for k, v in fields.items()), media=YAML)
    else:
        answer = box.ask("POST", "/auth/token", "grant_type=client_credentials", media=form, auth=ME)
    assert answer.status == 200
    assert answer.headers["cache-control"] == "no-store"
    token = answer.json["access_token"]
    assert claims(token)["aud"] == box.url
    assert box.ask("GET", "/Patient", auth=token).status == 200
    assert box.ask("DELETE", "/Patient", auth=token).status == 403


def issue(box: Box) -> str:
    answer = box.ask("POST", "/auth/token", {"grant_type": "client_credentials", "client_id": "api-consumer",
                                             "client_secret": "verysecretstring"})  # fmt: skip
    return str(answer.json["access_token"])


def test_a_token_stops_when_it_expires(box: Box) -> None:
    client = TOKEN_CLIENT.replace("3600", "1")
    box.admin("POST", "/Client", client, media=YAML)
    box.admin("POST", "/AccessPolicy", POLICY, media=YAML)
    token = issue(box)
    while box.ask("GET", "/Patient", auth=token).status == 200:
        pass  # it lives for a second
    assert box.ask("GET", "/Patient", auth=token).status == 401


def test_a_token_stops_when_its_session_is_deleted(box: Box) -> None:
    box.admin("POST", "/Client", TOKEN_CLIENT, media=YAML)
    box.admin("POST", "/AccessPolicy", POLICY, media=YAML)
    first, second = issue(box), issue(box)
    session = claims(first)["sid"]
    assert box.admin("GET", f"/Session/{session}").json["client"] == "api-consumer"
    assert box.admin("GET", "/Session?client=api-consumer").json["total"] == 2
    assert box.admin("DELETE", f"/Session/{session}").status == 200
    assert box.ask("GET", "/Patient", auth=first).status == 401
    assert box.ask("GET", "/Patient", auth=second).status == 200
    assert box.admin("GET", f"/Session/{session}").status == 404


def test_a_token_stops_when_its_client_is_switched_off_and_stays_dead_when_it_is_switched_on(box: Box) -> None:
    box.admin("POST", "/Client", TOKEN_CLIENT, media=YAML)
    box.admin("POST", "/AccessPolicy", POLICY, media=YAML)
    token = issue(box)
    assert box.admin("PUT", "/Client/api-consumer", TOKEN_CLIENT + "active: false\n", media=YAML).status == 200
    assert box.ask("GET", "/Patient", auth=token).status == 401
    assert box.admin("PUT", "/Client/api-consumer", TOKEN_CLIENT, media=YAML).status == 200
    assert box.ask("GET", "/Patient", auth=token).status == 401
    assert box.ask("GET", "/Patient", auth=issue(box)).status == 200


def test_a_token_stops_when_its_client_is_deleted_and_stays_dead_when_it_is_made_anew(box: Box) -> None:
    box.admin("POST", "/Client", TOKEN_CLIENT, media=YAML)
    box.admin("POST", "/AccessPolicy", POLICY, media=YAML)
    token = issue(box)
    deleted = box.admin("DELETE", "/Client/api-consumer")
    assert (deleted.status, deleted.json["policiesLinkedToIt"]) == (200, ["for-api-consumer"])
    assert box.ask("GET", "/Patient", auth=token).status == 401
    box.admin("POST", "/Client", TOKEN_CLIENT, media=YAML)
    assert box.ask("GET", "/Patient", auth=token).status == 401


def test_a_token_without_expiration_has_none(box: Box) -> None:
    box.admin("POST", "/Client", TOKEN_CLIENT.replace("3600", "never"), media=YAML)
    answer = box.ask("POST", "/auth/token", {"grant_type": "client_credentials", "client_id": "api-consumer",
                                             "client_secret": "verysecretstring"})  # fmt: skip
    assert answer.json.keys() == {"access_token", "token_type"}
    assert "exp" not in claims(answer.json["access_token"])


def test_the_same_clients_and_policies_work_as_files_and_go_when_their_file_goes(
    request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    folder = tmp_path / "policies"
    folder.mkdir()
    client = BASIC_CLIENT.replace("verysecretstring", "{ env: API_CONSUMER_SECRET }")
    (folder / "client.yaml").write_text("resourceType: Client" + client)
    (folder / "policy.yaml").write_text("resourceType: AccessPolicy" + POLICY)
    environ = serving.environment(API_CONSUMER_SECRET="verysecretstring")
    with serving.running(tmp_path, "--policies", str(folder), environ=environ) as box:
        assert box.ask("GET", "/Patient", auth=ME).status == 200
        assert box.ask("DELETE", "/Patient", auth=ME).status == 403
        shown = box.admin("GET", "/AccessPolicy/for-api-consumer").json
        assert shown["meta"]["source"]["file"] == "policy.yaml"
        refused = box.admin("DELETE", "/AccessPolicy/for-api-consumer")
        assert (refused.status, refused.json["code"]) == (409, "managed")
        paths = ("/Client/api-consumer", "/AccessPolicy/for-api-consumer")
        versions = [serving.as_written(box.admin("GET", path).json) for path in paths]
    with serving.running(tmp_path, "--policies", str(folder), environ=environ) as box:
        assert versions == [serving.as_written(box.admin("GET", path).json) for path in paths]
    (folder / "policy.yaml").unlink()
    with serving.running(tmp_path, "--policies", str(folder), environ=environ) as box:
        assert box.ask("GET", "/Patient", auth=ME).status == 403
        assert box.admin("GET", "/AccessPolicy/for-api-consumer").status == 404
        assert box.admin("GET", "/Client/api-consumer").status == 200
