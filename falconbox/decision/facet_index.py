"""Find the policies that could say yes or fail, without asking those that cannot.

A policy is filed under the one condition of its facets that fewest documents fulfil. What has no condition is asked
each time. What is found holds every policy that matters and perhaps others, in the order in which they were handed in.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Hashable, Mapping, Sequence
from typing import Any, Final, Protocol

from falconbox.containment import SCALARS
from falconbox.engine import All, Facets
from falconbox.model import Document

SMALL: Final = 4
"""So few policies are asked without looking anything up."""

_NOTHING: Final = object()


class Filed(Protocol):
    """What can be filed."""

    @property
    def facets(self) -> Facets:
        """Conditions without which it does not matter."""

    @property
    def reads(self) -> frozenset[str] | All:
        """The keys of the document that it reads: when one of them is unknown it matters in any case, for it fails."""


class FacetIndex:
    """Places of policies in a sequence, filed by their facets. Never changed after it is made."""

    def __init__(self, policies: Sequence[Filed]) -> None:
        self._uris: dict[str, list[int]] = defaultdict(list)
        self._constants: dict[str, dict[Any, list[int]]] = defaultdict(lambda: defaultdict(list))
        self._prefixes: dict[str, list[int]] = defaultdict(list)
        self._methods: dict[str, list[int]] = defaultdict(list)
        self._by_uri: list[int] = []
        self._by_method: list[int] = []
        self._always: list[int] = []
        self._readers: dict[str, list[int]] = defaultdict(list)
        self._readers_of_all: list[int] = []
        for place, policy in enumerate(policies):
            self._note(place, policy.reads)
            self._file(place, policy.facets)
        self._lengths = sorted({len(prefix) for prefix in self._prefixes})
        self._steps = {pointer: _steps(pointer) for pointer in self._constants}

    def places(self, document: Document, *, unknown: frozenset[str]) -> Sequence[int]:
        """Return the places of all policies that could matter for a document some of whose keys may be unknown."""
        uri, method = document.get("uri"), document.get("request-method")
        found = [*self._always]
        if isinstance(uri, str):
            found += self._uris.get(uri, ())
            for length in self._lengths:
                found += self._prefixes.get(uri[:length], ())
        else:
            found += self._by_uri  # only a string can fail these conditions
        found += self._methods.get(method, ()) if isinstance(method, str) else self._by_method
        for pointer, filed in self._constants.items():
            found += filed.get(_hashable(_at(document, self._steps[pointer])), ())
        if unknown:
            found += self._readers_of_all
            for key in unknown:
                found += self._readers.get(key, ())
        return sorted(set(found))

    def _note(self, place: int, reads: frozenset[str] | All) -> None:
        if isinstance(reads, All):
            self._readers_of_all.append(place)
            return
        for key in reads:
            self._readers[key].append(place)

    def _file(self, place: int, facets: Facets) -> None:
        if facets.uris is not None:
            self._by_uri.append(place)
            for uri in facets.uris:
                self._uris[uri].append(place)
        elif facets.constants:
            pointer = min(facets.constants)
            self._constants[pointer][facets.constants[pointer]].append(place)
        elif facets.uri_prefix is not None:
            self._by_uri.append(place)
            self._prefixes[facets.uri_prefix].append(place)
        elif facets.methods is not None:
            self._by_method.append(place)
            for method in facets.methods:
                self._methods[method].append(place)
        else:
            self._always.append(place)


def _steps(pointer: str) -> tuple[str, ...]:
    return tuple(part.replace("~1", "/").replace("~0", "~") for part in pointer.split("/")[1:])


def _at(document: Any, steps: tuple[str, ...]) -> Any:
    for step in steps:
        if not isinstance(document, Mapping) or step not in document:
            return _NOTHING
        document = document[step]
    return document


def _hashable(value: Any) -> Hashable:
    # A list or an object equals none of the constants, which are strings, numbers, booleans and null.
    return value if isinstance(value, SCALARS) else _NOTHING
