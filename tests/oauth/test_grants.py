"""The client credentials grant, without HTTP: RFC 6749 to the letter, one text and one cost for every wrong client."""

from __future__ import annotations

import base64
import time
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from jwt.algorithms import ECAlgorithm

from falconbox.authentication.basic import read_credentials
from falconbox.authentication.secrets import SecretHasher
from falconbox.authentication.verification import CredentialVerifier
from falconbox.decision_log.record import Asked
from falconbox.errors import OAuthRequestRefused, StoreUnavailable
from falconbox.model import Client, StoredSecret
from falconbox.oauth.assertions import ASSERTION_TYPE, ClientAssertions
from falconbox.oauth.client_authentication import ClientAuthentication
from falconbox.oauth.endpoint import Origin
from falconbox.oauth.grants import TokenEndpoint
from falconbox.oauth.keys import SigningKeys
from falconbox.oauth.sessions import MARGIN, revoke_session
from falconbox.oauth.tokens import AccessTokens
from falconbox.store.sqlite import SqliteStore

HERE = Origin(Asked("POST", "/auth/token", "192.0.2.1", 0), "record")
SECRET = "correct horse battery"
HASH = SecretHasher().hash(SECRET)
KEY = ec.generate_private_key(ec.SECP256R1())


def assertion(client_id: str, **changes: Any) -> dict[str, str]:
    """A request with a fresh assertion."""
    now = int(time.time())
    claims = {"iss": client_id, "sub": client_id, "aud": "https://box", "jti": str(uuid.uuid4()), "exp": now + 60}
    signed = jwt.encode({**claims, **changes}, KEY, "ES256")
    return {"grant_type": "client_credentials", "client_assertion_type": ASSERTION_TYPE, "client_assertion": signed}


def basic(text: str) -> str:
    return "Basic " + base64.b64encode(text.encode()).decode()


GOOD = {"grant_type": "client_credentials", "client_id": "me", "client_secret": SECRET}


def client(client_id: str, **fields: Any) -> Client:
    known: dict[str, Any] = {
        "version": 1, "generation": "g1", "active": True, "grant_types": frozenset({"client_credentials"}), "secrets": (StoredSecret("1", HASH),),
        "token_lifetime": 3600, "audiences": None, "public": {"id": client_id}, "updated_at": 0.0,
    }  # fmt: skip
    return Client(client_id, **{**known, **fields})


CLIENTS = {
    "me": client("me"),
    "never": client("never", token_lifetime=None),
    "choosy": client("choosy", audiences=frozenset({"https://a"})),
    "reader": client("reader", scopes=("list", "read", "write")),
    "wordy": client("wordy", scopes=tuple(f"{number:0100}" for number in range(100))),
    "keyed": client("keyed", secrets=(), jwks=(ECAlgorithm.to_jwk(KEY.public_key(), as_dict=True),)),
    "basic-only": client("basic-only", grant_types=frozenset({"basic"})),
    "off": client("off", active=False),
    "no-secret": client("no-secret", secrets=()),
}


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SqliteStore]:
    store = SqliteStore(tmp_path / "store")
    yield store
    store.close()


@pytest.fixture
def hasher() -> SecretHasher:
    return SecretHasher()


@pytest.fixture
def endpoint(store: SqliteStore, hasher: SecretHasher) -> TokenEndpoint:
    tokens = AccessTokens(SigningKeys.open(store), "https://box")
    authentication = ClientAuthentication(
        lambda: CLIENTS,
        read_basic=read_credentials,
        verify=CredentialVerifier(hasher).verify,
        assertions=ClientAssertions(store, ("https://box",)),
    )
    return TokenEndpoint(authentication, store, tokens)


def refusal(
    endpoint: TokenEndpoint, parameters: dict[str, Any], authorization: str | None = None
) -> OAuthRequestRefused:
    with pytest.raises(OAuthRequestRefused) as raised:
        endpoint.respond(parameters, authorization, HERE)
    assert all(" " <= letter <= "~" and letter not in '"\\' for letter in raised.value.detail)
    assert SECRET not in raised.value.detail
    return raised.value


