"""The tables of the embedded store, and how a connection to it is opened."""

from __future__ import annotations

import os
import sqlite3
from pathlib import Path
from typing import Final

from falconbox.errors import StartupError
from falconbox.store import SCHEMA_VERSION

BUSY_TIMEOUT: Final = 30.0
"""Seconds that a writer waits for another one before it gives up."""

_TABLES: Final = (
    # A row without a body is the trace of a deletion.
    """CREATE TABLE documents (kind TEXT NOT NULL, id TEXT NOT NULL, version INTEGER NOT NULL, body TEXT,
       updated_at REAL NOT NULL, expires_at REAL, PRIMARY KEY (kind, id)) WITHOUT ROWID""",
    "CREATE UNIQUE INDEX documents_by_version ON documents (version)",
    "CREATE INDEX documents_by_expiry ON documents (expires_at) WHERE expires_at IS NOT NULL",
    """CREATE TABLE fields (kind TEXT NOT NULL, name TEXT NOT NULL, value TEXT NOT NULL, id TEXT NOT NULL,
       PRIMARY KEY (kind, name, value, id)) WITHOUT ROWID""",
    "CREATE INDEX fields_by_document ON fields (kind, id)",
    "CREATE TABLE numbers (name TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID",
    "INSERT INTO numbers (name, value) VALUES ('head', 0), ('floor', 0)",
)


def open_connection(path: Path) -> sqlite3.Connection:
    """Return a connection to the store in a file, which is made if it is not there.

    Raises StartupError when the file is no store, or one of another version, or cannot be opened.
    """
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        _make(path)
        connection = _connected(path)
    except (OSError, sqlite3.Error) as error:
        raise StartupError(f"the store {path} cannot be opened: {error}") from error
    try:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("PRAGMA foreign_keys = ON")
        _check_version(connection, path)
    except sqlite3.OperationalError as error:
        # Locked, no room, no rights: nothing that a backup would mend.
        connection.close()
        raise StartupError(f"the store {path} cannot be used: {error}") from error
    except sqlite3.DatabaseError as error:
        connection.close()
        raise StartupError(f"the store {path} cannot be read: {error}; restore it from a backup") from error
    except StartupError:
        connection.close()
        raise
    return connection


def open_in_memory() -> sqlite3.Connection:
    """Return the one connection to an empty store that is in no file."""
    connection = _connected(":memory:")
    connection.execute("PRAGMA temp_store = MEMORY")
    connection.execute("PRAGMA foreign_keys = ON")
    _check_version(connection, Path(":memory:"))
    return connection


def _connected(path: Path | str) -> sqlite3.Connection:
    return sqlite3.connect(path, timeout=BUSY_TIMEOUT, isolation_level=None, check_same_thread=False)


def _make(path: Path) -> None:
    """Make the file, unless it is there, so that SQLite never makes it (and the log beside it) readable for others."""
    try:
        made = os.open(os.path.realpath(path), os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    except FileExistsError:
        # It must not even be opened: closing it again would drop the locks that this process has on it (POSIX), and
        # another process would take itself for the last one and delete the log under us.
        return
    os.close(made)


def _check_version(connection: sqlite3.Connection, path: Path) -> None:
    version = _version(connection)
    if version == 0:
        connection.execute("BEGIN IMMEDIATE")
        # Another process may have made the tables while this one waited.
        version = _version(connection)
        if version == 0:
            _create(connection, path)
            version = SCHEMA_VERSION
        connection.execute("COMMIT")
    if version != SCHEMA_VERSION:
        raise StartupError(
            f"the store {path} has layout {version}, and this falconbox reads layout {SCHEMA_VERSION}:"
            " start it with the falconbox that wrote it, or with an empty data directory"
        )


def _create(connection: sqlite3.Connection, path: Path) -> None:
    if connection.execute("SELECT count(*) FROM sqlite_schema").fetchone()[0]:
        connection.execute("ROLLBACK")
        raise StartupError(f"{path} is an SQLite database, but no store of falconbox; name another file")
    for statement in _TABLES:
        connection.execute(statement)
    connection.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")


def _version(connection: sqlite3.Connection) -> int:
    return int(connection.execute("PRAGMA user_version").fetchone()[0])
