"""Client authentication (RFC 6749 section 2.3) at the OAuth endpoints, without HTTP: one method, one text, one cost."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final, Protocol

from falconbox.errors import CredentialsRejected, OAuthRequestRefused, said_to_be
from falconbox.model import Client
from falconbox.oauth.assertions import ASSERTION_TYPE, ClientAssertions
from falconbox.oauth.basic_spelling import read_spelling
from falconbox.oauth.parameters import read_parameters

METHODS: Final = ("client_secret_basic", "client_secret_post", "private_key_jwt")
"""Names of the methods, as metadata has them (RFC 8414 section 2)."""

PARAMETERS: Final = ("client_id", "client_secret", "client_assertion_type", "client_assertion")
USE: Final = "client_authentication"

Clients = Callable[[], Mapping[str, Client]]
ReadBasic = Callable[[str], tuple[str, str]]


class Verify(Protocol):
    """Tells whether credentials are right."""

    def __call__(
        self,
        use: str,
        client_id: str,
        secret: str,
        client: Client | None,
        /,
        *,
        permitted: bool,
        address: str,
        otherwise: str | None,
    ) -> bool:
        """Whether the secret, or what it may mean otherwise, is the client's, and it is permitted to use it.

        Raises TooManyAttempts.
        """


class ClientAuthentication:
    """Tells which client sends a request to the token endpoint, or to one beside it.

    What the client may do there is asked afterwards, so that only the holder of its secret learns it.
    """

    def __init__(
        self, clients: Clients, *, read_basic: ReadBasic, verify: Verify, assertions: ClientAssertions
    ) -> None:
        self._clients = clients
        self._read_basic = read_basic
        self._verify = verify
        self._assertions = assertions

    def authenticate(self, sent: Mapping[str, Any], authorization: str | None, address: str) -> Client:
        """Return the client. `sent` holds all parameters.

        Raises OAuthRequestRefused: invalid_client in one text whatever is wrong with the credentials, invalid_request
        for several methods at once. Raises TooManyAttempts, and StoreError.
        """
        known = read_parameters(sent, PARAMETERS)
        by_assertion = "client_assertion" in known or "client_assertion_type" in known
        if (authorization is not None) + ("client_secret" in known) + by_assertion > 1:
            raise OAuthRequestRefused("invalid_request", "there are two methods of client authentication: choose one")
        if authorization is not None:
            return self._by_header(known, authorization, address)
        if by_assertion:
            return self._by_assertion(known)
        if "client_id" not in known:
            raise OAuthRequestRefused("invalid_request", "client_id is required, or an Authorization header")
        if "client_secret" not in known:
            raise invalid_client("there are no credentials")
        return self._by_secret(known["client_id"], known["client_secret"], None, address, by_header=False)

    def _by_header(self, known: Mapping[str, str], authorization: str, address: str) -> Client:
        scheme, _, encoded = authorization.partition(" ")
        try:
            if scheme.lower() != "basic":
                raise CredentialsRejected("the authentication scheme is not Basic")
            client_id, secret, otherwise = read_spelling(*self._read_basic(encoded))
        except CredentialsRejected as error:
            raise invalid_client(error.detail, by_header=True) from None
        if known.get("client_id", client_id) != client_id:
            raise OAuthRequestRefused("invalid_request", "client_id differs from the one in the header")
        return self._by_secret(client_id, secret, otherwise, address, by_header=True)

    def _by_assertion(self, known: Mapping[str, str]) -> Client:
        if known.get("client_assertion_type") != ASSERTION_TYPE:
            raise invalid_client("the client_assertion_type is not the one for JWTs")
        try:
            return self._assertions.verify(known.get("client_assertion", ""), known.get("client_id"), self._clients())
        except CredentialsRejected as error:
            refusal = invalid_client(error.detail)
            refusal.claimed = error.claimed
            raise refusal from None

    def _by_secret(
        self, client_id: str, secret: str, otherwise: str | None, address: str, *, by_header: bool
    ) -> Client:
        client = self._clients().get(client_id)
        permitted = client is not None and client.active
        with said_to_be(client):
            right = self._verify(
                USE, client_id, secret, client, permitted=permitted, address=address, otherwise=otherwise
            )
            if client is None:
                raise invalid_client("there is no client of that id", by_header=by_header)
            if not right:
                detail = "the secret is wrong" if permitted else "the client is inactive"
                raise invalid_client(detail, by_header=by_header)
        return client


def invalid_client(why: str, *, by_header: bool = False) -> OAuthRequestRefused:
    """Return the one refusal of credentials, whatever was wrong with them; `why` is for the log."""
    detail = "the client credentials are not valid"
    return OAuthRequestRefused("invalid_client", detail, by_header=by_header, why=why)
