"""What the stored keys say of themselves, without one being opened: which does what, and until when."""

from __future__ import annotations

import dataclasses
import datetime as dt
from collections.abc import Iterable
from typing import Any

from falconbox.errors import StartupError
from falconbox.oauth import schedule
from falconbox.oauth.key_records import read_key, times
from falconbox.oauth.keys import stored_keys
from falconbox.oauth.schedule import State
from falconbox.oauth.sealing import Seal, is_sealed
from falconbox.oauth.sessions import count_tokens
from falconbox.store import Record, Store


@dataclasses.dataclass(frozen=True, slots=True)
class KeyHeader:
    """What a stored key says of itself. Times are seconds since the epoch."""

    record: Record
    kid: str
    algorithm: str
    created: float
    signs_from: float


@dataclasses.dataclass(frozen=True, slots=True)
class KeyStatus:
    """A stored key and what it does; `until` is when the next one signs, if there is one."""

    key: KeyHeader
    state: State
    until: float | None


@dataclasses.dataclass(frozen=True, slots=True)
class Overview:
    """All keys in their turn, and the stored documents that should be keys and are none."""

    keys: tuple[KeyStatus, ...]
    broken: tuple[Record, ...]


def overview(records: Iterable[Record], now: float) -> Overview:
    """Return what stored keys do at a time."""
    headers = [(record, _header(record)) for record in records]
    in_turn = schedule.in_turn(header for _, header in headers if header is not None)
    ends = [*(key.signs_from for key in in_turn[1:]), None]
    found = schedule.states(in_turn, now)
    return Overview(
        tuple(KeyStatus(key, state, until) for (key, state), until in zip(found, ends[: len(found)], strict=True)),
        tuple(record for record, header in headers if header is None),
    )


def described(store: Store, seal: Seal, now: float) -> list[dict[str, Any]]:
    """Return all that may be told of the stored keys, those that cannot be read at all last. Raises StoreError.

    Encrypted ones are opened only if the seal has a passphrase.
    """
    found = overview(stored_keys(store), now)
    told = [
        (
            status.key.record,
            {
                "kid": status.key.kid,
                "algorithm": status.key.algorithm,
                "state": str(status.state),
                "created": clock_time(status.key.created),
                "signs_from": clock_time(status.key.signs_from),
                "tokens": count_tokens(store, status.key.kid),
            },
        )
        for status in found.keys
    ]
    nothing = {"algorithm": None, "state": "broken", "created": None, "signs_from": None, "tokens": 0}
    told += [(record, {"kid": record.id, **nothing}) for record in found.broken]
    return [
        {**fields, "encrypted": is_sealed(record.body), "problem": _problem(record, seal)} for record, fields in told
    ]


def _problem(record: Record, seal: Seal) -> str | None:
    if is_sealed(record.body) and not seal.has_passphrase:
        return None
    try:
        read_key(record, seal)
    except StartupError as error:
        return error.detail
    return None


def clock_time(seconds: float) -> str:
    """Return a time for people and programs: UTC, to the second (RFC 3339)."""
    return dt.datetime.fromtimestamp(seconds, dt.UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


def _header(record: Record) -> KeyHeader | None:
    try:
        return KeyHeader(record, str(record.body["kid"]), str(record.body["alg"]), *times(record.body))
    except (KeyError, TypeError, ValueError):
        return None
