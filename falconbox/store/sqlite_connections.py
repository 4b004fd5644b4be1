"""Connections to the embedded store, each use one transaction.

To a file one for each thread, opened anew after a fork; to what is in memory one for all of them.
"""

from __future__ import annotations

import os
import sqlite3
import threading
from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

from falconbox.errors import StartupError, StoreUnavailable
from falconbox.store.sqlite_schema import open_connection, open_in_memory

Files = tuple[tuple[int, int] | None, ...]
"""Device and inode of each file of a store; None: it is not there."""


class Connections(ABC):
    """Gives connections, each for one transaction."""

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
            with self._held() as connection:
                connection.execute(begin)
                try:
                    yield connection
                except BaseException:
                    connection.rollback()
                    raise
                connection.commit()
        except sqlite3.Error as error:
            raise StoreUnavailable(f"SQLite: {error}") from error

    @abstractmethod
    def _held(self) -> AbstractContextManager[sqlite3.Connection]:
        """Give a connection that nobody else uses meanwhile."""

    @abstractmethod
    def close(self) -> None:
        """Close them all."""


class FileConnections(Connections):
    """Gives connections to one file. Raises StartupError if it cannot be opened the first time."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._local = threading.local()
        self._open: list[sqlite3.Connection] = []
        self._lock = threading.Lock()
        self._closed = False
        self._files: tuple[int, Files] | None = None
        self._of_this_thread()

    @contextmanager
    def writing(self) -> Iterator[sqlite3.Connection]:
        """Give a connection for writing; what was written is durable when the block has ended."""
        with super().writing() as connection:
            yield connection
        self._check_files()  # what went into files that have been removed meanwhile is not to be acknowledged

    def close(self) -> None:
        """Close the connections of all threads."""
        with self._lock:
            self._closed = True
            for connection in self._open:
                connection.close()
            self._open.clear()

    def _of_this_thread(self) -> sqlite3.Connection:
        """Return this thread's connection; a connection must not cross a fork."""
        self._check_files()
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
            if self._files is None or self._files[0] != os.getpid():
                # From now on this process keeps all of them open, so nobody replaces one rightly.
                self._files = os.getpid(), _files_at(self._path)
        self._local.held = (os.getpid(), connection)
        return connection

    def _check_files(self) -> None:
        """Raise StoreUnavailable if the files are no longer those that are open.

        What is written to a file that has been removed is lost when the process ends, and a connection that is opened
        by the path would make a new, empty store.
        """
        if self._files is not None and self._files[0] == os.getpid() and self._files[1] != _files_at(self._path):
            raise StoreUnavailable(
                f"the store {self._path}, or the -wal or -shm file beside it, has been removed or replaced:"
                " put back what stood there, or stop all that use it and restore it"
            )

    @contextmanager
    def _held(self) -> Iterator[sqlite3.Connection]:
        yield self._of_this_thread()


class MemoryConnection(Connections):
    """Gives the connection to a store that is in no file, to one thread at a time.

    A fork has a copy of it, in whatever state it was: there it is closed.
    """

    def __init__(self) -> None:
        self._process = os.getpid()
        self._lock = threading.Lock()
        self._closed = False
        self._connection = open_in_memory()

    def close(self) -> None:
        """Let go of the store, and of what is in it."""
        if os.getpid() != self._process:
            return  # the lock could have been held by a thread that is not here
        with self._lock:
            self._closed = True
            self._connection.close()

    @contextmanager
    def _held(self) -> Iterator[sqlite3.Connection]:
        if os.getpid() != self._process:
            raise StoreUnavailable("the store is another process's")
        with self._lock:
            if self._closed:
                raise StoreUnavailable("the store is closed")
            yield self._connection


def _files_at(path: Path) -> Files:
    """Return which files stand at the path of a store: the database, its log and the index of that."""
    return tuple(_identity(f"{path}{suffix}") for suffix in ("", "-wal", "-shm"))


def _identity(path: str) -> tuple[int, int] | None:
    try:
        found = os.stat(path)
    except OSError:
        return None
    return found.st_dev, found.st_ino
