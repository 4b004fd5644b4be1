"""A proxy gets a 200 for what a policy allows, and for nothing else; otherwise a status that it takes for a denial."""

from __future__ import annotations

import base64
import io
import ipaddress
from collections.abc import Callable
from http import HTTPStatus
from typing import Any

import jwt
import pytest

from falconbox.authentication import Authenticator
from falconbox.authentication.secrets import SecretHasher
from falconbox.authentication.verification import CredentialVerifier
from falconbox.compiling import PolicyCompiler
from falconbox.decision.point import DecisionPoint
from falconbox.decision.policy_set import PolicySet
from falconbox.decision_log.writer import DecisionLogUnavailable
from falconbox.forward_auth import ForwardAuth, door_at, understood
from falconbox.forward_auth.profiles import PROFILES
from falconbox.forwarded import Proxies
from falconbox.guard import Guard
from falconbox.model import AccessPolicy, Caller, Client, StoredSecret
from falconbox.oauth.algorithms import ES256
from falconbox.oauth.identity import IdentityTokens
from falconbox.oauth.key_records import new_key
from falconbox.oauth.keys import SigningKeys
from falconbox.oauth.tokens import AccessTokens
from falconbox.plugins import load_plugins
from falconbox.world import World

ISSUER, AUDIENCE = "https://falconbox.example", "https://service.example"
KEY = new_key(ES256, 0.0, 0.0)
TOKENS = AccessTokens(SigningKeys([KEY]), ISSUER)
HASHER = SecretHasher()
CLIENT = Client("app", 1, "g", True, frozenset({"basic", "client_credentials"}), (StoredSecret("s1", HASHER.hash("secret")),), 3600, None, {"id": "app"}, 0.0)  # fmt: skip
GET_PATIENT = {"required": ["uri"], "properties": {"uri": {"const": "/Patient"}, "request-method": {"const": "get"}}}
POLICIES = {
    "app": AccessPolicy("app", "json-schema", {"schema": GET_PATIENT}, frozenset({"app"})),
    "all": AccessPolicy("all", "json-schema", {"schema": {"required": ["uri"], "properties": {"uri": {"const": "/public"}}}}),
}  # fmt: skip
WORLD = World(clients={"app": CLIENT}, policies=PolicySet().patched(POLICIES, PolicyCompiler(load_plugins().engines)))
BASIC = f"Basic {base64.b64encode(b'app:secret').decode()}"
ALL = sorted(PROFILES)
FEW = ("nginx", "envoy")


class Log:
    """A decision log in memory."""

    def __init__(self, *, broken: bool = False) -> None:
        self.records: list[Any] = []
        self.broken = broken

    def write(self, record: Any) -> None:
        if self.broken:
            raise DecisionLogUnavailable("no record could be made of the decision")
        self.records.append(record)


class Broken:
    @property
    def current(self) -> World:
        raise RuntimeError("secret of the inside")


class Here:
    current = WORLD


def box(environ: dict[str, Any], start_response: Callable[..., Any]) -> list[bytes]:
    start_response("418 The box", [])
    return [b"box"]


class Asked:
    """A door in memory, and what was answered there."""

    def __init__(
        self, *, log: Log | None = None, worlds: Any = Here, fresh: bool = True, tokens: IdentityTokens | None = None
    ) -> None:
        self.log = log or Log()
        authenticator = Authenticator(CredentialVerifier(HASHER), TOKENS)

        def guard_at(door: Any) -> Guard:
            return Guard(worlds(), authenticator, DecisionPoint(lambda: fresh), self.log, door)  # type: ignore[arg-type]

        self._door = ForwardAuth(box, guard_at, Proxies([ipaddress.ip_network("10.0.0.1")]), tokens)

    def ask(
        self, name: str, target: str = "/Patient", *, own: str = "GET", **more: Any
    ) -> tuple[int, dict[str, str], bytes]:
        profile = PROFILES.get(name)
        environ: dict[str, Any] = {
            "REQUEST_METHOD": own, "REMOTE_ADDR": "10.0.0.1", "wsgi.url_scheme": "http", "wsgi.input": io.BytesIO(), "HTTP_AUTHORIZATION": BASIC,
            "REQUEST_URI": f"/forward-auth/{name}{'' if profile and profile.uri else target}",
        }  # fmt: skip
        if profile and profile.method and profile.uri:
            environ |= {profile.method: "GET", profile.uri: target}
        answer: list[Any] = []
        body = b"".join(self._door({key: value for key, value in (environ | more).items() if value is not None}, lambda *said: answer.extend(said)))  # fmt: skip
        names = [name for name, _ in answer[1]]
        assert len(names) == len(set(names)), "no header is sent twice"
        return int(answer[0].split()[0]), dict(answer[1]), body