def test_a_token_is_answered_and_its_session_is_stored_with_its_end(
    endpoint: TokenEndpoint, store: SqliteStore
) -> None:
    answer = endpoint.respond(GOOD, None, HERE).body
    assert (answer.keys(), answer["token_type"], answer["expires_in"]) == (
        {"access_token", "token_type", "expires_in"}, "bearer", 3600
    )  # fmt: skip
    (session,) = store.find("Session", {"client": "me"}).records
    assert session.expires_at == session.body["expires_at"] == session.body["issued_at"] + 3600


def test_expires_in_is_left_out_of_a_token_that_never_expires(endpoint: TokenEndpoint) -> None:
    assert endpoint.respond({**GOOD, "client_id": "never"}, None, HERE).body.keys() == {
        "access_token",
        "token_type",
    }


def test_the_header_authenticates_as_well_as_the_body(endpoint: TokenEndpoint) -> None:
    for parameters in ({"grant_type": "client_credentials"}, {"grant_type": "client_credentials", "client_id": "me"}):
        assert endpoint.respond(parameters, basic(f"me:{SECRET}"), HERE).body["access_token"]


def test_id_and_secret_may_be_form_encoded_in_the_header_as_the_rfc_has_it(endpoint: TokenEndpoint) -> None:
    for text in ("me:correct%20horse%20battery", "me:correct+horse%20battery", "basic%2Donly:correct%20horse+battery"):
        parameters = {"grant_type": "client_credentials"}
        if text.startswith("me"):
            assert endpoint.respond(parameters, basic(text), HERE).body["access_token"]
            with_id = {**parameters, "client_id": "me"}
            assert endpoint.respond(with_id, basic(text), HERE).body["access_token"]
        else:
            assert refusal(endpoint, parameters, basic(text)).error == "unauthorized_client"


def test_a_client_may_prove_itself_by_an_assertion_once(endpoint: TokenEndpoint) -> None:
    request = assertion("keyed")
    assert endpoint.respond(request, None, HERE).body["access_token"]
    refused = refusal(endpoint, request)
    assert (refused.error, refused.by_header, refused.why) == (
        "invalid_client",
        False,
        "the assertion has been used before",
    )
    assert endpoint.respond({**assertion("keyed"), "client_id": "keyed"}, None, HERE).body["access_token"]


def issued(endpoint: TokenEndpoint, **more: Any) -> tuple[dict[str, Any], dict[str, Any]]:
    """The answer to a good request, and the claims of its token."""
    answer = endpoint.respond({**GOOD, **more}, None, HERE).body
    return dict(answer), jwt.decode(answer["access_token"], options={"verify_signature": False})


@pytest.mark.parametrize(
    ("asked", "audience"),
    [
        ({}, "https://box"), ({"audience": "any text"}, "any text"), ({"resource": "https://a"}, "https://a"),
        ({"resource": ["https://a"]}, "https://a"), ({"resource": ["https://a", "urn:b:c"]}, ["https://a", "urn:b:c"]),
        ({"resource": ["https://a", "https://a"]}, "https://a"), ({"audience": "https://a", "resource": "https://a"}, "https://a"),
        ({"audience": "x", "resource": "https://a"}, ["x", "https://a"]), ({"resource": []}, "https://box"), ({"resource": ""}, "https://box"),
        ({"resource": "https://a/b?c=d"}, "https://a/b?c=d"),
    ],
)  # fmt: skip
def test_a_token_is_for_every_audience_and_resource_that_was_named(
    endpoint: TokenEndpoint, store: SqliteStore, asked: dict[str, Any], audience: Any
) -> None:
    _, claims = issued(endpoint, **asked)
    assert claims["aud"] == audience
    (session,) = store.find("Session").records
    assert session.body["audience"] == (audience if isinstance(audience, list) else [audience])


def test_a_client_that_lists_audiences_may_ask_for_these_as_resources_too(endpoint: TokenEndpoint) -> None:
    assert issued(endpoint, client_id="choosy", resource="https://a")[1]["aud"] == "https://a"


