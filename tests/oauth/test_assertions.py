"""Client assertions: right for whoever holds a key of the client, once; nothing else passes, and all of it costs the same."""

from __future__ import annotations

import base64
import contextlib
import json
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hypothesis import given, settings
from hypothesis import strategies as st
from jwt.algorithms import ECAlgorithm, HMACAlgorithm, OKPAlgorithm, RSAAlgorithm

from falconbox.errors import CredentialsRejected, StoreUnavailable
from falconbox.model import Client
from falconbox.oauth import assertions
from falconbox.oauth.assertions import KIND, LEEWAY, LIFETIME, ClientAssertions
from falconbox.store.sqlite import SqliteStore

ISSUER = "https://box.example"
ENDPOINT = f"{ISSUER}/auth/token"
NOW = 1_800_000_000

EC, RSA, ED = (
    ec.generate_private_key(ec.SECP256R1()),
    rsa.generate_private_key(65537, 2048),
    ed25519.Ed25519PrivateKey.generate(),
)
OTHER = ec.generate_private_key(ec.SECP256R1())  # fmt: skip


def public_jwk(private: Any, **members: Any) -> dict[str, Any]:
    algorithm = {
        ec.EllipticCurvePrivateKey: ECAlgorithm,
        rsa.RSAPrivateKey: RSAAlgorithm,
        ed25519.Ed25519PrivateKey: OKPAlgorithm,
    }
    kind = next(made for base, made in algorithm.items() if isinstance(private, base))
    jwk = {
        name: value
        for name, value in kind.to_jwk(private.public_key(), as_dict=True).items()
        if name not in ("key_ops", "d")
    }
    return {**jwk, **members}  # fmt: skip


def client(client_id: str, *jwks: dict[str, Any], active: bool = True) -> Client:
    return Client(client_id, 1, "g", active=active, grant_types=frozenset({"client_credentials"}), secrets=(), token_lifetime=60,
                  audiences=None, public={"id": client_id}, updated_at=0.0, jwks=jwks)  # fmt: skip


CLIENTS = {
    "ec": client("ec", public_jwk(EC)),
    "rsa": client("rsa", public_jwk(RSA)),
    "pss": client("pss", public_jwk(RSA, alg="PS256")),
    "ed": client("ed", public_jwk(ED)),
    "off": client("off", public_jwk(EC), active=False),
    "none": client("none"),
    "named": client("named", public_jwk(EC, kid="1"), public_jwk(OTHER, kid="2"), public_jwk(RSA, kid="2r")),
    "mixed": client("mixed", public_jwk(EC, kid="1"), public_jwk(OTHER)),
    "twice": client("twice", public_jwk(EC), public_jwk(OTHER)),
    "broken": client("broken", {"kty": "EC", "crv": "P-256", "x": "AA", "y": "AA"}, {"x": 5}, public_jwk(EC)),
}


class Clock:
    def __init__(self) -> None:
        self.now = float(NOW)

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def store(tmp_path: Path, clock: Clock) -> Iterator[SqliteStore]:
    store = SqliteStore(tmp_path / "store", clock=clock)
    yield store
    store.close()


@pytest.fixture
def verifier(store: SqliteStore, clock: Clock) -> ClientAssertions:
    return ClientAssertions(store, (ISSUER,), clock)


def claims(client_id: str, **changes: Any) -> dict[str, Any]:
    good = {"iss": client_id, "sub": client_id, "aud": ISSUER, "jti": "once", "iat": NOW, "exp": NOW + 60}
    return {name: value for name, value in {**good, **changes}.items() if value is not None}


def part(value: Any) -> str:
    data = value if isinstance(value, bytes) else json.dumps(value).encode()
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def signed(client_id: str, private: Any = EC, algorithm: str = "ES256", *, header: Any = None, **changes: Any) -> str:
    head = {"alg": algorithm, **(header or {})}
    text = f"{part({k: v for k, v in head.items() if v is not None})}.{part(claims(client_id, **changes))}"
    known = jwt.algorithms.get_default_algorithms()["EdDSA" if algorithm == "Ed25519" else algorithm]
    return f"{text}.{part(known.sign(text.encode(), private))}"


def rejected(verifier: ClientAssertions, assertion: str, client_id: str | None = None) -> str:
    with pytest.raises(CredentialsRejected) as raised:
        verifier.verify(assertion, client_id, CLIENTS)
    return raised.value.detail


