"""When things were used last: noted in memory, written now and then, to the minute, and never lowered."""

from __future__ import annotations

import threading
from collections.abc import Mapping

import pytest

from falconbox import last_used
from falconbox.errors import StoreUnavailable
from falconbox.last_used import TOGETHER, LastUsed

START = 1_800_000_000


class Clock:
    def __init__(self) -> None:
        self.now = float(START)

    def __call__(self) -> float:
        return self.now


class Written:
    """What was written, which may fail."""

    def __init__(self) -> None:
        self.times: dict[str, int] = {}
        self.writes = 0
        self.away = False

    def __call__(self, used: Mapping[str, int]) -> None:
        self.writes += 1
        if self.away:
            raise StoreUnavailable("away")
        for name, time in used.items():
            self.times[name] = max(time, self.times.get(name, 0))


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def written() -> Written:
    return Written()


@pytest.fixture
def used(written: Written, clock: Clock) -> LastUsed:
    return LastUsed(written, clock)


def test_a_use_is_noted_in_memory_and_written_to_the_minute(written: Written, used: LastUsed, clock: Clock) -> None:
    clock.now = START + 119
    used.note("a")
    assert written.writes == 0
    used.write()
    assert written.times == {"a": START + 60}


def test_what_is_in_use_is_written_once_a_minute_however_often_it_is_used(
    written: Written, used: LastUsed, clock: Clock
) -> None:
    for second in range(180):
        clock.now = START + second
        used.note("a")
        if second % 30 == 29:
            used.write()
    assert written.writes == 3
    assert written.times == {"a": START + 120}


def test_what_cannot_be_written_is_written_later_and_never_lowers_what_was_noted_since(
    written: Written, used: LastUsed, clock: Clock
) -> None:
    used.note("a")
    used.note("b")
    written.away = True
    with pytest.raises(StoreUnavailable):
        used.write()
    clock.now += 60
    used.note("a")
    with pytest.raises(StoreUnavailable):
        used.write()
    written.away = False
    used.write()
    assert written.times == {"a": START + 60, "b": START}
    used.write()
    assert written.writes == 3


def test_uses_are_written_in_parts(written: Written, used: LastUsed) -> None:
    for number in range(TOGETHER * 2 + 1):
        used.note(f"x{number}")
    used.write()
    assert (written.writes, len(written.times)) == (3, TOGETHER * 2 + 1)


def test_what_waits_is_bounded(written: Written, used: LastUsed, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(last_used, "MOST", 2)
    for name in ("x", "y", "a"):
        used.note(name)
    used.write()
    assert written.times.keys() == {"x", "y"}
    used.note("a")
    used.write()
    assert written.times.keys() == {"x", "y", "a"}


def test_no_use_is_lost_among_threads(written: Written, used: LastUsed) -> None:
    done = threading.Event()

    def write() -> None:
        while not done.is_set():
            used.write()

    writer = threading.Thread(target=write)
    writer.start()
    noters = [
        threading.Thread(target=lambda part=part: [used.note(f"s{n}") for n in range(part, 400, 4)])
        for part in range(4)
    ]  # type: ignore[misc]
    for noter in noters:
        noter.start()
    for noter in noters:
        noter.join()
    done.set()
    writer.join()
    used.write()
    assert written.times == {f"s{n}": START for n in range(400)}
