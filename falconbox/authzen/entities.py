"""What the box knows of subjects and resources: it is the policy information point.

An entity of type `user` is the resource among the box's `User` resources that has its id, or, if the box does not take
such an id, its `identifier`.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any, Final

from falconbox.authzen.evaluation import Entity
from falconbox.authzen.kept import ROOM, Attributes, Kept, Key
from falconbox.errors import FalconboxError
from falconbox.identifiers import FIELD, identifier_of, is_identifier
from falconbox.routes import is_box_type, is_id
from falconbox.store import Record, Store

BATCH: Final = 100
"""How many resources of the box are read at a time when all are gone through; fewer, if they need more than ROOM."""


def box_type(entity_type: str) -> str | None:
    """Return the type of the box that holds entities of a type, such as `User` for `user`; None: it can hold none."""
    # Beyond ASCII a letter may have several, or another, as its capital.
    name = entity_type[:1].upper() + entity_type[1:] if entity_type.isascii() else ""
    return name if is_box_type(name) else None


class AmbiguousEntity(FalconboxError):
    """Nobody can tell which resource of the box is meant: several have the same identifier."""

    code = "ambiguous-entity"


class Entities:
    """Reads each entity once, unless there is no room to keep it. Belongs to one request, so to one thread."""

    def __init__(self, store: Store, room: int = ROOM) -> None:
        self._store = store
        self._room = room
        self._kept = Kept(room)
        self._looked_at: tuple[Key, Attributes] | None = None

    def document(self, entity: Entity) -> dict[str, Any]:
        """Return a subject or a resource as policies see it. Raises AmbiguousEntity and StoreError.

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
        records = () if kind is None else self._records(kind, after)
        while records and kind is not None:
            for record in records:
                with self._looking_at(kind, record) as name:
                    yield Entity(entity_type, name), record.id
            records = self._records(kind, records[-1].id)

    def _records(self, kind: str, after: str) -> tuple[Record, ...]:
        return self._store.find(kind, after=after, limit=BATCH, room=self._room, counted=False).records

    @contextlib.contextmanager
    def _looking_at(self, kind: str, record: Record) -> Iterator[str]:
        """Let a resource count as read under its name, for as long as it is looked at."""
        name = identifier_of(record.body)
        key = (kind, record.id)
        if name is not None or key in self._kept:
            yield name or record.id  # an identifier is looked up: it must be nobody else's
            return
        self._looked_at = key, attributes(record)
        try:
            yield record.id
        finally:
            self._looked_at = None

    def _attributes(self, entity: Entity) -> Attributes:
        kind = box_type(entity.type)
        if kind is None:
            return None
        key = (kind, entity.id)
        if self._looked_at is not None and self._looked_at[0] == key:
            return self._looked_at[1]
        if key not in self._kept:
            record = self._found(*key)
            self._kept.put(key, None if record is None else attributes(record))
        return self._kept[key]

    def _found(self, kind: str, name: str) -> Record | None:
        if is_id(name):
            record = self._store.get(kind, name)
            # What has an identifier is known by that alone: one thing has one name.
            return record if record is not None and identifier_of(record.body) is None else None
        if not is_identifier(name):
            return None
        records = self._store.find(kind, {FIELD: name}, limit=2, counted=False).records
        if len(records) > 1:
            raise AmbiguousEntity("several resources of the box have this identifier")
        return records[0] if records else None


def attributes(record: Record) -> dict[str, Any]:
    """Return what a stored resource says of itself, besides what it is."""
    return {name: value for name, value in record.body.items() if name not in ("resourceType", "id")}
