"""Secrets: hashed slowly, a few at a time, and verified at one cost whatever is wrong."""

from __future__ import annotations

import os
import secrets
import threading
from collections.abc import Sequence
from hmac import compare_digest
from typing import Final

from argon2.exceptions import Argon2Error

from falconbox.authentication.hashes import Recipe, read_recipe
from falconbox.errors import TooManyAttempts
from falconbox.imported_secrets import sha256_of

GENERATED_BYTES: Final = 32
QUEUE: Final = 6
"""Verifications of unfamiliar secrets that may run or wait at a time."""

BUSY_RETRY: Final = 1
"""Seconds after which to come again when there are more."""


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
        self._slots = threading.BoundedSemaphore(max(1, (os.cpu_count() or 1) // 2))
        self._nobody = Recipe()

    def hash(self, secret: str, *, beside: str | None = None) -> str:
        """Return the hash of a secret, salted, in the PHC format.

        `beside` is the hash of another secret of the same client: the new one gets its recipe, so that both can be
        verified at the cost of one.
        """
        recipe = None if beside is None else read_recipe(beside)
        with self._slots:
            return (recipe or Recipe()).hash(secret)

    def hash_sha256(self, digest: str) -> str:
        """Return the hash of a secret of which nothing but the SHA-256 is known, in hexadecimal digits."""
        with self._slots:
            return Recipe().hash_sha256(digest)

    def hash_written(self, text: str) -> str:
        """Return the hash of what a checked client has for its secret: the secret, or its SHA-256 to be imported."""
        digest = sha256_of(text)
        return self.hash(text) if digest is None else self.hash_sha256(digest)

    def verify(self, secret_hash: str | None, secret: str, *, patient: bool = True) -> bool:
        """Whether a secret is the one that was hashed. Costs and raises what `find` does."""
        hashes = () if secret_hash is None else (secret_hash,)
        return self.find(hashes, secret, patient=patient) is not None

    def find(self, hashes: Sequence[str], secret: str, *, patient: bool = True) -> str | None:
        """Return the one of a client's hashes that is the secret's, if any.

        Costs one slow verification, however many hashes there are, none and broken ones included: neither the time
        nor the count must tell them apart. They have the recipe of the first one, or are never found. Raises
        TooManyAttempts when too many are pending and this one is not `patient` enough to wait all the same.
        """
        recipe = next((recipe for recipe in map(read_recipe, hashes[:1]) if recipe is not None), None)
        self._enter(patient=patient)
        try:
            with self._slots:
                self.slow_verifications += 1
                computed = self._compute(recipe or self._nobody, secret)
        except Argon2Error:
            return None
        finally:
            with self._lock:
                self._pending -= 1
        same = [known for known in hashes if compare_digest(known.encode(), computed.encode())]
        return same[0] if same and recipe is not None else None

    def _compute(self, recipe: Recipe, secret: str) -> str:
        return recipe.hash(secret)

    def _enter(self, *, patient: bool) -> None:
        with self._lock:
            if self._pending >= self._queue and not patient:
                raise TooManyAttempts("too many credentials are being verified", BUSY_RETRY)
            self._pending += 1


def is_hash(text: str) -> bool:
    """Whether a text is the argon2id hash of a secret that can be verified at a bearable cost."""
    recipe = read_recipe(text)
    return recipe is not None and not recipe.of_sha256
