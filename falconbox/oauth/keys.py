"""Signing keys: kept in the store, shared by all nodes, each for one algorithm."""

from __future__ import annotations

import dataclasses
import logging
import time
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final

from falconbox.audit_log import Actor, by_itself
from falconbox.errors import StartupError, StoreConflict, StoreUnavailable
from falconbox.oauth import schedule
from falconbox.oauth.algorithms import ALGORITHMS, ES256, Algorithm
from falconbox.oauth.key_changes import put_key
from falconbox.oauth.key_records import KIND, SigningKey, key_body, new_key, read_key
from falconbox.oauth.schedule import State
from falconbox.oauth.sealing import PLAIN, Seal
from falconbox.store import Record, Store

FIRST: Final = "first"
"""The id of the key that a first start makes: fixed, so that of two nodes that start at once only one makes it."""

log = logging.getLogger(__name__)


class KeySet:
    """Keys that count together; immutable."""

    def __init__(self, keys: Iterable[SigningKey] = ()) -> None:
        self._by_kid = {key.kid: key for key in keys}
        self._schedule = schedule.in_turn(self._by_kid.values())

    def __len__(self) -> int:
        return len(self._schedule)

    def signing(self, now: float) -> SigningKey:
        """Return the key that signs at a time. Raises StoreUnavailable if there is none at all."""
        if not self._schedule:
            raise StoreUnavailable("the store holds no key to sign tokens with")
        return schedule.signing(self._schedule, now)

    def verification(self, kid: str) -> SigningKey | None:
        """Return the key of that id."""
        return self._by_kid.get(kid)

    def jwk_set(self, now: float) -> dict[str, Any]:
        """Return the public halves as a JWK Set (RFC 7517 section 5), the signing one first."""
        states = schedule.states(self._schedule, now)
        ordered = sorted(states, key=lambda found: found[1] is not State.SIGNING)
        return {"keys": [_published(key) for key, _ in ordered]}


def _published(key: SigningKey) -> dict[str, str]:
    members = ALGORITHMS[key.algorithm].public_jwk(key.public)
    return {**members, "kid": key.kid, "use": "sig", "alg": key.algorithm}


@dataclasses.dataclass(frozen=True, slots=True)
class _Held:
    """What became of one stored document: `key` None cannot be used; not `whole`: kept although it has changed."""

    version: int
    key: SigningKey | None
    whole: bool = True


class SigningKeys:
    """The keys of this service, as the store has them now. Safe to call from many threads."""

    def __init__(
        self, keys: Iterable[SigningKey] = (), seal: Seal = PLAIN, *, clock: Callable[[], float] = time.time
    ) -> None:
        self.current = KeySet(keys)
        self._seal = seal
        self._clock = clock
        self._held: dict[str, _Held] = {}
        self._records: Mapping[str, Record] | None = None

    @classmethod
    def open(
        cls,
        store: Store,
        algorithm: Algorithm = ES256,
        seal: Seal = PLAIN,
        *,
        clock: Callable[[], float] = time.time,
    ) -> SigningKeys:
        """Return the keys in the store, making the first one, for an algorithm, if there is none.

        Raises StartupError for a key that cannot be used, and StoreError.
        """
        records = stored_keys(store) or (make_first(store, by_itself("first start"), algorithm, seal, clock()),)
        return cls._of(records, seal, clock)

    @classmethod
    def of_others(cls, store: Store, seal: Seal = PLAIN, *, clock: Callable[[], float] = time.time) -> SigningKeys:
        """Return the keys in the store, and make none: that is for those who sign. Raises as `open` does."""
        return cls._of(stored_keys(store), seal, clock)

    @classmethod
    def _of(cls, records: Iterable[Record], seal: Seal, clock: Callable[[], float]) -> SigningKeys:
        keys = cls(seal=seal, clock=clock)
        keys._hold({record.id: _Held(record.version, read_key(record, seal)) for record in records})
        return keys

    @property
    def signing(self) -> SigningKey:
        """The key that signs now. Raises StoreUnavailable if there is none at all."""
        return self.current.signing(self._clock())

    @property
    def unreadable(self) -> int:
        """How many of the stored keys cannot be read."""
        return sum(not held.whole for held in self._held.values())

    def verification(self, kid: str) -> SigningKey | None:
        """Return the key of that id."""
        return self.current.verification(kid)

    def jwk_set(self) -> dict[str, Any]:
        """Return the public halves as a JWK Set."""
        return self.current.jwk_set(self._clock())

    def follow(self, records: Mapping[str, Record]) -> None:
        """Take in the keys as they are stored now, by document id. One that cannot be read is told, and not used."""
        if records is not self._records:
            self._hold({record.id: self._taken(record) for record in records.values()})
            self._records = records

    def _hold(self, held: dict[str, _Held]) -> None:
        self._held = held
        self.current = KeySet(found.key for found in held.values() if found.key is not None)

    def _taken(self, record: Record) -> _Held:
        before = self._held.get(record.id)
        if before is not None and before.version == record.version:
            return before
        try:
            return _Held(record.version, read_key(record, self._seal))
        except StartupError as error:
            log.error("a signing key has changed, and is not taken over: %s", error.detail)  # noqa: TRY400  # it says it all
            return _Held(record.version, _same_key(before, record), whole=False)


def _same_key(before: _Held | None, record: Record) -> SigningKey | None:
    """Return the key that was held before if it is the one in a document that cannot be read: its id is its digest."""
    if before is None or before.key is None or before.key.kid != record.body.get("kid"):
        return None
    return before.key


def stored_keys(store: Store) -> tuple[Record, ...]:
    """Return the documents of all keys."""
    return store.find(KIND, limit=1000).records


def make_first(store: Store, actor: Actor, algorithm: Algorithm, seal: Seal, now: float) -> Record:
    """Store a key that signs from now on, unless another node has just done so; return its document."""
    try:
        return put_key(store, actor, "key-made", FIRST, key_body(new_key(algorithm, now, now), seal))
    except StoreConflict:
        record = store.get(KIND, FIRST)
        if record is None:
            raise StartupError(
                "another node has made and deleted the signing key at this moment; start again"
            ) from None
        return record
