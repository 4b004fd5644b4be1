"""What stands between a stranger's evaluator and everybody else: it is handed copies, and its reasons are looked at."""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Iterable, Mapping
from collections.abc import Set as AbstractSet
from types import NoneType
from typing import Any, Final

from falconbox.bounds import Unbounded, canonical_text
from falconbox.engine import All, Evaluator, Facets
from falconbox.errors import PolicyInvalid, Problem
from falconbox.model import Document, Reason, Verdict
from falconbox.wording import shortened

SCALARS: Final = (str, int, float, NoneType)
"""What a constant among facets may be."""

MAX_REASONS: Final = 10
"""How many reasons of a stranger's explanation are shown."""

MAX_MESSAGE: Final = 1000
"""How many characters of each."""


class Contained:
    """Asks a stranger's evaluator about a copy of what it says that it reads.

    The document belongs to all policies of a request, and parts of it, such as the client, to all requests: an engine
    that changed it would decide for others.
    """

    def __init__(self, evaluator: Evaluator) -> None:
        """Raises PolicyInvalid if what it declares cannot be what it means."""
        self._evaluator = evaluator
        self.reads = names(evaluator.reads)
        self.facets = checked(evaluator.facets, self.reads)

    def evaluate(self, document: Document) -> bool:
        """Return what the evaluator answers; raise what it raises."""
        return self._evaluator.evaluate(self._copy(document))

    def explain(self, document: Document) -> Verdict:
        """Return what the evaluator explains, no more than is shown of it; raise what it raises."""
        verdict = self._evaluator.explain(self._copy(document))
        return Verdict(verdict.matched, _shown(verdict.reasons))

    def _copy(self, document: Document) -> dict[str, Any]:
        keys = document if isinstance(self.reads, All) else self.reads
        return {key: copied(document[key]) for key in keys if key in document}


def names(reads: object) -> frozenset[str] | All:
    """Return a copy of what an evaluator declares to read: what its engine adds later has not been declared.

    Raises PolicyInvalid. A text would be taken for its letters, and an evaluator that is shown nothing says no.
    """
    if isinstance(reads, All):
        return reads
    if not isinstance(reads, AbstractSet) or not all(isinstance(key, str) for key in reads):
        raise _useless("reads are neither ALL nor a set of texts")
    return frozenset(reads)


def checked(facets: object, reads: frozenset[str] | All) -> Facets:
    """Return what an evaluator declares, which is a stranger's word. Raises PolicyInvalid when it cannot be filed.

    What it does not read may not be in the document, so a policy filed by that would never be found.
    """
    if not isinstance(facets, Facets):
        raise _useless("facets are no Facets")
    if not all(texts is None or isinstance(texts, AbstractSet) for texts in (facets.methods, facets.uris)):
        raise _useless("facets have methods or uris that are no set of texts")
    # None is no condition, and anything else must be a text: False or b"" would be no prefix of any uri.
    prefix = () if facets.uri_prefix is None else (facets.uri_prefix,)
    strings = [*(facets.methods or ()), *(facets.uris or ()), *facets.constants, *prefix]
    scalars = facets.constants.values()
    if not all(isinstance(text, str) for text in strings) or not all(isinstance(value, SCALARS) for value in scalars):
        raise _useless("facets hold something that is no text, or a constant that is no plain value")
    if not all(pointer.startswith("/") for pointer in facets.constants):
        raise _useless("facets have a constant at what is no JSON pointer")
    if not isinstance(reads, All) and not all(_first(pointer) in reads for pointer in facets.constants):
        raise _useless("facets speak of what the evaluator does not read")
    return facets


def _useless(what: str) -> PolicyInvalid:
    return PolicyInvalid([Problem("", f"its engine declares what cannot be used: {what}")])


def _first(pointer: str) -> str:
    return pointer.split("/")[1].replace("~1", "/").replace("~0", "~")


def _shown(reasons: Iterable[Any]) -> tuple[Reason, ...]:
    """Return reasons that can be written down and shown, or one that says that there are none."""
    found = [*itertools.islice(reasons, MAX_REASONS)]
    if not all(_is_plain(reason) for reason in found):
        return (Reason("engine-explanation", "the engine's explanation is not made of reasons"),)
    return tuple(dataclasses.replace(reason, message=shortened(reason.message, MAX_MESSAGE)) for reason in found)


def _is_plain(reason: Any) -> bool:
    if not isinstance(reason, Reason):
        return False
    texts = (reason.code, reason.message, reason.pointer or "", reason.policy_pointer or "")
    try:
        canonical_text([*texts, reason.details], "the reason")
    except Unbounded:
        return False
    return all(isinstance(text, str) for text in texts)


def copied(value: Any) -> Any:
    """Return a copy of a JSON value that shares nothing changeable with it."""
    if isinstance(value, Mapping):
        return {key: copied(member) for key, member in value.items()}
    return [copied(member) for member in value] if isinstance(value, (list, tuple)) else value
