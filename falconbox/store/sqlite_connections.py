"""Connections to the embedded store: one for each thread, opened anew after a fork, each use one transaction."""

from __future__ import annotations

import os
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from falconbox.errors import StartupError, StoreUnavailable
from falconbox.store.sqlite_schema import open_connection


class Connections:
    """Gives connections to one file. Raises StartupError if it cannot be opened the first time."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._local = threading.local()
        self._open: list[sqlite3.Connection] = []
        self._lock = threading.Lock()
        self._closed = False
        self._of_this_thread()

    def close(self) -> None:
        """Close the connections of all threads."""
        with self._lock:
            self._closed = True
            for connection in self._open:
                connection.close()
            self._open.clear()

    def _of_this_thread(self) -> sqlite3.Connection:
        """Return this thread's connection; a connection must not cross a fork."""
        held: tuple[int, sqlite3.Connection] | None = getattr(self._local, "held", None)
        if held is not None and held[0] == os.getpid():
            return held[1]
        with self._lock:
            if self._closed:
                raise StoreUnavailable("the store is closed")
            try:
                connection = open_connection(self._path)
            except StartupError as error:
                if not self._open:
                    raise
                raise StoreUnavailable(error.detail) from error
            self._open.append(connection)
        self._local.held = (os.getpid(), connection)
        return connection

    @contextmanager
    def reading(self) -> Iterator[sqlite3.Connection]:
        """Give a connection for reading, in one transaction: all its statements see one state."""
        with self._transaction("BEGIN") as connection:
            yield connection

    @contextmanager
    def writing(self) -> Iterator[sqlite3.Connection]:
        """Give a connection for writing; what was written is durable when the block has ended."""
        with self._transaction("BEGIN IMMEDIATE") as connection:
            yield connection

    @contextmanager
    def _transaction(self, begin: str) -> Iterator[sqlite3.Connection]:
        try:
            connection = self._of_this_thread()
            connection.execute(begin)
            try:
                yield connection
            except BaseException:
                connection.rollback()
                raise
            connection.commit()
        except sqlite3.Error as error:
            raise StoreUnavailable(f"SQLite: {error}") from error
