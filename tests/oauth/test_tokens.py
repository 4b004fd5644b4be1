"""Tokens: issued as RFC 9068 says, read strictly, and dead when they should be."""

from __future__ import annotations

import base64
import json
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hypothesis import given, settings
from hypothesis import strategies as st

from falconbox.authentication.bearer import BearerAuthentication
from falconbox.errors import CredentialsRejected, TokenRejected
from falconbox.model import Client
from falconbox.oauth.algorithms import ALGORITHMS
from falconbox.oauth.key_records import new_key
from falconbox.oauth.keys import SigningKeys
from falconbox.oauth.tokens import LEEWAY, AccessTokens
from falconbox.world import World

ISSUER = "https://box.example"


class Clock:
    def __init__(self) -> None:
        self.now = 1_800_000_000.0

    def __call__(self) -> float:
        return self.now


CLOCK = Clock()


def client(**fields: Any) -> Client:
    known: dict[str, Any] = {
        "version": 1, "generation": "g1", "active": True, "grant_types": frozenset({"client_credentials"}), "secrets": (),
        "token_lifetime": 3600, "audiences": None, "public": {"id": "me"}, "updated_at": 0.0,
    }  # fmt: skip
    return Client("me", **{**known, **fields})


@pytest.fixture(scope="module", params=ALGORITHMS)
def keys(request: pytest.FixtureRequest) -> SigningKeys:
    return SigningKeys([new_key(ALGORITHMS[request.param], created=0.0, signs_from=0.0)])


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def tokens(keys: SigningKeys, clock: Clock) -> AccessTokens:
    return AccessTokens(keys, ISSUER, clock)


def test_a_token_has_the_header_and_claims_of_rfc_9068(tokens: AccessTokens, keys: SigningKeys, clock: Clock) -> None:
    token, claims, kid = tokens.issue(client(), "sid-1")
    assert jwt.get_unverified_header(token) == {"typ": "at+jwt", "alg": keys.signing.algorithm, "kid": kid}
    now = int(clock.now)
    assert {**claims, "jti": "x"} == {
        "iss": ISSUER, "sub": "me", "client_id": "me", "jti": "x", "sid": "sid-1", "gen": "g1", "iat": now, "exp": now + 3600,
        "aud": ISSUER,
    }  # fmt: skip
    assert tokens.verify(token) == claims


def test_the_audience_that_was_asked_for_replaces_our_own(tokens: AccessTokens) -> None:
    token, claims, _ = tokens.issue(client(), "s", ("https://other",))
    assert claims["aud"] == "https://other"
    with pytest.raises(CredentialsRejected, match="another audience"):
        tokens.verify(token)


def test_a_token_without_lifetime_has_no_expiration(tokens: AccessTokens, clock: Clock) -> None:
    token, claims, _ = tokens.issue(client(token_lifetime=None), "s")
    assert "exp" not in claims
    clock.now += 10**9
    assert tokens.verify(token) == claims


def test_two_tokens_are_never_the_same(tokens: AccessTokens) -> None:
    assert tokens.issue(client(), "s")[1]["jti"] != tokens.issue(client(), "s", None)[1]["jti"]


def test_expiry_knows_no_leeway(tokens: AccessTokens, clock: Clock) -> None:
    token, claims, _ = tokens.issue(client(token_lifetime=10), "s")
    clock.now = claims["exp"] - 0.001
    tokens.verify(token)
    clock.now = claims["exp"]
    with pytest.raises(CredentialsRejected, match="expired"):
        tokens.verify(token)


def signed(keys: SigningKeys, claims: dict[str, Any], **header: Any) -> str:
    headers = {"typ": "at+jwt", "kid": keys.signing.kid, **header}
    return jwt.encode(claims, keys.signing.private, keys.signing.algorithm, headers=headers)


def good_claims(clock: Clock) -> dict[str, Any]:
    now = int(clock.now)
    return {
        "iss": ISSUER,
        "sub": "me",
        "client_id": "me",
        "jti": "j",
        "sid": "s",
        "gen": "g1",
        "iat": now,
        "exp": now + 9,
        "aud": ISSUER,
    }


CHANGES: dict[str, dict[str, Any]] = {
    "iss": {"iss": "https://evil"}, "iss with slash": {"iss": ISSUER + "/"}, "iss list": {"iss": [ISSUER]}, "no sid": {"sid": None},
    "sid number": {"sid": 5}, "no gen": {"gen": None}, "no jti": {"jti": None}, "no sub": {"sub": None}, "no client": {"client_id": None},
    "exp string": {"exp": "9999999999"}, "exp float": {"exp": 9e9}, "exp bool": {"exp": True}, "exp past": {"exp": 1}, "exp null": {"exp": ...},
    "iat future": {"iat": 1_800_000_000 + LEEWAY + 1}, "no iat": {"iat": None}, "iat string": {"iat": "1"}, "aud other": {"aud": "https://other"},
    "no aud": {"aud": None}, "aud empty": {"aud": []}, "aud object": {"aud": {}}, "aud prefix": {"aud": ISSUER[:-1]},
}  # fmt: skip


@pytest.mark.parametrize("changes", CHANGES.values(), ids=CHANGES)
def test_a_claim_that_is_missing_or_wrong_is_rejected_though_it_is_signed(
    keys: SigningKeys, tokens: AccessTokens, clock: Clock, changes: dict[str, Any]
) -> None:
    claims = {**good_claims(clock), **changes}
    kept = {name: None if value is ... else value for name, value in claims.items() if value is not None}
    with pytest.raises(CredentialsRejected):
        tokens.verify(jwt.PyJWS().encode(json.dumps(kept).encode(), keys.signing.private, keys.signing.algorithm,
                                         headers={"typ": "at+jwt", "kid": keys.signing.kid}))  # fmt: skip


