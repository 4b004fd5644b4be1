"""What an application says to its guard, read as strictly as the service's settings. All of it raises StartupError."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from falconbox import setting_values
from falconbox.decision_log.sinks import Sink, open_sink
from falconbox.errors import StartupError
from falconbox.forwarded import Network
from falconbox.guard import OpenRoutes

T = TypeVar("T")


def check_mount(mounted_at: str) -> None:
    """Refuse what no path of a mount can be."""
    if mounted_at and (not mounted_at.startswith("/") or mounted_at.endswith("/") or "//" in mounted_at):
        raise StartupError("mounted_at must be a path such as /shop, or empty")


def check_open_routes(routes: OpenRoutes) -> None:
    """Refuse what no request ever has: such a route would open nothing, and nobody would be told."""
    for route in routes:
        if not _is_route(route):
            raise StartupError(f'open_routes must be pairs such as ("GET", "/healthz"), and {route!r} is none')


def public_url(url: str) -> str:
    """Return the issuer of the tokens that open the application."""
    return _as_setting("public_url", setting_values.public_url, url)


def max_staleness(seconds: float) -> float:
    """Return for how long it decides without the store."""
    return _as_setting("max_staleness", setting_values.seconds, str(seconds))


def trusted_proxies(trusted: Sequence[str | Network]) -> tuple[Network, ...]:
    """Return the networks of the proxies that are believed."""
    if isinstance(trusted, str):
        raise StartupError("trusted_proxies must be a list of addresses and networks, not one text")
    return _as_setting("trusted_proxies", setting_values.networks, ",".join(map(str, trusted))) if trusted else ()


def decision_log(where: str) -> Sink:
    """Open where decisions are written down."""
    try:
        return open_sink(where)
    except OSError as error:
        raise StartupError(f"decision_log cannot be opened: {where}: {error.strerror}") from None


def _is_route(route: Any) -> bool:
    if not isinstance(route, tuple) or len(route) != 2:
        return False
    method, path = route
    return bool(re.fullmatch(r"[A-Z]+", str(method))) and str(path).startswith("/")


def _as_setting(name: str, reader: Callable[[str], T], text: str) -> T:
    try:
        return reader(text)
    except ValueError as error:
        raise StartupError(f"{name} {error}") from None
