"""Read the values of settings: each reader takes text, and raises ValueError with what it accepts."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from falconbox.imported_secrets import PREFIX

Network = ipaddress.IPv4Network | ipaddress.IPv6Network

MASK: Final = "***"
_MONGO: Final = ("mongodb", "mongodb+srv")
_NUMBER: Final = re.compile(r"\d{1,9}(\.\d{1,6})?", re.ASCII)
_X_FORWARDED: Final = ("x-forwarded-for", "x-forwarded-proto", "x-forwarded-host")
TOKEN_ALGORITHMS: Final = ("ES256", "RS256", "EdDSA")
_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f]")


def host(text: str) -> str:
    """Return a host name or an address without brackets."""
    if re.fullmatch(r"[A-Za-z0-9._-]+", text):
        return text
    try:
        return str(ipaddress.ip_address(text))
    except ValueError:
        raise ValueError("must be a host name or an IP address, without scheme, port or brackets") from None


def port(text: str) -> int:
    """Return a port number."""
    return _whole(text, 0, 65535)


def threads(text: str) -> int:
    """Return a number of threads."""
    return _whole(text, 1, 256)


def seconds(text: str) -> float:
    """Return a positive number of seconds, a day at most."""
    if _NUMBER.fullmatch(text) and 0 < float(text) <= 86400:
        return float(text)
    raise ValueError("must be a number of seconds above 0, at most 86400")


def path(text: str) -> Path:
    """Return a path. An empty one would be the working directory, which nobody means by it."""
    if not text:
        raise ValueError("must not be empty: write . for the working directory")
    if _CONTROL.search(text):
        raise ValueError("must be a path without control characters")
    return Path(text)


def destination(text: str) -> str:
    """Return where a log goes: `stdout`, `none` or a file."""
    return str(path(text))


def switch(text: str) -> bool:
    """Return yes or no."""
    answer = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}.get(text.lower())
    if answer is None:
        raise ValueError("must be true, yes, 1, false, no or 0")
    return answer


def secret(text: str) -> str:
    """Return a secret. What it is never stands in a message."""
    if len(text) > 1024 or _CONTROL.search(text) or not _is_unicode(text):
        raise ValueError("must be 1 to 1024 characters of UTF-8 without control characters")
    return text


def client_secret(text: str) -> str:
    """Return the secret of a client: nothing that opens to whoever has read the database of Aidbox."""
    if text.startswith(PREFIX):
        raise ValueError("is the SHA-256 of a secret, as Aidbox stores it: give the secret itself")
    return secret(text)


def store_uri(text: str) -> str:
    """Return the place of the store. It may hold a password, so it never stands in a message."""
    scheme, _, rest = text.partition("://")
    rest = "" if _CONTROL.search(rest) else rest
    if (scheme == "sqlite" and rest.startswith("/") and len(rest) > 1) or (scheme in _MONGO and rest):
        return text
    raise ValueError("must be sqlite:///PATH (four slashes for an absolute path) or a mongodb:// URI")


def networks(text: str) -> tuple[Network, ...]:
    """Return addresses and networks, separated by commas."""
    found = tuple(_network(part.strip()) for part in text.split(","))
    if any(network.prefixlen == 0 for network in _together(found)):
        raise ValueError("must not trust every address: then anybody could claim to be anybody")
    return found


def forwarded_headers(text: str) -> tuple[str, ...]:
    """Return the names of headers, in lower case."""
    names = tuple(part.strip().lower() for part in text.split(","))
    if not set(names) <= {*_X_FORWARDED, "forwarded"}:
        raise ValueError(f"must be some of {', '.join(_X_FORWARDED)}, separated by commas, or: forwarded")
    if "forwarded" in names and len(set(names)) > 1:
        raise ValueError("must name forwarded or the others, not both: they could say different things")
    return names


def token_algorithm(text: str) -> str:
    """Return the name of a signature algorithm of tokens (RFC 7518 section 3.1, RFC 8037)."""
    for name in TOKEN_ALGORITHMS:
        if text.lower() == name.lower():
            return name
    raise ValueError(f"must be one of: {', '.join(TOKEN_ALGORITHMS)}")


def public_url(text: str) -> str:
    """Return an absolute http(s) URL without what a base URL and an OAuth issuer (RFC 8414 section 2) must not have."""
    try:
        parts = urlsplit(text)
        sensible = parts.port != 0 and "@" not in parts.netloc
    except ValueError:
        parts, sensible = urlsplit(""), False
    bare = f"{parts.scheme}://{parts.netloc}{parts.path}"
    if (
        parts.scheme not in ("http", "https")
        or not (parts.hostname and sensible)
        or bare != text
        or text.endswith("/")
        or re.search(r"[^\x21-\x7e]", text)
    ):
        raise ValueError("must be an absolute http or https URL without user, query, fragment or slash at its end")
    return text


def audience(text: str) -> str:
    """Return an audience of tokens."""
    if re.fullmatch(r"[\x21-\x7e]{1,256}", text):
        return text
    raise ValueError("must be 1 to 256 visible characters of ASCII without a blank")


def masked_uri(uri: str) -> str:
    """Return a store URI without its password and without options that hold secrets."""
    scheme, separator, rest = uri.partition("://")
    if scheme not in _MONGO:
        return uri
    # Up to the last @, and not the first: a password that was not percent-encoded is still a password.
    credentials, at, place = rest.rpartition("@")
    name, colon, _ = credentials.partition(":")
    uri = scheme + separator + (f"{name}:{MASK}" if colon else credentials) + at + place
    return re.sub(r"(?i)([?&][^=&]*(?:password|mechanismproperties)[^=&]*=)[^&]*", rf"\1{MASK}", uri)


def is_loopback(name: str) -> bool:
    """Say whether only this machine can reach a socket that listens there."""
    if name == "localhost":
        return True
    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return False


def _is_unicode(text: str) -> bool:
    # Bytes of the environment that are not UTF-8 arrive as lone surrogates.
    return not re.search(r"[\ud800-\udfff]", text)


def _whole(text: str, least: int, most: int) -> int:
    if re.fullmatch(r"\d{1,9}", text, re.ASCII) and least <= int(text) <= most:
        return int(text)
    raise ValueError(f"must be a whole number from {least} to {most}")


def _together(networks: Iterable[Network]) -> Iterator[Network]:
    """Yield what networks come to: two halves are everything, too."""
    found = [*networks]
    yield from ipaddress.collapse_addresses(one for one in found if isinstance(one, ipaddress.IPv4Network))
    yield from ipaddress.collapse_addresses(one for one in found if isinstance(one, ipaddress.IPv6Network))


def _network(text: str) -> Network:
    try:
        found = ipaddress.ip_network(text, strict=False)
    except ValueError:
        raise ValueError("must be IP addresses or networks (10.0.0.0/8), separated by commas") from None
    if "/" in text and ipaddress.ip_address(text.partition("/")[0]) != found.network_address:
        raise ValueError(
            f"must be networks without bits behind their masks: write {found} for {text}, or the address alone"
        )
    return found
