"""The embedded store: one SQLite file, for one host and a local disk.

Every write is one IMMEDIATE transaction on a write-ahead log with synchronous=FULL: what was acknowledged survives
kill -9, and power loss as far as the disk keeps its word.
"""

from __future__ import annotations

import json
import os
import secrets
import sqlite3
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from operator import itemgetter
from pathlib import Path
from typing import Any, Final

from falconbox.errors import FeedGap, StoreConflict
from falconbox.store import TRACE_LIFETIME, Change, Changes, Expect, Page, Record, within
from falconbox.store.sqlite_connections import Connections

_COLUMNS: Final = "kind, id, version, body, updated_at, expires_at"
_ALIVE: Final = "body IS NOT NULL AND (expires_at IS NULL OR expires_at > ?)"


class SqliteStore:
    """Keeps the store contract (`falconbox.store.Store`) in one SQLite file."""

    def __init__(self, path: str | os.PathLike[str], *, clock: Callable[[], float] = time.time) -> None:
        self._path = Path(path)
        self._clock = clock
        self._connections = Connections(self._path)

    @property
    def description(self) -> str:
        """Product and place."""
        return f"SQLite {self._path}"

    def get(self, kind: str, id: str) -> Record | None:
        """Return the document, or None."""
        with self._connections.reading() as connection:
            row = connection.execute(
                f"SELECT {_COLUMNS} FROM documents WHERE kind = ? AND id = ? AND {_ALIVE}", (kind, id, self._clock())
            ).fetchone()
        return None if row is None else _record(row)

    def get_many(self, kind: str, ids: Collection[str]) -> Mapping[str, Record]:
        """Return those of these documents that are there, by id."""
        # One value, since there can be only so many of them.
        wanted = "SELECT value FROM json_each(?)"
        with self._connections.reading() as connection:
            rows = connection.execute(
                f"SELECT {_COLUMNS} FROM documents WHERE kind = ? AND id IN ({wanted}) AND {_ALIVE}",
                (kind, json.dumps([*ids]), self._clock()),
            ).fetchall()
        return {record.id: record for record in map(_record, rows)}

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
            _check(self._version(connection, kind, id), expect)
            record = Record(kind, id, _next_number(connection), body, self._clock(), expires_at)
            _write(connection, record, fields or {})
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
            _check(self._version(connection, kind, id), Expect.ABSENT)
            record = Record(kind, id, _random_version(), body, self._clock(), expires_at)
            _write(connection, record, fields or {})
        return record

    def delete(self, kind: str, id: str, *, expect: int | Expect = Expect.ANYTHING) -> int:
        """Delete a document and return the number of the deletion. Raises StoreConflict."""
        with self._connections.writing() as connection:
            version = self._version(connection, kind, id)
            if version is None:
                raise StoreConflict("there is no such document", None)
            _check(version, expect)
            connection.execute("DELETE FROM fields WHERE kind = ? AND id = ?", (kind, id))
            if version < 0:
                connection.execute("DELETE FROM documents WHERE kind = ? AND id = ?", (kind, id))
                return version
            number = _next_number(connection)
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
                    f"INSERT OR IGNORE INTO documents ({_COLUMNS}) VALUES (?, ?, ?, '{{}}', ?, NULL)",
                    [(kind, id, _random_version(), self._clock()) for id in used],
                )
            connection.executemany(
                f"UPDATE documents SET body = json_set(body, '$.last_used', {later}) "
                f"WHERE kind = ? AND id = ? AND version < 0 AND {_ALIVE}",
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
    ) -> Page:
        """Return a page of the documents that carry every field value in `where`."""
        condition = f"kind = ? AND {_ALIVE}"
        values: list[Any] = [kind, self._clock()]
        for name, value in (where or {}).items():
            condition += " AND id IN (SELECT id FROM fields WHERE kind = ? AND name = ? AND value = ?)"
            values += [kind, name, value]
        with self._connections.reading() as connection:
            total = connection.execute(f"SELECT count(*) FROM documents WHERE {condition}", values).fetchone()[0]
            rows = connection.execute(
                f"SELECT {_COLUMNS} FROM documents WHERE {condition} AND id > ? ORDER BY id LIMIT ?",
                (*values, after, limit),
            )
            found, cut = within(rows, itemgetter(3), room)
            rows.close()
        return Page(tuple(_record(row) for row in found), total, cut)

    def head(self) -> int:
        """Return the highest change number given out so far."""
        with self._connections.reading() as connection:
            return _number(connection, "head")

    def changes(self, since: int, kinds: Collection[str]) -> Changes:
        """Return what happened after `since`: numbers become visible in order, so nothing can be missed."""
        marks = ", ".join("?" * len(kinds))
        with self._connections.reading() as connection:
            if 0 < since < _number(connection, "floor"):
                raise FeedGap("deletions after the cursor have been swept")
            head = _number(connection, "head")
            rows = connection.execute(
                f"SELECT {_COLUMNS} FROM documents WHERE version > ? AND kind IN ({marks}) ORDER BY version",
                (since, *kinds),
            ).fetchall()
        now = self._clock()
        return Changes(tuple(_change(row, now) for row in rows), head, head)

    def versions(self, kinds: Collection[str]) -> Mapping[tuple[str, str], int]:
        """Return the version of every live numbered document of these kinds."""
        marks = ", ".join("?" * len(kinds))
        with self._connections.reading() as connection:
            rows = connection.execute(
                f"SELECT kind, id, version FROM documents WHERE kind IN ({marks}) AND version > 0 AND {_ALIVE}",
                (*kinds, self._clock()),
            ).fetchall()
        return {(kind, id): version for kind, id, version in rows}

    def sweep(self) -> int:
        """Remove expired documents and old traces of deletions; raise the floor of the feed accordingly."""
        now = self._clock()
        with self._connections.writing() as connection:
            gone = "(body IS NULL AND updated_at <= ?) OR (expires_at IS NOT NULL AND expires_at <= ?)"
            values = (now - TRACE_LIFETIME, now)
            floor = connection.execute(f"SELECT max(version) FROM documents WHERE {gone}", values).fetchone()[0]
            connection.execute(
                f"DELETE FROM fields WHERE (kind, id) IN (SELECT kind, id FROM documents WHERE {gone})", values
            )
            removed = connection.execute(f"DELETE FROM documents WHERE {gone}", values).rowcount
            connection.execute(
                "UPDATE numbers SET value = max(value, ?) WHERE name = 'floor'", (0 if floor is None else floor,)
            )
        return removed

    def close(self) -> None:
        """Close the connections of all threads."""
        self._connections.close()

    def _version(self, connection: sqlite3.Connection, kind: str, id: str) -> int | None:
        row = connection.execute(
            f"SELECT version FROM documents WHERE kind = ? AND id = ? AND {_ALIVE}", (kind, id, self._clock())
        ).fetchone()
        return None if row is None else int(row[0])


