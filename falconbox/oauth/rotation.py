"""Make, publish, promote and encrypt signing keys: what the commands do, on the store itself.

Each step is one write to one document: cut short, it has either happened or not.
"""

from __future__ import annotations

import dataclasses
from contextlib import suppress
from typing import Final

from falconbox.audit_log import by_command
from falconbox.errors import Invalid, Problem, StartupError
from falconbox.oauth.algorithms import Algorithm
from falconbox.oauth.key_changes import overtaken_told, put_key
from falconbox.oauth.key_records import SigningKey, key_body, new_key, read_key
from falconbox.oauth.key_status import clock_time, overview
from falconbox.oauth.keys import make_first, stored_keys
from falconbox.oauth.schedule import State
from falconbox.oauth.sealing import PLAIN, Seal
from falconbox.store import Record, Store

PUBLISHED_AHEAD: Final = 600.0
"""Seconds that a key is published before it signs: longer than verifiers keep the JWK Set, a node may take to learn of
the key, and clocks may differ, all together."""

IN_A_HURRY: Final = 2.0
"""The same when there is no time: several times what running nodes take to see a change."""


def rotate(store: Store, algorithm: Algorithm, seal: Seal, *, at_once: bool, now: float) -> SigningKey:
    """Publish a new key, which signs in PUBLISHED_AHEAD seconds.

    `at_once` has one that is published already, or else a new one, sign in a hurry. Raises Invalid if one is published
    already or another command was faster, StartupError if a key that is there cannot be read, and StoreError.
    """
    records, actor = stored_keys(store), by_command("keys rotate")
    # Also so that a new key is never encrypted with something else than the others.
    keys = {record.id: read_key(record, seal) for record in records}
    if not records:
        return read_key(make_first(store, actor, algorithm, seal, now), seal)
    begin = now + (IN_A_HURRY if at_once else PUBLISHED_AHEAD)
    waiting = next((status.key for status in overview(records, now).keys if status.state is State.NEXT), None)
    if waiting is None:
        key = new_key(algorithm, now, begin)
        # The next number: of two commands that rotate at the same moment, one is too late.
        with overtaken_told():
            put_key(store, actor, "key-made", str(1 + max(map(_number, records))), key_body(key, seal))
        return key
    if not at_once:
        detail = f"is published already and signs from {clock_time(waiting.signs_from)}: --now makes it sign at once"
        raise Invalid([Problem(waiting.kid, detail)])
    key = dataclasses.replace(keys[waiting.record.id], signs_from=min(begin, waiting.signs_from))
    body = {**waiting.record.body, "signs_from": key.signs_from}
    with overtaken_told():
        put_key(store, actor, "key-hurried", waiting.record.id, body, before=waiting.record)
    return key


def encrypt(store: Store, seal: Seal, old: Seal | None) -> list[str]:
    """Encrypt what is not encrypted with a seal yet: what is not at all, or with the `old` one. Return the ids of keys.

    Nothing is changed unless all keys can be read. Cut short, it can be repeated. Raises StartupError, Invalid when
    another command was faster, and StoreError.
    """
    others = [PLAIN] if old is None else [PLAIN, old]
    found = [(record, _readable(record, seal, others)) for record in stored_keys(store)]
    changed = [(record, key) for record, key in found if key is not None]
    actor = by_command("keys encrypt")
    for record, key in changed:
        with overtaken_told():
            put_key(store, actor, "key-encrypted", record.id, key_body(key, seal), before=record)
    return [key.kid for _, key in changed]


def _number(record: Record) -> int:
    return int(record.id) if record.id.isascii() and record.id.isdigit() else 1


def _readable(record: Record, seal: Seal, others: list[Seal]) -> SigningKey | None:
    """Return a key that one of the other seals opens; None: the right one does. Raises StartupError."""
    try:
        read_key(record, seal)
    except StartupError:
        for other in others:
            with suppress(StartupError):
                return read_key(record, other)
        raise
    return None
