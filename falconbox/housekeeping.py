"""What a service does now and then, beside its requests."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from typing import Final

from falconbox.errors import FalconboxError

SWEEP_INTERVAL: Final = 600.0
"""Seconds between two looks for what has expired. Several nodes may sweep one store."""

log = logging.getLogger(__name__)


class Chore:
    """Something that is done every `interval` seconds by a thread of its own, and `at_the_end` once more."""

    def __init__(
        self, name: str, action: Callable[[], object], interval: float = SWEEP_INTERVAL, *, at_the_end: bool = False
    ) -> None:
        self._action = action
        self._interval = interval
        self._at_the_end = at_the_end
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._go_on, name=name, daemon=True)

    def start(self) -> None:
        """Begin; the first time is after one interval."""
        self._thread.start()

    def stop(self) -> None:
        """End."""
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join()

    def _go_on(self) -> None:
        while not self._stop.wait(self._interval):
            self._attempt()
        if self._at_the_end:
            self._attempt()

    def _attempt(self) -> None:
        try:
            self._action()
        except FalconboxError as error:
            log.warning("%s has failed, and is tried again: %s", self._thread.name, error.detail)
        except Exception:
            log.exception("%s has failed, and is tried again", self._thread.name)
