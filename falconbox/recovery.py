"""For whoever has locked everybody out: switch policies off and put admin back, on the store itself.

It is written down: the audit log says what was done, when, and by which user of the machine.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from pathlib import Path

from falconbox.audit_log import AuditTrail, by_command
from falconbox.authentication.secrets import SecretHasher
from falconbox.bootstrap import restore_admin
from falconbox.errors import Invalid, Problem
from falconbox.managed import managed_file
from falconbox.store import Record, Store


@dataclasses.dataclass(frozen=True, slots=True)
class Recovery:
    """What was done. `generated_secret` is None when the secret was given."""

    switched_off: tuple[str, ...]
    generated_secret: str | None
    secret_file: str


def recover(store: Store, *, off: Sequence[str], secret: str | None, secret_file: Path) -> Recovery:
    """Switch the named policies off and restore admin. Nothing is changed unless all of them can be.

    Raises Invalid for a policy that is not there or comes from a policy directory, and StoreError.
    """
    records = [_own_policy(store, policy_id) for policy_id in off]
    problems = [found for found in records if isinstance(found, Problem)]
    if problems:
        raise Invalid(problems)
    audit, actor = AuditTrail(store), by_command("recover")
    for record in records:
        if isinstance(record, Record):
            # One that cannot be read any more can be switched off all the same.
            document = record.body.get("document")
            kept = document if isinstance(document, dict) else {"id": record.id}
            body = {"document": {**kept, "mode": "off"}}
            audit.put(actor, "AccessPolicy", record.id, record, body)
    generated = restore_admin(store, audit, SecretHasher(), secret, secret_file, actor=actor)
    return Recovery(tuple(off), generated, str(secret_file))


def _own_policy(store: Store, policy_id: str) -> Record | Problem:
    record = store.get("AccessPolicy", policy_id)
    if record is not None:
        return record
    file = managed_file(store, "AccessPolicy", policy_id)
    if file is None:
        return Problem(f"AccessPolicy/{policy_id}", "there is no such policy")
    detail = f"comes from a policy directory: change it there ({file}), then restart"
    return Problem(f"AccessPolicy/{policy_id}", detail)
