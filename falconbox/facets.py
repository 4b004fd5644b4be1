"""What must hold for a policy to matter: the conditions by which policies are found without asking each. Public API."""

from __future__ import annotations

import dataclasses
import os.path
from collections.abc import Iterable, Mapping
from typing import Any, Final


@dataclasses.dataclass(frozen=True, slots=True)
class Strings:
    """Which strings something accepts at most: those of `values` (None: any), and those that have `prefix`."""

    values: frozenset[str] | None = None
    prefix: str | None = None

    def both(self, other: Strings) -> Strings:
        """Return what both accept."""
        known = [strings.values for strings in (self, other) if strings.values is not None]
        prefix = max((strings.prefix or "" for strings in (self, other)), key=len)
        values = frozenset.intersection(*known) if known else None
        return Strings(values, prefix or None)

    @staticmethod
    def either(alternatives: Iterable[Strings]) -> Strings:
        """Return what at least one accepts; anything, if there is none or nothing is known of one."""
        known = [*alternatives]
        if not known or ANY_STRING in known:
            return ANY_STRING
        if all(strings.values is not None for strings in known):
            return Strings(frozenset().union(*(strings.values or () for strings in known)))
        starts = [
            start
            for strings in known
            for start in ([strings.prefix or ""] if strings.values is None else strings.values)
        ]
        return Strings(prefix=os.path.commonprefix(starts) or None)  # noqa: RUF071  # of texts, letter by letter


ANY_STRING: Final = Strings()


@dataclasses.dataclass(frozen=True, slots=True)
class Facets:
    """Conditions without which a policy never says yes, and never fails. None: no such condition is known.

    `methods` are values of `request-method`, `uris` exact values of `uri`, `uri_prefix` a prefix of it: only a string
    can fail them, so where the document has none there they hold. `constants` maps JSON pointers into the document,
    such as `/client/id`, to a string, number, boolean or null that must stand there; where nothing stands they fail.
    They start with a key that the evaluator reads.
    """

    methods: frozenset[str] | None = None
    uris: frozenset[str] | None = None
    uri_prefix: str | None = None
    constants: Mapping[str, Any] = dataclasses.field(default_factory=dict)

    def both(self, other: Facets) -> Facets:
        """Return the conditions of something that needs what each of two needs."""
        method = Strings(self.methods).both(Strings(other.methods))
        uri = Strings(self.uris, self.uri_prefix).both(Strings(other.uris, other.uri_prefix))
        return Facets(method.values, uri.values, uri.prefix, {**other.constants, **self.constants})

    @staticmethod
    def either(alternatives: Iterable[Facets]) -> Facets:
        """Return the conditions of something that needs what one of several needs, whichever it is."""
        known = [*alternatives]
        method = Strings.either(Strings(facets.methods) for facets in known)
        uri = Strings.either(Strings(facets.uris, facets.uri_prefix) for facets in known)
        shared = _shared([facets.constants for facets in known])
        return Facets(method.values, uri.values, uri.prefix, shared)

    def texts_hold(self, document: Mapping[str, Any]) -> bool:
        """Whether the conditions on method and uri hold: asked first by evaluators that can fail in other ways."""
        method, uri = document.get("request-method"), document.get("uri")
        if isinstance(method, str) and self.methods is not None and method not in self.methods:
            return False
        return not isinstance(uri, str) or (
            (self.uris is None or uri in self.uris) and (self.uri_prefix is None or uri.startswith(self.uri_prefix))
        )

    def hold(self, document: Mapping[str, Any]) -> bool:
        """Whether all conditions hold: asked by evaluators that would fail, and must say no where they do not."""
        return self.texts_hold(document) and all(
            _stands(document, pointer, value) for pointer, value in self.constants.items()
        )


NO_FACETS: Final = Facets()


def _stands(document: Any, pointer: str, wanted: Any) -> bool:
    for step in pointer.split("/")[1:]:
        name = step.replace("~1", "/").replace("~0", "~")
        if not isinstance(document, Mapping) or name not in document:
            return False
        document = document[name]
    return bool(document == wanted)


def _shared(several: list[Mapping[str, Any]]) -> dict[str, Any]:
    # True equals 1 in Python, and not in JSON.
    return {
        pointer: value
        for pointer, value in (several[0].items() if several else ())
        if all(
            pointer in constants and type(constants[pointer]) is type(value) and constants[pointer] == value
            for constants in several
        )
    }
