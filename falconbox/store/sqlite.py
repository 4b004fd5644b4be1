"""The embedded store: one SQLite file, for one host and a local disk.

Every write is one IMMEDIATE transaction on a write-ahead log with synchronous=FULL: what was acknowledged survives
kill -9, and power loss as far as the disk keeps its word.
"""

from __future__ import annotations

import json
import os
import sqlite3
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from operator import itemgetter
from pathlib import Path
from typing import Any, Final

from falconbox.errors import FeedGap, StoreConflict
from falconbox.store import TRACE_LIFETIME, UNCOUNTED, Changes, Expect, Page, Record, within
from falconbox.store.sqlite_connections import FileConnections, MemoryConnection
from falconbox.store.sqlite_rows import (
    ALIVE,
    COLUMNS,
    GONE,
    change_of,
    number_of,
    record_of,
    selection,
    sweep_rows,
    take_number,
    write_row,
)
from falconbox.store.versions import appended_version, check_expected

SWEPT_TOGETHER: Final = 500
"""Rows that are removed in one transaction, for which other writers wait."""


class SqliteStore:
    """Keeps the store contract (`falconbox.store.Store`) in one SQLite file.

    Without a path it is in memory, lasts as long as the process, and no trace of it is left in any file.
    """

    def __init__(self, path: str | os.PathLike[str] | None, *, clock: Callable[[], float] = time.time) -> None:
        self._path = None if path is None else Path(path)
        self._clock = clock
        self._connections = MemoryConnection() if self._path is None else FileConnections(self._path)

    @property
    def description(self) -> str:
        """Product and place."""
        return f"SQLite {self._path or 'in memory'}"

    def get(self, kind: str, id: str) -> Record | None:
        """Return the document, or None."""
        with self._connections.reading() as connection:
            row = connection.execute(
                f"SELECT {COLUMNS} FROM documents WHERE kind = ? AND id = ? AND {ALIVE}", (kind, id, self._clock())
            ).fetchone()
        return None if row is None else record_of(row)

    def get_many(self, kind: str, ids: Collection[str]) -> Mapping[str, Record]:
        """Return those of these documents that are there, by id."""
        # One value, since there can be only so many of them.
        wanted = "SELECT value FROM json_each(?)"
        with self._connections.reading() as connection:
            rows = connection.execute(
                f"SELECT {COLUMNS} FROM documents WHERE kind = ? AND id IN ({wanted}) AND {ALIVE}",
                (kind, json.dumps([*ids]), self._clock()),
            ).fetchall()
        return {record.id: record for record in map(record_of, rows)}

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
        with self._connections.writing() as connection:
            check_expected(self._version(connection, kind, id), expect)
            record = Record(kind, id, take_number(connection), body, self._clock(), expires_at)
            write_row(connection, record, fields or {})
        return record

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
        with self._connections.writing() as connection:
            check_expected(self._version(connection, kind, id), Expect.ABSENT)
            record = Record(kind, id, appended_version(), body, self._clock(), expires_at)
            write_row(connection, record, fields or {})
        return record

    def delete(self, kind: str, id: str, *, expect: int | Expect = Expect.ANYTHING) -> int:
        """Delete a document and return the number of the deletion. Raises StoreConflict."""
        with self._connections.writing() as connection:
            version = self._version(connection, kind, id)
            if version is None:
                raise StoreConflict("there is no such document", None)
            check_expected(version, expect)
            connection.execute("DELETE FROM fields WHERE kind = ? AND id = ?", (kind, id))
            if version < 0:
                connection.execute("DELETE FROM documents WHERE kind = ? AND id = ?", (kind, id))
                return version
            number = take_number(connection)
            connection.execute(
                "UPDATE documents SET version = ?, body = NULL, updated_at = ?, expires_at = NULL "
                "WHERE kind = ? AND id = ?",
                (number, self._clock(), kind, id),
            )
            return number

    def mark_used(self, kind: str, used: Mapping[str, int], *, append: bool = False) -> None:
        """Note when appended documents were last used, all in one transaction."""
        later = "max(?, coalesce(json_extract(body, '$.last_used'), 0))"
        with self._connections.writing() as connection:
            if append:
                connection.executemany(
                    f"INSERT OR IGNORE INTO documents ({COLUMNS}) VALUES (?, ?, ?, '{{}}', ?, NULL)",
                    [(kind, id, appended_version(), self._clock()) for id in used],
                )
            connection.executemany(
                f"UPDATE documents SET body = json_set(body, '$.last_used', {later}) "
                f"WHERE kind = ? AND id = ? AND version < 0 AND {ALIVE}",
                [(time, kind, id, self._clock()) for id, time in used.items()],
            )

    def remove(self, kind: str, ids: Collection[str]) -> int:
        """Delete appended documents in one transaction, and return how many were there."""
        removed = 0
        with self._connections.writing() as connection:
            for id in ids:
                where = (kind, id)
                row = connection.execute("DELETE FROM documents WHERE kind = ? AND id = ? AND version < 0", where)
                removed += row.rowcount
                if row.rowcount:
                    connection.execute("DELETE FROM fields WHERE kind = ? AND id = ?", where)
        return removed

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
        wanted, by_id, values = selection(kind, where or {}, self._clock())
        with self._connections.reading() as connection:
            total = UNCOUNTED
            if counted:
                total = connection.execute(f"SELECT count(*) {wanted}", values).fetchone()[0]
            rows = connection.execute(
                f"SELECT {COLUMNS} {wanted} AND {by_id} > ? ORDER BY {by_id} LIMIT ?", (*values, after, limit)
            )
            found, cut = within(rows, itemgetter(3), room)
            rows.close()
        return Page(tuple(record_of(row) for row in found), total, cut)

    def head(self) -> int:
        """Return the highest change number given out so far."""
        with self._connections.reading() as connection:
            return number_of(connection, "head")

    def changes(self, since: int, kinds: Collection[str]) -> Changes:
        """Return what happened after `since`: numbers become visible in order, so nothing can be missed."""
        marks = ", ".join("?" * len(kinds))
        with self._connections.reading() as connection:
            if 0 < since < number_of(connection, "floor"):
                raise FeedGap("deletions after the cursor have been swept")
            head = number_of(connection, "head")
            rows = connection.execute(
                f"SELECT {COLUMNS} FROM documents WHERE version > ? AND kind IN ({marks}) ORDER BY version",
                (since, *kinds),
            ).fetchall()
        now = self._clock()
        return Changes(tuple(change_of(row, now) for row in rows), head, head)

    def versions(self, kinds: Collection[str]) -> Mapping[tuple[str, str], int]:
        """Return the version of every live numbered document of these kinds."""
        marks = ", ".join("?" * len(kinds))
        with self._connections.reading() as connection:
            rows = connection.execute(
                f"SELECT kind, id, version FROM documents WHERE kind IN ({marks}) AND version > 0 AND {ALIVE}",
                (*kinds, self._clock()),
            ).fetchall()
        return {(kind, id): version for kind, id, version in rows}

    def sweep(self) -> int:
        """Remove expired documents and old traces of deletions; raise the floor of the feed accordingly.

        They are looked for beside the writers, and removed a few at a time: nobody waits for all of it.
        """
        now = self._clock()
        values = (now - TRACE_LIFETIME, now)
        with self._connections.reading() as connection:
            gone = connection.execute(f"SELECT kind, id FROM documents WHERE {GONE}", values).fetchall()
        removed = 0
        for start in range(0, len(gone), SWEPT_TOGETHER):
            with self._connections.writing() as connection:
                removed += sweep_rows(connection, gone[start : start + SWEPT_TOGETHER], values)
        return removed

    def close(self) -> None:
        """Close the connections of all threads."""
        self._connections.close()

    def _version(self, connection: sqlite3.Connection, kind: str, id: str) -> int | None:
        row = connection.execute(
            f"SELECT version FROM documents WHERE kind = ? AND id = ? AND {ALIVE}", (kind, id, self._clock())
        ).fetchone()
        return None if row is None else int(row[0])
