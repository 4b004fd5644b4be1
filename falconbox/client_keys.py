"""The public keys of a client (RFC 7517): which are admitted, and how they are read. Private ones never are."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Final

from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from jwt.algorithms import ECAlgorithm, OKPAlgorithm, RSAAlgorithm
from jwt.exceptions import PyJWTError

from falconbox.errors import Problem

PublicKey = ec.EllipticCurvePublicKey | rsa.RSAPublicKey | ed25519.Ed25519PublicKey

RSA_LEAST: Final = 2048
RSA_MOST: Final = 8192
"""Bits; verifying with larger keys costs more than it is worth."""

RSA_LARGEST_EXPONENT: Final = 2**32

_SMALL_PRIMES: Final = math.prod(n for n in range(3, 752) if all(n % d for d in range(2, math.isqrt(n) + 1)))
"""Those that NIST SP 800-89 (5.3.3) looks for in a modulus: one that has such a factor is broken, and anybody's."""

_SMALL_ORDER: Final = frozenset(
    bytes.fromhex(y)
    for y in (
        "00" * 32,  # what a place to be filled in holds, and of order 4
        "01" + "00" * 31,
        "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
        "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
        *(f"{lowest}{'ff' * 30}7f" for lowest in ("ec", "ed", "ee")),
    )
)
"""Points of Ed25519 of order 8 and less, in every encoding but for the sign: anybody can sign by them."""

ALGORITHMS: Final = ("ES256", "RS256", "PS256", "EdDSA", "Ed25519")
"""What a client may sign with. The last two are names of one algorithm (RFC 9864)."""

_KINDS: Final[Mapping[tuple[str, str | None], tuple[Callable[[Any], Any], tuple[tuple[str, ...], ...]]]] = {
    ("EC", "P-256"): (ECAlgorithm.from_jwk, (("ES256",),)),
    ("RSA", None): (RSAAlgorithm.from_jwk, (("RS256",), ("PS256",))),
    ("OKP", "Ed25519"): (OKPAlgorithm.from_jwk, (("EdDSA", "Ed25519"),)),
}
"""By `kty` and `crv`: the reader, and the names of each algorithm; the first is the one of a key that names none."""

_MEMBERS: Final = ("kty", "crv", "x", "y", "n", "e")


@dataclasses.dataclass(frozen=True, slots=True)
class ClientKey:
    """A key, for one algorithm, which may have two names."""

    kid: str | None
    algorithms: tuple[str, ...]
    public: PublicKey


def read_key(jwk: Mapping[str, Any]) -> ClientKey:
    """Return the key that a JWK without private members is. Raises ValueError with what is wrong; it quotes nothing."""
    kind = _KINDS.get((jwk["kty"], jwk.get("crv")))
    if kind is None:
        raise ValueError("must be a key for ES256 (EC, P-256), RS256 or PS256 (RSA), or EdDSA (OKP, Ed25519)")
    reader, choices = kind
    algorithms = next((names for names in choices if jwk.get("alg", names[0]) in names), None)
    if algorithms is None:
        raise ValueError("has an alg that does not go with its kty")
    if jwk.get("use", "sig") != "sig" or "verify" not in jwk.get("key_ops", ["verify"]):
        raise ValueError("is not for verifying signatures, by its use or key_ops")
    try:
        public = reader({name: jwk[name] for name in _MEMBERS if name in jwk})
    except (PyJWTError, ValueError, TypeError):
        raise ValueError("cannot be read: a member is missing or broken, or it is no point of its curve") from None
    if isinstance(public, rsa.RSAPublicKey):
        _check_rsa(public)
    if isinstance(public, ed25519.Ed25519PublicKey):
        _check_ed25519(public)
    return ClientKey(jwk.get("kid"), algorithms, public)


def key_problems(keys: Sequence[Mapping[str, Any]]) -> Iterator[Problem]:
    """Yield what is wrong with the keys of a client whose document keeps its schema."""
    for position, jwk in enumerate(keys):
        try:
            read_key(jwk)
        except ValueError as error:
            yield Problem(f"/jwks/keys/{position}", str(error))
    kids = [jwk["kid"] for jwk in keys if "kid" in jwk]
    if len(set(kids)) < len(kids):
        yield Problem("/jwks/keys", "two keys have the same kid")


def _check_rsa(public: rsa.RSAPublicKey) -> None:
    if not RSA_LEAST <= public.key_size <= RSA_MOST:
        raise ValueError(f"must have {RSA_LEAST} to {RSA_MOST} bits")
    numbers = public.public_numbers()
    if numbers.e > RSA_LARGEST_EXPONENT or numbers.n % 2 == 0 or math.gcd(numbers.n, _SMALL_PRIMES) > 1:
        raise ValueError("has an exponent or a modulus that no key pair has")


def _check_ed25519(public: ed25519.Ed25519PublicKey) -> None:
    encoded = public.public_bytes_raw()
    if encoded[:-1] + bytes([encoded[-1] & 0x7F]) in _SMALL_ORDER:
        raise ValueError("is a point by which anybody could sign")
