"""What a policy directory has brought into the store: members, which count while a pointer names them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from falconbox.model import Source
from falconbox.store import Record, Store

POINTER: Final = ("policy-source", "default")
"""Kind and id of the pointer. Its body names the directory, the commit and the members."""

MEMBER: Final = "managed-member"
"""The kind of stored document that a member is."""


def managed_file(store: Store, kind: str, resource_id: str) -> str | None:
    """Return the file that declares a resource; None: no policy directory does. Raises StoreError."""
    pointer = store.get(*POINTER)
    named = {} if pointer is None else {member["id"]: member["file"] for member in _members(pointer, kind)}
    return named.get(resource_id)


def managed_records(store: Store, kind: str) -> Iterator[tuple[str, Record, Source]]:
    """Give the managed resources of a kind: id, stored document, and where it comes from. Raises StoreError."""
    pointer = store.get(*POINTER)
    if pointer is None:
        return
    for member in _members(pointer, kind):
        record = store.get(MEMBER, member["member"])
        if record is not None:
            yield member["id"], record, Source(pointer.body["directory"], member["file"], pointer.body.get("commit"))


def _members(pointer: Record, kind: str) -> list[Mapping[str, Any]]:
    return [member for member in pointer.body["members"] if member["type"] == kind]
