"""The client credentials grant (RFC 6749 section 4.4), without HTTP."""

from __future__ import annotations

import dataclasses
import uuid
from collections.abc import Callable, Mapping
from typing import Any, Final, Protocol

from falconbox.errors import CredentialsRejected, TokenRequestRefused
from falconbox.model import Caller, Client
from falconbox.oauth.sessions import store_session
from falconbox.oauth.tokens import AccessTokens
from falconbox.store import Store

GRANT: Final = "client_credentials"
PARAMETERS: Final = ("grant_type", "client_id", "client_secret", "audience", "scope")
MAX_PARAMETER: Final = 2048
"""The longest parameter in characters."""

ReadBasic = Callable[[str], tuple[str, str]]


class Verify(Protocol):
    """Tells whether credentials are right."""

    def __call__(
        self, use: str, client_id: str, secret: str, client: Client | None, /, *, permitted: bool, address: str
    ) -> bool:
        """Whether the secret is the client's, and it is permitted to use it. Raises TooManyAttempts."""


@dataclasses.dataclass(frozen=True, slots=True)
class IssuedToken:
    """A token that has been issued: the answer to its request, and whom it stands for."""

    answer: Mapping[str, Any]
    caller: Caller


class TokenEndpoint:
    """Gives a token to a client that proves its secret and has the grant."""

    def __init__(
        self,
        store: Store,
        tokens: AccessTokens,
        clients: Callable[[], Mapping[str, Client]],
        *,
        read_basic: ReadBasic,
        verify: Verify,
    ) -> None:
        self._store = store
        self._tokens = tokens
        self._clients = clients
        self._read_basic = read_basic
        self._verify = verify

    def respond(self, parameters: Mapping[str, Any], authorization: str | None, address: str) -> IssuedToken:
        """Issue a token. The answer has `access_token`, `token_type`, and `expires_in` if it expires.

        Parameters that are not known are ignored (section 3.2). Raises TokenRequestRefused with an error code of
        section 5.2, TooManyAttempts, and StoreError.
        """
        known = _checked(parameters)
        client = self._authenticated(known, authorization, address)
        if GRANT not in client.grant_types:
            raise TokenRequestRefused("unauthorized_client", "the client may not use this grant")
        if "scope" in known:
            raise TokenRequestRefused("invalid_scope", "no scope is granted here; leave it out")
        audience = known.get("audience")
        if audience is not None and client.audiences is not None and audience not in client.audiences:
            raise TokenRequestRefused("invalid_target", "the client may not ask for this audience")
        token, claims, kid = self._tokens.issue(client, str(uuid.uuid4()), audience)
        # A token whose session is not stored could not be revoked, so it is not given out.
        store_session(self._store, claims, kid)
        answer: dict[str, Any] = {"access_token": token, "token_type": "bearer"}
        if client.token_lifetime is not None:
            answer["expires_in"] = client.token_lifetime
        return IssuedToken(answer, Caller(client, claims["sid"]))

    def _authenticated(self, known: Mapping[str, str], authorization: str | None, address: str) -> Client:
        by_header = authorization is not None
        if by_header and "client_secret" in known:
            raise TokenRequestRefused("invalid_request", "credentials belong in the header or in the body, not in both")
        client_id, secret = self._credentials(known, authorization)
        client = self._clients().get(client_id)
        permitted = client is not None and client.active
        right = self._verify(GRANT, client_id, secret, client, permitted=permitted, address=address)
        if client is None or not right:
            raise _invalid_client(by_header=by_header)
        return client

    def _credentials(self, known: Mapping[str, str], authorization: str | None) -> tuple[str, str]:
        if authorization is None:
            if "client_id" not in known or "client_secret" not in known:
                raise TokenRequestRefused("invalid_request", "client_id and client_secret are required")
            return known["client_id"], known["client_secret"]
        scheme, _, encoded = authorization.partition(" ")
        try:
            if scheme.lower() != "basic":
                raise CredentialsRejected("not Basic")
            client_id, secret = self._read_basic(encoded)
        except CredentialsRejected:
            raise _invalid_client(by_header=True) from None
        if known.get("client_id", client_id) != client_id:
            raise TokenRequestRefused("invalid_request", "client_id differs from the one in the header")
        return client_id, secret


def _checked(parameters: Mapping[str, Any]) -> dict[str, str]:
    known: dict[str, str] = {}
    for name in PARAMETERS:
        if name not in parameters:
            continue
        value = parameters[name]
        if not isinstance(value, str):
            raise TokenRequestRefused("invalid_request", f"{name} must be a string: put it in quotes")
        if not value or len(value) > MAX_PARAMETER:
            raise TokenRequestRefused("invalid_request", f"{name} must have 1 to {MAX_PARAMETER} characters")
        known[name] = value
    if "grant_type" not in known:
        raise TokenRequestRefused("invalid_request", "grant_type is required")
    if known["grant_type"] != GRANT:
        raise TokenRequestRefused("unsupported_grant_type", f"the grant_type must be {GRANT}")
    return known


def _invalid_client(*, by_header: bool) -> TokenRequestRefused:
    # One text, whatever was wrong.
    return TokenRequestRefused("invalid_client", "the client credentials are not valid", by_header=by_header)
