"""Client assertions (RFC 7523, as RFC 10070 tightens it): JWTs that a client signs with a key of its own, once each.

An assertion is read as strictly as our own tokens are. Whatever is wrong with one, its signature is checked exactly
once, by a key that nobody has if the client or its key is not known: the time must not tell them apart.
"""

from __future__ import annotations

import hashlib
import json
import secrets
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from functools import lru_cache
from typing import Any, Final

from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

from falconbox.client_keys import RSA_LEAST, ClientKey, read_key
from falconbox.errors import CredentialsRejected, StoreConflict, said_to_be
from falconbox.model import Client
from falconbox.oauth.compact import check_signature, read_compact
from falconbox.store import Store

ASSERTION_TYPE: Final = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
KIND: Final = "client-assertion"

LIFETIME: Final = 300
"""Seconds, from now, that an assertion may live."""

LEEWAY: Final = 60
"""Seconds that the clock of a client may be ahead of ours, and that a used assertion is remembered beyond its end."""

_TYPES: Final = (None, "jwt", "client-authentication+jwt")
_ELSEWHERE: Final = frozenset({"crit", "jku", "jwk", "x5u", "x5c", "b64", "enc", "zip"})
"""Header members that ask for another key, or for another reading."""


class ClientAssertions:
    """Verifies assertions for the authorization server that goes by these audiences; the first is the issuer."""

    def __init__(self, store: Store, audiences: Collection[str], clock: Callable[[], float] = time.time) -> None:
        self._store = store
        self._audiences = tuple(audiences)
        self._clock = clock

    def verify(self, assertion: str, client_id: str | None, clients: Mapping[str, Client]) -> Client:
        """Return the client that an assertion proves, and see to it that it proves nothing a second time.

        A `client_id` that was sent beside it must be the same (RFC 7521 section 4.2). Raises CredentialsRejected, and
        StoreError when it cannot be remembered as used.
        """
        header, claims = read_compact(assertion)
        subject = claims.get("sub")
        client = clients.get(subject) if isinstance(subject, str) else None
        with said_to_be(client):
            key, known = _key(header, client)
            check_signature(assertion, key.public, header["alg"])
            if client is None or not known:
                raise CredentialsRejected("the assertion is of a client or of a key that is not known")
            if not client.active:
                raise CredentialsRejected("the client is inactive")
            if client_id not in (None, client.id):
                raise CredentialsRejected("client_id differs from the one in the assertion")
            self._check(claims)
            self._use_up(client.id, claims)
        return client

    def _check(self, claims: Mapping[str, Any]) -> None:
        if claims.get("iss") != claims["sub"]:
            raise CredentialsRejected("the assertion's iss is not its sub")
        if not isinstance(claims.get("jti"), str) or not claims["jti"]:
            raise CredentialsRejected("the assertion has no jti")
        audience = claims.get("aud")
        named = audience if isinstance(audience, list) else [audience]
        if not named or len(named) > len(self._audiences) or any(name not in self._audiences for name in named):
            raise CredentialsRejected("the assertion's aud is not the issuer alone")
        self._check_times(claims)

    def _check_times(self, claims: Mapping[str, Any]) -> None:
        expires, now = claims.get("exp"), self._clock()
        if type(expires) is not int or any(type(claims.get(name, 0)) is not int for name in ("iat", "nbf")):
            raise CredentialsRejected("the assertion has no exp, or its times are not whole seconds")
        if expires <= now:
            raise CredentialsRejected("the assertion has expired")
        if expires > now + LIFETIME + LEEWAY:
            raise CredentialsRejected(f"the assertion lives longer than {LIFETIME} seconds")
        if max(claims.get("iat", 0), claims.get("nbf", 0)) > now + LEEWAY:
            raise CredentialsRejected("the assertion is from the future")

    def _use_up(self, client_id: str, claims: Mapping[str, Any]) -> None:
        used = hashlib.sha256(json.dumps([client_id, claims["jti"]]).encode()).hexdigest()
        try:
            self._store.append(KIND, used, {"client": client_id}, expires_at=claims["exp"] + LEEWAY)
        except StoreConflict:
            raise CredentialsRejected("the assertion has been used before") from None


def _key(header: Mapping[str, Any], client: Client | None) -> tuple[ClientKey, bool]:
    """Return the key to check a signature by, and whether it is the client's; otherwise it is nobody's."""
    algorithm, kid, kind = header.get("alg"), header.get("kid"), header.get("typ")
    if not isinstance(algorithm, str) or algorithm not in _NOBODYS:
        raise CredentialsRejected("the assertion's algorithm is not one of those that clients may use")
    if not isinstance(kid, str | None) or not isinstance(kind, str | None) or _ELSEWHERE & header.keys():
        raise CredentialsRejected("the assertion's header is not as it should be")
    if (kind and kind.lower().removeprefix("application/")) not in _TYPES:
        raise CredentialsRejected("the assertion is a JWT of another type")
    keys = () if client is None else _fitting(_keys(json.dumps(client.jwks)), algorithm, kid)
    return (keys[0], True) if len(keys) == 1 else (_NOBODYS[algorithm], False)


def _fitting(keys: Sequence[ClientKey], algorithm: str, kid: str | None) -> Sequence[ClientKey]:
    """Return the keys that are meant: those of the kid, else those without one. Several are none: nothing is tried."""
    usable = [key for key in keys if algorithm in key.algorithms]
    named = [key for key in usable if kid is not None and key.kid == kid]
    return named or [key for key in usable if kid is None or key.kid is None]


@lru_cache(maxsize=1024)
def _keys(jwks: str) -> tuple[ClientKey, ...]:
    return tuple(key for jwk in json.loads(jwks) if (key := _readable(jwk)) is not None)


def _readable(jwk: Mapping[str, Any]) -> ClientKey | None:
    try:
        return read_key(jwk)
    except (KeyError, ValueError):
        return None  # stored before it would have been refused: it proves nothing


def _nobodys() -> Mapping[str, ClientKey]:
    """Return a key for each algorithm whose other half is thrown away, or has never been."""
    modulus = int.from_bytes(secrets.token_bytes(RSA_LEAST // 8)) | 1 | 1 << (RSA_LEAST - 1)
    keys = (
        (("ES256",), ec.generate_private_key(ec.SECP256R1()).public_key()),
        (("RS256", "PS256"), rsa.RSAPublicNumbers(65537, modulus).public_key()),
        (("EdDSA", "Ed25519"), ed25519.Ed25519PrivateKey.generate().public_key()),
    )
    return {name: ClientKey(None, names, public) for names, public in keys for name in names}


_NOBODYS: Final = _nobodys()
