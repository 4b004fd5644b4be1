"""The doors at which proxies ask about requests that somebody else has sent."""

from __future__ import annotations

import re
from typing import Final

from falconbox.canonical import raw_target, read_target
from falconbox.errors import Malformed, UntrustedProxy
from falconbox.forward_auth.profiles import PROFILES, REAL_IP, Profile
from falconbox.forwarded import Proxies, read_scheme
from falconbox.request import Environ, Request, sent_target

PREFIX: Final = "/forward-auth"

_METHOD: Final = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Z]+")  # RFC 9110 section 9.1; in lower case it is another one
_HOST: Final = re.compile(r"(?:[A-Za-z0-9._~!$&'()*+;=%-]+|\[[0-9A-Fa-f:.]+\])(?::[0-9]{1,5})?")  # without a comma
_OWN: Final = frozenset({"HTTP_CONNECTION", "HTTP_KEEP_ALIVE"})
"""Headers that are about the proxy's own connection."""


class ProfileDoor:
    """Where a proxy of one kind asks. Only trusted proxies are answered."""

    def __init__(self, profile: Profile, proxies: Proxies) -> None:
        self.name = f"forward-auth/{profile.name}"
        self._profile = profile
        self._proxies = proxies

    def read(self, environ: Environ) -> Request:
        """Return the request that is asked about. Raises UntrustedProxy, and Malformed for what makes no sense."""
        if not self._proxies.trust(environ):
            raise UntrustedProxy("the peer is none of the trusted proxies: --trusted-proxies names them")
        method, uri = self.claimed(environ)
        if not _METHOD.fullmatch(method):
            raise Malformed("the proxy tells no method, or more than one")
        host, address, scheme = self._host(environ), self._address(environ), self._scheme(environ)
        told = {"headers": host, "remote-addr": address, "scheme": scheme}
        headers = {name: value for name, value in environ.items() if name.startswith("HTTP_") and name not in _OWN}
        return Request(
            method=method,
            target=read_target(uri, host),
            scheme=scheme,
            remote_addr=address,
            environ={**headers, "HTTP_HOST": host, "CONTENT_TYPE": environ.get("CONTENT_TYPE", "")},
            body=self._profile.body(environ),
            unseen=frozenset(key for key, value in told.items() if not value),
        )

    def claimed(self, environ: Environ) -> tuple[str, str]:
        """Return method and target as the proxy has sent them; empty where it has not."""
        profile = self._profile
        method = environ.get(profile.method or "REQUEST_METHOD", "")
        if profile.uri is None:
            # Nothing but the target as it was sent will do: a path that has been decoded would be decoded again.
            return method, raw_target(environ).removeprefix(f"{PREFIX}/{profile.name}")
        return method, environ.get(profile.uri, "")

    def _host(self, environ: Environ) -> str:
        host: str | None = environ.get(self._profile.host)
        if host is not None and not _HOST.fullmatch(host):
            raise Malformed("the proxy tells no host, or more than one")
        return host or ""

    def _address(self, environ: Environ) -> str:
        source = self._profile.address
        if source not in environ:
            return ""
        if source == REAL_IP and "," in environ[source]:
            raise Malformed("the proxy tells more than one address")
        return self._proxies.behind(environ[source])

    def _scheme(self, environ: Environ) -> str:
        scheme: str | None = environ.get(self._profile.scheme)
        return "" if scheme is None else read_scheme(scheme)


class NoDoor:
    """Where a proxy asks at a path that stands for no profile: nothing is allowed there."""

    name = "forward-auth"

    def read(self, environ: Environ) -> Request:  # noqa: ARG002  # whatever is asked
        """Raise Malformed."""
        raise Malformed(f"there is no such profile; there are {', '.join(PROFILES)}")

    def claimed(self, environ: Environ) -> tuple[str, str]:
        """Return the proxy's own method and target."""
        return environ["REQUEST_METHOD"], sent_target(environ)


def profile_asked(target: str) -> str | None:
    """Return the name of the profile that is asked at a target; None if it is another door's, empty for no profile.

    The proxy's query is never looked at: some pass on their caller's.
    """
    path = target.partition("?")[0]
    if path != PREFIX and not path.startswith(f"{PREFIX}/"):
        return None
    name, suffix, _ = path[len(PREFIX) + 1 :].partition("/")
    profile = PROFILES.get(name)
    # Only where the target stands behind the path may there be something behind it.
    return name if profile is not None and (profile.uri is None or not suffix) else ""
