"""Secrets: hashed slowly, a few at a time, and verified at one cost whatever is wrong."""

from __future__ import annotations

import os
import re
import secrets
import threading
from typing import Final

from argon2 import PasswordHasher, extract_parameters
from argon2.exceptions import Argon2Error, InvalidHashError
from argon2.low_level import Type

from falconbox.errors import TooManyAttempts

GENERATED_BYTES: Final = 32
QUEUE: Final = 6
"""Verifications of unfamiliar secrets that may run or wait at a time."""

BUSY_RETRY: Final = 1
"""Seconds after which to come again when there are more."""

_HASH: Final = re.compile(
    r"\$argon2id\$v=19\$m=\d{1,7},t=\d{1,3},p=\d{1,3}\$[A-Za-z0-9+/]{11,86}\$[A-Za-z0-9+/]{22,86}"
)


def generate_secret() -> str:
    """Return a new secret of 256 bits in characters that no encoding changes."""
    return secrets.token_urlsafe(GENERATED_BYTES)


class SecretHasher:
    """Hashes with argon2id in the profile that OWASP recommends (19 MiB, 2 passes, 1 lane).

    Half of the processor cores compute hashes, at least one; others wait. At most `queue` verifications run or wait,
    so that a flood of them leaves threads for everything else. `slow_verifications` counts.
    """

    def __init__(self, queue: int = QUEUE) -> None:
        self.slow_verifications = 0
        self._queue = queue
        self._pending = 0
        self._lock = threading.Lock()
        self._argon2 = PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1, type=Type.ID)
        self._slots = threading.BoundedSemaphore(max(1, (os.cpu_count() or 1) // 2))
        self._nobody = self._argon2.hash(generate_secret())

    def hash(self, secret: str) -> str:
        """Return the hash of a secret, salted, in the PHC format."""
        with self._slots:
            return self._argon2.hash(secret)

    def verify(self, secret_hash: str | None, secret: str, *, patient: bool = True) -> bool:
        """Whether a secret is the one that was hashed.

        Costs one slow verification, also for a hash that is missing or broken: the time must not tell them apart.
        Raises TooManyAttempts when too many are pending and this one is not `patient` enough to wait all the same.
        """
        usable = secret_hash if secret_hash is not None and is_hash(secret_hash) else self._nobody
        self._enter(patient=patient)
        try:
            with self._slots:
                self.slow_verifications += 1
                proven = self._argon2.verify(usable, secret)
        except (Argon2Error, InvalidHashError, UnicodeError):
            return False
        finally:
            with self._lock:
                self._pending -= 1
        return bool(proven) and usable is secret_hash

    def _enter(self, *, patient: bool) -> None:
        with self._lock:
            if self._pending >= self._queue and not patient:
                raise TooManyAttempts("too many credentials are being verified", BUSY_RETRY)
            self._pending += 1


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