@pytest.mark.parametrize("name", ALL)
def test_what_is_allowed_is_a_200_without_a_body(name: str) -> None:
    door = Asked()
    status, headers, body = door.ask(name)
    assert (status, headers["Content-Length"], body) == (200, "0", b"")
    assert (headers["X-Client-Id"], headers["X-Session-Id"], headers["X-Falconbox-Token"]) == ("app", "", "")
    assert headers["Cache-Control"] == "no-store"
    (record,) = door.log.records
    assert record["id"] == headers["X-Decision-Id"]
    assert (record["door"], record["uri"], record["method"], record["decision"]) == (
        f"forward-auth/{name}",
        "/Patient",
        "GET",
        "allow",
    )
    assert (record["client"], record["remote_addr"]) == ("app", "10.0.0.1")


@pytest.mark.parametrize("name", ALL)
@pytest.mark.parametrize("own", ["GET", "HEAD", "OPTIONS", "POST", "PUT", "DELETE", "PATCH", "TRACE", "FOO"])
def test_every_method_of_the_proxy_is_answered(name: str, own: str) -> None:
    door = Asked()
    status, _, body = door.ask(name, "/public", own=own)
    assert (status, body) == (200, b"")
    status, headers, body = door.ask(name, "/Admin", own=own)
    assert status == 403
    assert (body == b"") is (own == "HEAD")
    assert int(headers["Content-Length"]) > 0


@pytest.mark.parametrize("name", ALL)
@pytest.mark.parametrize("authorization", [None, "Basic d3Jvbmc6d3Jvbmc=", "Negotiate x", ""])
def test_nobody_and_wrong_credentials_are_a_401_with_both_challenges(name: str, authorization: str | None) -> None:
    status, headers, _ = Asked().ask(name, HTTP_AUTHORIZATION=authorization)
    assert status == 401
    assert headers["WWW-Authenticate"] == 'Basic realm="falconbox", charset="UTF-8", Bearer realm="falconbox"'


@pytest.mark.parametrize("name", ALL)
def test_of_a_refused_token_the_bearer_challenge_says_so_through_every_proxy(name: str) -> None:
    status, headers, _ = Asked().ask(name, HTTP_AUTHORIZATION="Bearer x.y.z")
    assert status == 401
    basic, bearer = 'Basic realm="falconbox", charset="UTF-8"', 'Bearer realm="falconbox", error="invalid_token"'
    assert headers["WWW-Authenticate"] == f"{basic}, {bearer}"


REFUSED: dict[str, tuple[dict[str, Any], dict[str, Any], int, str]] = {
    "not allowed": ({}, {"target": "/Admin"}, 403, "no-policy-allows"),
    "a target that can be read in two ways": ({}, {"target": "/a/../Patient"}, 400, "malformed"),
    "two credentials": ({}, {"HTTP_AUTHORIZATION": f"{BASIC}, {BASIC}"}, 400, "malformed"),
    "somebody who is no proxy": ({}, {"REMOTE_ADDR": "10.0.0.2"}, 403, "untrusted-proxy"),
    "policies that are too old": ({"fresh": False}, {}, 503, "snapshot-stale"),
}


@pytest.mark.parametrize("name", ALL)
@pytest.mark.parametrize("case", REFUSED.values(), ids=REFUSED.keys())
def test_what_is_refused_is_a_status_that_the_proxy_takes_for_a_denial(name: str, case: Any) -> None:
    made, more, status, code = case
    door = Asked(**made)
    answered, headers, body = door.ask(name, **more)
    assert answered == (403 if name in FEW else status)
    assert f'"status": {answered}'.encode() in body
    (record,) = door.log.records
    assert (record["code"], record["decision"], record["id"]) == (code, "deny", headers["X-Decision-Id"])


@pytest.mark.parametrize("name", ALL)
@pytest.mark.parametrize("made", [{"log": Log(broken=True)}, {"worlds": Broken}], ids=["no record", "a fault of ours"])
def test_a_failure_of_ours_allows_nothing_and_tells_nothing(name: str, made: Any) -> None:
    status, headers, body = Asked(**made).ask(name)
    assert status == (403 if name in FEW else 503 if "log" in made else 500)
    assert "X-Client-Id" not in headers
    assert b"secret" not in body


def test_too_many_wrong_secrets_are_told_when_to_come_again() -> None:
    for name in ALL:
        door = Asked()
        wrong = [f"Basic {base64.b64encode(f'app:{number}'.encode()).decode()}" for number in range(12)]
        answers = [door.ask(name, HTTP_AUTHORIZATION=credentials) for credentials in wrong]
        assert {status for status, _, _ in answers} == {401, 403 if name in FEW else 429}
        assert int(answers[-1][1]["Retry-After"]) > 0


@pytest.mark.parametrize(
    "target", ["", "/", "/nginx/", "/nginx/Patient", "/apache", "/NGINX", "?uri=/Patient", "/..%2fPatient"]
)
def test_a_path_that_stands_for_no_profile_is_not_allowed(target: str) -> None:
    door = Asked()
    status, _, _ = door.ask("nginx", REQUEST_URI=f"/forward-auth{target}")
    assert status == 403
    assert [(record["kind"], record["door"]) for record in door.log.records] == [("refusal", "forward-auth")]


