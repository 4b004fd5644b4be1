"""Who is calling? Credentials have three outcomes: none, right, and presented but wrong."""

from __future__ import annotations

from collections.abc import Callable

from falconbox.authentication.basic import BasicAuthentication
from falconbox.authentication.bearer import BearerAuthentication
from falconbox.authentication.verification import CredentialVerifier
from falconbox.errors import CredentialsRejected, Malformed
from falconbox.model import ANONYMOUS, Caller
from falconbox.oauth.standing import World
from falconbox.oauth.tokens import AccessTokens


class Authenticator:
    """Reads the Authorization header."""

    def __init__(
        self, verifier: CredentialVerifier, tokens: AccessTokens, *, used: Callable[[str], None] = lambda _: None
    ) -> None:
        """`used` is told each session whose token has been accepted. It must be quick."""
        self._basic = BasicAuthentication(verifier)
        self._bearer = BearerAuthentication(tokens, used=used)

    def authenticate(self, authorization: str | None, world: World, address: str) -> Caller:
        """Return the caller at an address; without a header, the anonymous one.

        Raises CredentialsRejected for credentials that are wrong in form or in substance (TokenRejected for a Bearer
        token), TooManyAttempts when they are not verified, and Malformed for two headers, which servers join by a
        comma.
        """
        if authorization is None:
            return ANONYMOUS
        scheme, _, credentials = authorization.partition(" ")
        match scheme.lower():
            case "basic" | "bearer" if "," in credentials:
                raise Malformed("there are two Authorization headers")
            case "basic":
                return Caller(self._basic.authenticate(credentials, world.clients, address))
            case "bearer":
                return self._bearer.authenticate(credentials, world)
        raise CredentialsRejected("the authentication scheme is neither Basic nor Bearer")


__all__ = ["Authenticator"]
