"""Words that explanations and refusals have in common, so that all engines speak alike. Public API."""

from __future__ import annotations

import difflib
import json
from collections.abc import Iterable, Sequence
from typing import Any, Final

MAX_QUOTED: Final = 80
"""Characters of a value that a sentence quotes."""


def escape(step: str | int) -> str:
    """Return one reference token of a JSON pointer (RFC 6901 section 3)."""
    return str(step).replace("~", "~0").replace("/", "~1")


def pointer_to(path: Iterable[str | int]) -> str:
    """Return the JSON pointer of a path."""
    return "".join(f"/{escape(step)}" for step in path)


def quoted(value: Any) -> str:
    """Return a value as a sentence quotes it: short, and so that no document can rearrange the sentence."""
    if isinstance(value, str):
        # repr escapes what does not print.
        return repr(shortened(value))
    # Piece by piece: no more of a long value is written than is quoted.
    text = ""
    for piece in json.JSONEncoder().iterencode(value):
        text += piece
        if len(text) > MAX_QUOTED:
            break
    return shortened(text)


def listed(values: Sequence[Any]) -> str:
    """Return values as a sentence lists them."""
    return shortened(", ".join(quoted(value) for value in values[:MAX_QUOTED]))


def shortened(text: str, limit: int = MAX_QUOTED) -> str:
    """Return a text, cut after so many characters."""
    return text if len(text) <= limit else f"{text[:limit]}..."


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """Return `; did you mean 'x'?` for the closest known name, or nothing."""
    close = difflib.get_close_matches(name, [*known], n=1)
    return f"; did you mean {close[0]!r}?" if close else ""


def never(place: str, wanted: Any) -> str:
    """Return why no request has a wanted value at the top of its document, or nothing. We tell, and never repair."""
    if isinstance(wanted, str) and place == "uri" and not wanted.startswith("/"):
        return f"; every uri starts with a slash, so no request ever has {quoted(wanted)}"
    if isinstance(wanted, str) and place == "request-method" and wanted != wanted.lower():
        return f"; request-method is in lower case, so no request ever has {quoted(wanted)}"
    return ""