@pytest.mark.parametrize(
    ("asked", "scope"),
    [({}, "list read write"), ({"scope": ""}, "list read write"), ({"scope": "read"}, "read"), ({"scope": "write list"}, "write list"),
     ({"scope": "read read"}, "read")],
)  # fmt: skip
def test_the_scope_that_is_granted_stands_in_the_answer_in_the_token_and_in_the_session(
    endpoint: TokenEndpoint, store: SqliteStore, asked: dict[str, str], scope: str
) -> None:
    answer, claims = issued(endpoint, client_id="reader", **asked)
    (session,) = store.find("Session").records
    assert answer["scope"] == claims["scope"] == session.body["scope"] == scope


def test_a_client_without_scopes_is_granted_none(endpoint: TokenEndpoint) -> None:
    answer, claims = issued(endpoint)
    assert "scope" not in answer
    assert "scope" not in claims


def test_a_token_that_nobody_would_read_for_its_length_is_not_issued(
    endpoint: TokenEndpoint, store: SqliteStore
) -> None:
    assert refusal(endpoint, {**GOOD, "client_id": "wordy"}).error == "invalid_request"
    resources = [f"https://{number}{'a' * 1500}" for number in range(8)]
    assert refusal(endpoint, {**GOOD, "resource": resources}).error == "invalid_request"
    assert store.find("Session").total == 0
    assert issued(endpoint, client_id="wordy", scope=f"{7:0100}")[1]["scope"] == f"{7:0100}"


def test_parameters_that_are_not_known_are_ignored(endpoint: TokenEndpoint) -> None:
    answer = endpoint.respond(
        {**GOOD, "expires_in": 10**9, "sub": "admin", "jti": ["x"], "role": "admin"}, None, HERE
    ).body
    assert answer["expires_in"] == 3600


def test_no_parameter_changes_whose_a_token_is_or_for_how_long(endpoint: TokenEndpoint) -> None:
    wanted = {"sub": "admin", "iss": "https://evil", "gen": "g2", "sid": "mine", "jti": "mine", "exp": "9999999999", "roles": "admin"}  # fmt: skip
    _, claims = issued(endpoint, **wanted)
    assert (claims["sub"], claims["client_id"], claims["iss"], claims["gen"]) == ("me", "me", "https://box", "g1")
    assert claims["exp"] == claims["iat"] + 3600
    assert "mine" not in (claims["sid"], claims["jti"])
    assert "roles" not in claims


def test_a_token_is_nowhere_in_the_store(endpoint: TokenEndpoint, store: SqliteStore, tmp_path: Path) -> None:
    answer, claims = issued(endpoint)
    _, payload, signature = answer["access_token"].split(".")
    store.close()
    stored = b"".join(path.read_bytes() for path in tmp_path.iterdir())
    assert claims["sid"].encode() in stored
    assert payload.encode() not in stored
    assert signature.encode() not in stored


