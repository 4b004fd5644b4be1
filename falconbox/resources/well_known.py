"""`/.well-known/...`: documents that clients and other services fetch by themselves, open to everybody."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any, ClassVar, Final

import falcon

CACHE: Final = "public, max-age=300"
"""They hold nothing of anybody's, and change when a key does."""


class WellKnown:
    """One document."""

    negotiates: ClassVar = False

    def __init__(self, document: Callable[[], Mapping[str, Any]], media_type: str = "application/json") -> None:
        self._document = document
        self._media_type = media_type

    def on_get(self, _req: falcon.Request, resp: falcon.Response) -> None:
        """Answer with it, in JSON."""
        resp.set_header("Cache-Control", CACHE)
        resp.content_type = self._media_type
        resp.data = json.dumps(self._document()).encode()

    on_head = on_get
