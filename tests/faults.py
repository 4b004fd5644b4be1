"""Stores that fail when a test wants them to."""

from __future__ import annotations

from typing import Any

from falconbox.errors import StoreUnavailable
from falconbox.store import Store


class CutShort:
    """A store that goes away at the nth write, as if the process had been killed there."""

    def __init__(self, store: Store, writes: int) -> None:
        self._store = store
        self._left = writes

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)

    def put(self, *arguments: Any, **options: Any) -> Any:
        """Write, or be cut short."""
        self._left -= 1
        if self._left < 0:
            raise StoreUnavailable("killed")
        return self._store.put(*arguments, **options)
