"""Identity tokens: who a proxy's caller is, signed for the application behind the proxy. They open nothing here."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable
from typing import Any, Final

import jwt

from falconbox.model import Caller
from falconbox.oauth.keys import SigningKeys

LIFETIME: Final = 60
"""Seconds: for the one request that has been allowed, and for clocks that differ a little."""

TYPE: Final = "identity+jwt"
"""Another type than that of access tokens (RFC 8725 section 3.11), so that neither passes for the other."""


class IdentityTokens:
    """Signs who a caller is, for one audience."""

    def __init__(self, keys: SigningKeys, issuer: str, audience: str, clock: Callable[[], float] = time.time) -> None:
        self._keys = keys
        self._issuer = issuer
        self._audience = audience
        self._clock = clock

    def issue(self, caller: Caller, decision_id: str) -> str:
        """Return a token for a caller who is known, and for one decision. Raises StoreUnavailable without a key."""
        now = int(self._clock())
        claims: dict[str, Any] = {
            "iss": self._issuer,
            "aud": self._audience,
            "sub": caller.client_id,
            "client_id": caller.client_id,
            "jti": str(uuid.uuid4()),
            "iat": now,
            "exp": now + LIFETIME,
            "decision_id": decision_id,
        }
        if caller.session is not None:
            claims["sid"] = caller.session
        key = self._keys.signing
        return jwt.encode(claims, key.private, algorithm=key.algorithm, headers={"typ": TYPE, "kid": key.kid})