CASES: dict[str, tuple[dict[str, Any], str | None, str]] = {
    "no grant type": ({"client_id": "me", "client_secret": SECRET}, None, "invalid_request"),
    "no credentials": ({"grant_type": "client_credentials"}, None, "invalid_request"),
    "no secret": ({"grant_type": "client_credentials", "client_id": "me"}, None, "invalid_client"),
    "empty secret": ({**GOOD, "client_secret": ""}, None, "invalid_client"),
    "no id": ({"grant_type": "client_credentials", "client_secret": SECRET}, None, "invalid_request"),
    "two ways": (GOOD, basic(f"me:{SECRET}"), "invalid_request"),
    "two clients": (
        {"grant_type": "client_credentials", "client_id": "other"},
        basic(f"me:{SECRET}"),
        "invalid_request",
    ),
    "id is an operator": ({**GOOD, "client_id": {"$ne": None}}, None, "invalid_request"),
    "id is null": ({**GOOD, "client_id": None}, None, "invalid_request"),
    "secret is a number": ({**GOOD, "client_secret": 12345678}, None, "invalid_request"),
    "grant type is a list": ({**GOOD, "grant_type": ["client_credentials"]}, None, "invalid_request"),
    "audience is a list": ({**GOOD, "audience": ["a"]}, None, "invalid_request"),
    "assertion and secret": ({**GOOD, **assertion("me")}, None, "invalid_request"),
    "assertion and header": (assertion("keyed"), basic("keyed:x"), "invalid_request"),
    "assertion type and header": (
        {"grant_type": "client_credentials", "client_assertion_type": ASSERTION_TYPE},
        basic(f"me:{SECRET}"),
        "invalid_request",
    ),
    "assertion is a list": ({**assertion("keyed"), "client_assertion": ["x"]}, None, "invalid_request"),
    "assertion of a stranger": (assertion("nobody"), None, "invalid_client"),
    "assertion of a client without keys": (assertion("me"), None, "invalid_client"),
    "assertion for another server": (assertion("keyed", aud="https://other"), None, "invalid_client"),
    "assertion of another client": ({**assertion("keyed"), "client_id": "me"}, None, "invalid_client"),
    "assertion without a type": (
        {"grant_type": "client_credentials", "client_assertion": assertion("keyed")["client_assertion"]},
        None,
        "invalid_client",
    ),
    "assertion of another type": (
        {**assertion("keyed"), "client_assertion_type": "urn:ietf:params:oauth:client-assertion-type:saml2-bearer"},
        None,
        "invalid_client",
    ),
    "assertion type without an assertion": (
        {"grant_type": "client_credentials", "client_assertion_type": ASSERTION_TYPE},
        None,
        "invalid_client",
    ),
    "a secret of a client that has keys only": ({**GOOD, "client_id": "keyed"}, None, "invalid_client"),
    "resource is an object": ({**GOOD, "resource": {"$ne": None}}, None, "invalid_request"),
    "resource is a list of numbers": ({**GOOD, "resource": ["https://a", 5]}, None, "invalid_request"),
    "long resource": ({**GOOD, "resource": "https://" + "a" * 3000}, None, "invalid_request"),
    "many resources": ({**GOOD, "resource": [f"https://{number}" for number in range(9)]}, None, "invalid_request"),
    "relative resource": ({**GOOD, "resource": "/api"}, None, "invalid_target"),
    "resource without a scheme": ({**GOOD, "resource": "api.example"}, None, "invalid_target"),
    "resource with a fragment": ({**GOOD, "resource": "https://a/#b"}, None, "invalid_target"),
    "resource with an empty fragment": ({**GOOD, "resource": "https://a#"}, None, "invalid_target"),
    "resource without a host": ({**GOOD, "resource": "https://"}, None, "invalid_target"),
    "resource with a bracket left open": ({**GOOD, "resource": "https://[::1"}, None, "invalid_target"),
    "resource with a space": ({**GOOD, "resource": "https://a b"}, None, "invalid_target"),
    "resource with a broken escape": ({**GOOD, "resource": "https://a/%zz"}, None, "invalid_target"),
    "resource with a line end": ({**GOOD, "resource": "https://a\n"}, None, "invalid_target"),
    "one resource of two is none": ({**GOOD, "resource": ["https://a", "b"]}, None, "invalid_target"),
    "empty grant type": ({**GOOD, "grant_type": ""}, None, "invalid_request"),
    "long secret": ({**GOOD, "client_secret": "x" * 3000}, None, "invalid_request"),
    "upper case grant": ({**GOOD, "grant_type": "CLIENT_CREDENTIALS"}, None, "unsupported_grant_type"),
    "another grant": ({**GOOD, "grant_type": "password"}, None, "unsupported_grant_type"),
    "wrong secret": ({**GOOD, "client_secret": "wrong"}, None, "invalid_client"),
    "unknown client": ({**GOOD, "client_id": "nobody"}, None, "invalid_client"),
    "inactive client": ({**GOOD, "client_id": "off"}, None, "invalid_client"),
    "client without secret": ({**GOOD, "client_id": "no-secret"}, None, "invalid_client"),
    "wrong grant and wrong secret": ({**GOOD, "client_id": "basic-only", "client_secret": "x"}, None, "invalid_client"),
    "wrong grant": ({**GOOD, "client_id": "basic-only"}, None, "unauthorized_client"),
    "a scope of a client that has none": ({**GOOD, "scope": "admin"}, None, "invalid_scope"),
    "another scope": ({**GOOD, "client_id": "reader", "scope": "admin"}, None, "invalid_scope"),
    "a scope beside a right one": ({**GOOD, "client_id": "reader", "scope": "read admin"}, None, "invalid_scope"),
    "a scope in upper case": ({**GOOD, "client_id": "reader", "scope": "READ"}, None, "invalid_scope"),
    "two spaces in a scope": ({**GOOD, "client_id": "reader", "scope": "read  list"}, None, "invalid_scope"),
    "a scope that ends in a line end": ({**GOOD, "client_id": "reader", "scope": "read\n"}, None, "invalid_scope"),
    "a space for a scope": ({**GOOD, "client_id": "reader", "scope": " "}, None, "invalid_scope"),
    "scope is a list": ({**GOOD, "client_id": "reader", "scope": ["read"]}, None, "invalid_request"),
    "a resource it may not have": (
        {**GOOD, "client_id": "choosy", "audience": "https://a", "resource": "https://b"},
        None,
        "invalid_target",
    ),
    "an audience it may not have": ({**GOOD, "client_id": "choosy", "audience": "https://b"}, None, "invalid_target"),
    "broken header": ({"grant_type": "client_credentials"}, "Basic !!!", "invalid_client"),
    "another scheme": ({"grant_type": "client_credentials"}, "Bearer x", "invalid_client"),
    "wrong secret in the header, form-encoded": (
        {"grant_type": "client_credentials"},
        basic("me:wrong%20secret"),
        "invalid_client",
    ),
    "unknown client in the header, form-encoded": (
        {"grant_type": "client_credentials"},
        basic("some%2Dbody:correct+horse%20battery"),
        "invalid_client",
    ),
    "wrong secret in the header": ({"grant_type": "client_credentials"}, basic("me:wrong too"), "invalid_client"),
}