@pytest.mark.parametrize(
    "target", ["/", "/Patient", "/forward-authx/nginx", "//forward-auth/nginx", "/%66orward-auth/nginx", "*"]
)
def test_everything_else_is_for_the_box(target: str) -> None:
    assert Asked().ask("nginx", REQUEST_URI=target)[0] == 418


def test_what_is_open_at_the_box_is_not_open_behind_a_proxy() -> None:
    for target in ("/healthz", "/readyz", "/.well-known/jwks.json"):
        assert Asked().ask("nginx", target, HTTP_AUTHORIZATION=None)[0] == 401


def test_a_target_that_cannot_be_read_is_written_down_as_it_was_sent_without_its_query() -> None:
    for name in ALL:
        door = Asked()
        door.ask(name, "//Patient?secret=1")
        assert (door.log.records[0]["uri"], door.log.records[0]["method"]) == ("//Patient", "GET")


def test_a_token_brings_its_session_and_an_identity_that_can_be_verified() -> None:
    keys = SigningKeys([KEY])
    door = Asked(tokens=IdentityTokens(keys, ISSUER, AUDIENCE))
    issued = TOKENS.issue(CLIENT, "session-1", None).token
    _, headers, _ = door.ask("nginx", HTTP_AUTHORIZATION=f"Bearer {issued}")
    assert headers["X-Session-Id"] == "session-1"
    token = headers["X-Falconbox-Token"]
    claims = jwt.decode(token, KEY.public, algorithms=["ES256"], audience=AUDIENCE, issuer=ISSUER)
    assert {name: claims[name] for name in ("sub", "client_id", "sid", "decision_id")} == {
        "sub": "app", "client_id": "app", "sid": "session-1", "decision_id": headers["X-Decision-Id"],
    }  # fmt: skip
    assert claims["exp"] - claims["iat"] == 60
    assert jwt.get_unverified_header(token) == {"alg": "ES256", "typ": "identity+jwt", "kid": KEY.kid}


@pytest.mark.parametrize("name", ALL)
def test_what_is_refused_because_no_identity_can_be_signed_is_not_written_down_as_allowed(name: str) -> None:
    door = Asked(tokens=IdentityTokens(SigningKeys(), ISSUER, AUDIENCE))
    status, headers, _ = door.ask(name)
    assert status == (403 if name in FEW else 503)
    (record,) = door.log.records
    assert (record["kind"], record["decision"], record["code"]) == ("refusal", "deny", "store-unavailable")
    assert (record["id"], record["client"]) == (headers["X-Decision-Id"], "app")


def test_an_identity_token_opens_nothing_here() -> None:
    token = IdentityTokens(SigningKeys([KEY]), ISSUER, ISSUER).issue(Caller(CLIENT), "d")
    assert Asked().ask("nginx", HTTP_AUTHORIZATION=f"Bearer {token}")[0] == 401


def test_an_anonymous_caller_has_no_identity_to_tell() -> None:
    _, headers, _ = Asked(tokens=IdentityTokens(SigningKeys([KEY]), ISSUER, AUDIENCE)).ask(
        "nginx", "/public", HTTP_AUTHORIZATION=None
    )
    assert (headers["X-Client-Id"], headers["X-Session-Id"], headers["X-Falconbox-Token"]) == ("", "", "")


@pytest.mark.parametrize("session", ["a\r\nX-Client-Id: root", "a b", "é", "", "a" * 200, "a\x00"])
def test_a_session_that_is_not_one_visible_word_is_not_told(session: str) -> None:
    issued = TOKENS.issue(CLIENT, session, None).token
    status, headers, _ = Asked().ask("nginx", HTTP_AUTHORIZATION=f"Bearer {issued}")
    assert (status, headers["X-Session-Id"]) == (200, "")


def test_the_server_in_front_of_the_guard_is_told_which_statuses_are_understood() -> None:
    for name in FEW:
        assert understood(f"/forward-auth/{name}", HTTPStatus.SERVICE_UNAVAILABLE) is HTTPStatus.FORBIDDEN
        assert understood(f"/forward-auth/{name}", HTTPStatus.UNAUTHORIZED) is HTTPStatus.UNAUTHORIZED
    assert understood("/forward-auth/caddy", HTTPStatus.BAD_REQUEST) is HTTPStatus.BAD_REQUEST
    assert understood("/forward-auth/other", HTTPStatus.BAD_REQUEST) is HTTPStatus.FORBIDDEN
    assert understood("/Patient", HTTPStatus.BAD_REQUEST) is HTTPStatus.BAD_REQUEST
    assert [door_at(target) for target in ("/Patient", "/forward-auth/nginx", "/forward-auth/x")] == [
        None,
        "forward-auth/nginx",
        "forward-auth",
    ]
