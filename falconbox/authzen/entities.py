"""What the box knows of subjects and resources: it is the policy information point.

An entity of type `user` is the resource of that id among the box's `User` resources.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from falconbox.authzen.evaluation import Entity
from falconbox.routes import is_box_type, is_id
from falconbox.store import Record, Store

BATCH: Final = 100
"""How many resources of the box are read at a time when all are gone through."""


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

    def of_type(self, entity_type: str, after: str) -> Iterator[tuple[Entity, str]]:
        """Yield the entities of a type, in the order of their ids in the box, behind an id; and each one's id there.

        While one is looked at, it counts as read. Raises StoreError.
        """
        kind = box_type(entity_type)
        records = () if kind is None else self._store.find(kind, after=after, limit=BATCH).records
        while records and kind is not None:
            for record in records:
                key = (kind, record.id)
                known = key in self._read
                if not known:
                    self._read[key] = attributes(record)
                yield Entity(entity_type, record.id), record.id
                if not known:
                    del self._read[key]  # what has been looked at would fill the memory
            records = self._store.find(kind, after=records[-1].id, limit=BATCH).records

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
