"""Is the process alive, and can it decide? Open to everybody, so it names nothing that is stored."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from http import HTTPStatus
from typing import Any

import falcon

from falconbox.resources import exchange

Checks = Callable[[], Mapping[str, Mapping[str, Any]]]
"""Returns the checks by name; each has `ok` and whatever figures it wants to show."""


class Healthz:
    """The process answers."""

    def on_get(self, req: falcon.Request, resp: falcon.Response) -> None:
        """Answer 200."""
        exchange.answer(req, resp, {"status": "ok"})


class Readyz:
    """The store is reachable, the policies are compiled and fresh, the policy directory is in force."""

    def __init__(self, checks: Checks) -> None:
        self._checks = checks

    def on_get(self, req: falcon.Request, resp: falcon.Response) -> None:
        """Answer 200 if every check passes, else 503."""
        checks = self._checks()
        ready = all(check["ok"] for check in checks.values())
        status = HTTPStatus.OK if ready else HTTPStatus.SERVICE_UNAVAILABLE
        resp.set_header("Cache-Control", "no-store")
        exchange.answer(req, resp, {"status": "ready" if ready else "not ready", "checks": checks}, status=status)
