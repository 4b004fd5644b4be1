"""Make equal things once. Public API."""

from __future__ import annotations

import threading
import weakref
from collections.abc import Callable
from typing import Generic, TypeVar

Thing = TypeVar("Thing")


class Shared(Generic[Thing]):
    """Things by the text that they are made from. Each stays as long as somebody else holds it."""

    def __init__(self) -> None:
        self._things: weakref.WeakValueDictionary[str, Thing] = weakref.WeakValueDictionary()
        self._lock = threading.Lock()

    def get(self, text: str, make: Callable[[str], Thing]) -> Thing:
        """Return the one thing that is made from a text. Raises what `make` raises, and keeps nothing then."""
        with self._lock:
            known = self._things.get(text)
        if known is not None:
            return known
        # Made outside of the lock, since that may take long: of two made at once the first stays.
        made = make(text)
        with self._lock:
            return self._things.setdefault(text, made)

    def __contains__(self, text: str) -> bool:
        """Return whether there is such a thing just now."""
        return text in self._things
