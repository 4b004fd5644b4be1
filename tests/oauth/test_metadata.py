"""What metadata say of the authorization server and of the resource: all that a client must know, and nothing untrue."""

from __future__ import annotations

from typing import Any

import pytest

from falconbox.client_keys import ALGORITHMS
from falconbox.oauth.metadata import authorization_server, protected_resource

ISSUERS = ["https://box.example", "http://127.0.0.1:8080", "https://box.example/a/b"]
ENDPOINTS = ("token", "introspection", "revocation")


@pytest.fixture(params=ISSUERS)
def issuer(request: pytest.FixtureRequest) -> Any:
    return request.param


def test_the_issuer_is_the_public_url_exactly_and_everything_else_is_below_it(issuer: str) -> None:
    told = authorization_server(issuer)
    assert told["issuer"] == issuer
    urls = {name: value for name, value in told.items() if name.endswith(("_endpoint", "_uri"))}
    assert urls.keys() == {"jwks_uri", *(f"{name}_endpoint" for name in ENDPOINTS)}
    assert all(url.startswith(f"{issuer}/") for url in urls.values())


def test_there_is_one_grant_and_nothing_that_needs_a_browser(issuer: str) -> None:
    told = authorization_server(issuer)
    assert (told["grant_types_supported"], told["response_types_supported"]) == (["client_credentials"], [])
    assert not [name for name in told if "authorization_endpoint" in name or "redirect" in name]


@pytest.mark.parametrize("endpoint", ENDPOINTS)
def test_each_endpoint_says_how_clients_authenticate_and_by_which_algorithms(endpoint: str) -> None:
    told = authorization_server(ISSUERS[0])
    methods = told[f"{endpoint}_endpoint_auth_methods_supported"]
    algorithms = told[f"{endpoint}_endpoint_auth_signing_alg_values_supported"]
    assert methods == ["client_secret_basic", "client_secret_post", "private_key_jwt"]
    assert algorithms == [*ALGORITHMS]
    assert not [name for name in algorithms if name.startswith(("none", "HS"))]


def test_the_resource_takes_tokens_in_the_header_alone_from_its_own_server(issuer: str) -> None:
    told = protected_resource(issuer)
    assert told == {"resource": issuer, "authorization_servers": [issuer], "bearer_methods_supported": ["header"]}
    assert authorization_server(issuer)["protected_resources"] == [told["resource"]]
