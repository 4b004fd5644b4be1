"""The public keys of a client: what cannot be used, and what must not be here, is refused by name."""

from __future__ import annotations

import json
from base64 import urlsafe_b64encode
from typing import Any

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from jwt.algorithms import ECAlgorithm, OKPAlgorithm, RSAAlgorithm

from falconbox.admission import Admission
from falconbox.client_keys import read_key
from falconbox.errors import Invalid
from falconbox.plugins import load_plugins

ADMISSION = Admission(load_plugins().engines)


def jwk(algorithm: Any, key: Any) -> dict[str, Any]:
    return {name: value for name, value in algorithm.to_jwk(key, as_dict=True).items() if name != "key_ops"}


EC_PRIVATE, RSA_PRIVATE = ec.generate_private_key(ec.SECP256R1()), rsa.generate_private_key(65537, 2048)
EC = jwk(ECAlgorithm, EC_PRIVATE.public_key())
RSA = jwk(RSAAlgorithm, RSA_PRIVATE.public_key())
ED = jwk(OKPAlgorithm, ed25519.Ed25519PrivateKey.generate().public_key())
P384 = jwk(ECAlgorithm, ec.generate_private_key(ec.SECP384R1()).public_key())
_N = RSA_PRIVATE.public_key().public_numbers().n // 6 * 6 + 3
THREEFOLD = jwk(RSAAlgorithm, rsa.RSAPublicNumbers(65537, _N).public_key())["n"]
SMALL = jwk(RSAAlgorithm, rsa.generate_private_key(65537, 1024).public_key())


def problems(*keys: Any, **more: Any) -> list[tuple[str, str]]:
    try:
        ADMISSION.client({"id": "me", "jwks": {"keys": list(keys), **more}})
    except Invalid as refusal:
        text = json.dumps([str(problem) for problem in refusal.problems])
        for key in keys:
            for name in ("x", "n", "d", "k"):
                if isinstance(key, dict) and isinstance(key.get(name), str) and len(key[name]) > 8:
                    assert key[name] not in text
        return [(problem.pointer, problem.detail) for problem in refusal.problems]
    return []


@pytest.mark.parametrize(
    ("key", "algorithms"),
    [
        (EC, ("ES256",)), ({**EC, "alg": "ES256", "use": "sig", "kid": "1"}, ("ES256",)), (RSA, ("RS256",)), ({**RSA, "alg": "RS256"}, ("RS256",)),
        ({**RSA, "alg": "PS256"}, ("PS256",)), (ED, ("EdDSA", "Ed25519")), ({**ED, "alg": "Ed25519"}, ("EdDSA", "Ed25519")),
        ({**EC, "key_ops": ["verify"]}, ("ES256",)), ({**EC, "ext": True, "x5t": "abc"}, ("ES256",)),
    ],
)  # fmt: skip
def test_a_public_key_is_admitted_and_is_for_one_algorithm(key: dict[str, Any], algorithms: tuple[str, ...]) -> None:
    assert problems(key) == []
    assert read_key(key).algorithms == algorithms


