"""Others find what they need by the issuer alone, and verify tokens without asking."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jwt
import pytest

import serving
from falconbox.app import WELL_KNOWN
from serving import Box

pytestmark = pytest.mark.blackbox


@pytest.fixture(scope="module")
def box(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Box]:
    with serving.running(tmp_path_factory.mktemp("box")) as running:
        running.admin("POST", "/Client", {"id": "app", "secret": "a-secret", "grant_types": ["client_credentials"]})
        yield running


def metadata(box: Box) -> Any:
    return box.ask("GET", "/.well-known/oauth-authorization-server").json


def test_a_client_that_knows_the_issuer_only_gets_a_token_that_anybody_can_verify(box: Box) -> None:
    found = metadata(box)
    assert found["issuer"] == box.url
    form = "grant_type=client_credentials&audience=https://elsewhere"
    path = found["token_endpoint"].removeprefix(box.url)
    answer = box.ask("POST", path, form, auth="app:a-secret", media="application/x-www-form-urlencoded")
    token = answer.json["access_token"]
    key = jwt.PyJWKClient(found["jwks_uri"]).get_signing_key_from_jwt(token)
    claims = jwt.decode(token, key.key, algorithms=["ES256"], audience="https://elsewhere", issuer=box.url)
    assert claims["client_id"] == "app"


def test_the_published_keys_hold_no_private_member(box: Box) -> None:
    answer = box.ask("GET", "/.well-known/jwks.json")
    assert answer.headers["content-type"] == "application/jwk-set+json"
    assert [key.keys() for key in answer.json["keys"]] == [{"kty", "crv", "x", "y", "kid", "use", "alg"}]


def test_the_same_stands_where_openid_clients_ask(box: Box) -> None:
    assert box.ask("GET", "/.well-known/openid-configuration").json == metadata(box)


def test_the_resource_names_its_authorization_server(box: Box) -> None:
    found = box.ask("GET", "/.well-known/oauth-protected-resource").json
    assert (found["resource"], found["authorization_servers"]) == (box.url, [box.url])


def test_every_endpoint_that_the_metadata_name_is_there_and_is_open(box: Box) -> None:
    found = metadata(box)
    paths = {name: url.removeprefix(box.url) for name, url in found.items() if name.endswith("_endpoint")}
    assert paths.keys() == {"token_endpoint", "introspection_endpoint", "revocation_endpoint"}
    for path in paths.values():
        answer = box.ask("POST", path, "x=1", media="application/x-www-form-urlencoded")
        assert (answer.status, answer.json["error"]) == (400, "invalid_request")


def test_metadata_are_json_objects(box: Box) -> None:
    for name in ("oauth-authorization-server", "openid-configuration", "oauth-protected-resource"):
        answer = box.ask("GET", f"/.well-known/{name}")
        assert (answer.status, answer.headers["content-type"]) == (200, "application/json")
        assert isinstance(answer.json, dict)


def test_a_client_that_knows_the_resource_only_finds_what_to_authenticate_with(box: Box) -> None:
    header = box.ask("GET", "/Patient").headers["www-authenticate"]
    url = header.partition('resource_metadata="')[2].partition('"')[0]
    resource = box.ask("GET", url.removeprefix(box.url)).json
    assert resource["resource"] == box.url
    (issuer,) = resource["authorization_servers"]
    found = box.ask("GET", f"{issuer}/.well-known/oauth-authorization-server".removeprefix(box.url)).json
    assert (found["issuer"], found["token_endpoint"]) == (issuer, f"{box.url}/auth/token")
    assert resource["resource"] in found["protected_resources"]


def test_documents_about_a_public_url_with_a_path_stand_where_the_standards_put_them(tmp_path: Path) -> None:
    with serving.running(tmp_path, "--public-url", "https://box.example/tenant1") as box:
        header = box.ask("GET", "/Patient").headers["www-authenticate"]
        url = header.partition('resource_metadata="')[2].partition('"')[0]
        assert url == "https://box.example/.well-known/oauth-protected-resource/tenant1"
        for name, member in (
            ("oauth-protected-resource", "resource"),
            ("oauth-authorization-server", "issuer"),
            ("authzen-configuration", "policy_decision_point"),
        ):
            path = f"/.well-known/{name}/tenant1"
            assert box.ask("GET", path).json[member] == "https://box.example/tenant1"
            assert box.ask("HEAD", path).status == 200
            for method, beside in (("POST", path), ("GET", f"{path}/"), ("GET", f"{path}2"), ("GET", f"{path}/x")):
                assert box.ask(method, beside).status == 401
        assert box.ask("GET", "/.well-known/jwks.json/tenant1").status == 401


@pytest.mark.parametrize("path", WELL_KNOWN)
def test_a_well_known_document_is_open_may_be_kept_and_nothing_beside_it_is_open(box: Box, path: str) -> None:
    answer = box.ask("GET", path, headers={"Accept": "text/html"})
    assert answer.status == 200
    assert answer.headers["cache-control"] == "public, max-age=300"
    assert box.ask("HEAD", path).status == 200
    for method, beside in (("GET", f"{path}/"), ("POST", path), ("GET", f"{path}/x"), ("OPTIONS", path)):
        assert box.ask(method, beside).status == 401
    assert box.ask("GET", "/.well-known/anything").status == 401


def test_wrong_credentials_do_not_matter_where_none_are_asked_for(box: Box) -> None:
    assert box.ask("GET", "/.well-known/jwks.json", auth="nobody:wrong").status == 200