@pytest.mark.parametrize(
    ("client_id", "private", "algorithm"),
    [("ec", EC, "ES256"), ("rsa", RSA, "RS256"), ("pss", RSA, "PS256"), ("ed", ED, "EdDSA"), ("ed", ED, "Ed25519")],
)
def test_whoever_holds_the_key_is_the_client(
    verifier: ClientAssertions, client_id: str, private: Any, algorithm: str
) -> None:
    assert verifier.verify(signed(client_id, private, algorithm), None, CLIENTS) is CLIENTS[client_id]
    assert verifier.verify(signed(client_id, private, algorithm, jti="2"), client_id, CLIENTS) is CLIENTS[client_id]


@pytest.mark.parametrize(
    "header",
    [{"typ": "JWT"}, {"typ": "client-authentication+jwt"}, {"typ": "application/client-authentication+jwt"}, {"typ": "Client-Authentication+JWT"},
     {"kid": "any"}, {"x5t": "abc"}, {"cty": "x"}],
)  # fmt: skip
def test_a_header_may_say_what_real_clients_say(verifier: ClientAssertions, header: dict[str, Any]) -> None:
    assert verifier.verify(signed("ec", header=header), None, CLIENTS)


@pytest.mark.parametrize(
    "changes", [{"aud": [ISSUER]}, {"iat": None}, {"nbf": NOW}, {"exp": NOW + LIFETIME}, {"exp": NOW + LIFETIME + LEEWAY}, {"iat": NOW + LEEWAY}]
)  # fmt: skip
def test_claims_may_differ_as_far_as_clocks_and_clients_do(verifier: ClientAssertions, changes: dict[str, Any]) -> None:
    assert verifier.verify(signed("ec", **changes), None, CLIENTS)


CLAIMS: dict[str, dict[str, Any]] = {
    "no iss": {"iss": None}, "another iss": {"iss": "rsa"}, "iss list": {"iss": ["ec"]}, "no sub": {"sub": None}, "sub list": {"sub": ["ec"]},
    "sub number": {"sub": 5}, "no jti": {"jti": None}, "empty jti": {"jti": ""}, "jti number": {"jti": 7}, "no exp": {"exp": None},
    "exp now": {"exp": NOW}, "exp past": {"exp": NOW - 1}, "exp string": {"exp": str(NOW + 60)}, "exp float": {"exp": NOW + 60.5},
    "exp bool": {"exp": True}, "lives long": {"exp": NOW + LIFETIME + LEEWAY + 1}, "lives an hour": {"exp": NOW + 3600},
    "iat future": {"iat": NOW + LEEWAY + 1}, "nbf future": {"nbf": NOW + LEEWAY + 1}, "iat string": {"iat": "1"}, "nbf float": {"nbf": 1.5},
    "no aud": {"aud": None}, "aud of another server": {"aud": "https://evil.example"}, "aud with slash": {"aud": ISSUER + "/"},
    "aud of the endpoint": {"aud": ENDPOINT}, "aud of two servers": {"aud": [ISSUER, "https://evil.example"]}, "aud twice": {"aud": [ISSUER, ISSUER]},
    "aud with the endpoint": {"aud": [ISSUER, ENDPOINT]}, "empty aud": {"aud": []}, "aud object": {"aud": {ISSUER: 1}}, "aud in lists": {"aud": [[ISSUER]]},
    "aud of objects": {"aud": [{}]},
}  # fmt: skip
HEADERS: dict[str, dict[str, Any]] = {
    "crit": {"crit": ["exp"]}, "crit b64": {"crit": ["b64"], "b64": True}, "jku": {"jku": "https://evil.example/keys"},
    "jwk": {"jwk": public_jwk(EC)}, "x5u": {"x5u": "https://evil.example/x"}, "x5c": {"x5c": []}, "b64": {"b64": False}, "zip": {"zip": "DEF"},
    "typ of an access token": {"typ": "at+jwt"}, "typ of a request object": {"typ": "oauth-authz-req+jwt"}, "typ dpop": {"typ": "dpop+jwt"},
    "typ number": {"typ": 1}, "kid number": {"kid": 5}, "kid object": {"kid": {"$ne": None}}, "kid of a path": {"alg": "ES256", "kid": ["../1"]},
    "no alg": {"alg": None}, "alg list": {"alg": ["ES256"]}, "alg none": {"alg": "none"}, "alg in lower case": {"alg": "es256"}, "alg HS256": {"alg": "HS256"},
    "alg ES384": {"alg": "ES384"},
}  # fmt: skip


