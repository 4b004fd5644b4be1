"""For whom a token is: `audience`, and `resource` as in RFC 8707."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from typing import Any, Final
from urllib.parse import urlsplit

from falconbox.errors import OAuthRequestRefused
from falconbox.model import Client
from falconbox.oauth.parameters import MAX_LENGTH, read_parameters

MAX_RESOURCES: Final = 8

# An absolute URI (RFC 3986 section 4.3): a scheme, and no fragment.
_URI: Final = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:(?:[A-Za-z0-9._~:/?\[\]@!$&'()*+,;=-]|%[0-9A-Fa-f]{2})+")


def requested_audience(sent: Mapping[str, Any]) -> tuple[str, ...]:
    """Return what a request names as audience and resources, each once; nothing if it names none.

    Raises OAuthRequestRefused: invalid_target for a resource that is no absolute URI, or has a fragment (section 2).
    """
    audience = read_parameters(sent, ("audience",)).values()
    resources = [_checked(resource) for resource in _resources(sent)]
    return tuple(dict.fromkeys([*audience, *resources]))


def check_audience(client: Client, audience: tuple[str, ...], kept: Collection[str] = ()) -> None:
    """Check that a client may ask for all of these. Raises OAuthRequestRefused (invalid_target).

    Those that are `kept` for another kind of token must be listed by the client: it may not ask for just any.
    """
    refused = any(one in kept for one in audience) if client.audiences is None else set(audience) - client.audiences
    if refused:
        raise OAuthRequestRefused("invalid_target", "the client may not ask for this audience or resource")


def _resources(sent: Mapping[str, Any]) -> list[str]:
    value = sent.get("resource", [])
    values = value if isinstance(value, list) else [value]
    if any(not isinstance(resource, str) or len(resource) > MAX_LENGTH for resource in values):
        detail = f"resource must be a string of at most {MAX_LENGTH} characters, or several"
        raise OAuthRequestRefused("invalid_request", detail)
    if len(values) > MAX_RESOURCES:
        raise OAuthRequestRefused("invalid_request", f"there must be at most {MAX_RESOURCES} resources")
    return [resource for resource in values if resource]


def _checked(resource: str) -> str:
    if not _URI.fullmatch(resource) or not _has_its_host(resource):
        raise OAuthRequestRefused("invalid_target", "a resource must be an absolute URI without fragment")
    return resource


def _has_its_host(uri: str) -> bool:
    """Whether a URI of HTTP has a host (RFC 9110 section 4.2), and one in brackets is closed."""
    try:
        parts = urlsplit(uri)
        return bool(parts.hostname) or parts.scheme not in ("http", "https")
    except ValueError:
        return False
