"""Make clients, rotate their secrets and list them, on the store itself, also while services run on it.

What is stored is what the API would store, through the same checks. Running services count it when they look at the
store next, within a quarter of a second.
"""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Final

from falconbox.admission import Admission
from falconbox.audit_log import AuditTrail, by_command
from falconbox.authentication.registration import registered
from falconbox.authentication.rotation import rotated
from falconbox.authentication.secret_uses import last_uses
from falconbox.authentication.secrets import SecretHasher
from falconbox.errors import Invalid, Problem, StoreConflict
from falconbox.managed import managed_file, managed_records
from falconbox.mapping import client_from_record
from falconbox.model import Client
from falconbox.store import Record, Store

KIND: Final = "Client"
PAGE: Final = 500
UNREADABLE: Final = "cannot be read, and counts as absent: delete it over HTTP, and make it anew"


def create(
    store: Store, client_id: str, secret: str, grant_types: Sequence[str], *, import_sha256: bool = False
) -> Client:
    """Make a client. Raises Invalid for what the API would refuse and for an id that is taken, and StoreError."""
    admission, hasher = Admission({}, import_sha256_secrets=import_sha256), SecretHasher()
    document = {"id": client_id, "secret": secret, "grant_types": list(grant_types)}
    admission.client(document)
    _refuse_managed(store, client_id, "choose another id, or declare the client there")
    if store.get(KIND, client_id) is not None:
        raise _taken(client_id)
    body = registered(document, None, admission, hasher.hash_written, time.time())
    try:
        return client_from_record(AuditTrail(store).put(by_command("clients create"), KIND, client_id, None, body))
    except StoreConflict:
        raise _taken(client_id) from None


def rotate_secret(store: Store, client_id: str, secret: str, overlap: int) -> tuple[Client, Mapping[str, int]]:
    """Give a client a new secret; those that it has go on for `overlap` seconds at most.

    Returns the client, and when its secrets were used last. That is asked before anything is changed: nothing may fail
    afterwards, or nobody would learn the new secret.

    Raises Invalid for what the API would refuse, for a client that is not there or comes from a policy directory, and
    for one that somebody else changes at the same moment; and StoreError. Then nothing has changed.
    """
    rotation = Admission({}).rotation({"secret": secret, "overlap": overlap})
    _refuse_managed(store, client_id, "change the secret there; {file: ...} is read again, all else by a restart")
    previous = store.get(KIND, client_id)
    if previous is None:
        raise _wrong(client_id, "there is no such client: `falconbox clients list` shows those that there are")
    before = _read(previous)
    if before is None:
        raise _wrong(client_id, UNREADABLE)
    uses = last_uses(store, [before])
    body = rotated(previous.body, rotation["secret"], SecretHasher(), overlap=rotation["overlap"], now=time.time())
    audit, actor = AuditTrail(store), by_command("clients rotate-secret")
    with _overtaken_told(client_id):
        record = audit.put(actor, KIND, client_id, previous, body, code="client-secret-rotated")
    return client_from_record(record), uses


def listed(store: Store) -> tuple[list[Client], list[Problem]]:
    """Return all clients by id, those of a policy directory too, and what is wrong with those that cannot be read."""
    clients: dict[str, Client] = {}
    problems: list[Problem] = []
    for client_id, record, source in (*_own(store), *managed_records(store, KIND)):
        client = _read(record)
        if client is None:
            problems.append(Problem(f"{KIND}/{client_id}", UNREADABLE))
        else:
            clients[client_id] = dataclasses.replace(client, source=source)
    return [clients[client_id] for client_id in sorted(clients)], problems


def _own(store: Store) -> Iterator[tuple[str, Record, None]]:
    after = ""
    while records := store.find(KIND, after=after, limit=PAGE, counted=False).records:
        after = records[-1].id
        yield from ((record.id, record, None) for record in records)


def _read(record: Record) -> Client | None:
    try:
        return client_from_record(record)
    except (KeyError, TypeError, ValueError, AttributeError):
        return None


def _refuse_managed(store: Store, client_id: str, what_to_do: str) -> None:
    file = managed_file(store, KIND, client_id)
    if file is not None:
        raise _wrong(client_id, f"comes from a policy directory ({file}): {what_to_do}")


@contextmanager
def _overtaken_told(client_id: str) -> Iterator[None]:
    try:
        yield
    except StoreConflict:
        raise _wrong(client_id, "has just been changed by somebody else: look at it, and try again") from None


def _taken(client_id: str) -> Invalid:
    return _wrong(client_id, f"there is one already: `falconbox clients rotate-secret {client_id}` changes its secret")


def _wrong(client_id: str, detail: str) -> Invalid:
    return Invalid([Problem(f"{KIND}/{client_id}", detail)])
