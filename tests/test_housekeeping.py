"""What is done now and then goes on whatever happens, and what is to be done at the end is."""

from __future__ import annotations

import threading

import pytest

from falconbox.errors import StoreUnavailable
from falconbox.housekeeping import Chore


class Action:
    """Fails the first and the second time."""

    def __init__(self) -> None:
        self.times = 0
        self.third = threading.Event()

    def __call__(self) -> int:
        self.times += 1
        if self.times == 1:
            raise StoreUnavailable("away")
        if self.times == 2:
            raise ValueError("broken")
        self.third.set()
        return 1


def test_a_chore_goes_on_whatever_happens_and_stops_when_told(caplog: pytest.LogCaptureFixture) -> None:
    action = Action()
    chore = Chore("sweeping", action, interval=0.001)
    chore.start()
    assert action.third.wait(60)
    chore.stop()
    times = action.times
    assert not chore._thread.is_alive()
    assert action.times == times
    assert "sweeping has failed, and is tried again: away" in caplog.text


def test_what_is_to_be_done_at_the_end_is_done_once_more() -> None:
    for at_the_end in (True, False):
        done: list[None] = []
        chore = Chore("writing", lambda done=done: done.append(None), interval=3600, at_the_end=at_the_end)  # type: ignore[misc]
        chore.start()
        chore.stop()
        assert len(done) == at_the_end
