"""What each kind of proxy tells of the request that it asks about, and which answers it understands.

The path that the proxy asks at pins the profile. Nothing is guessed from the headers that happen to be there, and one
that is not in the profile is not read (docs/reference/forward-auth.md).
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from typing import Final

from falconbox.body import RequestBody, body_of
from falconbox.request import Environ


@dataclasses.dataclass(frozen=True, slots=True)
class Profile:
    """How one kind of proxy describes a request: by headers, here under their names of WSGI.

    `method` None: the proxy asks by the request's own method. `uri` None: the target stands behind the path of the
    profile. `body` returns what can be seen of the body. `relays`: the proxy hands any status on to the caller; others
    understand 200, 401 and 403 alone.
    """

    name: str
    method: str | None
    uri: str | None
    address: str
    host: str
    body: Callable[[Environ], RequestBody]
    relays: bool
    scheme: str = "HTTP_X_FORWARDED_PROTO"


def _unseen(_environ: Environ) -> RequestBody:
    """Return a body that cannot be read: the proxy says nothing of one, so there may be one."""
    return RequestBody(None, None, sent=True)


def _told(environ: Environ) -> RequestBody:
    """Return no body where the proxy says `none`, as its configuration has it do."""
    return RequestBody(None, None, sent=environ.get("HTTP_X_ORIGINAL_BODY") != "none")


def _passed_on(environ: Environ) -> RequestBody:
    """Return the body that the proxy passes on. Without one, it may not have been told to."""
    body = body_of(environ)
    return body if body.sent else _unseen(environ)


def _passed_on_whole(environ: Environ) -> RequestBody:
    """Return the body that the proxy passes on, if it says that this is all of it."""
    return _passed_on(environ) if environ.get("HTTP_X_ENVOY_AUTH_PARTIAL_BODY") == "false" else _unseen(environ)


REAL_IP: Final = "HTTP_X_REAL_IP"
_FOR: Final = "HTTP_X_FORWARDED_FOR"
_FORWARDED_HOST: Final = "HTTP_X_FORWARDED_HOST"
_ORIGINAL: Final = ("HTTP_X_ORIGINAL_METHOD", "HTTP_X_ORIGINAL_URI")
_FORWARDED: Final = ("HTTP_X_FORWARDED_METHOD", "HTTP_X_FORWARDED_URI")

PROFILES: Final[Mapping[str, Profile]] = {
    profile.name: profile
    for profile in (
        Profile("nginx", *_ORIGINAL, REAL_IP, "HTTP_HOST", _told, relays=False),
        Profile("traefik", *_FORWARDED, _FOR, _FORWARDED_HOST, _passed_on, relays=True),
        Profile("caddy", *_FORWARDED, _FOR, _FORWARDED_HOST, _unseen, relays=True),
        Profile("haproxy", *_ORIGINAL, _FOR, _FORWARDED_HOST, _told, relays=True),
        # In X-Forwarded-For Envoy names itself, as the one who asks.
        Profile("envoy", None, None, REAL_IP, "HTTP_HOST", _passed_on_whole, relays=False),
    )
}