@pytest.mark.parametrize("changes", CLAIMS.values(), ids=CLAIMS)
def test_a_claim_that_is_missing_or_wrong_is_rejected_though_it_is_signed(
    verifier: ClientAssertions, store: SqliteStore, changes: dict[str, Any]
) -> None:
    rejected(verifier, signed("ec", **changes))
    assert store.find(KIND).total == 0


@pytest.mark.parametrize("header", HEADERS.values(), ids=HEADERS)
def test_a_header_that_asks_for_another_key_or_another_reading_is_rejected(
    verifier: ClientAssertions, store: SqliteStore, header: dict[str, Any]
) -> None:
    rejected(verifier, signed("ec", header=header))
    assert store.find(KIND).total == 0


@pytest.mark.parametrize(
    ("client_id", "private", "algorithm"),
    [("ec", OTHER, "ES256"), ("ec", RSA, "RS256"), ("rsa", RSA, "PS256"), ("pss", RSA, "RS256"), ("ed", EC, "ES256"), ("none", EC, "ES256"),
     ("nobody", EC, "ES256"), ("off", EC, "ES256"), ("rsa", EC, "ES256")],
)  # fmt: skip
def test_another_key_and_another_algorithm_are_rejected(
    verifier: ClientAssertions, client_id: str, private: Any, algorithm: str
) -> None:
    rejected(verifier, signed(client_id, private, algorithm))


@pytest.mark.parametrize("algorithm", ["HS256", "RS256", "ES256", "none"])
def test_a_public_key_is_never_taken_for_a_secret(verifier: ClientAssertions, algorithm: str) -> None:
    for client_id, private in (("ec", EC), ("rsa", RSA)):
        text = f"{part({'alg': algorithm})}.{part(claims(client_id))}"
        pem = private.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
        der = private.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
        for secret in (pem, der, json.dumps(public_jwk(private)).encode(), b""):
            signature = HMACAlgorithm(HMACAlgorithm.SHA256).sign(text.encode(), secret)
            rejected(verifier, f"{text}.{part(signature)}")
        rejected(verifier, f"{text}.")


@pytest.mark.parametrize(
    ("client_id", "private", "kid", "right"),
    [
        ("named", EC, "1", True), ("named", OTHER, "2", True), ("named", EC, "2", False), ("named", EC, "3", False), ("named", EC, None, False),
        ("named", EC, "2r", False), ("mixed", EC, "1", True), ("mixed", OTHER, "x", True), ("mixed", OTHER, "1", False), ("mixed", OTHER, None, False),
        ("mixed", EC, "x", False), ("twice", EC, None, False), ("twice", EC, "1", False), ("ec", EC, "", True), ("broken", EC, None, True),
    ],
)  # fmt: skip
def test_the_kid_says_which_key_is_meant_and_nothing_is_tried(
    verifier: ClientAssertions, client_id: str, private: Any, kid: str | None, right: bool
) -> None:
    assertion = signed(client_id, private, header={"kid": kid})
    if right:
        assert verifier.verify(assertion, None, CLIENTS) is CLIENTS[client_id]
    else:
        rejected(verifier, assertion)


def test_whatever_is_wrong_one_signature_is_checked(
    verifier: ClientAssertions, monkeypatch: pytest.MonkeyPatch
) -> None:
    checked = []
    check = assertions.check_signature
    monkeypatch.setattr(assertions, "check_signature", lambda *given: (checked.append(given), check(*given)))
    wrong = [signed("nobody"), signed("none"), signed("off"), signed("ec", OTHER), signed("twice"), signed("named", header={"kid": "x"}),
             signed("rsa"), signed("ec", aud="x"), signed("ec", exp=1), signed("pss", RSA, "RS256"), signed("nobody", RSA, "RS256"),
             signed("nobody", RSA, "PS256"), signed("nobody", ED, "EdDSA"), signed("nobody", ED, "Ed25519"), signed("ec", sub=5)]  # fmt: skip
    for number, assertion in enumerate(wrong, start=1):
        rejected(verifier, assertion)
        assert len(checked) == number


def test_an_assertion_is_good_once_and_another_client_may_use_the_same_jti(verifier: ClientAssertions) -> None:
    assertion = signed("ec")
    assert verifier.verify(assertion, None, CLIENTS)
    assert "used before" in rejected(verifier, assertion)
    assert "used before" in rejected(verifier, signed("ec", exp=NOW + 61))
    assert verifier.verify(signed("rsa", RSA, "RS256"), None, CLIENTS)


