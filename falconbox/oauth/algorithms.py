"""The signature algorithms of tokens: how a key of each is made, recognised, and published."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from base64 import urlsafe_b64encode
from collections.abc import Callable, Mapping
from typing import Any, Final, TypeGuard

from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from jwt.algorithms import ECAlgorithm, OKPAlgorithm, RSAAlgorithm

PrivateKey = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey | ed25519.Ed25519PrivateKey
PublicKey = ec.EllipticCurvePublicKey | rsa.RSAPublicKey | ed25519.Ed25519PublicKey

RSA_BITS: Final = 3072
"""Of a new RSA key: as strong as P-256. Keys of at least RSA_LEAST bits are read."""

RSA_LEAST: Final = 2048


@dataclasses.dataclass(frozen=True, slots=True)
class Algorithm:
    """One algorithm. `members` are those of a public JWK that its thumbprint is made of (RFC 7638, RFC 8037)."""

    name: str
    generate: Callable[[], PrivateKey]
    fits: Callable[[object], TypeGuard[PrivateKey]]
    jwk: Callable[[Any], Mapping[str, Any]]
    members: tuple[str, ...]

    def public_jwk(self, public: PublicKey) -> dict[str, str]:
        """Return the required members of the JWK of a public key."""
        found = self.jwk(public)
        return {name: found[name] for name in self.members}

    def thumbprint(self, public: PublicKey) -> str:
        """Return the JWK thumbprint of a public key (RFC 7638 section 3)."""
        canonical = json.dumps(self.public_jwk(public), separators=(",", ":"), sort_keys=True)
        return urlsafe_b64encode(hashlib.sha256(canonical.encode()).digest()).rstrip(b"=").decode()


def _is_p256(key: object) -> TypeGuard[PrivateKey]:
    return isinstance(key, ec.EllipticCurvePrivateKey) and isinstance(key.curve, ec.SECP256R1)


def _is_rsa(key: object) -> TypeGuard[PrivateKey]:
    return isinstance(key, rsa.RSAPrivateKey) and key.key_size >= RSA_LEAST


def _is_ed25519(key: object) -> TypeGuard[PrivateKey]:
    return isinstance(key, ed25519.Ed25519PrivateKey)


ES256: Final = Algorithm(
    "ES256",
    lambda: ec.generate_private_key(ec.SECP256R1()),
    _is_p256,
    lambda key: ECAlgorithm.to_jwk(key, as_dict=True),
    ("crv", "kty", "x", "y"),
)
RS256: Final = Algorithm(
    "RS256",
    lambda: rsa.generate_private_key(public_exponent=65537, key_size=RSA_BITS),
    _is_rsa,
    lambda key: RSAAlgorithm.to_jwk(key, as_dict=True),
    ("e", "kty", "n"),
)
EDDSA: Final = Algorithm(
    "EdDSA",
    ed25519.Ed25519PrivateKey.generate,
    _is_ed25519,
    lambda key: OKPAlgorithm.to_jwk(key, as_dict=True),
    ("crv", "kty", "x"),
)

ALGORITHMS: Final[Mapping[str, Algorithm]] = {made.name: made for made in (ES256, RS256, EDDSA)}
"""All of them, by the names that JWTs and settings know them by."""
