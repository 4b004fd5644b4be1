"""HTTP Basic (RFC 7617): a client's id and secret with every request."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping

from falconbox.authentication.verification import CredentialVerifier
from falconbox.errors import CredentialsRejected, said_to_be
from falconbox.model import Client

GRANT = "basic"


def read_credentials(encoded: str) -> tuple[str, str]:
    """Return id and secret from what follows `Basic `. Raises CredentialsRejected.

    Only the one canonical base64 spelling is read, as UTF-8; the first colon separates.
    """
    try:
        decoded = base64.b64decode(encoded, validate=True)
    except (binascii.Error, ValueError):
        raise CredentialsRejected("the Basic credentials are not base64") from None
    # A strict decoder still accepts stray bits in the last character: a second spelling of the same credentials.
    if base64.b64encode(decoded).decode() != encoded:
        raise CredentialsRejected("the Basic credentials are not in canonical base64")
    try:
        text = decoded.decode()
    except UnicodeDecodeError:
        raise CredentialsRejected("the Basic credentials are not UTF-8") from None
    client_id, colon, secret = text.partition(":")
    if not colon:
        raise CredentialsRejected("the Basic credentials have no colon")
    if any(ord(character) < 0x20 or ord(character) == 0x7F for character in text):
        raise CredentialsRejected("the Basic credentials hold a control character")
    return client_id, secret


class BasicAuthentication:
    """Verifies ids and secrets that come with a request."""

    def __init__(self, verifier: CredentialVerifier) -> None:
        self._verifier = verifier

    def authenticate(self, encoded: str, clients: Mapping[str, Client], address: str) -> Client:
        """Return the client whose credentials these are. Raises CredentialsRejected, and TooManyAttempts."""
        client_id, secret = read_credentials(encoded)
        client = clients.get(client_id)
        permitted = client is not None and client.active and GRANT in client.grant_types
        with said_to_be(client):
            right = self._verifier.verify(GRANT, client_id, secret, client, permitted=permitted, address=address)
            if client is None:
                raise CredentialsRejected("there is no client of that id")
            if not permitted:
                raise CredentialsRejected("the client is inactive, or may not use basic")
            if not right:
                raise CredentialsRejected("the secret is wrong")
        return client
