"""Bearer tokens (RFC 6750): an access token that this service has issued."""

from __future__ import annotations

import hashlib
import secrets
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping
from typing import Any, Final

from falconbox.errors import CredentialsRejected, TokenRejected
from falconbox.model import Caller
from falconbox.oauth.standing import World, check_standing
from falconbox.oauth.tokens import AccessTokens

VERIFIED_SIZE: Final = 10_000


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
        """Return the caller that a token stands for. Raises TokenRejected, whatever is wrong with it."""
        try:
            claims = self._claims(token)
            client = check_standing(claims, world, self._clock())
        except CredentialsRejected as error:
            raise TokenRejected(error.detail) from error
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
