"""Limits that JSON and YAML share."""

from __future__ import annotations

from typing import Final

from falconbox.errors import Malformed

MAX_INTEGER: Final = 2**53
"""The largest integer that every reader of JSON keeps exactly."""

MAX_NODES: Final = 100_000
"""How many values one document may hold."""


def check_text(text: str) -> str:
    """Return a text that can be written as UTF-8. Raises Malformed for a lone surrogate."""
    try:
        text.encode()
    except UnicodeEncodeError:
        raise Malformed("a string holds half of a surrogate pair") from None
    return text
