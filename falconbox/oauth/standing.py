"""Is a verified token still good? What can change of one is looked at every time."""

from __future__ import annotations

from collections.abc import Container, Mapping
from typing import Any, Protocol

from falconbox.errors import CredentialsRejected
from falconbox.model import Client
from falconbox.oauth.sessions import GRANT


class World(Protocol):
    """Whom and what there is."""

    @property
    def clients(self) -> Mapping[str, Client]:
        """The clients by id."""

    @property
    def revoked(self) -> Container[str]:
        """The sessions that have been revoked."""


def check_standing(claims: Mapping[str, Any], world: World, now: float) -> Client:
    """Return the client of a token with these claims. Raises CredentialsRejected if the token has come to its end."""
    if "exp" in claims and claims["exp"] <= now:
        raise CredentialsRejected("the token has expired")
    if claims["sid"] in world.revoked:
        raise CredentialsRejected("the token's session has been revoked")
    client = world.clients.get(claims["client_id"])
    if client is None or claims["gen"] != client.generation:
        raise CredentialsRejected("the token's client is gone, or has been made anew")
    if not client.active or GRANT not in client.grant_types:
        raise CredentialsRejected("the token's client is inactive, or may not use tokens")
    return client
