"""`application/x-www-form-urlencoded`, read strictly."""

from __future__ import annotations

from typing import Final
from urllib.parse import unquote_to_bytes

from falconbox.errors import Malformed, TooLarge

MAX_BYTES: Final = 64 * 1024
MAX_FIELDS: Final = 100

REPEATABLE: Final = frozenset({"resource"})
"""Names that may stand more than once (RFC 8707 section 2)."""


def loads(data: bytes) -> dict[str, str | list[str]]:
    """Return the fields of a form; one that is repeated has a list of values. Raises Malformed, TooLarge.

    A name that stands twice and is not REPEATABLE is refused (RFC 6749 section 3.2), and so are broken
    percent-encoding and text that is not UTF-8.
    """
    if len(data) > MAX_BYTES:
        raise TooLarge(f"a form must not be larger than {MAX_BYTES} bytes")
    fields: dict[str, list[str]] = {}
    pieces = [piece for piece in data.split(b"&") if piece]
    if len(pieces) > MAX_FIELDS:
        raise Malformed(f"the form holds more than {MAX_FIELDS} fields")
    for piece in pieces:
        name, _, value = piece.partition(b"=")
        key = _text(name)
        if key in fields and key not in REPEATABLE:
            raise Malformed("a field stands twice in the form")
        fields.setdefault(key, []).append(_text(value))
    return {key: values if len(values) > 1 else values[0] for key, values in fields.items()}


def _text(encoded: bytes) -> str:
    for after in encoded.split(b"%")[1:]:
        if len(after) < 2 or not all(digit in b"0123456789abcdefABCDEF" for digit in after[:2]):
            raise Malformed("the form holds a % without two hexadecimal digits")
    try:
        return unquote_to_bytes(encoded.replace(b"+", b" ")).decode()
    except UnicodeDecodeError:
        raise Malformed("the form is not UTF-8") from None
