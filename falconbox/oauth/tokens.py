"""Access tokens: JWTs as in RFC 9068, with the session and the client's generation.

A token is read strictly before PyJWT sees it: there is one spelling of it, its header says only what we write, and
every claim has its type. The algorithm comes from the key, never from the token.
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Mapping
from typing import Any, Final, NamedTuple

import jwt

from falconbox.errors import CredentialsRejected
from falconbox.model import Client
from falconbox.oauth.compact import check_signature, read_compact
from falconbox.oauth.key_records import SigningKey
from falconbox.oauth.keys import SigningKeys

LEEWAY: Final = 60
"""Seconds that the clock of another node may be ahead of ours. Expiry knows no leeway."""

TYPE: Final = "at+jwt"
_STRINGS: Final = ("iss", "sub", "client_id", "jti", "sid", "gen")


class Issued(NamedTuple):
    """A token that has been signed, its claims, and the id of the key."""

    token: str
    claims: dict[str, Any]
    kid: str


class AccessTokens:
    """Issues and verifies access tokens of one issuer."""

    def __init__(self, keys: SigningKeys, issuer: str, clock: Callable[[], float] = time.time) -> None:
        self.issuer = issuer
        self._keys = keys
        self._clock = clock

    def issue(self, client: Client, sid: str, audience: tuple[str, ...] = (), scope: str | None = None) -> Issued:
        """Return a token for a session of a client. Without an audience it is for this service.

        Raises StoreUnavailable if there is no key to sign it with.
        """
        first, *others = audience or (self.issuer,)
        now = int(self._clock())
        claims: dict[str, Any] = {
            "iss": self.issuer,
            "sub": client.id,
            "client_id": client.id,
            "jti": str(uuid.uuid4()),
            "sid": sid,
            "gen": client.generation,
            "iat": now,
            "aud": [first, *others] if others else first,
        }
        if scope is not None:
            claims["scope"] = scope
        if client.token_lifetime is not None:
            claims["exp"] = now + client.token_lifetime
        key = self._keys.signing
        token = jwt.encode(claims, key.private, algorithm=key.algorithm, headers={"typ": TYPE, "kid": key.kid})
        return Issued(token, claims, key.kid)

    def verify(self, token: str) -> Mapping[str, Any]:
        """Return the claims of a token that we have issued for this service. Raises CredentialsRejected."""
        return self.verified(token)[0]

    def verified(self, token: str) -> tuple[Mapping[str, Any], str]:
        """Return the claims of a token that we have issued for this service, and the id of the key that signed it.

        They hold as long as `still_verifies` says so of the key. Raises CredentialsRejected.
        """
        claims, kid = self.genuine(token)
        audience = claims.get("aud")
        if self.issuer not in (audience if isinstance(audience, list) else [audience]):
            raise CredentialsRejected("the token is for another audience")
        return claims, kid

    def genuine(self, token: str) -> tuple[Mapping[str, Any], str]:
        """Return the same of a token that we have issued for anybody. Raises CredentialsRejected."""
        claims, kid = self._signed(token)
        now = self._clock()
        if claims["iat"] > now + LEEWAY:
            raise CredentialsRejected("the token was issued in the future")
        if "exp" in claims and claims["exp"] <= now:
            raise CredentialsRejected("the token has expired")
        return claims, kid

    def revocable(self, token: str) -> Mapping[str, Any]:
        """Return the claims of a token that we have issued for anybody, and that may be good by another node's clock.

        Raises CredentialsRejected.
        """
        claims, _ = self._signed(token)
        if "exp" in claims and claims["exp"] + LEEWAY <= self._clock():
            raise CredentialsRejected("the token has expired, whatever the clock")
        return claims

    def still_verifies(self, kid: str) -> bool:
        """Whether a key has not been retired."""
        return self._keys.verification(kid) is not None

    def _signed(self, token: str) -> tuple[Mapping[str, Any], str]:
        header, claims = read_compact(token)
        key = self._key(header)
        check_signature(token, key.public, key.algorithm)
        self._check(claims)
        return claims, key.kid

    def _key(self, header: Mapping[str, Any]) -> SigningKey:
        if header.keys() != {"alg", "typ", "kid"} or header["typ"] != TYPE:
            raise CredentialsRejected("the token's header is not one of ours")
        key = self._keys.verification(header["kid"]) if isinstance(header["kid"], str) else None
        if key is None or header["alg"] != key.algorithm:
            raise CredentialsRejected("the token's key or algorithm is not one of ours")
        return key

    def _check(self, claims: Mapping[str, Any]) -> None:
        if any(not isinstance(claims.get(name), str) for name in _STRINGS):
            raise CredentialsRejected("the token lacks a claim, or a claim has the wrong type")
        if not isinstance(claims.get("scope", ""), str):
            raise CredentialsRejected("the token's scope is no string")
        if type(claims.get("iat")) is not int or ("exp" in claims and type(claims["exp"]) is not int):
            raise CredentialsRejected("the token's times are not whole seconds")
        if claims["iss"] != self.issuer:
            raise CredentialsRejected("the token is from another issuer")