REFUSED: dict[str, tuple[Any, str, str]] = {
    "private EC": (jwk(ECAlgorithm, EC_PRIVATE), "/jwks/keys/0/d", "make a new pair"),
    "private RSA": ({**RSA, "d": jwk(RSAAlgorithm, RSA_PRIVATE)["d"]}, "/jwks/keys/0/d", "public half"),
    "one prime": ({**RSA, "p": "AQAB"}, "/jwks/keys/0/p", "public half"),
    "a secret": ({"kty": "oct", "k": "c2VjcmV0IHNlY3JldA"}, "/jwks/keys/0/k", "public half"),
    "another curve": ({**P384, "crv": "P-384"}, "/jwks/keys/0/crv", "P-256"),
    "a curve of another kind": ({**EC, "crv": "Ed25519"}, "/jwks/keys/0", "EC, P-256"),
    "no curve": ({"kty": "EC", "x": EC["x"], "y": EC["y"]}, "/jwks/keys/0", "EC, P-256"),
    "a curve for RSA": ({**RSA, "crv": "P-256"}, "/jwks/keys/0", "RSA"),
    "for encryption": ({**EC, "use": "enc"}, "/jwks/keys/0/use", "sig"),
    "for signing": ({**EC, "key_ops": ["sign"]}, "/jwks/keys/0", "verifying"),
    "an algorithm of another kind": ({**EC, "alg": "RS256"}, "/jwks/keys/0", "alg"),
    "an algorithm with a secret": ({**EC, "alg": "HS256"}, "/jwks/keys/0/alg", "ES256"),
    "1024 bits": (SMALL, "/jwks/keys/0", "2048 to 8192 bits"),
    "exponent 1": ({**RSA, "e": "AQ"}, "/jwks/keys/0", "broken"),
    "a huge exponent": ({**RSA, "e": "AQAAAAAB"}, "/jwks/keys/0", "exponent"),
    "even modulus": ({**RSA, "n": RSA["n"][:-2] + "AA"}, "/jwks/keys/0", "modulus"),
    "a modulus with a small factor": ({**RSA, "n": THREEFOLD}, "/jwks/keys/0", "modulus"),
    "no point of the curve": ({**EC, "y": EC["x"]}, "/jwks/keys/0", "point"),
    "the point at infinity": ({**EC, "x": "A" * 43, "y": "A" * 43}, "/jwks/keys/0", "point"),
    "a short coordinate": ({**EC, "x": "AQAB"}, "/jwks/keys/0", "broken"),
    "no coordinate": ({"kty": "EC", "crv": "P-256", "x": EC["x"]}, "/jwks/keys/0", "missing"),
    "padding": ({**EC, "x": EC["x"] + "="}, "/jwks/keys/0/x", "base64url"),
    "no kty": ({"crv": "P-256"}, "/jwks/keys/0/kty", "required"),
    "a number for kty": ({"kty": 5}, "/jwks/keys/0/kty", "EC"),
    "a place to fetch it from": ({**EC, "x5u": "https://evil.example"}, "/jwks/keys/0/x5u", "unknown field"),
    "text": ("x", "/jwks/keys/0", "object"),
}


@pytest.mark.parametrize(("key", "pointer", "hint"), REFUSED.values(), ids=REFUSED)
def test_a_key_that_cannot_be_used_or_must_not_be_here_is_refused_where_it_stands(
    key: Any, pointer: str, hint: str
) -> None:
    found = problems(key)
    assert pointer in [where for where, _ in found], found
    assert any(hint in detail for where, detail in found if where == pointer), found


def test_a_set_of_keys_is_neither_empty_nor_long_and_names_each_key_once() -> None:
    assert problems() != []
    assert problems(*[EC] * 11) != []
    assert problems({**EC, "kid": "1"}, {**RSA, "kid": "1"}) == [("/jwks/keys", "two keys have the same kid")]
    assert problems({**EC, "kid": "1"}, RSA, ED) == []
    assert problems(EC, url="https://evil.example")[0][0] == "/jwks/url"


SMALL_ORDER = (
    bytes(32), b"\1" + bytes(31), b"\xec" + b"\xff" * 30 + b"\x7f", b"\xed" + b"\xff" * 30 + b"\x7f",
    b"\xee" + b"\xff" * 30 + b"\x7f", bytes.fromhex("26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05"),
    bytes.fromhex("c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a"),
)  # fmt: skip


@pytest.mark.parametrize("sign", [0, 0x80])
@pytest.mark.parametrize("point", SMALL_ORDER, ids=bytes.hex)
def test_a_point_by_which_anybody_could_sign_is_refused(point: bytes, sign: int) -> None:
    encoded = point[:-1] + bytes([point[-1] | sign])
    x = urlsafe_b64encode(encoded).rstrip(b"=").decode()
    assert [pointer for pointer, _ in problems({"kty": "OKP", "crv": "Ed25519", "x": x})] == ["/jwks/keys/0"]
    if sign:
        return  # what is behind some of these is no point at all
    public, forged = ed25519.Ed25519PublicKey.from_public_bytes(encoded), b"\1" + bytes(63)
    assert any(_verifies(public, forged, f"message {number}".encode()) for number in range(256))


def _verifies(public: ed25519.Ed25519PublicKey, signature: bytes, message: bytes) -> bool:
    try:
        public.verify(signature, message)
    except InvalidSignature:
        return False
    return True
