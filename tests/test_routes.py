"""The router and the request document read a path in the same way."""

from __future__ import annotations

from urllib.parse import quote

import falcon
import pytest
from falcon import testing
from hypothesis import assume, example, given
from hypothesis import strategies as st

from falconbox.canonical import read_target
from falconbox.errors import Malformed
from falconbox.routes import OPERATIONS, OTHERS, RESOURCES, add_routes, inserted, is_box_type, is_id, route_params


class Echo:
    """Answers with the parameters that Falcon routed by."""

    def __init__(self, name: str) -> None:
        self.name = name

    def _say(self, resp: falcon.Response, **params: str) -> None:
        resp.media = {"resource": self.name, **params}

    def on_get(self, req: falcon.Request, resp: falcon.Response, **params: str) -> None:
        self._say(resp, **params)

    def on_get_collection(self, req: falcon.Request, resp: falcon.Response, **params: str) -> None:
        self._say(resp, **params)


def client() -> testing.TestClient:
    app = falcon.App()
    add_routes(app, {name: Echo(name) for name in (*OTHERS.values(), *OPERATIONS.values(), *RESOURCES, "box")})
    return testing.TestClient(app)


CLIENT = client()
segment = st.sampled_from(
    ["Client", "AccessPolicy", "Session", "SigningKey", "Decision", "Patient", "patient", "auth", "token", "healthz", "",
     "a", ".", "..", "...", "a.b", "x" * 64, "x" * 65, "P" * 64, "P" * 65, "Ü", "a b", "readyz", "test-policy", "$rotate-secret"]
)  # fmt: skip


@given(st.lists(segment, max_size=4))
@example(["Client", "a", ""])
@example(["Client", "a", "$rotate-secret"])
def test_what_falcon_routes_is_what_the_document_says(segments: list[str]) -> None:
    path = "/" + "/".join(segments)
    try:
        read_target(quote(path))
    except Malformed:
        assume(False)  # refused before anything is routed
    routed = CLIENT.simulate_get(path)
    params = route_params(path)
    if routed.status_code != 200 or path in OTHERS:
        assert params == {}
        return
    owner = {"secret_rotation": "Client"}.get(routed.json["resource"], routed.json["resource"])
    resource_type = routed.json.get("resource_type", owner)
    assert params["resource/type"] == resource_type
    assert params.get("resource/id") == routed.json.get("resource_id")


@pytest.mark.parametrize("path", ["", "/", "/a/", "/{id}", "/a%62", "/a//b", "/a b", "a"])
def test_a_public_url_without_a_path_or_with_one_that_has_two_readings_adds_no_routes(path: str) -> None:
    assert inserted(path) == {}


@pytest.mark.parametrize("name", ["Client", "AccessPolicy", "Session", "SigningKey", "TokenIssuer", "Decision", "Key"])
def test_a_reserved_type_never_belongs_to_the_box(name: str) -> None:
    assert not is_box_type(name)


@pytest.mark.parametrize("text", ["", ".", "..", "a/b", "a b", "a\n", "ａ", "x" * 65, "ü", "a\x00"])
def test_what_is_no_id_is_told(text: str) -> None:
    assert not is_id(text)
