"""What a policy compares with something in the same request: `{"$data": "/jwt/pid"}` in const, constant and enum.

The schema is compiled once, with a keyword of our own where such a comparison stands. What all of them mean is looked
up before a document is judged, so that a policy cannot tell as soon as one of them means nothing.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final, TypeVar
from urllib.parse import unquote

import jsonschema_rs

from falconbox import Document, Undetermined
from falconbox_json_schema.comparison import Options
from falconbox_json_schema.subschemas import DATA, Subschema

POINTER: Final = re.compile(r"(?:/(?:[^~/]|~[01])*)+")
"""A JSON pointer below the top (RFC 6901 section 3)."""

_INDEX: Final = re.compile("0|[1-9][0-9]{0,8}")

PREFIX: Final = "$data "
"""With `const`, `constant` or `enum` after it, the keyword that stands for one of them in a compiled schema."""

Answer = TypeVar("Answer")


def pointer_of(value: Any) -> str | None:
    """Return the pointer of `{"$data": pointer}`, also where it is written as a fragment (#/jwt/pid), else None."""
    text = value.get("$data") if isinstance(value, dict) and len(value) == 1 else None
    if not isinstance(text, str):
        return None
    if text.startswith("#"):
        try:
            text = unquote(text.removeprefix("#"), errors="strict")
        except UnicodeDecodeError:
            return None
    return text if POINTER.fullmatch(text) else None


class Asked(threading.local):
    """What the question that a thread is asking is about."""

    options: tuple[Options, ...] = ()
    fault: BaseException | None = None


_ASKED: Final = Asked()


class _DiffersError(Exception):
    """How a keyword says no to the validator."""


class _Comparison:
    """The keyword in a compiled schema. Its value is the number of what it compares with."""

    __slots__ = ("_number",)

    def __init__(self, parent_schema: Mapping[str, Any], value: int, schema_path: list[str | int]) -> None:
        self._number = value

    def validate(self, instance: Any) -> None:
        """Raise if a value is none of the options. Whatever else may happen is kept: a failure is no answer."""
        try:
            if instance in _ASKED.options[self._number]:
                return
        except BaseException as error:  # noqa: BLE001  # the validator takes whatever is raised here for a no
            _ASKED.fault = error
        raise _DiffersError


KEYWORDS: Final[dict[str, type[jsonschema_rs.KeywordValidator]]] = dict.fromkeys(
    (PREFIX + keyword for keyword in DATA), _Comparison
)


class DataReferences:
    """Everything in one schema that is compared with something in the request."""

    def __init__(self, nodes: Iterable[Subschema]) -> None:
        found = {
            (pointer, keyword == "enum")
            for node in nodes
            for keyword in DATA & node.keywords.keys()
            if (pointer := pointer_of(node.keywords[keyword])) is not None
        }
        self._numbers = {meant: number for number, meant in enumerate(sorted(found))}
        self._steps = [(pointer, several, _steps(pointer)) for pointer, several in self._numbers]
        self.keys: frozenset[str] = frozenset(steps[0][0] for _, _, steps in self._steps)
        """The top-level keys of the document in which it stands."""

    def number(self, keyword: str, value: Any) -> int | None:
        """Return the number of what a keyword compares with in the request, None if it does not."""
        pointer = pointer_of(value) if keyword in DATA else None
        return None if pointer is None else self._numbers[pointer, keyword == "enum"]

    def ask(self, question: Callable[[Document], Answer], document: Document) -> Answer:
        """Return what a validator answers about a document. Raises Undetermined when something is missing."""
        before = _ASKED.options, _ASKED.fault
        options = [_options(document, pointer, steps, several=several) for pointer, several, steps in self._steps]
        _ASKED.options, _ASKED.fault = tuple(options), None
        try:
            answer = question(document)
            fault = _ASKED.fault
        finally:
            _ASKED.options, _ASKED.fault = before
        if isinstance(fault, ValueError):
            raise Undetermined(f"the request {fault}")
        if fault is not None:
            raise fault
        return answer


_Steps = tuple[tuple[str, int | None], ...]


def _steps(pointer: str) -> _Steps:
    names = [step.replace("~1", "/").replace("~0", "~") for step in pointer.split("/")[1:]]
    return tuple((name, int(name) if _INDEX.fullmatch(name) else None) for name in names)


def _found(value: Any, steps: _Steps) -> Any:
    """Return what stands there, None if nothing does."""
    for name, index in steps:
        if isinstance(value, Mapping):
            value = value.get(name)
        elif isinstance(value, list) and index is not None and index < len(value):
            value = value[index]
        else:
            return None
    return value


def found_at(document: Document, pointer: str) -> Any:
    """Return what stands at a pointer in a document, None if nothing does."""
    return _found(document, _steps(pointer))


def _options(document: Document, pointer: str, steps: _Steps, *, several: bool) -> Options:
    value = _found(document, steps)
    # Two values that are not known are not equal: null is as good as nothing.
    if value is None:
        raise Undetermined(f"the request has no {pointer[1:]}, and the policy compares with it")
    if several and not isinstance(value, list):
        raise Undetermined(f"{pointer[1:]} is no list, and the policy compares with its items")
    try:
        return Options(value if several else [value])
    except ValueError as error:
        raise Undetermined(f"{pointer[1:]} {error}, and the policy compares with it") from None
