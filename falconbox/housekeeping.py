"""Now and then, have the store remove what has expired."""

from __future__ import annotations

import logging
import threading
from typing import Final

from falconbox.errors import FalconboxError
from falconbox.store import Store

INTERVAL: Final = 600.0
"""Seconds between two sweeps."""

log = logging.getLogger(__name__)


class Housekeeping:
    """A thread that sweeps. Several nodes may sweep one store."""

    def __init__(self, store: Store, interval: float = INTERVAL) -> None:
        self._store = store
        self._interval = interval
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._sweep_on, name="housekeeping", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self) -> None:
        """End."""
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join()

    def _sweep_on(self) -> None:
        while not self._stop.wait(self._interval):
            try:
                removed = self._store.sweep()
                log.debug("%d expired documents were removed", removed)
            except FalconboxError as error:
                log.warning("the store could not be swept: %s", error.detail)
            except Exception:
                log.exception("sweeping the store failed")
