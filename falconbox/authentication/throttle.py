"""How many wrong secrets may be tried: for one client from one address, for one client, from one address."""

from __future__ import annotations

import ipaddress
import math
import time
from typing import Final

from limits import RateLimitItem, parse
from limits.storage import MemoryStorage
from limits.strategies import MovingWindowRateLimiter

from falconbox.authentication.memory import digest
from falconbox.errors import TooManyAttempts

PER_CLIENT_AND_ADDRESS: Final = parse("10/minute")
PER_ADDRESS: Final = parse("120/minute")
PER_CLIENT: Final = parse("60/minute")
"""Beyond this, an address from which nothing wrong has come for the client may still try once: an attacker with many
addresses must not be able to lock out a caller at another one."""

_IPV6_NETWORK: Final = 64


class Throttle:
    """Counts failures in a moving window, in this process. What is right is never counted."""

    def __init__(self) -> None:
        self._limiter = MovingWindowRateLimiter(MemoryStorage())

    def check(self, client_id: str, address: str) -> None:
        """Raise TooManyAttempts when too many wrong secrets have been tried."""
        client, place = _name(client_id), _place(address)
        untried = self._limiter.get_window_stats(PER_CLIENT_AND_ADDRESS, client, place).remaining
        fresh = untried == PER_CLIENT_AND_ADDRESS.amount
        self._require(PER_CLIENT_AND_ADDRESS, client, place)
        self._require(PER_ADDRESS, place)
        if not fresh:
            self._require(PER_CLIENT, client)

    def count(self, client_id: str, address: str) -> None:
        """Count a failure."""
        client, place = _name(client_id), _place(address)
        self._limiter.hit(PER_CLIENT_AND_ADDRESS, client, place)
        self._limiter.hit(PER_ADDRESS, place)
        self._limiter.hit(PER_CLIENT, client)

    def _require(self, limit: RateLimitItem, *names: str) -> None:
        if not self._limiter.test(limit, *names):
            reset = self._limiter.get_window_stats(limit, *names).reset_time
            raise TooManyAttempts("too many wrong secrets have been tried", max(1, math.ceil(reset - time.time())))


def _name(client_id: str) -> str:
    # An id as sent may be long, and may hold what separates the parts of a key.
    return f"c{digest(client_id).hex()[:32]}"


def _place(address: str) -> str:
    """Return the address; of IPv6 the network, for whoever has one address there has all of them."""
    try:
        parsed = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return "unknown"
    if parsed.version == 4:
        return str(parsed)
    return str(ipaddress.ip_network((parsed, _IPV6_NETWORK), strict=False).network_address)
