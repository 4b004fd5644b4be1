"""By what a policy is found, and what it sees: its facets and the keys that it reads, out of its pattern."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from falconbox import ALL, NO_FACETS, All, Facets, regex
from falconbox.facets import ANY_STRING, Strings
from falconbox.wording import escape
from falconbox_matcho.combined import Both, Not, OfOne, OfSeveral, OneItemOf, OneOf
from falconbox_matcho.maps import Members, Referred
from falconbox_matcho.patterns import Equal, Found, OneValue, Pattern, SameAs


def facets(pattern: Pattern) -> Facets:
    """Return conditions without which a document is answered no. What is not understood here gives none."""
    if isinstance(pattern, Members):
        members = dict(pattern.members)
        method, uri = _strings(members.get("request-method")), _strings(members.get("uri"))
        others = {key: member for key, member in pattern.members if key not in ("request-method", "uri")}
        return Facets(method.values, uri.values, uri.prefix, dict(_constants(others)))
    if isinstance(pattern, Both):
        found = NO_FACETS
        for part in pattern.parts:
            found = found.both(facets(part))
        return found
    if isinstance(pattern, OneOf):
        return Facets.either(facets(alternative) for alternative in pattern.parts)
    return NO_FACETS


def _strings(pattern: Pattern | None) -> Strings:
    """Return which strings a pattern can match. A string that it does not match is answered no, never untold."""
    match pattern:
        case Equal():
            return Strings(frozenset({pattern.said} if isinstance(pattern.said, str) else ()))
        case OneValue():
            return Strings(frozenset(item for item in pattern.said if isinstance(item, str)))
        case Found():
            return regex.strings(pattern.regex.text)
        case OneOf():
            return Strings.either(_strings(alternative) for alternative in pattern.parts)
        case Both():
            found = ANY_STRING
            for part in pattern.parts:
                found = found.both(_strings(part))
            return found
    return ANY_STRING


def _constants(members: dict[str, Pattern], pointer: str = "") -> Iterator[tuple[str, Any]]:
    """Yield pointers and the values that must stand there."""
    for name, pattern in members.items():
        place = f"{pointer}/{escape(name)}"
        match pattern:
            case Equal():
                yield place, pattern.said
            case OneValue() if len(pattern.said) == 1:
                yield place, pattern.said[0]
            case Members():
                yield from _constants(dict(pattern.members), place)
            case Both():
                for part in pattern.parts:
                    yield from _constants({name: part}, pointer)


def reads(pattern: Pattern) -> frozenset[str] | All:
    """Return the top-level keys that a pattern of the document looks at, its paths included."""
    found = _top(pattern)
    return found if isinstance(found, All) else found | {path.path.root for path in paths(pattern)}


def _top(pattern: Pattern) -> frozenset[str] | All:
    """Return the keys that a pattern looks at where it looks at the document itself."""
    keys: set[str] = set()
    waiting = [pattern]
    while waiting:
        held = waiting.pop()
        match held:
            case Members():
                keys |= {key for key, _ in held.members}
            case Referred():
                keys.add("reference")
            case SameAs() | OneItemOf():
                return ALL  # the whole document is compared
            case OneOf() | Both() | Not():
                waiting += parts(held)
    return frozenset(keys)


def paths(pattern: Pattern) -> Iterator[SameAs | OneItemOf]:
    """Return the patterns that compare with what stands elsewhere."""
    waiting = [pattern]
    while waiting:
        held = waiting.pop()
        if isinstance(held, (SameAs, OneItemOf)):
            yield held
        waiting += parts(held)


def parts(pattern: Pattern) -> Sequence[Pattern]:
    """Return the patterns that one is made of."""
    match pattern:
        case Members():
            return [member for _, member in pattern.members]
        case OfSeveral():
            return pattern.parts
        case OfOne():
            return [pattern.pattern]
    return ()
