"""What the authorization server and the resource say of themselves, so that clients need not be told."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import urlsplit

from falconbox.client_keys import ALGORITHMS
from falconbox.oauth.client_authentication import METHODS
from falconbox.oauth.sessions import GRANT

ENDPOINTS: Final[Mapping[str, str]] = {
    "token": "/auth/token",
    "introspection": "/auth/introspect",
    "revocation": "/auth/revoke",
}
"""Where clients authenticate themselves, below the issuer."""


def authorization_server(issuer: str) -> dict[str, Any]:
    """Return the metadata of the authorization server (RFC 8414 section 2). `issuer` is the public URL, exactly.

    Which scopes there are is not told: that is up to each client, and nobody else's business.
    """
    metadata: dict[str, Any] = {
        "issuer": issuer,
        "jwks_uri": f"{issuer}/.well-known/jwks.json",
        # Required, and empty: there is no authorization endpoint.
        "response_types_supported": [],
        "grant_types_supported": [GRANT],
        "protected_resources": [issuer],
    }
    for name, path in ENDPOINTS.items():
        metadata[f"{name}_endpoint"] = issuer + path
        metadata[f"{name}_endpoint_auth_methods_supported"] = [*METHODS]
        metadata[f"{name}_endpoint_auth_signing_alg_values_supported"] = [*ALGORITHMS]
    return metadata


def assertion_audiences(issuer: str, *, endpoint: bool) -> tuple[str, ...]:
    """Return the audiences that client assertions may have: the issuer, and the token endpoint if that is wanted."""
    return (issuer, issuer + ENDPOINTS["token"]) if endpoint else (issuer,)


def metadata_of(resource: str) -> str:
    """Return the URL where the metadata of a protected resource is: before its path, if it has one (RFC 9728 3.1)."""
    parts = urlsplit(resource)
    return f"{parts.scheme}://{parts.netloc}/.well-known/oauth-protected-resource{parts.path}"


def protected_resource(issuer: str) -> dict[str, Any]:
    """Return the metadata of the resource that our tokens open, which is this service (RFC 9728 section 2)."""
    return {
        "resource": issuer,
        "authorization_servers": [issuer],
        "bearer_methods_supported": ["header"],
    }