def _check(version: int | None, expect: int | Expect) -> None:
    if expect is Expect.ANYTHING:
        return
    if expect is Expect.ABSENT:
        if version is not None:
            raise StoreConflict("the document exists already", version)
    elif version != expect:
        raise StoreConflict("the document is not at the expected version", version)


def _number(connection: sqlite3.Connection, name: str) -> int:
    return int(connection.execute("SELECT value FROM numbers WHERE name = ?", (name,)).fetchone()[0])


def _next_number(connection: sqlite3.Connection) -> int:
    connection.execute("UPDATE numbers SET value = value + 1 WHERE name = 'head'")
    return _number(connection, "head")


def _random_version() -> int:
    return -1 - secrets.randbits(52)


def _write(connection: sqlite3.Connection, record: Record, fields: Mapping[str, Sequence[str]]) -> None:
    connection.execute("DELETE FROM fields WHERE kind = ? AND id = ?", (record.kind, record.id))
    text = json.dumps(record.body, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    connection.execute(
        f"INSERT OR REPLACE INTO documents ({_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?)",
        (record.kind, record.id, record.version, text, record.updated_at, record.expires_at),
    )
    connection.executemany(
        "INSERT OR IGNORE INTO fields (kind, name, value, id) VALUES (?, ?, ?, ?)",
        [(record.kind, name, value, record.id) for name, values in fields.items() for value in values],
    )


def _record(row: tuple[Any, ...]) -> Record:
    kind, id, version, text, updated_at, expires_at = row
    return Record(kind, id, version, json.loads(text), updated_at, expires_at)


def _change(row: tuple[Any, ...], now: float) -> Change:
    kind, id, version, text, _, expires_at = row
    gone = text is None or (expires_at is not None and expires_at <= now)
    return Change(kind, id, version, None if gone else _record(row))
