"""Waiting for what another thread or process does."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")

PATIENCE = 120.0
"""Seconds after which something has not happened, however slow and busy the machine."""


def until(condition: Callable[[], T], what: str = "it has not come about") -> T:
    """Return what a condition returns as soon as that counts as true; fail after `PATIENCE` seconds."""
    deadline = time.monotonic() + PATIENCE
    while not (found := condition()):
        assert time.monotonic() < deadline, f"{what}, after {PATIENCE} seconds"
        time.sleep(0.02)
    return found
