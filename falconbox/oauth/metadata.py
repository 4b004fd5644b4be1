"""What the authorization server and the resource say of themselves, so that clients need not be told."""

from __future__ import annotations

from typing import Any

from falconbox.client_keys import ALGORITHMS
from falconbox.oauth.client_authentication import METHODS
from falconbox.oauth.grants import GRANT


def authorization_server(issuer: str) -> dict[str, Any]:
    """Return the metadata of the authorization server (RFC 8414 section 2). `issuer` is the public URL, exactly."""
    return {
        "issuer": issuer,
        "token_endpoint": f"{issuer}/auth/token",
        "jwks_uri": f"{issuer}/.well-known/jwks.json",
        # Required, and empty: there is no authorization endpoint.
        "response_types_supported": [],
        "grant_types_supported": [GRANT],
        "token_endpoint_auth_methods_supported": [*METHODS],
        "token_endpoint_auth_signing_alg_values_supported": [*ALGORITHMS],
    }


def protected_resource(issuer: str) -> dict[str, Any]:
    """Return the metadata of the resource that our tokens open, which is this service (RFC 9728 section 2)."""
    return {
        "resource": issuer,
        "authorization_servers": [issuer],
        "bearer_methods_supported": ["header"],
    }
