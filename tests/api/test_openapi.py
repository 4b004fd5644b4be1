"""The API's description is valid, complete, and says what the service does."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import falcon
import falcon.inspect
import jsonschema
import pytest
from openapi_spec_validator import OpenAPIV31SpecValidator

from falconbox import api
from falconbox.admission import Admission
from falconbox.app import OPEN_ROUTES
from falconbox.errors import Invalid
from falconbox.forward_auth.profiles import PROFILES
from falconbox.plugins import load_plugins
from falconbox.routes import OPERATIONS, OTHERS, RESOURCES, add_routes
from falconbox.schemas import shipped

ENGINES = load_plugins().engines
DESCRIPTION = api.description(ENGINES)
FORWARD_AUTH = ("/forward-auth/{profile}", "/forward-auth/envoy/{target}")
"""Answered in front of Falcon, by every method."""

METHODS = ("get", "head", "post", "put", "delete", "patch", "options", "trace")
SCHEMAS = DESCRIPTION["components"]["schemas"]


def operations() -> Iterator[tuple[str, str, Any]]:
    for path, item in DESCRIPTION["paths"].items():
        for method in METHODS:
            if method in item:
                yield method, path, item[method]


def test_it_is_valid_openapi_3_1() -> None:
    assert DESCRIPTION["openapi"] == "3.1.0"
    assert [str(error) for error in OpenAPIV31SpecValidator(DESCRIPTION).iter_errors()] == []


def routed() -> set[tuple[str, str]]:
    """Return method and path of every route that there is, in the words of the description."""
    from falconbox.resources.authzen import AccessEvaluation, AccessEvaluations
    from falconbox.resources.authzen_search import AccessSearch
    from falconbox.resources.box import Box
    from falconbox.resources.clients import Clients
    from falconbox.resources.description import Docs, OpenApi
    from falconbox.resources.health import Healthz, Readyz
    from falconbox.resources.oauth_endpoint import OAuthEndpoint
    from falconbox.resources.policies import Policies
    from falconbox.resources.secret_rotation import SecretRotation
    from falconbox.resources.sessions import Sessions
    from falconbox.resources.test_policy import TestPolicy
    from falconbox.resources.well_known import WellKnown

    kinds: dict[str, type] = {"Client": Clients, "AccessPolicy": Policies, "Session": Sessions, "secret_rotation": SecretRotation, "box": Box, "token": OAuthEndpoint, "introspection": OAuthEndpoint, "revocation": OAuthEndpoint,
             "test_policy": TestPolicy, "healthz": Healthz, "readyz": Readyz, "openapi": OpenApi, "docs": Docs,
             "jwks": WellKnown, "authorization_server": WellKnown, "protected_resource": WellKnown,
             "authzen_configuration": WellKnown, "access_evaluation": AccessEvaluation, "access_evaluations": AccessEvaluations,
             "search_subject": AccessSearch, "search_resource": AccessSearch, "search_action": AccessSearch}  # fmt: skip
    assert set(kinds) == {"box", *RESOURCES, *OTHERS.values(), *OPERATIONS.values()}
    app: falcon.App[Any, Any] = falcon.App()
    add_routes(app, {name: kind.__new__(kind) for name, kind in kinds.items()})
    found = set()
    for route in falcon.inspect.inspect_routes(app):
        path = route.path.replace("{resource_type:type}", "{type}").replace("{resource_id:id}", "{id}")
        found |= {(method.method.lower(), path) for method in route.methods if not method.internal}
    return found | {(method, path) for method in METHODS for path in FORWARD_AUTH}


def test_every_route_is_described_and_nothing_else() -> None:
    assert {(method, path) for method, path, _ in operations()} == routed()


def test_the_profiles_are_the_ones_that_are_described() -> None:
    (profile,) = DESCRIPTION["paths"]["/forward-auth/{profile}"]["parameters"]
    assert {*profile["schema"]["enum"], "envoy"} == PROFILES.keys()


def test_the_open_routes_are_the_ones_that_need_no_credentials() -> None:
    open_here = {
        (method.upper(), path) for method, path, operation in operations() if {} in operation.get("security", [None])
    }
    open_here |= {(method.upper(), path) for method, path, operation in operations() if operation.get("security") == []}
    assert open_here == OPEN_ROUTES


def test_client_is_the_shipped_schema() -> None:
    assert SCHEMAS["Client"] == api.component("Client", shipped("Client"))
    assert "$schema" not in SCHEMAS["Client"]
    assert SCHEMAS["Client"]["properties"].keys() == shipped("Client")["properties"].keys()


def test_access_policy_is_the_shipped_schema_with_the_fields_of_each_engine() -> None:
    for name, engine in ENGINES.items():
        schema = SCHEMAS[f"AccessPolicy.{name}"]
        assert schema["properties"]["engine"] == {"const": name}
        assert schema["properties"].keys() == {
            *shipped("AccessPolicy")["properties"],
            *engine.body_schema.get("properties", ()),
        }
        assert schema["additionalProperties"] is False
    assert len(SCHEMAS["AccessPolicy"]["oneOf"]) == len(ENGINES)


DOCUMENTS: list[tuple[str, dict[str, Any]]] = [
    ("Client", {"id": "a", "secret": "x", "grant_types": ["basic"]}),
    ("Client", {"id": "a", "auth": {"client_credentials": {"access_token_expiration": "never"}}}),
    ("Client", {"id": "a/b"}),
    ("Client", {"id": "a", "secrets": "x"}),
    ("Client", {"id": "a", "auth": {"client_credentials": {"access_token_expiration": 0}}}),
    ("Client", {}),
    ("AccessPolicy", {"id": "p", "engine": "allow"}),
    ("AccessPolicy", {"id": "p", "engine": "json-schema", "schema": {"type": "object"}}),
    ("AccessPolicy", {"id": "p", "engine": "allow", "schema": {"type": "object"}}),
    ("AccessPolicy", {"id": "p", "engine": "allow", "link": []}),
    ("AccessPolicy", {"id": "p", "engine": "nobody"}),
    ("AccessPolicy", {"id": "p", "engine": "json-schema"}),
    ("AccessPolicy", {"id": "..", "engine": "allow"}),
]


@pytest.mark.parametrize(("kind", "document"), DOCUMENTS, ids=repr)
def test_what_the_description_accepts_is_what_is_admitted(kind: str, document: dict[str, Any]) -> None:
    schema = {"$ref": f"#/components/schemas/{kind}", "components": DESCRIPTION["components"]}
    described = jsonschema.Draft202012Validator(schema).is_valid(document)
    admission = Admission(ENGINES)
    try:
        admission.client(document) if kind == "Client" else admission.policy(document, lambda _: True)
    except Invalid:
        admitted = False
    else:
        admitted = True
    assert described is admitted


def test_each_operation_says_everything_that_the_guard_answers() -> None:
    for _, path, operation in operations():
        assert re.match(r"^[A-Z].*\.$", operation["summary"], re.DOTALL)
        if operation.get("security") is None:
            assert {"400", "401", "403", "429", "503"} <= operation["responses"].keys(), path


def test_operation_ids_are_unique() -> None:
    names = [operation["operationId"] for _, _, operation in operations()]
    assert len(names) == len(set(names))


def test_the_page_loads_nothing_from_elsewhere_and_runs_nothing_inline() -> None:
    html = api.page("/docs")[0].decode()
    assert re.findall(r'(?:src|href)="([^"]+)"', html) == [
        "data:,", "/docs/swagger-ui.css", "/openapi.json", "/docs/swagger-ui-bundle.js", "/docs/start.js",
    ]  # fmt: skip
    assert re.findall(r"<script(?![^>]*\bsrc=)", html) == []
    assert not re.search(r"\son\w+=|<style|\bstyle=", html)
    assert "//" not in re.sub(r"^//.*$", "", api.page("/docs/start.js")[0].decode(), flags=re.MULTILINE)


def test_every_part_of_the_page_is_in_the_distribution() -> None:
    for path in api.PAGE:
        data, media_type = api.page(path)
        assert data
        assert media_type.endswith("; charset=utf-8")
