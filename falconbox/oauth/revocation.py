"""Token revocation (RFC 7009), without HTTP: a client ends a token of its own."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, ClassVar

from falconbox.audit_log import Actor, AuditTrail
from falconbox.errors import CredentialsRejected, OAuthRequestRefused, StoreConflict
from falconbox.model import Caller, Client
from falconbox.oauth.client_authentication import ClientAuthentication
from falconbox.oauth.endpoint import Answer, Endpoint, Origin
from falconbox.oauth.parameters import required_token
from falconbox.oauth.sessions import KIND, REVOCATION, put_revocation, revocation, revoke_session
from falconbox.oauth.tokens import AccessTokens
from falconbox.store import Record, Store


class RevocationEndpoint(Endpoint[str]):
    """Ends a token for good. On this node that counts before it is acknowledged."""

    kind: ClassVar = "revocation"

    def __init__(
        self,
        authentication: ClientAuthentication,
        tokens: AccessTokens,
        store: Store,
        audit: AuditTrail,
        *,
        refresh: Callable[[], object],
    ) -> None:
        super().__init__(authentication)
        self._tokens = tokens
        self._store = store
        self._audit = audit
        self._refresh = refresh

    def read(self, sent: Mapping[str, Any]) -> str:
        """Return the token. A token_type_hint changes nothing: there is one type."""
        return required_token(sent)

    def answer(self, client: Client, wanted: str, origin: Origin) -> Answer:
        """Revoke a token. One that is not good any more, or never was, is as good as revoked (section 2.2).

        Raises OAuthRequestRefused (unauthorized_client) for the token of another client (section 2.1).
        """
        try:
            claims = self._tokens.revocable(wanted)
        except CredentialsRejected:
            return Answer({}, "nothing-revoked", Caller(client))
        if claims["client_id"] != client.id:
            raise OAuthRequestRefused("unauthorized_client", "the token was issued to another client")
        revoked = self._revoke(origin.actor(client), claims)
        self._refresh()
        return Answer({}, "token-revoked" if revoked else "nothing-revoked", Caller(client, claims["sid"]))

    def _revoke(self, actor: Actor, claims: Mapping[str, Any]) -> bool:
        """Revoke a token; return False if it has been revoked already."""
        while (session := self._store.get(KIND, claims["sid"])) is not None:
            try:
                with self._audit.change(revocation(actor, session)):
                    revoke_session(self._store, session)
            except StoreConflict:
                continue  # somebody else has revoked or written it at this moment
            return True
        if self._store.get(REVOCATION, claims["sid"]) is not None:
            return False
        # Its session is lost, and it must end all the same.
        lost = Record(KIND, claims["sid"], 0, {"client": claims["client_id"]}, 0.0, claims.get("exp"))
        with self._audit.change(revocation(actor, lost)):
            put_revocation(self._store, lost)
        return True
