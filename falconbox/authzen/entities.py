"""What the box knows of subjects and resources: it is the policy information point.

An entity of type `user` is the resource of that id among the box's `User` resources.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from falconbox.authzen.evaluation import Entity
from falconbox.routes import is_box_type, is_id
from falconbox.store import Record, Store


def box_type(entity_type: str) -> str | None:
    """Return the type of the box that holds entities of a type, such as `User` for `user`; None: it can hold none."""
    # Beyond ASCII a letter may have several, or another, as its capital.
    name = entity_type[:1].upper() + entity_type[1:] if entity_type.isascii() else ""
    return name if is_box_type(name) else None


class Entities:
    """Reads each entity once. Belongs to one request, so to one thread."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._read: dict[tuple[str, str], Mapping[str, Any] | None] = {}

    def document(self, entity: Entity) -> dict[str, Any]:
        """Return a subject or a resource as policies see it. Raises StoreError.

        What the box knows counts, whatever the PEP says of the same property.
        """
        known = self._attributes(entity)
        if entity.properties is None and known is None:
            return {"type": entity.type, "id": entity.id}
        return {"type": entity.type, "id": entity.id, "properties": {**(entity.properties or {}), **(known or {})}}

    def _attributes(self, entity: Entity) -> Mapping[str, Any] | None:
        kind = box_type(entity.type)
        if kind is None or not is_id(entity.id):
            return None
        key = (kind, entity.id)
        if key not in self._read:
            record = self._store.get(*key)
            self._read[key] = None if record is None else attributes(record)
        return self._read[key]


def attributes(record: Record) -> dict[str, Any]:
    """Return what a stored resource says of itself, besides what it is."""
    return {name: value for name, value in record.body.items() if name not in ("resourceType", "id")}
