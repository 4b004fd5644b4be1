"""Are these credentials right? At one cost for every kind of wrong, and without letting a flood stop the others."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable, Sequence
from typing import Final

from falconbox.authentication.memory import Memory, digest
from falconbox.authentication.secrets import SecretHasher
from falconbox.authentication.throttle import Throttle
from falconbox.model import Client, StoredSecret, live

PROVEN_LIFETIME: Final = 60.0
"""Seconds for which credentials that were right are let in without being verified again."""

REFUTED_LIFETIME: Final = 60.0
"""Seconds for which credentials that were wrong are turned away without being verified again."""

FAMILIAR_LIFETIME: Final = 24 * 3600.0
"""Seconds for which credentials that were right once are verified, however many wrong ones come beside them."""

REFUTED: Final = ""
"""What is remembered, in the place of the id of a secret, of credentials that were wrong."""

_LOCKS: Final = 64
_ANY_VERSION: Final = 0


class CredentialVerifier:
    """Verifies secrets for Basic authentication and for the token endpoint, from many threads.

    New guesses are throttled, and turned away when too many wait to be verified. Credentials that have been right
    before pass by both, so whoever floods the service with wrong ones locks out nobody who is known.
    """

    def __init__(
        self,
        hasher: SecretHasher,
        clock: Callable[[], float] = time.time,
        *,
        proven: Callable[[Client, StoredSecret, str], None] = lambda *_: None,
        used: Callable[[str, str], None] = lambda *_: None,
    ) -> None:
        """`proven` is told each secret that a slow verification has found right, and whose.

        `used` is told the ids of client and secret whenever somebody is let in. Both must be quick.
        """
        self._hasher = hasher
        self._told = proven
        self._used = used
        self._clock = clock
        self._proven = Memory(PROVEN_LIFETIME)
        self._refuted = Memory(REFUTED_LIFETIME)
        self._familiar = Memory(FAMILIAR_LIFETIME)
        self._throttle = Throttle()
        # One verification answers all who ask the same at the same time.
        self._locks = tuple(threading.Lock() for _ in range(_LOCKS))

    def verify(
        self,
        use: str,
        client_id: str,
        secret: str,
        client: Client | None,
        *,
        permitted: bool,
        address: str,
        otherwise: str | None = None,
    ) -> bool:
        """Whether the secret is the client's, and the client is permitted to use it here.

        `use` names what for; what is remembered for one use says nothing about another. A client that is unknown
        (None) costs the same as one that is not. `otherwise` is what the text may mean as well; it is one attempt, at
        a second cost wherever the first reading is wrong. Raises TooManyAttempts.
        """
        readings = (secret,) if otherwise is None else (secret, otherwise)
        key, version = digest(use, client_id, *readings), 0 if client is None else client.version
        remembered = self._remembered(key, version)
        if remembered is not None:
            return self._let_in(client_id, remembered, permitted=permitted)
        familiar = self._familiar.holds(key, _ANY_VERSION)
        if not familiar:
            self._throttle.check(client_id, address)
        with self._locks[key[0] % _LOCKS]:
            remembered = self._remembered(key, version)
            if remembered is not None:
                return self._let_in(client_id, remembered, permitted=permitted)
            proven, meant = self._find(client, readings, patient=familiar)
            right = proven is not None and permitted
            self._remember(key, version, proven if right else None)
        if right and client is not None and proven is not None:
            self._told(client, proven, meant)
            self._used(client_id, proven.id)
        if not right:
            self._throttle.count(client_id, address)
        return right

    def _let_in(self, client_id: str, remembered: str, *, permitted: bool) -> bool:
        right = remembered != REFUTED and permitted
        if right:
            self._used(client_id, remembered)
        return right

    def _find(
        self, client: Client | None, readings: Sequence[str], *, patient: bool
    ) -> tuple[StoredSecret | None, str]:
        """Return the stored secret that one of these is, and which. Whatever the client has costs the same."""
        known = () if client is None else live(client.secrets, self._clock())
        hashes = [held.hash for held in known]
        for reading in readings:
            found = self._hasher.find(hashes, reading, patient=patient)
            if found is not None:
                return next(held for held in known if held.hash == found), reading
        return None, ""

    def _remembered(self, key: bytes, version: int) -> str | None:
        """Return the id of the secret that credentials were found to be, or REFUTED. None: they are not remembered."""
        known = self._proven.recall(key, version)
        if known is not None:
            return known
        return REFUTED if self._refuted.holds(key, version) else None

    def _remember(self, key: bytes, version: int, proven: StoredSecret | None) -> None:
        if proven is None:
            self._refuted.add(key, version)
            return
        left = math.inf if proven.expires is None else proven.expires - self._clock()
        self._proven.add(key, version, proven.id, at_most=left)
        self._familiar.add(key, _ANY_VERSION)
