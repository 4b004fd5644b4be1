"""Lines of the process's own log that nobody outside can forge."""

from __future__ import annotations

import logging
import re
from types import TracebackType
from typing import Final

# What ends a line, steers a terminal, or turns the direction of writing around.
_UNSAFE: Final = re.compile("[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]")
_INDENT: Final = "    "


class OneLine(logging.Formatter):
    """Writes a record as one line, in which control characters stand escaped; the lines of a traceback are indented."""

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802  # the name that logging calls
        """Return the line."""
        return escaped(super().formatMessage(record))

    def formatException(  # noqa: N802  # the name that logging calls
        self, ei: tuple[type[BaseException], BaseException, TracebackType | None] | tuple[None, None, None]
    ) -> str:
        """Return the lines of a traceback. Its messages may hold a client's words."""
        return "\n".join(_INDENT + escaped(line) for line in super().formatException(ei).splitlines())


def escaped(text: str) -> str:
    """Return a text with its control characters written as escape sequences."""
    return _UNSAFE.sub(lambda match: match[0].encode("unicode_escape").decode(), text)
