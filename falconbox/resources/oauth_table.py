"""The resources of the authorization server, by the names that the route table has for them."""

from __future__ import annotations

from collections.abc import Callable

from falconbox.audit_log import AuditLog
from falconbox.authentication.basic import read_credentials
from falconbox.decision_log.writer import DecisionLog
from falconbox.oauth.assertions import ClientAssertions
from falconbox.oauth.client_authentication import ClientAuthentication, Verify
from falconbox.oauth.grants import TokenEndpoint
from falconbox.oauth.introspection import IntrospectionEndpoint
from falconbox.oauth.keys import SigningKeys
from falconbox.oauth.metadata import assertion_audiences, authorization_server, protected_resource
from falconbox.oauth.revocation import RevocationEndpoint
from falconbox.oauth.tokens import AccessTokens
from falconbox.resources.oauth_endpoint import OAuthEndpoint
from falconbox.resources.well_known import WellKnown
from falconbox.snapshot import Snapshot
from falconbox.store import Store


def oauth_resources(
    tokens: AccessTokens,
    keys: SigningKeys,
    store: Store,
    snapshot: Snapshot,
    *,
    verify: Verify,
    endpoint_audience: bool,
    identity_audience: str | None,
    fresh: Callable[[], bool],
    audit_log: AuditLog,
    decision_log: DecisionLog,
) -> dict[str, object]:
    """Return them.

    `endpoint_audience`: assertions may name the token endpoint as their audience. `identity_audience`: whom identity
    tokens are for. `fresh`: the snapshot may be relied upon.

    What changes who may do what goes to the audit log. Introspection changes nothing and may be asked with every
    request, so it goes where decisions go.
    """
    authentication = ClientAuthentication(
        lambda: snapshot.current.clients,
        read_basic=read_credentials,
        verify=verify,
        assertions=ClientAssertions(store, assertion_audiences(tokens.issuer, endpoint=endpoint_audience)),
    )
    kept = () if identity_audience is None else (identity_audience,)
    issue = TokenEndpoint(authentication, store, tokens, kept=kept)
    introspect = IntrospectionEndpoint(authentication, tokens, lambda: snapshot.current, fresh=fresh)
    revoke = RevocationEndpoint(authentication, tokens, store, audit_log, refresh=snapshot.refresh)
    return {
        "token": OAuthEndpoint(issue, audit_log),
        "introspection": OAuthEndpoint(introspect, decision_log),
        "revocation": OAuthEndpoint(revoke, audit_log),
        "jwks": WellKnown(keys.jwk_set, "application/jwk-set+json"),
        "authorization_server": WellKnown(lambda: authorization_server(tokens.issuer)),
        "protected_resource": WellKnown(lambda: protected_resource(tokens.issuer)),
    }
