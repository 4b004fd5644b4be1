"""JSON (RFC 8259), read strictly: what two readers could understand differently is refused."""

from __future__ import annotations

import json
import math
import re
from typing import Any, Final

from falconbox.errors import Malformed, TooLarge
from falconbox.media import json_places
from falconbox.media.json_places import TWICE, Place, place_of
from falconbox.media.limits import MAX_INTEGER, MAX_NODES, check_text
from falconbox.model import MAX_DEPTH

MAX_BYTES: Final = 1024 * 1024
"""The largest JSON text in bytes."""

# A string that never ends is one token to its end: tried anew at each of its quotes, it would take quadratic time.
_STRUCTURE: Final = re.compile(r'"(?:[^"\\]|\\.)*+"?|[\[\]{},]', re.DOTALL)


def loads(data: bytes) -> Any:
    """Return the value of one JSON text. Raises Malformed with line and column, TooLarge.

    Refused: duplicate names, NaN and infinities, integers beyond +-2^53, floats that overflow, lone surrogates, a byte
    order mark, nesting deeper than MAX_DEPTH, more than MAX_NODES values, anything that is not UTF-8.
    """
    if len(data) > MAX_BYTES:
        raise TooLarge(f"JSON must not be larger than {MAX_BYTES} bytes")
    try:
        text = data.decode()
    except UnicodeDecodeError:
        raise Malformed("the JSON text is not UTF-8") from None
    _check_structure(text)
    try:
        value = _DECODER.decode(text)
        # The only way to a lone surrogate is an escape.
        if "\\u" in text:
            _check_surrogates(value)
    except json.JSONDecodeError as error:
        raise Malformed(f"not JSON: {error.msg}", line=error.lineno, column=error.colno) from None
    except Malformed as error:
        # The parser does not say where it was.
        raise _found_again(text, error) from None
    return value


def places(text: str) -> dict[str, Place]:
    """Return where the values of a text that `loads` reads stand, by JSON pointer."""
    return json_places.places(text, _scalar)


def _found_again(text: str, error: Malformed) -> Malformed:
    try:
        places(text)
    except Malformed as found:
        if found.detail == error.detail:
            return found
    return error


def _scalar(token: str) -> Any:
    if token[0] == '"' and "\\" not in token:
        return token[1:-1]
    value = _DECODER.decode(token)
    _check_surrogates(value)
    return value


def dumps(value: Any) -> bytes:
    """Return a value as compact JSON in UTF-8."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False).encode()


def _check_structure(text: str) -> None:
    """Count nesting and values without recursion, before the parser recurses."""
    depth = nodes = 0
    for token in _STRUCTURE.finditer(text):
        match token.group()[0]:
            case "[" | "{":
                depth += 1
                nodes += 1
            case "]" | "}":
                depth -= 1
            case ",":
                nodes += 1
        if depth > MAX_DEPTH or nodes > MAX_NODES:
            too_much = f"nests deeper than {MAX_DEPTH}" if depth > MAX_DEPTH else f"holds more than {MAX_NODES} values"
            line, column = place_of(text, token.start())
            raise Malformed(f"the JSON text {too_much}", line=line, column=column)


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise Malformed(TWICE)
    return found


def _constant(name: str) -> Any:
    raise Malformed(f"{name} is no JSON number")


def _integer(digits: str) -> int:
    # A number of a million digits is refused by its length, before any arithmetic.
    if len(digits) > 17 or abs(int(digits)) > MAX_INTEGER:
        raise Malformed("an integer is beyond +-2^53, where readers disagree about its value")
    return int(digits)


def _float(digits: str) -> float:
    value = float(digits)
    if math.isinf(value):
        raise Malformed("a number is too large for a float")
    return value


def _check_surrogates(value: Any) -> None:
    if isinstance(value, str):
        check_text(value)
    elif isinstance(value, dict):
        for name, member in value.items():
            check_text(name)
            _check_surrogates(member)
    elif isinstance(value, list):
        for item in value:
            _check_surrogates(item)


_DECODER: Final = json.JSONDecoder(
    object_pairs_hook=_object, parse_constant=_constant, parse_int=_integer, parse_float=_float
)
