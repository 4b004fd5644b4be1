"""While MongoDB does not answer: one caller at a time finds out whether it does so again, all others are told at once.

Each would wait with a thread of the service until the driver gives up, and soon there would be no thread left for what
is decided without the store.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

from pymongo.errors import ConnectionFailure, PyMongoError

from falconbox.errors import StoreNotAsked
from falconbox.store.mongo_rows import unavailable

PAUSE: Final = 1.0
"""Seconds between two looks whether it answers again."""


class Outage:
    """Knows whether the server answers, by what becomes of what it is asked. Safe to call from many threads."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._answered_at = clock()
        self._ask_again_at: float | None = None

    @contextmanager
    def asking(self) -> Iterator[None]:
        """Ask the server something. Raises StoreUnavailable (StoreNotAsked, at once, while it is not to be)."""
        started = self._begin()
        with unavailable():
            try:
                yield
            except PyMongoError as error:
                if isinstance(error, ConnectionFailure) or error.timeout:
                    self._failed(started)
                else:
                    self._answered()
                raise
        self._answered()

    def _begin(self) -> float:
        now = self._clock()
        with self._lock:
            if self._ask_again_at is not None:
                if now < self._ask_again_at:
                    raise StoreNotAsked("MongoDB: it has not answered a moment ago, and is asked again soon")
                self._ask_again_at = now + PAUSE  # the others wait for what this one finds out
        return now

    def _failed(self, started: float) -> None:
        with self._lock:
            # One slow answer is no outage: others have been answered meanwhile.
            if self._answered_at <= started:
                self._ask_again_at = self._clock() + PAUSE

    def _answered(self) -> None:
        with self._lock:
            self._answered_at, self._ask_again_at = self._clock(), None
