"""Token introspection (RFC 7662), without HTTP: is a token good, and what does it say? For those whom it concerns."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any, ClassVar, Final

from falconbox.errors import CredentialsRejected, SnapshotStale
from falconbox.model import Caller, Client
from falconbox.oauth.client_authentication import ClientAuthentication
from falconbox.oauth.endpoint import Answer, Endpoint, Origin
from falconbox.oauth.parameters import required_token
from falconbox.oauth.standing import World, check_standing
from falconbox.oauth.tokens import AccessTokens

MEMBERS: Final = ("iss", "sub", "client_id", "aud", "scope", "iat", "exp", "jti", "sid")
"""The claims that are told."""


class IntrospectionEndpoint(Endpoint[str]):
    """Tells a client about its own tokens, and about those that are for it.

    A token is for a client if its audience names the client's id, or an audience that the client answers to.
    """

    kind: ClassVar = "introspection"
    challenges: ClassVar = True  # RFC 7662 section 2.3

    def __init__(
        self,
        authentication: ClientAuthentication,
        tokens: AccessTokens,
        world: Callable[[], World],
        *,
        fresh: Callable[[], bool],
        clock: Callable[[], float] = time.time,
    ) -> None:
        super().__init__(authentication)
        self._tokens = tokens
        self._world = world
        self._fresh = fresh
        self._clock = clock

    def read(self, sent: Mapping[str, Any]) -> str:
        """Return the token. A token_type_hint changes nothing: there is one type."""
        return required_token(sent)

    def answer(self, client: Client, wanted: str, _origin: Origin) -> Answer:
        """Tell what a token says, or that it is not active, which is all that is said of any other (section 2.2).

        Raises SnapshotStale when clients and revocations are too old to call any token good.
        """
        if not self._fresh():
            raise SnapshotStale
        try:
            claims, _ = self._tokens.genuine(wanted)
            check_standing(claims, self._world(), self._clock())
        except CredentialsRejected:
            return _inactive(client)
        if not _concerns(client, claims):
            return _inactive(client)
        body = {"active": True, "token_type": "bearer", **{name: claims[name] for name in MEMBERS if name in claims}}
        return Answer(body, "token-active", Caller(client, claims["sid"]))


def _concerns(client: Client, claims: Mapping[str, Any]) -> bool:
    audience = claims["aud"] if isinstance(claims["aud"], list) else [claims["aud"]]
    return claims["client_id"] == client.id or not client.answers_to.isdisjoint(audience)


def _inactive(client: Client) -> Answer:
    return Answer({"active": False}, "token-inactive", Caller(client), allow=False)
