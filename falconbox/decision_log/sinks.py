"""Where records go: standard output, a file, or nowhere. One JSON object a line."""

from __future__ import annotations

import errno
import os
import sys
from contextlib import suppress
from pathlib import Path
from typing import Protocol


class Sink(Protocol):
    """Takes lines. Used by one thread at a time."""

    def write(self, lines: bytes) -> None:
        """Hand lines over. Raises OSError."""

    def sync(self) -> None:
        """Return when all lines handed over are durable. Raises OSError."""

    def close(self) -> None:
        """Let go."""


class StandardOutput:
    """Writes to standard output."""

    def write(self, lines: bytes) -> None:
        """Write all of the lines; waits for as long as nobody reads them."""
        # Not through Python's buffer: one that is blocked while the process ends takes the process down with it.
        write_all(sys.stdout.fileno(), lines)

    def sync(self) -> None:
        """Do nothing: a pipe cannot be made durable, which is why a required log must be a file."""

    def close(self) -> None:
        """Leave standard output open: it is not ours."""


class Nowhere(StandardOutput):
    """Keeps nothing."""

    def write(self, lines: bytes) -> None:
        """Drop the lines."""


class LogFile:
    """Appends to a file of mode 0600, and opens it anew when it has been moved away (log rotation)."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._fd = self._open()

    def write(self, lines: bytes) -> None:
        """Append all of the lines; what a full disk has cut is taken back, so that no half line stays."""
        if self._moved():
            # Opened before the old one is closed: when it cannot be, a number that is kept would soon be that of
            # somebody's connection, and records would go there.
            opened = self._open()
            os.close(self._fd)
            self._fd = opened
        end = os.fstat(self._fd).st_size
        try:
            write_all(self._fd, lines)
        except OSError as error:
            with suppress(OSError):  # a pipe cannot be cut, and that would hide what is wrong with it
                os.ftruncate(self._fd, end)
            raise OSError(error.errno, error.strerror, str(self._path)) from error

    def sync(self) -> None:
        """Wait for the disk."""
        os.fsync(self._fd)

    def close(self) -> None:
        """Close the file."""
        os.close(self._fd)

    def _open(self) -> int:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        fd = _open_to_append(self._path)
        try:
            if _is_cut(self._path):
                # A power failure has left half a line: what is written next must not become a part of it.
                write_all(fd, b"\n")
        except OSError:
            os.close(fd)
            raise
        return fd

    def _moved(self) -> bool:
        try:
            there = self._path.stat()
        except FileNotFoundError:
            return True
        here = os.fstat(self._fd)
        return (there.st_ino, there.st_dev) != (here.st_ino, here.st_dev)


def _open_to_append(path: Path) -> int:
    """Open a file, which is made if it is not there. Raises OSError, also for a pipe that nobody reads."""
    # Not blocking, since opening a pipe without a reader would last until there is one; writing waits as usual.
    flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC | os.O_NONBLOCK
    try:
        fd = os.open(path, flags, 0o600)
    except OSError as error:
        if error.errno == errno.ENXIO:
            raise OSError(errno.ENXIO, "it is a pipe or socket that nobody reads", str(path)) from error
        raise
    os.set_blocking(fd, True)
    return fd


def _is_cut(path: Path) -> bool:
    """Whether a file does not end with the end of a line. What cannot be read is no file of lines, such as a pipe."""
    if not path.is_file() or path.stat().st_size == 0:
        return False
    try:
        with path.open("rb") as file:
            file.seek(-1, os.SEEK_END)
            return file.read(1) != b"\n"
    except OSError:
        return False


def write_all(fd: int, data: bytes) -> None:
    """Write all of the bytes to a file descriptor. Raises OSError; some may have been written by then."""
    written = os.write(fd, data)
    while written < len(data):
        written += os.write(fd, data[written:])


def open_sink(where: str) -> Sink:
    """Return the sink for `stdout`, `none` or a file's path. Raises OSError when it cannot be opened, or is closed."""
    if where == "stdout":
        if sys.stdout is None:
            raise OSError(errno.EBADF, "it is closed, so name a file for the logs, or none", "standard output")
        return StandardOutput()
    return Nowhere() if where == "none" else LogFile(Path(where))
