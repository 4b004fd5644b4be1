"""A store with entities, policies beside it, and questions about them, without HTTP."""

from __future__ import annotations

import dataclasses
import weakref
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from falconbox.authzen.entities import Entities
from falconbox.authzen.evaluation import read_evaluation
from falconbox.authzen.inquiry import Inquiry
from falconbox.authzen.kept import ROOM
from falconbox.compiling import PolicyCompiler
from falconbox.decision.point import DecisionPoint
from falconbox.decision.policy_set import PolicySet
from falconbox.errors import StoreUnavailable
from falconbox.identifiers import fields_of
from falconbox.mapping import policy_from_document
from falconbox.plugins import load_plugins
from falconbox.store import Record
from falconbox.store.sqlite import SqliteStore
from falconbox.world import World

COMPILER = PolicyCompiler(load_plugins().engines)


class _Text(str):
    """A string that can be followed, and told from another one with the same letters."""

    __eq__ = object.__eq__
    __hash__ = object.__hash__


class Watched:
    """A store that counts reads, and goes away after so many.

    `most_alive` is how many `text`s out of it have been in memory at a time.
    """

    def __init__(self, store: SqliteStore) -> None:
        self._store = store
        self.reads: list[tuple[str, str]] = []
        self.left = 1_000_000
        self.most_alive = 0
        self._alive: weakref.WeakSet[_Text] = weakref.WeakSet()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)

    def get(self, kind: str, resource_id: str) -> Record | None:
        self._read(kind, resource_id)
        record = self._store.get(kind, resource_id)
        return None if record is None else self._followed(record)

    def find(self, kind: str, where: Mapping[str, str] | None = None, **options: Any) -> Any:
        self._read(kind, str(where or options))
        page = self._store.find(kind, where, **options)
        return dataclasses.replace(page, records=tuple(self._followed(record) for record in page.records))

    def _followed(self, record: Record) -> Record:
        """Give the record's `text`, if it has one, as one whose life is followed."""
        if "text" not in record.body:
            return record
        text = _Text(record.body["text"])
        self._alive.add(text)
        self.most_alive = max(self.most_alive, len(self._alive))
        return dataclasses.replace(record, body={**record.body, "text": text})

    def _read(self, kind: str, what: str) -> None:
        self.reads.append((kind, what))
        if len(self.reads) > self.left:
            raise StoreUnavailable("it has gone away")


class Stage:
    """Entities and policies, and what is decided with them."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        kept = SqliteStore(folder / "store")
        self.store = Watched(kept)
        weakref.finalize(self.store, kept.close)
        self.world = World()
        self.point = DecisionPoint(lambda: True)

    def keep(self, kind: str, resource_id: str, **attributes: Any) -> None:
        """Put a resource into the box."""
        body = {"resourceType": kind, "id": resource_id, **attributes}
        self.store.put(kind, resource_id, body, fields=fields_of(body))

    def judge_by(self, *policies: Mapping[str, Any]) -> None:
        """Decide by these policies from now on; their type is `authzen` unless they say otherwise."""
        named = [{"id": f"p{n}", "type": "authzen", **policy} for n, policy in enumerate(policies)]
        compiled = PolicySet().patched({one["id"]: policy_from_document(one) for one in named}, COMPILER)
        self.world = World(policies=compiled, clients=self.world.clients)

    def inquiry(self, pep: str | None = "pep", room: int = ROOM) -> Inquiry:
        return Inquiry(self.point, self.world, pep, Entities(self.store, room))

    def says(self, question: Mapping[str, Any], pep: str | None = "pep") -> bool:
        return self.inquiry(pep).decide(read_evaluation(question)).allow


def requiring(schema: Mapping[str, Any]) -> dict[str, Any]:
    """Return a policy of the json-schema engine in whose schema all that is mentioned is required."""
    return {"engine": "json-schema", "schema": _strict(schema)}


def _strict(schema: Mapping[str, Any]) -> dict[str, Any]:
    if "properties" not in schema:
        return dict(schema)
    members = {name: _strict(member) for name, member in schema["properties"].items()}
    return {**schema, "required": sorted(members), "properties": members}


def at(path: str, schema: Mapping[str, Any]) -> dict[str, Any]:
    """Return a schema for what stands at a path of names, such as `subject.properties.role`."""
    wanted: Mapping[str, Any] = schema
    for name in reversed(path.split(".")):
        wanted = {"properties": {name: wanted}}
    return dict(wanted)


def question(subject: Any = "alice", action: str = "read", resource: Any = "1", **more: Any) -> dict[str, Any]:
    """Return an evaluation of a user and a record, given by ids or as they are."""
    return {
        "subject": {"type": "user", "id": subject} if isinstance(subject, str) else subject,
        "action": {"name": action},
        "resource": {"type": "record", "id": resource} if isinstance(resource, str) else resource,
        **more,
    }


def distinct(reads: Iterable[tuple[str, str]]) -> bool:
    """Whether nothing has been read twice."""
    held = list(reads)
    return len(held) == len(set(held))
