"""Are these credentials right? At one cost for every kind of wrong, and without letting a flood stop the others."""

from __future__ import annotations

import threading
from typing import Final

from falconbox.authentication.memory import Memory, digest
from falconbox.authentication.secrets import SecretHasher
from falconbox.authentication.throttle import Throttle
from falconbox.model import Client

PROVEN_LIFETIME: Final = 60.0
"""Seconds for which credentials that were right are let in without being verified again."""

REFUTED_LIFETIME: Final = 60.0
"""Seconds for which credentials that were wrong are turned away without being verified again."""

FAMILIAR_LIFETIME: Final = 24 * 3600.0
"""Seconds for which credentials that were right once are verified, however many wrong ones come beside them."""

_LOCKS: Final = 64
_ANY_VERSION: Final = 0


class CredentialVerifier:
    """Verifies secrets for Basic authentication and for the token endpoint, from many threads.

    New guesses are throttled, and turned away when too many wait to be verified. Credentials that have been right
    before pass by both, so whoever floods the service with wrong ones locks out nobody who is known.
    """

    def __init__(self, hasher: SecretHasher) -> None:
        self._hasher = hasher
        self._proven = Memory(PROVEN_LIFETIME)
        self._refuted = Memory(REFUTED_LIFETIME)
        self._familiar = Memory(FAMILIAR_LIFETIME)
        self._throttle = Throttle()
        # One verification answers all who ask the same at the same time.
        self._locks = tuple(threading.Lock() for _ in range(_LOCKS))

    def verify(
        self, use: str, client_id: str, secret: str, client: Client | None, *, permitted: bool, address: str
    ) -> bool:
        """Whether the secret is the client's, and the client is permitted to use it here.

        `use` names what for; what is remembered for one use says nothing about another. A client that is unknown
        (None) costs the same as one that is not. Raises TooManyAttempts.
        """
        key, version = digest(use, client_id, secret), 0 if client is None else client.version
        remembered = self._remembered(key, version)
        if remembered is not None:
            return remembered and permitted
        familiar = self._familiar.holds(key, _ANY_VERSION)
        if not familiar:
            self._throttle.check(client_id, address)
        with self._locks[key[0] % _LOCKS]:
            remembered = self._remembered(key, version)
            if remembered is not None:
                return remembered and permitted
            secret_hash = None if client is None else client.secret_hash
            right = self._hasher.verify(secret_hash, secret, patient=familiar) and permitted
            self._remember(key, version, right=right)
        if not right:
            self._throttle.count(client_id, address)
        return right

    def _remembered(self, key: bytes, version: int) -> bool | None:
        if self._proven.holds(key, version):
            return True
        return False if self._refuted.holds(key, version) else None

    def _remember(self, key: bytes, version: int, *, right: bool) -> None:
        if right:
            self._proven.add(key, version)
            self._familiar.add(key, _ANY_VERSION)
        else:
            self._refuted.add(key, version)
