"""The parameters of a request to an OAuth endpoint (RFC 6749 section 3.2), whatever media type they came in."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any, Final

from falconbox.errors import OAuthRequestRefused

MAX_LENGTH: Final = 2048
"""The longest parameter in characters; tokens are longer, and have limits of their own."""

TOKENS: Final = frozenset({"token", "client_assertion"})


def required_token(sent: Mapping[str, Any]) -> str:
    """Return the parameter `token`. Raises OAuthRequestRefused (invalid_request).

    A `token_type_hint` changes nothing, but one that is no string is a mistake to be told.
    """
    token = read_parameters(sent, ("token", "token_type_hint")).get("token")
    if token is None:
        raise OAuthRequestRefused("invalid_request", "token is required")
    return token


def read_parameters(sent: Mapping[str, Any], names: Collection[str]) -> dict[str, str]:
    """Return those parameters of these names that were sent with a value; an empty one counts as left out.

    Raises OAuthRequestRefused (invalid_request) for a value that is no string, or too long.
    """
    found: dict[str, str] = {}
    for name in names:
        value = sent.get(name, "")
        if not isinstance(value, str):
            raise OAuthRequestRefused("invalid_request", f"{name} must be a string: put it in quotes")
        if len(value) > MAX_LENGTH and name not in TOKENS:
            raise OAuthRequestRefused("invalid_request", f"{name} must have at most {MAX_LENGTH} characters")
        if value:
            found[name] = value
    return found
