"""When things were used last: noted in memory, and written now and then, all together.

A request never waits for it. What a killed process had not written yet is lost: the uses of the last WRITE_INTERVAL.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from itertools import islice
from typing import Final

RESOLUTION: Final = 60
"""Seconds: what is used all the time is written once in so many."""

WRITE_INTERVAL: Final = 30.0
"""Seconds between two writes."""

TOGETHER: Final = 500
"""Uses that are written at a time, so that no other writer waits for long."""

MOST: Final = 100_000
"""Things whose uses may wait to be written; the uses of further ones are not noted until there is room again."""


class LastUsed:
    """Notes the uses of what has names. Safe to call from many threads."""

    def __init__(self, mark: Callable[[Mapping[str, int]], None], clock: Callable[[], float] = time.time) -> None:
        """`mark` writes by name when things were used last, and never lowers a time. It may raise StoreUnavailable."""
        self._mark = mark
        self._clock = clock
        self._lock = threading.Lock()
        self._noted: dict[str, int] = {}
        self._waiting: dict[str, int] = {}

    def note(self, name: str) -> None:
        """Note that a thing is being used."""
        now = self._now()
        if self._noted.get(name) == now:
            return
        with self._lock:
            if len(self._waiting) < MOST or name in self._waiting:
                self._noted[name] = self._waiting[name] = now

    def write(self) -> None:
        """Write what was noted; what cannot be written waits for the next time. Raises StoreUnavailable."""
        now = self._now()
        with self._lock:
            waiting, self._waiting = self._waiting, {}
            self._noted = {name: noted for name, noted in self._noted.items() if noted == now}
        try:
            while waiting:
                self._mark(dict(islice(waiting.items(), TOGETHER)))
                waiting = dict(islice(waiting.items(), TOGETHER, None))
        finally:
            if waiting:
                with self._lock:
                    self._waiting = {**waiting, **self._waiting}

    def _now(self) -> int:
        return int(self._clock()) // RESOLUTION * RESOLUTION
