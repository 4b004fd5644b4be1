"""For tests of engines: request documents that no policy author has thought of. Public by `falconbox.testing`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final


def nested(levels: int) -> Any:
    """Return a value nested so many levels deep."""
    value: Any = 1
    for level in range(levels):
        value = {"a": value} if level % 2 else [value]
    return value


HOSTILE: Final[Mapping[str, Mapping[str, Any]]] = {
    "empty": {},
    "plain": {"request-method": "get", "scheme": "http", "uri": "/Patient", "params": {"a": "1"}, "headers": {}},
    "as deep as may be": {"body": nested(60), "params": nested(61)},
    "wide": {"body": {str(number): [number] * 3 for number in range(10_000)}, "params": {"a": ["x"] * 10_000}},
    "long": {"uri": "/Patient" + "a" * 200_000, "request-method": "g" * 200_000},
    "odd keys": {"": 1, "\n": 2, "/": 3, "~1": 4, "é\u202e": 5, "__proto__": 6, "__entity": 7, "$ref": "#", "\x00": 8},
    "odd values": {"uri": "\x00\U0001f600", "params": [None, True, -0.0, 1e308, 2**53, -(2**53)], "body": None},
    "wrong kinds": {"request-method": ["get"], "uri": {"x": 1}, "params": "a", "client": 5, "headers": []},
}
"""Documents that are within the limits of a request document, and that no policy author has thought of."""

WHOLE: Final[Mapping[str, Any]] = {
    "request-method": "post", "scheme": "https", "uri": "/Patient", "query-string": "a=1", "params": {"a": "1"},
    "headers": {"accept": "*/*"}, "body": {"a": [1]}, "remote-addr": "192.0.2.1",
    "client": {"id": "app", "details": {}}, "session": {"id": "s"}, "jwt": {"sub": "app"},
}  # fmt: skip
"""A request document that has every key there is."""
