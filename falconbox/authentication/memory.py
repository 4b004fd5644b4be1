"""What is remembered of credentials: keyed digests, for a time, in this process; never a secret."""

from __future__ import annotations

import hashlib
import math
import secrets
import threading
import time
from collections import OrderedDict
from collections.abc import Callable

SIZE = 10_000
_KEY = secrets.token_bytes(32)


def digest(*parts: str) -> bytes:
    """Return what credentials are remembered by. No two sequences of parts have the same."""
    text = "".join(f"{len(part)}:{part}" for part in parts)
    return hashlib.blake2b(text.encode(errors="surrogatepass"), key=_KEY, digest_size=32).digest()


class Memory:
    """Remembers digests for `lifetime` seconds, the newest `size` of them, each for one version of its client."""

    def __init__(self, lifetime: float, *, size: int = SIZE, clock: Callable[[], float] = time.monotonic) -> None:
        self._lifetime = lifetime
        self._size = size
        self._clock = clock
        self._lock = threading.Lock()
        self._entries: OrderedDict[bytes, tuple[int, float, str]] = OrderedDict()

    def recall(self, key: bytes, version: int) -> str | None:
        """Return the note of a digest that is remembered for this version of its client."""
        entry = self._entries.get(key)
        return entry[2] if entry is not None and entry[0] == version and self._clock() < entry[1] else None

    def holds(self, key: bytes, version: int) -> bool:
        """Whether a digest is remembered for this version of its client."""
        return self.recall(key, version) is not None

    def add(self, key: bytes, version: int, note: str = "", *, at_most: float = math.inf) -> None:
        """Remember a digest from now on, with a note that is no secret, for `at_most` seconds."""
        with self._lock:
            self._entries.pop(key, None)
            self._entries[key] = (version, self._clock() + min(self._lifetime, at_most), note)
            while len(self._entries) > self._size:
                self._entries.popitem(last=False)
