"""The production store: a MongoDB replica set, for any number of nodes.

Only what is right on MongoDB and on its stand-ins alike is used: an insert creates, a replacement filtered by version
updates, one counter document numbers the writes. Bodies are JSON text, so that nobody's keys become part of BSON or of
a filter.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Mapping, Sequence
from operator import itemgetter
from typing import Any, Final

from pymongo import MongoClient
from pymongo.errors import DuplicateKeyError
from pymongo.write_concern import WriteConcern

from falconbox.errors import FeedGap, StoreConflict, StoreUnavailable
from falconbox.store import TRACE_LIFETIME, UNCOUNTED, Change, Changes, Expect, Page, Record, within
from falconbox.store.mongo_outage import Outage
from falconbox.store.mongo_rows import Row, connect, ignored_duplicate, key, record_of, row_of, soon, unavailable
from falconbox.store.mongo_schema import lay_out, number_of
from falconbox.store.versions import appended_version, check_expected

OVERLAP: Final = 10.0
"""Seconds for which a write is told again and again: longer than one takes, and than clocks of nodes disagree."""

ATTEMPTS: Final = 20
"""How often an unconditional write is tried when others write the same document."""


class MongoStore:
    """Keeps the store contract (`falconbox.store.Store`) in one MongoDB database."""

    def __init__(
        self, where: str | MongoClient[Row], database: str | None = None, *, clock: Callable[[], float] = time.time
    ) -> None:
        client, named, self._place = connect(where)
        self._client = client
        self._clock = clock
        self._outage = Outage()
        db = client.get_database(database or named, write_concern=WriteConcern(w="majority", j=True))
        self._documents = db["documents"]
        self._numbers = db["numbers"]
        try:
            with unavailable():
                lay_out(self._documents, self._numbers, self._place)
        except StoreUnavailable as error:
            client.close()
            what = error.detail.removeprefix("MongoDB: ")
            advice = "a server must answer there that takes writes, and let the user of the URI in"
            raise StoreUnavailable(f"{self.description} cannot be used ({what}): {advice}") from error
        except BaseException:
            client.close()
            raise

    @property
    def description(self) -> str:
        """Product and place, without credentials."""
        return f"MongoDB {self._place}"

    def get(self, kind: str, id: str) -> Record | None:
        """Return the document, or None."""
        row = self._row(kind, id)
        return None if row is None or not self._alive(row) else record_of(row)

    def get_many(self, kind: str, ids: Collection[str]) -> Mapping[str, Record]:
        """Return those of these documents that are there, by id."""
        with self._outage.asking():
            rows = self._documents.find({"_id": {"$in": [key(kind, id)["_id"] for id in ids]}})
            return {row["name"]: record_of(row) for row in rows if self._alive(row)}

    def put(
        self,
        kind: str,
        id: str,
        body: Mapping[str, Any],
        *,
        expect: int | Expect = Expect.ANYTHING,
        fields: Mapping[str, Sequence[str]] | None = None,
        expires_at: float | None = None,
    ) -> Record:
        """Create or replace a document that is in the expected state. Raises StoreConflict."""
        for _ in range(ATTEMPTS):
            before = self._row(kind, id)
            check_expected(self._version(before), expect)
            record = Record(kind, id, self._next_number(), body, self._clock(), expires_at)
            if self._swap(before, row_of(record, fields or {})):
                return record
        raise StoreConflict("the document is being written by others all the time", None)

    def append(
        self,
        kind: str,
        id: str,
        body: Mapping[str, Any],
        *,
        fields: Mapping[str, Sequence[str]] | None = None,
        expires_at: float | None = None,
    ) -> Record:
        """Create a document outside the change feed. Raises StoreConflict when the id is taken."""
        for _ in range(ATTEMPTS):
            before = self._row(kind, id)
            check_expected(self._version(before), Expect.ABSENT)
            record = Record(kind, id, appended_version(), body, self._clock(), expires_at)
            if self._swap(before, row_of(record, fields or {})):
                return record
        raise StoreConflict("the document is being written by others all the time", None)

    def delete(self, kind: str, id: str, *, expect: int | Expect = Expect.ANYTHING) -> int:
        """Delete a document and return the number of the deletion. Raises StoreConflict."""
        for _ in range(ATTEMPTS):
            before = self._row(kind, id)
            if before is None or not self._alive(before):
                raise StoreConflict("there is no such document", None)
            check_expected(self._version(before), expect)
            version = int(before["version"])
            if version < 0:
                with self._outage.asking(), soon():
                    if self._documents.delete_one({"_id": before["_id"], "version": version}).deleted_count:
                        return version
                continue
            number = self._next_number()
            trace = {**key(kind, id), "version": number, "updated": self._clock(), "deleted": True}
            if self._swap(before, trace):
                return number
        raise StoreConflict("the document is being written by others all the time", None)

    def mark_used(self, kind: str, used: Mapping[str, int], *, append: bool = False) -> None:
        """Note when appended documents were last used, one after the other."""
        with self._outage.asking():
            for id, time_used in used.items():
                # Beside the body, which is text: only here can a time rise and never fall.
                wanted = {"_id": key(kind, id)["_id"], "version": {"$lt": 0}, "deleted": False}
                later = {"$max": {"last_used": time_used}}
                if self._documents.update_one(wanted, later).matched_count == 0 and append:
                    # Another node may make it at the same moment; then both times go into its one.
                    with ignored_duplicate():
                        made = Record(kind, id, appended_version(), {}, self._clock())
                        self._documents.insert_one(row_of(made, {}))
                    self._documents.update_one(wanted, later)

    def remove(self, kind: str, ids: Collection[str]) -> int:
        """Delete appended documents, and return how many were there."""
        with self._outage.asking():
            wanted = {"_id": {"$in": [key(kind, id)["_id"] for id in ids]}, "version": {"$lt": 0}}
            return int(self._documents.delete_many(wanted).deleted_count)

    def find(
        self,
        kind: str,
        where: Mapping[str, str] | None = None,
        *,
        after: str = "",
        limit: int = 100,
        room: int | None = None,
        counted: bool = True,
    ) -> Page:
        """Return a page of the documents that carry every field value in `where`."""
        query: Row = {"kind": kind, "deleted": False, "expires": {"$gt": self._clock()}}
        query |= {f"ix.{name}": value for name, value in (where or {}).items()}
        with self._outage.asking():
            total = self._documents.count_documents(query) if counted else UNCOUNTED
            rows = self._documents.find({**query, "name": {"$gt": after}}).sort("name", 1).limit(limit)
            found, cut = within(rows, itemgetter("body"), room)
        return Page(tuple(record_of(row) for row in found), total, cut)

    def head(self) -> int:
        """Return the highest change number given out so far."""
        with self._outage.asking(), soon():
            return number_of(self._numbers, "head")

    def changes(self, since: int, kinds: Collection[str]) -> Changes:
        """Return what happened after `since`, and once more what was written in the last OVERLAP seconds.

        A number is taken before the write that it numbers, so one that has been passed may become visible late.
        """
        with self._outage.asking(), soon():
            floor = number_of(self._numbers, "floor")
        if 0 < since < floor:
            raise FeedGap("deletions after the cursor have been swept")
        head = self.head()
        recent = {"updated": {"$gt": self._clock() - OVERLAP}, "version": {"$gt": 0}}
        rows: dict[str, Row] = {}
        with self._outage.asking():
            for query in ({"version": {"$gt": since}}, recent):
                found = self._documents.find({"kind": {"$in": [*kinds]}, **query})
                rows |= {row["_id"]: row for row in found}
        changes = [Change(row["kind"], row["name"], row["version"], self._state(row)) for row in rows.values()]
        changes.sort(key=lambda change: change.version)
        return Changes(tuple(changes), max(head, since), max([head, *(change.version for change in changes)]))

    def versions(self, kinds: Collection[str]) -> Mapping[tuple[str, str], int]:
        """Return the version of every live numbered document of these kinds."""
        query = {"kind": {"$in": [*kinds]}, "version": {"$gt": 0}, "deleted": False, "expires": {"$gt": self._clock()}}
        with self._outage.asking():
            rows = self._documents.find(query, {"kind": 1, "name": 1, "version": 1})
            return {(row["kind"], row["name"]): row["version"] for row in rows}

    def sweep(self) -> int:
        """Remove expired documents and old traces of deletions; raise the floor of the feed accordingly."""
        now = self._clock()
        old = {"deleted": True, "updated": {"$lte": now - TRACE_LIFETIME}}
        expired = {"deleted": False, "expires": {"$lte": now}}
        with self._outage.asking():
            versions = [row["version"] for query in (old, expired) for row in self._documents.find(query)]
            # The floor rises first: a reader that is told to start anew too early loses nothing.
            floor = self._numbers.find_one({"_id": "floor"}) or {"value": 0}
            above = max([floor["value"], *versions])
            self._numbers.update_one({"_id": "floor", "value": floor["value"]}, {"$set": {"value": above}})
            return sum(self._documents.delete_many(query).deleted_count for query in (old, expired))

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    def _row(self, kind: str, id: str) -> Row | None:
        with self._outage.asking(), soon():
            return self._documents.find_one({"_id": key(kind, id)["_id"]})

    def _swap(self, before: Row | None, after: Row) -> bool:
        """Put a document in the place of what was read there. False: somebody else was faster."""
        with self._outage.asking(), soon():
            if before is not None:
                wanted = {"_id": before["_id"], "version": before["version"]}
                return bool(self._documents.replace_one(wanted, after).matched_count)
            try:
                self._documents.insert_one(after)
            except DuplicateKeyError:
                return False
            return True

    def _version(self, row: Row | None) -> int | None:
        return None if row is None or not self._alive(row) else int(row["version"])

    def _next_number(self) -> int:
        with self._outage.asking(), soon():
            before = self._numbers.find_one_and_update({"_id": "head"}, {"$inc": {"value": 1}})
        if before is None:
            raise StoreUnavailable("the store has lost its counter; restore it from a backup")
        return int(before["value"]) + 1

    def _alive(self, row: Row) -> bool:
        return not row["deleted"] and bool(row["expires"] > self._clock())

    def _state(self, row: Row) -> Record | None:
        return record_of(row) if self._alive(row) else None
