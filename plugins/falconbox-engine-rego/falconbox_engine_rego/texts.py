"""Texts as regopy is handed them. It keeps what JSON escapes in its escaped form: to it, a line break ends with an n.

So the characters that are escaped are given as others, which nobody uses, in modules and documents alike.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from falconbox import Undetermined

_FIRST = 0xFFF00
_ESCAPED = [*range(0x20), ord('"'), ord("\\")]
_THERE = {code: _FIRST + code for code in _ESCAPED}
_BACK = {_FIRST + code: code for code in _ESCAPED}
_USED = frozenset(chr(code) for code in _BACK)


def literal(text: str) -> str:
    """Return a text as it stands in a module. Raises ValueError for one that nobody would write."""
    return f'"{_there(text)}"'


def decoded(text: str) -> str:
    """Return what a text from regopy stands for."""
    return text.translate(_BACK)


def encoded(value: Any) -> Any:
    """Return a document with such texts. Raises Undetermined for one that has those characters already."""
    try:
        return _encoded(value)
    except ValueError:
        raise Undetermined("the request document has characters that are used for something else here") from None


def _encoded(value: Any) -> Any:
    if isinstance(value, str):
        return _there(value)
    if isinstance(value, Mapping):
        return {_there(key): _encoded(member) for key, member in value.items()}
    return [_encoded(member) for member in value] if isinstance(value, list) else value


def _there(text: str) -> str:
    if text.isascii() and text.isprintable() and '"' not in text and "\\" not in text:
        return text
    if not _USED.isdisjoint(text):
        raise ValueError("has characters that are used for something else here")
    return text.translate(_THERE)


def term(value: Any) -> str:
    """Return an encoded document as a term of Rego."""
    return json.dumps(value, ensure_ascii=False, allow_nan=False)


def has_fraction(value: Any) -> bool:
    """Whether a document has a float: regopy would keep six digits of it, if it were not handed over as a term."""
    waiting = [value]
    while waiting:
        held = waiting.pop()
        if isinstance(held, float):
            return True
        waiting += held.values() if isinstance(held, Mapping) else held if isinstance(held, list) else ()
    return False
