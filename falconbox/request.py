"""What was asked, whichever door it came in by: one small description, read from a WSGI environ (PEP 3333)."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any, Final, Protocol

from falconbox.body import RequestBody, body_of
from falconbox.canonical import Target, canonical_target, raw_target
from falconbox.errors import Malformed
from falconbox.forwarded import Proxies

Environ = Mapping[str, Any]

NOTHING: Final[frozenset[str]] = frozenset()
NO_ADDRESS: Final = frozenset({"remote-addr"})


@dataclasses.dataclass(frozen=True, slots=True)
class Request:
    """An HTTP request as it is decided on.

    `environ` holds the headers, under their names of WSGI. `unseen` names the keys of the request document that cannot
    be told at this door: policies that read one of them count as failed.
    """

    method: str
    target: Target
    scheme: str
    remote_addr: str
    environ: Environ
    body: RequestBody
    unseen: frozenset[str] = frozenset()

    @property
    def authorization(self) -> str | None:
        """The credentials, if there are any."""
        return self.environ.get("HTTP_AUTHORIZATION")


class Door(Protocol):
    """Where requests come in, and how they are read there."""

    @property
    def name(self) -> str:
        """What the decision log calls it."""

    def read(self, environ: Environ) -> Request:
        """Return what is asked for. Raises FalconboxError when that cannot be told."""

    def claimed(self, environ: Environ) -> tuple[str, str]:
        """Return method and target as they were sent, for the record of a request that cannot be read."""


class WsgiDoor:
    """Where the request that arrives is the one that is asked for: at the box, and in an application itself.

    `mounted_at` is the path under which the application is: what it routes by is what stands behind that.
    """

    def __init__(self, name: str, proxies: Proxies, mounted_at: str = "") -> None:
        self.name = name
        self._proxies = proxies
        self._mounted_at = mounted_at.encode().decode("latin-1")  # as PEP 3333 has it

    def read(self, environ: Environ) -> Request:
        """Return the request. Raises Malformed."""
        if environ.get("SCRIPT_NAME", "") != self._mounted_at:
            # Some servers take it from a header, and then of the path that is decided on only an end is routed.
            raise Malformed("the application is mounted at another path than its guard was told")
        if environ.get("PATH_INFO", "")[:1] not in ("", "/"):
            # Some servers cut /shop off /shopping, too: that would be decided on, and what is routed is /ping.
            raise Malformed("the path goes on behind the mount without a slash")
        remote_addr, scheme = self._proxies.origin(environ)
        target = canonical_target(environ, self._proxies.host(environ))
        body = body_of(environ)
        unseen = NOTHING if remote_addr else NO_ADDRESS  # servers on a Unix socket have none
        return Request(environ["REQUEST_METHOD"], target, scheme, remote_addr, environ, body, unseen)

    def claimed(self, environ: Environ) -> tuple[str, str]:
        """Return method and target as they were sent."""
        return environ["REQUEST_METHOD"], sent_target(environ)


def sent_target(environ: Environ) -> str:
    """Return the target as it was sent; where the server does not tell that, its decoded path."""
    return raw_target(environ) or str(environ.get("PATH_INFO", ""))
