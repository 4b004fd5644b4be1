"""What has been read of the box for one request, as much of it as may be held at a time."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from falconbox.media import JSON, write

ROOM: Final = 4 * 1024 * 1024
"""Bytes of JSON that are kept for a request: four of the largest resources, or every one of a thousand usual ones."""

Key = tuple[str, str]
Attributes = Mapping[str, Any] | None


class Kept:
    """What was read, by type and name; None: there was nothing. Of more than there is room for, what was used last.

    What has been put last is kept whatever its size. Belongs to one request, so to one thread.
    """

    def __init__(self, room: int) -> None:
        self.size = 0
        self._room = room
        self._held: dict[Key, tuple[Attributes, int]] = {}  # in the order in which they were used

    def __contains__(self, key: Key) -> bool:
        return key in self._held

    def __len__(self) -> int:
        return len(self._held)

    def __getitem__(self, key: Key) -> Attributes:
        held = self._held[key] = self._held.pop(key)
        return held[0]

    def put(self, key: Key, attributes: Attributes) -> None:
        """Keep what is not kept yet; what was used longest ago makes room."""
        size = 0 if attributes is None else len(write(JSON, attributes))
        self._held[key] = (attributes, size)
        self.size += size
        while self.size > self._room and len(self._held) > 1:
            self.size -= self._held.pop(next(iter(self._held)))[1]
