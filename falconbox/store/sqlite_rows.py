"""How documents are laid out in SQLite."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Mapping, Sequence
from typing import Any, Final

from falconbox.store import Change, Record
from falconbox.store.stored_json import body_of

COLUMNS: Final = "kind, id, version, body, updated_at, expires_at"
ALIVE: Final = "body IS NOT NULL AND (expires_at IS NULL OR expires_at > ?)"
"""Which rows are documents, and no traces of deletions; the parameter is the time now."""

GONE: Final = "((body IS NULL AND updated_at <= ?) OR (expires_at IS NOT NULL AND expires_at <= ?))"
"""Which rows can be swept: old traces of deletions, and expired documents."""


def number_of(connection: sqlite3.Connection, name: str) -> int:
    """Return a number that the store keeps by name."""
    return int(connection.execute("SELECT value FROM numbers WHERE name = ?", (name,)).fetchone()[0])


def take_number(connection: sqlite3.Connection) -> int:
    """Take the next change number, in the transaction that it is for."""
    connection.execute("UPDATE numbers SET value = value + 1 WHERE name = 'head'")
    return number_of(connection, "head")


def selection(kind: str, where: Mapping[str, str], now: float) -> tuple[str, str, list[Any]]:
    """Return how the documents of a kind that carry every value in `where` are selected.

    That is the rest of a SELECT, its column of ids, and its values. With values it goes through the index of the first
    one, which is in the order of ids: a page costs what is on it, however many documents there are.
    """
    if not where:
        return f"FROM documents WHERE kind = ? AND {ALIVE}", "id", [kind, now]
    (name, value), *others = where.items()
    text = (
        "FROM fields CROSS JOIN documents USING (kind, id)"
        f" WHERE fields.kind = ? AND name = ? AND value = ? AND {ALIVE}"
    )
    values: list[Any] = [kind, name, value, now]
    for other in others:
        text += " AND (kind, ?, ?, id) IN (SELECT kind, name, value, id FROM fields)"
        values += other
    return text, "fields.id", values


def write_row(connection: sqlite3.Connection, record: Record, fields: Mapping[str, Sequence[str]]) -> None:
    """Put a document, with the values that it is found by, in the place of the one that may be there."""
    connection.execute("DELETE FROM fields WHERE kind = ? AND id = ?", (record.kind, record.id))
    text = json.dumps(record.body, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    connection.execute(
        f"INSERT OR REPLACE INTO documents ({COLUMNS}) VALUES (?, ?, ?, ?, ?, ?)",
        (record.kind, record.id, record.version, text, record.updated_at, record.expires_at),
    )
    connection.executemany(
        "INSERT OR IGNORE INTO fields (kind, name, value, id) VALUES (?, ?, ?, ?)",
        [(record.kind, name, value, record.id) for name, values in fields.items() for value in values],
    )


def sweep_rows(connection: sqlite3.Connection, rows: Sequence[tuple[str, str]], gone: tuple[float, float]) -> int:
    """Remove those of some rows that are still GONE, and return how many. The feed no longer reaches behind them."""
    removed, floor = 0, 0
    for row in rows:
        found = connection.execute(
            f"SELECT version FROM documents WHERE kind = ? AND id = ? AND {GONE}", (*row, *gone)
        ).fetchone()
        if found is not None:
            removed, floor = removed + 1, max(floor, found[0])
            connection.execute("DELETE FROM documents WHERE kind = ? AND id = ?", row)
            connection.execute("DELETE FROM fields WHERE kind = ? AND id = ?", row)
    connection.execute("UPDATE numbers SET value = max(value, ?) WHERE name = 'floor'", (floor,))
    return removed


def record_of(row: tuple[Any, ...]) -> Record:
    """Return the document that a row is. Raises StoreUnavailable if it is damaged."""
    kind, id, version, text, updated_at, expires_at = row
    return Record(kind, id, version, body_of(kind, id, text), updated_at, expires_at)


def change_of(row: tuple[Any, ...], now: float) -> Change:
    """Return the change that a row tells of."""
    kind, id, version, text, _, expires_at = row
    gone = text is None or (expires_at is not None and expires_at <= now)
    return Change(kind, id, version, None if gone else record_of(row))
