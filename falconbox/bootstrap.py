"""Getting in: the client `admin` and its policy, made once. Ordinary documents; the guard knows nothing of them."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from falconbox.audit_log import Actor, AuditTrail, by_itself, change
from falconbox.authentication.rotation import stored_secret
from falconbox.authentication.secrets import SecretHasher, generate_secret
from falconbox.errors import StartupError, StoreConflict
from falconbox.mapping import client_body, secrets_from_body, with_secrets
from falconbox.store import Expect, Record, Store

ADMIN: Final = "admin"
MARKER: Final = ("bootstrap", ADMIN)
"""Says that admin has been made once: a deleted admin does not come back by itself."""

CLIENT: Final = {"resourceType": "Client", "id": ADMIN, "grant_types": ["basic"]}
POLICY: Final = {
    "resourceType": "AccessPolicy",
    "id": ADMIN,
    "description": "The administrator may do everything.",
    "engine": "allow",
    "link": [{"resourceType": "Client", "id": ADMIN}],
}
RACE: Final = 2.0
"""Seconds that a node waits for another one that seems to be making admin at the same moment."""

ATTEMPTS: Final = 5
"""How often a node looks again while others change admin at the same moment."""

FIRST_START: Final = by_itself("first start")


def ensure_admin(
    store: Store, audit: AuditTrail, hasher: SecretHasher, secret: str | None, secret_file: Path
) -> str | None:
    """Make admin on the first start, and give it a configured secret that has changed since.

    Returns the secret if one was generated just now; it is in `secret_file` too. Raises StoreError, OSError and, if
    admin is being changed by others all the time, StartupError.
    """
    marker = store.get(*MARKER)
    if marker is None:
        return _first_start(store, audit, hasher, secret, secret_file)
    for _ in range(ATTEMPTS):
        try:
            _follow_setting(store, audit, hasher, secret)
        except StoreConflict:
            continue  # another node starts with it at this moment, or somebody has changed admin: look again
        return None
    raise StartupError("the client admin is being changed by others all the time; start again")


def _follow_setting(store: Store, audit: AuditTrail, hasher: SecretHasher, secret: str | None) -> None:
    """Give admin a configured secret, if another one was configured before. Raises StoreConflict if that changes."""
    marker = store.get(*MARKER)
    if secret is None or marker is None or _same(hasher, marker, secret):
        return
    admin = store.get("Client", ADMIN)
    if admin is not None and not _same(hasher, admin, secret):
        body = with_secrets(admin.body, [stored_secret(hasher.hash(secret), time.time())])
        audit.put(by_itself("changed setting"), "Client", ADMIN, admin, body)
    store.put(*MARKER, {"secret_hash": hasher.hash(secret)}, expect=marker.version)


def restore_admin(
    store: Store,
    audit: AuditTrail,
    hasher: SecretHasher,
    secret: str | None,
    secret_file: Path,
    *,
    actor: Actor = FIRST_START,
) -> str | None:
    """Put admin and its policy back as they are on a first start; return the secret if one was generated."""
    generated = None if secret is not None else generate_secret()
    chosen = secret if secret is not None else str(generated)
    if generated is not None:
        write_secret(secret_file, generated)
    _put_admin(store, audit, actor, hasher.hash(chosen), Expect.ANYTHING)
    store.put(*MARKER, _marker(hasher, secret))
    return generated


def write_secret(path: Path, secret: str) -> None:
    """Write a secret for its owner's eyes only; a file that stood there is replaced as a whole."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    beside = path.with_name(f"{path.name}.{os.getpid()}")
    with os.fdopen(os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
        file.write(f"{secret}\n")
    beside.replace(path)


def _first_start(
    store: Store, audit: AuditTrail, hasher: SecretHasher, secret: str | None, secret_file: Path
) -> str | None:
    generated = None if secret is not None else generate_secret()
    chosen = secret if secret is not None else str(generated)
    try:
        _put_admin(store, audit, FIRST_START, hasher.hash(chosen), Expect.ABSENT)
    except StoreConflict:
        if _finished_by_another_node(store):
            return None
        # A start that was cut short left it half made: make it anew.
        return restore_admin(store, audit, hasher, secret, secret_file)
    if generated is not None:
        write_secret(secret_file, generated)
    store.put(*MARKER, _marker(hasher, secret))
    return generated


def _put_admin(store: Store, audit: AuditTrail, actor: Actor, secret_hash: str, expect: Expect) -> None:
    before = store.get("Client", ADMIN)
    secrets = [stored_secret(secret_hash, time.time())]
    body = client_body(CLIENT, secrets, None if before is None else before.body)
    with audit.change(change.put(actor, "Client", ADMIN, before, body)):
        store.put("Client", ADMIN, body, expect=expect)
    policy = {"document": POLICY}
    with audit.change(change.put(actor, "AccessPolicy", ADMIN, store.get("AccessPolicy", ADMIN), policy)):
        store.put("AccessPolicy", ADMIN, policy, expect=expect)


def _marker(hasher: SecretHasher, secret: str | None) -> Mapping[str, Any]:
    return {} if secret is None else {"secret_hash": hasher.hash(secret)}


def _finished_by_another_node(store: Store) -> bool:
    deadline = time.monotonic() + RACE
    while store.get(*MARKER) is None:
        if time.monotonic() > deadline:
            return False
        time.sleep(0.1)
    return True


def _same(hasher: SecretHasher, record: Record, secret: str) -> bool:
    newest = secrets_from_body(record.body)[:1]
    return hasher.find([held.hash for held in newest], secret) is not None
