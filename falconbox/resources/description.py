"""`GET /openapi.json` and `GET /docs`: the API's description, and a page that shows it. Guarded like all else."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Final

import falcon

from falconbox.api import page
from falconbox.resources import exchange

PAGE_POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
"""What the page may do: nothing but run and show what comes from here, and ask here."""


class OpenApi:
    """The description."""

    def __init__(self, description: Mapping[str, Any]) -> None:
        self._description = description

    def on_get(self, req: falcon.Request, resp: falcon.Response) -> None:
        """Answer with it."""
        exchange.answer(req, resp, self._description)

    on_head = on_get


class Docs:
    """The page, part by part. The path selects from a fixed list, and never names a file."""

    negotiates: ClassVar = False

    def on_get(self, req: falcon.Request, resp: falcon.Response) -> None:
        """Answer with the part that stands at this path."""
        resp.data, resp.content_type = page(req.context.target.path)
        resp.set_header("Content-Security-Policy", PAGE_POLICY)

    on_head = on_get