def test_what_a_stranger_sends_does_not_use_up_the_jti_of_a_client(verifier: ClientAssertions) -> None:
    rejected(verifier, signed("ec", OTHER))
    rejected(verifier, signed("ec", aud="https://evil.example"))
    rejected(verifier, signed("ec"), "rsa")
    assert verifier.verify(signed("ec"), "ec", CLIENTS)


def test_an_assertion_is_remembered_for_as_long_as_any_clock_could_accept_it(
    verifier: ClientAssertions, store: SqliteStore, clock: Clock
) -> None:
    assertion = signed("ec")
    assert verifier.verify(assertion, None, CLIENTS)
    (used,) = store.find(KIND).records
    assert used.expires_at == NOW + 60 + LEEWAY
    assert used.body == {"client": "ec"}
    clock.now += 59.9
    assert "used before" in rejected(verifier, assertion)
    clock.now += 0.1
    assert "expired" in rejected(verifier, assertion)
    clock.now += LEEWAY
    assert store.sweep() == 1


def test_of_two_nodes_that_are_sent_the_same_at_the_same_moment_one_accepts_it(tmp_path: Path) -> None:
    stores = [SqliteStore(tmp_path / "store", clock=lambda: NOW) for _ in range(2)]
    nodes = [ClientAssertions(store, (ISSUER,), lambda: NOW) for store in stores]
    for number in range(30):
        assertion, accepted, barrier = signed("ec", jti=f"race {number}"), [], threading.Barrier(6)

        def send(node: ClientAssertions, assertion: str, accepted: list[Any], barrier: threading.Barrier) -> None:
            barrier.wait(60)
            with contextlib.suppress(CredentialsRejected):
                accepted.append(node.verify(assertion, None, CLIENTS))

        threads = [
            threading.Thread(target=send, args=(nodes[place % 2], assertion, accepted, barrier)) for place in range(6)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(accepted) == 1
    for store in stores:
        store.close()


def test_an_assertion_that_cannot_be_remembered_is_not_accepted(verifier: ClientAssertions, store: SqliteStore) -> None:
    store.close()
    with pytest.raises(StoreUnavailable):
        verifier.verify(signed("ec"), None, CLIENTS)


def test_the_token_endpoint_is_an_audience_only_where_that_is_asked_for(store: SqliteStore, clock: Clock) -> None:
    lenient = ClientAssertions(store, (ISSUER, ENDPOINT), clock)
    for number, audience in enumerate((ISSUER, ENDPOINT, [ENDPOINT], [ISSUER, ENDPOINT])):
        assert lenient.verify(signed("ec", aud=audience, jti=str(number)), None, CLIENTS)
    for audience in ([ISSUER, "https://evil.example"], [ENDPOINT, ISSUER, ISSUER], [], "https://evil.example"):
        rejected(lenient, signed("ec", aud=audience))


@pytest.mark.parametrize(
    "assertion",
    ["", ".", "..", "a.b.c", "a.b", "a.b.c.d", f"{part(b'{')}.{part({})}.AA", f"{part([])}.{part({})}.AA",
     part(b'{"alg":"ES256","alg":"ES256"}') + f".{part(claims('ec'))}.AA", f"{part({'alg': 'ES256'})}.{part(b'null')}.AA",
     f"{part({'alg': 'ES256'})}.{part(b'[' * 3000)}.AA", "x" * 10_000, "\ud800.a.a"],
)  # fmt: skip
def test_what_is_no_signed_jwt_in_the_one_spelling_is_rejected(verifier: ClientAssertions, assertion: str) -> None:
    rejected(verifier, assertion)


@given(st.data())
@settings(max_examples=200, deadline=None)
def test_an_assertion_that_differs_in_any_character_is_rejected(data: st.DataObject) -> None:
    position = data.draw(st.integers(0, len(_ASSERTION)))
    how = data.draw(st.sampled_from(["replace", "insert", "delete"]))
    letter = data.draw(st.characters(max_codepoint=0x2FF))
    rest = _ASSERTION[position:] if how == "insert" else _ASSERTION[position + 1 :]
    changed = _ASSERTION[:position] + ("" if how == "delete" else letter) + rest
    if changed != _ASSERTION:
        with pytest.raises(CredentialsRejected):
            _UNWRITTEN.verify(changed, None, CLIENTS)


class _Untouched:
    def append(self, *_: Any, **__: Any) -> None:
        pytest.fail("it was accepted")


_ASSERTION = signed("ec")
_UNWRITTEN = ClientAssertions(_Untouched(), (ISSUER,), lambda: NOW)
