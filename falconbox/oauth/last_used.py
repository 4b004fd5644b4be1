"""When sessions were used last: noted in memory, and written now and then, all together.

A request never waits for it. What a killed process had not written yet is lost: the uses of the last WRITE_INTERVAL.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from itertools import islice
from typing import Final

from falconbox.oauth.sessions import KIND
from falconbox.store import Store

RESOLUTION: Final = 60
"""Seconds: a session that is used all the time is written once in so many."""

WRITE_INTERVAL: Final = 30.0
"""Seconds between two writes."""

TOGETHER: Final = 500
"""Sessions that are written at a time, so that no other writer waits for long."""

MOST: Final = 100_000
"""Sessions that may wait to be written; the uses of further ones are not noted until there is room again."""

log = logging.getLogger(__name__)


class LastUsed:
    """Notes the uses of sessions. Safe to call from many threads."""

    def __init__(self, store: Store, clock: Callable[[], float] = time.time) -> None:
        self._store = store
        self._clock = clock
        self._lock = threading.Lock()
        self._noted: dict[str, int] = {}
        self._waiting: dict[str, int] = {}

    def note(self, sid: str) -> None:
        """Note that a session is being used."""
        now = self._now()
        if self._noted.get(sid) == now:
            return
        with self._lock:
            if len(self._waiting) < MOST or sid in self._waiting:
                self._noted[sid] = self._waiting[sid] = now

    def write(self) -> None:
        """Write what was noted; what cannot be written waits for the next time. Raises StoreUnavailable."""
        now = self._now()
        with self._lock:
            waiting, self._waiting = self._waiting, {}
            self._noted = {sid: noted for sid, noted in self._noted.items() if noted == now}
        try:
            while waiting:
                part = dict(islice(waiting.items(), TOGETHER))
                self._store.mark_used(KIND, part)
                waiting = dict(islice(waiting.items(), TOGETHER, None))
        finally:
            if waiting:
                with self._lock:
                    self._waiting = {**waiting, **self._waiting}

    def _now(self) -> int:
        return int(self._clock()) // RESOLUTION * RESOLUTION