@pytest.mark.parametrize(("parameters", "authorization", "error"), CASES.values(), ids=CASES)
def test_every_refusal_has_the_code_of_the_rfc_and_stores_no_session(
    endpoint: TokenEndpoint, store: SqliteStore, parameters: dict[str, Any], authorization: str | None, error: str
) -> None:
    refused = refusal(endpoint, parameters, authorization)
    assert refused.error == error
    assert refused.by_header is (authorization is not None and error == "invalid_client")
    assert store.find("Session").total == 0


WRONG = {name: case for name, case in CASES.items() if case[2] == "invalid_client"}
COSTS_NOTHING = {
    "no secret",
    "empty secret",
    "broken header",
    "another scheme",
    *(name for name in WRONG if "assertion" in name),
}
"""What has no secret to be verified, or no form: anybody can see that, whoever the client is."""
TWO_MEANINGS = {"wrong secret in the header, form-encoded"}
"""What may be a secret as it is, or form-encoded: the text says so, whoever the client is."""


def test_every_wrong_client_gets_one_text_at_one_cost(endpoint: TokenEndpoint, hasher: SecretHasher) -> None:
    assert len(WRONG.keys() - COSTS_NOTHING) >= 8
    texts = set()
    for name, (parameters, header, _) in WRONG.items():
        before = hasher.slow_verifications
        texts.add(refusal(endpoint, parameters, header).detail)
        cost = 0 if name in COSTS_NOTHING else 2 if name in TWO_MEANINGS else 1
        assert hasher.slow_verifications - before == cost, name
    assert len(texts) == 1


@pytest.mark.parametrize("client_id", ["me", "nobody", "off", "no-secret", "basic-only"])
def test_a_wrong_secret_that_can_be_read_two_ways_costs_the_same_for_every_client(
    endpoint: TokenEndpoint, hasher: SecretHasher, client_id: str
) -> None:
    for number, text in enumerate(("a+wrong+secret", "100%25"), 1):
        refusal(endpoint, {"grant_type": "client_credentials"}, basic(f"{client_id}:{text}"))
        assert hasher.slow_verifications == 2 * number


