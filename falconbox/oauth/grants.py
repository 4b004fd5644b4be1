"""The client credentials grant (RFC 6749 section 4.4), without HTTP."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from typing import Any, ClassVar, Final

from falconbox.errors import OAuthRequestRefused
from falconbox.model import Caller, Client
from falconbox.oauth.client_authentication import ClientAuthentication
from falconbox.oauth.endpoint import Answer, Endpoint
from falconbox.oauth.parameters import read_parameters
from falconbox.oauth.sessions import store_session
from falconbox.oauth.tokens import AccessTokens
from falconbox.store import Store

GRANT: Final = "client_credentials"
PARAMETERS: Final = ("grant_type", "audience", "scope")


class TokenEndpoint(Endpoint[Mapping[str, str]]):
    """Gives a token to a client that authenticates itself and has the grant."""

    kind: ClassVar = "token"

    def __init__(self, authentication: ClientAuthentication, store: Store, tokens: AccessTokens) -> None:
        super().__init__(authentication)
        self._store = store
        self._tokens = tokens

    def read(self, sent: Mapping[str, Any]) -> Mapping[str, str]:
        """Return the parameters, with a grant type that there is. Those that are not known are ignored."""
        known = read_parameters(sent, PARAMETERS)
        if "grant_type" not in known:
            raise OAuthRequestRefused("invalid_request", "grant_type is required")
        if known["grant_type"] != GRANT:
            raise OAuthRequestRefused("unsupported_grant_type", f"the grant_type must be {GRANT}")
        return known

    def answer(self, client: Client, asked: Mapping[str, str]) -> Answer:
        """Issue a token: `access_token`, `token_type`, and `expires_in` if it expires."""
        if GRANT not in client.grant_types:
            raise OAuthRequestRefused("unauthorized_client", "the client may not use this grant")
        if "scope" in asked:
            raise OAuthRequestRefused("invalid_scope", "no scope is granted here; leave it out")
        audience = asked.get("audience")
        if audience is not None and client.audiences is not None and audience not in client.audiences:
            raise OAuthRequestRefused("invalid_target", "the client may not ask for this audience")
        token, claims, kid = self._tokens.issue(client, str(uuid.uuid4()), audience)
        # A token whose session is not stored could not be revoked, so it is not given out.
        store_session(self._store, claims, kid)
        body: dict[str, Any] = {"access_token": token, "token_type": "bearer"}
        if client.token_lifetime is not None:
            body["expires_in"] = client.token_lifetime
        return Answer(body, "token-issued", Caller(client, claims["sid"]))
