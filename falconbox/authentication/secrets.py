"""Secrets: hashed slowly, verified at one cost whatever the reason, remembered only once proven."""

from __future__ import annotations

import hashlib
import os
import re
import secrets
import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from typing import Final

from argon2 import PasswordHasher, extract_parameters
from argon2.exceptions import Argon2Error, InvalidHashError
from argon2.low_level import Type

GENERATED_BYTES: Final = 32
PROVEN_LIFETIME: Final = 60.0
"""Seconds that a proven secret is remembered."""

PROVEN_SIZE: Final = 10_000

_HASH: Final = re.compile(
    r"\$argon2id\$v=19\$m=\d{1,7},t=\d{1,3},p=\d{1,3}\$[A-Za-z0-9+/]{11,86}\$[A-Za-z0-9+/]{22,86}"
)


def generate_secret() -> str:
    """Return a new secret of 256 bits in characters that no encoding changes."""
    return secrets.token_urlsafe(GENERATED_BYTES)


class SecretHasher:
    """Hashes with argon2id in the profile that OWASP recommends (19 MiB, 2 passes, 1 lane).

    As many hashes are computed at once as there are processor cores; others wait. `slow_verifications` counts.
    """

    def __init__(self) -> None:
        self.slow_verifications = 0
        self._argon2 = PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1, type=Type.ID)
        self._slots = threading.BoundedSemaphore(os.cpu_count() or 1)
        self._nobody = self._argon2.hash(generate_secret())

    def hash(self, secret: str) -> str:
        """Return the hash of a secret, salted, in the PHC format."""
        with self._slots:
            return self._argon2.hash(secret)

    def verify(self, secret_hash: str | None, secret: str) -> bool:
        """Whether a secret is the one that was hashed.

        Costs one slow verification, also for a hash that is missing or broken: the time must not tell them apart.
        """
        usable = secret_hash if secret_hash is not None and is_hash(secret_hash) else self._nobody
        with self._slots:
            self.slow_verifications += 1
            try:
                proven = self._argon2.verify(usable, secret)
            except (Argon2Error, InvalidHashError, UnicodeError):
                return False
        return bool(proven) and usable is secret_hash


def is_hash(text: str) -> bool:
    """Whether a text is an argon2id hash that can be verified at a bearable cost (256 MiB, 10 passes, 4 lanes)."""
    if not _HASH.fullmatch(text):
        return False
    try:
        parameters = extract_parameters(text)
    except InvalidHashError:
        return False
    cost = parameters.memory_cost <= 256 * 1024 and parameters.time_cost <= 10 and parameters.parallelism <= 4
    return cost and parameters.memory_cost >= 8 and parameters.time_cost >= 1


class ProvenCredentials:
    """Remembers for a minute which secrets were right. Secrets themselves are not kept, only keyed digests.

    An entry is void as soon as its client has another version. What was never proven never enters.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._key = secrets.token_bytes(32)
        self._lock = threading.Lock()
        self._entries: OrderedDict[bytes, tuple[int, float]] = OrderedDict()

    def holds(self, client_id: str, version: int, secret: str) -> bool:
        """Whether this secret was proven for this version of the client less than a minute ago."""
        entry = self._entries.get(self._digest(client_id, secret))
        return entry is not None and entry[0] == version and self._clock() < entry[1]

    def add(self, client_id: str, version: int, secret: str) -> None:
        """Remember a secret that has just been proven."""
        digest = self._digest(client_id, secret)
        with self._lock:
            self._entries.pop(digest, None)
            self._entries[digest] = (version, self._clock() + PROVEN_LIFETIME)
            while len(self._entries) > PROVEN_SIZE:
                self._entries.popitem(last=False)

    def _digest(self, client_id: str, secret: str) -> bytes:
        # An id holds no NUL, so no two pairs have one text.
        return hashlib.blake2b(f"{client_id}\0{secret}".encode(), key=self._key, digest_size=32).digest()