@pytest.mark.parametrize("spelling", ["correct horse battery", "correct+horse+battery", "correct%20horse%20battery"])
def test_a_secret_in_the_header_is_right_as_it_is_and_in_each_way_of_encoding_spaces(
    endpoint: TokenEndpoint, hasher: SecretHasher, spelling: str
) -> None:
    for _ in range(2):
        assert endpoint.respond({"grant_type": "client_credentials"}, basic(f"me:{spelling}"), HERE).body[
            "access_token"
        ]
    assert hasher.slow_verifications == (2 if "+" in spelling else 1), "what was right is remembered"


def test_a_parameter_without_a_value_counts_as_left_out(endpoint: TokenEndpoint) -> None:
    assert endpoint.respond({**GOOD, "audience": "", "scope": ""}, None, HERE).body["access_token"]
    header = basic(f"me:{SECRET}")
    assert endpoint.respond({"grant_type": "client_credentials", "client_secret": ""}, header, HERE)


def test_a_refusal_says_for_the_log_who_asked_once_that_is_known(endpoint: TokenEndpoint) -> None:
    for name, (parameters, header, error) in CASES.items():
        known = refusal(endpoint, parameters, header).caller.client
        if error in ("unauthorized_client", "invalid_scope"):
            assert known is not None, name
        if error in ("invalid_client", "unsupported_grant_type"):
            assert known is None, name


def test_a_token_whose_session_cannot_be_stored_is_not_given_out(endpoint: TokenEndpoint, store: SqliteStore) -> None:
    store.close()
    with pytest.raises(StoreUnavailable):
        endpoint.respond(GOOD, None, HERE)


def test_revoking_writes_the_revocation_before_it_forgets_the_session(
    endpoint: TokenEndpoint, store: SqliteStore
) -> None:
    endpoint.respond(GOOD, None, HERE)
    (session,) = store.find("Session").records
    revoke_session(store, session)
    revocation = store.get("revocation", session.id)
    assert revocation.expires_at == session.expires_at + MARGIN
    assert store.get("Session", session.id) is None


def test_the_revocation_of_a_token_that_never_expires_stays_for_ever(
    endpoint: TokenEndpoint, store: SqliteStore
) -> None:
    endpoint.respond({**GOOD, "client_id": "never"}, None, HERE)
    (session,) = store.find("Session").records
    revoke_session(store, session)
    assert store.get("revocation", session.id).expires_at is None


def test_a_revocation_cut_short_leaves_the_token_dead_and_can_be_repeated(
    endpoint: TokenEndpoint, store: SqliteStore
) -> None:
    endpoint.respond(GOOD, None, HERE)
    (session,) = store.find("Session").records

    class CutShort:
        def put(self, *arguments: Any, **options: Any) -> Any:
            return store.put(*arguments, **options)

        def delete(self, *arguments: Any, **options: Any) -> Any:
            raise StoreUnavailable("gone")

    with pytest.raises(StoreUnavailable):
        revoke_session(CutShort(), session)
    assert store.get("revocation", session.id) is not None
    revoke_session(store, session)
    assert store.get("Session", session.id) is None


@pytest.mark.parametrize("name", ["audience", "resource"])
def test_an_access_token_passes_for_an_identity_token_only_where_the_client_lists_that_audience(
    store: SqliteStore, endpoint: TokenEndpoint, name: str
) -> None:
    """Many libraries look at issuer and audience, and not at the type."""
    kept = TokenEndpoint(endpoint._authentication, store, endpoint._tokens, kept=["https://a"])
    assert refusal(kept, {**GOOD, name: "https://a"}).error == "invalid_target"
    assert refusal(kept, {**GOOD, "audience": "https://b", "resource": "https://a"}).error == "invalid_target"
    assert store.find("Session").total == 0
    for asked in ({**GOOD, name: "https://b"}, {**GOOD, "client_id": "choosy", name: "https://a"}):
        assert kept.respond(asked, None, HERE).code == "token-issued"