def test_several_audiences_with_ours_among_them_are_accepted(
    keys: SigningKeys, tokens: AccessTokens, clock: Clock
) -> None:
    assert tokens.verify(signed(keys, {**good_claims(clock), "aud": ["https://other", ISSUER]}))


@pytest.mark.parametrize(
    "header", [{"typ": "JWT"}, {"typ": None}, {"kid": "other"}, {"kid": 5}, {"crit": ["x"], "x": 1}, {"jku": "https://evil"}, {"jwk": {}},
               {"x5c": []}, {"cty": "x"}, {"zip": "DEF"}]
)  # fmt: skip
def test_a_header_that_is_not_ours_is_rejected(
    keys: SigningKeys, tokens: AccessTokens, clock: Clock, header: dict[str, Any]
) -> None:
    try:
        token = signed(keys, good_claims(clock), **header)
    except (TypeError, jwt.PyJWTError):
        wanted = {"alg": keys.signing.algorithm, "typ": "at+jwt", "kid": keys.signing.kid, **header}
        token = f"{part(wanted)}.{part(good_claims(clock))}.{'A' * 86}"
    with pytest.raises(CredentialsRejected):
        tokens.verify(token)


def part(value: Any) -> str:
    data = value if isinstance(value, bytes) else json.dumps(value).encode()
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


@pytest.mark.parametrize(
    "algorithm", ["none", "None", "HS256", "ES384", "RS512", "PS256", "ed25519", "", None, 5, ["ES256"]]
)
def test_the_algorithm_is_that_of_the_key_and_never_the_token_s(
    keys: SigningKeys, tokens: AccessTokens, clock: Clock, algorithm: Any
) -> None:
    head = part({"alg": algorithm, "typ": "at+jwt", "kid": keys.signing.kid})
    text = f"{head}.{part(good_claims(clock))}"
    pem = keys.signing.public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    der = keys.signing.public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    hmac = jwt.algorithms.HMACAlgorithm(jwt.algorithms.HMACAlgorithm.SHA256)
    for signature in (b"", *(hmac.sign(text.encode(), key) for key in (pem, der, b""))):
        with pytest.raises(CredentialsRejected):
            tokens.verify(f"{text}.{part(signature)}")


@pytest.mark.parametrize(
    ("header", "claims"),
    [
        (b'{"alg":"ES256","alg":"ES256","typ":"at+jwt","kid":"k"}', b"{}"), (b"[]", b"{}"), (b"{}", b"[]"), (b"{", b"{}"),
        (b'{"alg":"ES256"}', b'{"a":' * 2000), (b"\xff", b"{}"), (b"[" * 3000, b"{}"), (b"null", b"null"), (b"", b""),
    ],
)  # fmt: skip
def test_parts_that_are_no_strict_json_objects_are_rejected(tokens: AccessTokens, header: bytes, claims: bytes) -> None:
    with pytest.raises(CredentialsRejected):
        tokens.verify(f"{part(header)}.{part(claims)}.AAAA")


@given(st.data())
@settings(max_examples=400, deadline=None)
def test_a_token_that_differs_in_any_character_is_another_token_and_rejected(data: st.DataObject) -> None:
    token = _TOKEN[0]
    position = data.draw(st.integers(0, len(token)))
    how = data.draw(st.sampled_from(["replace", "insert", "delete"]))
    letter = data.draw(st.characters(max_codepoint=0x2FF))
    rest = token[position:] if how == "insert" else token[position + 1 :]
    changed = token[:position] + ("" if how == "delete" else letter) + rest
    if changed != token:
        with pytest.raises(CredentialsRejected):
            _TOKEN[1].verify(changed)


@given(st.text(max_size=200) | st.lists(st.binary(max_size=40).map(part), min_size=3, max_size=3).map(".".join))
def test_no_text_makes_the_reader_of_tokens_fail_otherwise(text: str) -> None:
    with pytest.raises(CredentialsRejected):
        _TOKEN[1].verify(text)


@pytest.fixture(scope="module", autouse=True)
def _bind(keys: SigningKeys) -> None:
    global _TOKEN  # noqa: PLW0603  # hypothesis calls a function, and a fixture makes what it needs
    tokens = AccessTokens(keys, ISSUER, CLOCK)
    _TOKEN = (tokens.issue(client(), "s")[0], tokens)


def test_what_can_change_is_looked_at_every_time(tokens: AccessTokens, clock: Clock) -> None:
    """The signature is verified once; expiry, session and client are looked at with every request."""
    bearer = BearerAuthentication(tokens, clock)
    token, claims, _ = tokens.issue(client(), "sid")
    world = World(clients={"me": client()})
    caller = bearer.authenticate(token, world)
    assert (caller.client, caller.session, caller.claims) == (client(), "sid", claims)
    for changed in (
        World(clients={"me": client()}, revoked={"sid": None}),
        World(clients={}),
        World(clients={"me": client(generation="g2")}),
        World(clients={"me": client(active=False)}),
        World(clients={"me": client(grant_types=frozenset({"basic"}))}),
    ):
        with pytest.raises(TokenRejected):
            bearer.authenticate(token, changed)
        assert bearer.authenticate(token, world) == caller
    clock.now += 3600
    with pytest.raises(TokenRejected, match="expired"):
        bearer.authenticate(token, world)
