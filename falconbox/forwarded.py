"""Who is at the other end? The peer, or what a trusted proxy says of the peer behind it."""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping, Sequence
from typing import Any, Final

from falconbox.errors import Malformed

Network = ipaddress.IPv4Network | ipaddress.IPv6Network

_BLANK: Final = " \t"


class Proxies:
    """The proxies whose `X-Forwarded-For` and `X-Forwarded-Proto` are believed; nobody else's are."""

    def __init__(self, trusted: Sequence[Network] = ()) -> None:
        self._trusted = tuple(trusted)

    def origin(self, environ: Mapping[str, Any]) -> tuple[str, str]:
        """Return the address and the scheme of a request. Raises Malformed when a trusted proxy's words make no sense.

        The address is the last one in `X-Forwarded-For` that is not itself a trusted proxy: whatever stands before
        it could have been sent by anybody.
        """
        peer, scheme = _plain(environ.get("REMOTE_ADDR", "")), environ["wsgi.url_scheme"]
        if not self._trusted or not self._trusts(peer):
            return peer, scheme
        for address in reversed(environ.get("HTTP_X_FORWARDED_FOR", "").split(",")):
            if address.strip(_BLANK):
                peer = _address(address.strip(_BLANK))
                if not self._trusts(peer):
                    break
        return peer, _scheme(environ.get("HTTP_X_FORWARDED_PROTO", scheme))

    def _trusts(self, address: str) -> bool:
        try:
            parsed = ipaddress.ip_address(address)
        except ValueError:
            return False
        return any(parsed in network for network in self._trusted)


def _address(text: str) -> str:
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        raise Malformed("X-Forwarded-For holds something that is no IP address") from None
    if isinstance(address, ipaddress.IPv4Address):
        return str(address)
    if address.scope_id is not None:
        # What stands behind the % is any text at all, and means something on the proxy's own machine only.
        raise Malformed("X-Forwarded-For holds an address with a zone")
    return _plain(str(address))


def _plain(address: str) -> str:
    """Return an address in its usual spelling, one of IPv4 in IPv6 spelling (::ffff:192.0.2.1) as IPv4.

    Who listens on both protocols at once sees it so: a second spelling of one caller.
    """
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return address
    return str(getattr(parsed, "ipv4_mapped", None) or parsed)


def _scheme(text: str) -> str:
    if text not in ("http", "https"):
        raise Malformed("X-Forwarded-Proto is neither http nor https")
    return text
