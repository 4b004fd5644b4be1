"""The client credentials grant (RFC 6749 section 4.4), without HTTP."""

from __future__ import annotations

import dataclasses
import uuid
from collections.abc import Collection, Mapping
from typing import Any, ClassVar

from falconbox.errors import OAuthRequestRefused
from falconbox.model import Caller, Client
from falconbox.oauth.client_authentication import ClientAuthentication
from falconbox.oauth.compact import MAX_TOKEN
from falconbox.oauth.endpoint import Answer, Endpoint, Origin
from falconbox.oauth.parameters import read_parameters
from falconbox.oauth.scopes import granted_scope
from falconbox.oauth.sessions import GRANT, store_session
from falconbox.oauth.targets import check_audience, requested_audience
from falconbox.oauth.tokens import AccessTokens
from falconbox.store import Store


@dataclasses.dataclass(frozen=True, slots=True)
class TokenRequest:
    """What token is asked for. No audience: for this service. No scope: everything that the client may have."""

    audience: tuple[str, ...]
    scope: str | None


class TokenEndpoint(Endpoint[TokenRequest]):
    """Gives a token to a client that authenticates itself and has the grant."""

    kind: ClassVar = "token"

    def __init__(
        self, authentication: ClientAuthentication, store: Store, tokens: AccessTokens, *, kept: Collection[str] = ()
    ) -> None:
        """`kept` are the audiences of other tokens that are signed with the same keys."""
        super().__init__(authentication)
        self._store = store
        self._tokens = tokens
        self._kept = frozenset(kept)

    def read(self, sent: Mapping[str, Any]) -> TokenRequest:
        """Return what is asked for. Parameters that are not known are ignored."""
        known = read_parameters(sent, ("grant_type", "scope"))
        if "grant_type" not in known:
            raise OAuthRequestRefused("invalid_request", "grant_type is required")
        if known["grant_type"] != GRANT:
            raise OAuthRequestRefused("unsupported_grant_type", f"the grant_type must be {GRANT}")
        return TokenRequest(requested_audience(sent), known.get("scope"))

    def answer(self, client: Client, wanted: TokenRequest, _origin: Origin) -> Answer:
        """Issue a token: `access_token`, `token_type`, `expires_in` if it expires, and `scope` if it has one."""
        if GRANT not in client.grant_types:
            raise OAuthRequestRefused("unauthorized_client", "the client may not use this grant")
        check_audience(client, wanted.audience, self._kept)
        scope = granted_scope(wanted.scope, client.scopes)
        token, claims, kid = self._tokens.issue(client, str(uuid.uuid4()), wanted.audience, scope)
        if len(token) > MAX_TOKEN:
            raise OAuthRequestRefused("invalid_request", "the token would be too long: ask for less scope, or audience")
        # A token whose session is not stored could not be revoked, so it is not given out.
        store_session(self._store, claims, kid)
        body: dict[str, Any] = {"access_token": token, "token_type": "bearer"}
        if client.token_lifetime is not None:
            body["expires_in"] = client.token_lifetime
        if scope is not None:
            body["scope"] = scope
        return Answer(body, "token-issued", Caller(client, claims["sid"]))
