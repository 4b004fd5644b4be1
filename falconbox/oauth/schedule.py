"""What each key does at a time: it follows from when each signs first, so that all who know them agree.

A key is published from when it is stored, signs from `signs_from` until the next one does, and verifies until it is
retired.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from enum import StrEnum
from typing import Protocol, TypeVar


class State(StrEnum):
    """What a key does."""

    NEXT = "next"
    SIGNING = "signing"
    VERIFYING = "verifying"


class Scheduled(Protocol):
    """A key, as far as its turn goes. Times are seconds since the epoch."""

    @property
    def kid(self) -> str:
        """Its id."""

    @property
    def created(self) -> float:
        """When it was made."""

    @property
    def signs_from(self) -> float:
        """When it is to sign first."""


Key = TypeVar("Key", bound=Scheduled)


def in_turn(keys: Iterable[Key]) -> list[Key]:
    """Return keys in the order in which they sign, which is the same for all who ask."""
    return sorted(keys, key=lambda key: (key.signs_from, key.created, key.kid))


def signing(schedule: Sequence[Key], now: float) -> Key:
    """Return the key that signs at a time, of some that are in turn."""
    begun = [key for key in schedule if key.signs_from <= now]
    # None has begun if our clock is behind, or if those that had are retired: then the first one must do.
    return begun[-1] if begun else schedule[0]


def states(schedule: Sequence[Key], now: float) -> list[tuple[Key, State]]:
    """Return keys that are in turn, each with what it does at a time."""
    if not schedule:
        return []
    turn = schedule.index(signing(schedule, now))
    before, after = schedule[:turn], schedule[turn + 1 :]
    return [
        *((key, State.VERIFYING) for key in before),
        (schedule[turn], State.SIGNING),
        *((key, State.NEXT) for key in after),
    ]
