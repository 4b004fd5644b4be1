"""Who is at the other end? The peer, or what a trusted proxy says of the peer behind it."""

from __future__ import annotations

import functools
import ipaddress
import re
from collections.abc import Collection, Mapping, Sequence
from typing import Any, Final

from falconbox.errors import Malformed

Network = ipaddress.IPv4Network | ipaddress.IPv6Network

FOR: Final = "x-forwarded-for"
PROTO: Final = "x-forwarded-proto"
HOST: Final = "x-forwarded-host"
FORWARDED: Final = "forwarded"
"""RFC 7239; it says what the three others say."""

BELIEVED: Final = (FOR, PROTO)
"""What proxies are believed in unless more is declared."""

_BLANK: Final = " \t"
_WORD: Final = r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+"
_PAIR: Final = re.compile(rf'({_WORD})=(?:({_WORD})|"((?:[^"\\]|\\.)*)")')
_ELEMENT: Final = re.compile(rf"{_PAIR.pattern}(?:;{_PAIR.pattern})*")
_NODE: Final = re.compile(r"(?:([0-9.]+)|\[([0-9A-Fa-f:.]+)\])(?::[0-9]{1,5})?")


class Proxies:
    """The proxies that are trusted, and the headers in which they are believed; nobody else is, and in nothing else."""

    def __init__(self, trusted: Sequence[Network] = (), believed: Collection[str] = BELIEVED) -> None:
        self._trusted = tuple(trusted)
        self._believed = frozenset(believed)

    def origin(self, environ: Mapping[str, Any]) -> tuple[str, str]:
        """Return the address and the scheme of a request. Raises Malformed when a trusted proxy's words make no sense.

        The address is the last one that is told and is not itself a trusted proxy's: whatever stands before it could
        have been sent by anybody. The scheme is the one that the caller used with the last proxy told of.
        """
        peer, scheme = _plain(environ.get("REMOTE_ADDR", "")), environ["wsgi.url_scheme"]
        if not self._trusts(peer):
            return peer, scheme
        told = self._told(environ)
        return self._last(told.get("for", ())) or peer, read_scheme(told["proto"][-1]) if "proto" in told else scheme

    def trust(self, environ: Mapping[str, Any]) -> bool:
        """Whether the peer of a request is one of them."""
        return self._trusts(_plain(environ.get("REMOTE_ADDR", "")))

    def behind(self, addresses: str) -> str:
        """Return the last of some addresses, separated by commas, that is not itself a trusted proxy's.

        Empty if there are none. Raises Malformed.
        """
        return self._last(_listed(addresses))

    def host(self, environ: Mapping[str, Any]) -> str:
        """Return the authority that was asked for: the Host field, or what a trusted proxy says. Raises Malformed."""
        if self._trusts(_plain(environ.get("REMOTE_ADDR", ""))):
            told = self._told(environ).get("host")
            if told:
                return told[-1]
        return str(environ.get("HTTP_HOST", ""))

    def _told(self, environ: Mapping[str, Any]) -> dict[str, list[str]]:
        told = {}
        if FORWARDED in self._believed and "HTTP_FORWARDED" in environ:
            told = _forwarded(environ["HTTP_FORWARDED"])
        if FOR in self._believed and "HTTP_X_FORWARDED_FOR" in environ:
            told["for"] = _listed(environ["HTTP_X_FORWARDED_FOR"])
        # A list of schemes or of hosts makes no sense, and is refused by whoever reads it.
        for name, key in ((PROTO, "proto"), (HOST, "host")):
            variable = "HTTP_" + name.upper().replace("-", "_")
            if name in self._believed and variable in environ:
                told[key] = [environ[variable]]
        return told

    def _last(self, addresses: Sequence[str]) -> str:
        peer = ""
        for address in reversed(addresses):
            peer = read_address(address)
            if not self._trusts(peer):
                break
        return peer

    def _trusts(self, address: str) -> bool:
        if not self._trusted:
            return False
        try:
            parsed = ipaddress.ip_address(address)
        except ValueError:
            return False
        return any(parsed in network for network in self._trusted)


def _listed(text: str) -> list[str]:
    parts = [part.strip(_BLANK) for part in text.split(",")]
    return [part for part in parts if part]


def _forwarded(text: str) -> dict[str, list[str]]:
    """Return the values of each parameter of a Forwarded field, in their order."""
    told: dict[str, list[str]] = {}
    rest = text.strip(_BLANK)
    while True:
        element = _ELEMENT.match(rest)
        if element is None:
            raise Malformed("Forwarded is not written as in RFC 7239")
        _add(told, element[0])
        rest = rest[element.end() :].lstrip(_BLANK)
        if not rest:
            return told
        if not rest.startswith(","):
            raise Malformed("Forwarded is not written as in RFC 7239")
        rest = rest[1:].lstrip(_BLANK)


def _add(told: dict[str, list[str]], element: str) -> None:
    names = set()
    for name, token, quoted in _PAIR.findall(element):
        key = name.lower()
        if key in names:
            raise Malformed("Forwarded says the same twice of one request")
        names.add(key)
        value = token or re.sub(r"\\(.)", r"\1", quoted)
        told.setdefault(key, []).append(_node(value) if key == "for" else value)


def _node(value: str) -> str:
    match = _NODE.fullmatch(value)
    if match is None:
        raise Malformed("Forwarded holds a name where an address is needed")
    return match[1] or match[2]


def read_address(text: str) -> str:
    """Return an address that somebody else tells, in its usual spelling. Raises Malformed."""
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        raise Malformed("a forwarded address is no IP address") from None
    if isinstance(address, ipaddress.IPv4Address):
        return str(address)
    if address.scope_id is not None:
        # What stands behind the % is any text at all, and means something on the proxy's own machine only.
        raise Malformed("a forwarded address has a zone")
    return _plain(str(address))


@functools.lru_cache(4096)
def _plain(address: str) -> str:
    """Return an address in its usual spelling, one of IPv4 in IPv6 spelling (::ffff:192.0.2.1) as IPv4.

    Who listens on both protocols at once sees it so: a second spelling of one caller.
    """
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return address
    return str(getattr(parsed, "ipv4_mapped", None) or parsed)


def read_scheme(text: str) -> str:
    """Return a scheme that a proxy tells. Raises Malformed."""
    if text not in ("http", "https"):
        raise Malformed("a forwarded scheme is neither http nor https")
    return text
