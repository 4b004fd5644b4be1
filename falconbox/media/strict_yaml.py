"""YAML 1.2, core types only, built straight from the parser's events so that limits hold while it is still reading.

libyaml's own composer can be made to crash the process, and PyYAML reads YAML 1.1, in which `no` is false and `1:30` is
90. Here there are no tags, no anchors, no aliases, no merge keys and no duplicate keys, and every error has its place.
"""

from __future__ import annotations

import dataclasses
import math
import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

import yaml

from falconbox.errors import Malformed, TooLarge
from falconbox.media.limits import MAX_INTEGER, MAX_NODES, check_text
from falconbox.model import MAX_DEPTH
from falconbox.wording import escape

MAX_BYTES: Final = 256 * 1024
"""The largest YAML text in bytes: libyaml takes quadratic time on some."""

Place = tuple[int, int]
"""Line and column, from 1."""

_LOADER: Final = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_WORDS: Final = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL")),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
}
_INT: Final = re.compile(r"[-+]?[0-9]+")
_OCTAL_OR_HEX: Final = re.compile(r"0o[0-7]+|0x[0-9a-fA-F]+")
_FLOAT: Final = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
_NO_NUMBER: Final = re.compile(r"[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)")
# YAML 1.2 reads the first three as ordinary characters, YAML 1.1 and libyaml as line breaks; between them a key could
# hide. To libyaml a byte order mark indents the line that it starts, to other readers it belongs to the key.
_TWO_READINGS: Final = re.compile("[\x85\u2028\u2029\ufeff]")


@dataclasses.dataclass(frozen=True, slots=True)
class Located:
    """A document, and where in the text each of its values stands, by JSON pointer."""

    value: Any
    positions: Mapping[str, Place]


def loads(data: bytes) -> Any:
    """Return the value of a text of exactly one document. Raises Malformed with line and column, TooLarge."""
    documents = load_all(data)
    if len(documents) != 1:
        raise Malformed(f"the YAML text must hold one document, not {len(documents)}")
    return documents[0].value


def load_all(data: bytes) -> list[Located]:
    """Return all documents of a text, with positions. Raises Malformed with line and column, TooLarge."""
    if len(data) > MAX_BYTES:
        raise TooLarge(f"YAML must not be larger than {MAX_BYTES} bytes")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise Malformed("the YAML text is not UTF-8") from None
    found = _TWO_READINGS.search(text)
    if found is not None:
        what = "a byte order mark (U+FEFF)" if found[0] == "\ufeff" else "a line break of YAML 1.1"
        line = text.count("\n", 0, found.start()) + 1
        detail = f'the YAML text holds {what}, which readers take for different things: write "\\u{ord(found[0]):04X}"'
        raise Malformed(detail, line=line, column=1)
    try:
        return [*_Builder(yaml.parse(text, Loader=_LOADER)).documents()]
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        where = {} if mark is None else {"line": mark.line + 1, "column": mark.column + 1}
        raise Malformed(f"not YAML: {error.problem or error.context}{_hint(text, mark)}", **where) from None
    except yaml.YAMLError as error:
        raise Malformed(f"not YAML: {getattr(error, 'reason', 'unreadable')}") from None


def _hint(text: str, mark: Any) -> str:
    """Return what to do about a character that nothing starts with: a tab, or a sign that YAML keeps for itself."""
    sign = "" if mark is None else text[mark.index : mark.index + 1]
    if sign == "\t":
        return ": indent by spaces"
    return f": put what starts with {sign} into quotes" if sign and sign in "%@`" else ""


class _Builder:
    """Turns events into values. Recursion is bounded by MAX_DEPTH."""

    def __init__(self, events: Iterator[Any]) -> None:
        self._events = events
        self._nodes = 0
        self._positions: dict[str, Place] = {}

    def documents(self) -> Iterator[Located]:
        for event in self._events:
            if isinstance(event, yaml.DocumentStartEvent):
                if event.version not in (None, (1, 2)):
                    raise _malformed(event, "only YAML 1.2 is read")
                self._positions = {}
                value = self._value(next(self._events), "", 1)
                yield Located(value, self._positions)

    def _value(self, event: Any, pointer: str, depth: int) -> Any:
        self._check(event, depth)
        self._positions[pointer] = _place(event)
        if isinstance(event, yaml.ScalarEvent):
            return _scalar(event)
        if isinstance(event, yaml.SequenceStartEvent):
            return self._sequence(pointer, depth)
        return self._mapping(pointer, depth)

    def _check(self, event: Any, depth: int) -> None:
        self._nodes += 1
        if self._nodes > MAX_NODES:
            raise _malformed(event, f"the YAML text holds more than {MAX_NODES} values")
        if depth > MAX_DEPTH and isinstance(event, yaml.CollectionStartEvent):
            raise _malformed(event, f"the YAML text nests deeper than {MAX_DEPTH}")
        if isinstance(event, yaml.AliasEvent) or event.anchor is not None:
            raise _malformed(event, "anchors and aliases are not read: write the value out")
        if event.tag is not None:
            raise _malformed(event, "tags are not read: write a plain value")

    def _sequence(self, pointer: str, depth: int) -> list[Any]:
        items: list[Any] = []
        while not isinstance(event := next(self._events), yaml.SequenceEndEvent):
            items.append(self._value(event, f"{pointer}/{len(items)}", depth + 1))
        return items

    def _mapping(self, pointer: str, depth: int) -> dict[str, Any]:
        members: dict[str, Any] = {}
        while not isinstance(event := next(self._events), yaml.MappingEndEvent):
            self._check(event, depth + 1)
            name = _scalar(event) if isinstance(event, yaml.ScalarEvent) else None
            if not isinstance(name, str):
                raise _malformed(event, "a key must be a string: put it in quotes")
            if name == "<<" and _is_plain(event):
                raise _malformed(event, "merge keys (<<) are not read: write the members out")
            if name in members:
                raise _malformed(event, "the key stands twice in one mapping")
            below = f"{pointer}/{escape(name)}"
            place = _place(event)
            members[name] = self._value(next(self._events), below, depth + 1)
            # Of a member, its key is what people look for.
            self._positions[below] = place
        return members


def _scalar(event: Any) -> Any:
    text: str = event.value
    if not _is_plain(event):
        return check_text(text)
    if text in _WORDS:
        return _WORDS[text]
    if _INT.fullmatch(text):
        return _integer(event, text, 10)
    if _OCTAL_OR_HEX.fullmatch(text):
        return _integer(event, text[2:], 8 if text[1] == "o" else 16)
    if _FLOAT.fullmatch(text):
        value = float(text)
        if math.isinf(value):
            raise _malformed(event, "a number is too large for a float")
        return value
    if _NO_NUMBER.fullmatch(text):
        raise _malformed(event, "infinities and NaN are no JSON numbers")
    return check_text(text)


def _is_plain(event: Any) -> bool:
    # Without quotes: libyaml says "", the parser in Python says None.
    return not event.style


def _integer(event: Any, digits: str, base: int) -> int:
    # Without leading zeros: Python counts them among the digits that it refuses to convert.
    significant = digits.lstrip("+-0") or "0"
    if len(significant) > 18 or (value := int(significant, base)) > MAX_INTEGER:
        raise _malformed(event, "an integer is beyond +-2^53, where readers disagree about its value")
    return -value if digits.startswith("-") else value


def _place(event: Any) -> Place:
    return event.start_mark.line + 1, event.start_mark.column + 1


def _malformed(event: Any, detail: str) -> Malformed:
    line, column = _place(event)
    return Malformed(detail, line=line, column=column)
