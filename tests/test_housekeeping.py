"""What has expired does not stay for ever, and a store that is away does not end the sweeping."""

from __future__ import annotations

import threading

from falconbox.errors import StoreUnavailable
from falconbox.housekeeping import Housekeeping


class Swept:
    """A store that fails at its first and second sweep."""

    def __init__(self) -> None:
        self.sweeps = 0
        self.third = threading.Event()

    def sweep(self) -> int:
        self.sweeps += 1
        if self.sweeps == 1:
            raise StoreUnavailable("away")
        if self.sweeps == 2:
            raise ValueError("broken")
        self.third.set()
        return 1


def test_sweeping_goes_on_whatever_the_store_does_and_stops_when_told() -> None:
    store = Swept()
    housekeeping = Housekeeping(store, interval=0.001)
    housekeeping.start()
    assert store.third.wait(60)
    housekeeping.stop()
    swept = store.sweeps
    assert not housekeeping._thread.is_alive()
    assert store.sweeps == swept
