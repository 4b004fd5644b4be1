"""Bearer tokens (RFC 6750): an access token that this service has issued."""

from __future__ import annotations

import hashlib
import secrets
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Container, Mapping
from typing import Any, Final, Protocol

from falconbox.errors import CredentialsRejected
from falconbox.model import Caller, Client
from falconbox.oauth.sessions import GRANT
from falconbox.oauth.tokens import AccessTokens

VERIFIED_SIZE: Final = 10_000


class World(Protocol):
    """Whom and what there is."""

    @property
    def clients(self) -> Mapping[str, Client]:
        """The clients by id."""

    @property
    def revoked(self) -> Container[str]:
        """The sessions that have been revoked."""


class BearerAuthentication:
    """Verifies tokens. A signature is checked once for each token; everything that can change, every time."""

    def __init__(
        self,
        tokens: AccessTokens,
        clock: Callable[[], float] = time.time,
        *,
        used: Callable[[str], None] = lambda _: None,
    ) -> None:
        """`used` is told each session whose token has been accepted. It must be quick."""
        self._tokens = tokens
        self._used = used
        self._clock = clock
        self._key = secrets.token_bytes(32)
        self._lock = threading.Lock()
        self._verified: OrderedDict[bytes, tuple[Mapping[str, Any], str]] = OrderedDict()

    def authenticate(self, token: str, world: World) -> Caller:
        """Return the caller that a token stands for. Raises CredentialsRejected."""
        claims = self._claims(token)
        if "exp" in claims and claims["exp"] <= self._clock():
            raise CredentialsRejected("the token has expired")
        if claims["sid"] in world.revoked:
            raise CredentialsRejected("the token's session has been revoked")
        client = world.clients.get(claims["client_id"])
        if client is None or claims["gen"] != client.generation:
            raise CredentialsRejected("the token's client is gone, or has been made anew")
        if not client.active or GRANT not in client.grant_types:
            raise CredentialsRejected("the token's client is inactive, or may not use tokens")
        self._used(claims["sid"])
        return Caller(client, claims["sid"], claims)

    def _claims(self, token: str) -> Mapping[str, Any]:
        # The digest is of the whole token: one that differs in a single character is another token.
        digest = hashlib.blake2b(token.encode(errors="surrogatepass"), key=self._key, digest_size=32).digest()
        verified = self._verified.get(digest)
        if verified is None:
            verified = self._tokens.verified(token)
            with self._lock:
                self._verified[digest] = verified
                while len(self._verified) > VERIFIED_SIZE:
                    self._verified.popitem(last=False)
        claims, kid = verified
        if not self._tokens.still_verifies(kid):
            raise CredentialsRejected("the token's key has been retired")
        return claims
