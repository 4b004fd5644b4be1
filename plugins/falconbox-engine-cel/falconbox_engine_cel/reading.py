"""Read an expression: which part of the request it sees, what must hold for a yes, and what it costs."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

from falconbox import ALL, NO_FACETS, All, Facets
from falconbox.facets import Strings
from falconbox.regex import strings
from falconbox_engine_cel.tokens import Token, conditions, partners, sources, split

LOOPS = {"all": 1, "exists": 1, "exists_one": 1, "filter": 2, "map": 2}
"""What each walks through, to which power: `map` and `filter` copy what they have found at each step."""

REQUEST = "request"


def reads(found: Sequence[Token]) -> frozenset[str] | All:
    """Return the keys that follow `request` wherever it stands; everything where something else follows."""
    keys = set()
    for place, token in enumerate(found):
        if token.source == REQUEST:
            key = _step(found, place + 1)
            if key is None:
                return ALL
            keys.add(key)
    return frozenset(keys)


def _step(found: Sequence[Token], place: int) -> str | None:
    """Return the name of a member that is selected at a place: `.name` or `["name"]`."""
    after = found[place : place + 3]
    if len(after) > 1 and after[0].source == "." and after[1].kind == "name":
        # `.name(` would be a call.
        return None if len(after) > 2 and after[2].source == "(" else after[1].source
    if len(after) > 2 and after[0].source == "[" and after[2].source == "]":
        return after[1].value
    return None


def path(found: Sequence[Token]) -> list[str]:
    """Return the path into the request that stands first in an expression."""
    steps: list[str] = []
    place = next((place for place, token in enumerate(found) if token.source == REQUEST), len(found)) + 1
    while (step := _step(found, place)) is not None:
        steps.append(step)
        place += 2 if found[place].source == "." else 3
    return steps


def facets(found: Sequence[Token]) -> Facets:
    """Return what every yes needs: conditions on method and uri that `&&` joins to all others.

    `false && x` is false in CEL whatever becomes of x, and these conditions compare texts: they never fail on one.
    """
    known = NO_FACETS
    for condition in conditions(found):
        steps = path(condition)
        if steps in (["request-method"], ["uri"]) and condition[0].source == REQUEST:
            accepted = _accepted(condition[3 if condition[1].source == "." else 4 :])
            known = known.both(
                Facets(uris=accepted.values, uri_prefix=accepted.prefix)
                if steps == ["uri"]
                else Facets(methods=accepted.values)
            )
    return known


def _accepted(rest: Sequence[Token]) -> Strings:
    """Return which texts pass what stands behind them: `== "x"`, `in ["x"]`, `.startsWith("x")`, `.matches("^x")`."""
    written = sources(rest)
    if len(rest) == 2 and written[0] == "==":
        return Strings(None if rest[1].value is None else frozenset({rest[1].value}))
    if written[:2] == ("in", "[") and written[-1] == "]":
        members = [part[0].value if len(part) == 1 else None for part in split(rest[2:-1], ",")]
        known = [member for member in members if member is not None]
        return Strings(frozenset(known) if len(known) == len(members) else None)
    if len(rest) == 5 and written[:3] == (".", "startsWith", "("):
        return Strings(prefix=rest[3].value or None)
    if len(rest) == 5 and written[:3] == (".", "matches", "(") and rest[3].value is not None:
        return strings(rest[3].value)
    return Strings()


def loops(found: Sequence[Token]) -> Iterator[tuple[str, int, int]]:
    """Return each loop: its name, and from which token to which what stands between its brackets."""
    closed = partners(found)
    for place, token in enumerate(found[1:-1], 1):
        if token.source in LOOPS and found[place - 1].source == "." and found[place + 1].source == "(":
            yield token.source, place + 2, closed[place + 1]


def power(found: Sequence[Token]) -> int:
    """Return to which power of what it walks through an expression costs: loops within loops multiply."""
    every = [*loops(found)]
    return max(
        (sum(LOOPS[name] for name, start, end in every if start <= inner < end) for _, inner, _ in every), default=0
    )


def copies(found: Sequence[Token]) -> int:
    """Return an upper bound of how many times over `map` lets an expression hold what it is given."""
    return math.prod(
        max(1, sum(token.source == found[start].source for token in found[start + 1 : end]))
        for name, start, end in loops(found)
        if name == "map"
    )


def paths_in_loops(found: Sequence[Token]) -> list[list[str]]:
    """Return the paths into the request that loops look at: at each step, what stands there is copied or searched."""
    places = [place for place, token in enumerate(found) if token.source == REQUEST]
    every = [*loops(found)]
    return [path(found[place:]) for place in places if any(start <= place < end for _, start, end in every)]


def variables(found: Sequence[Token]) -> frozenset[str]:
    """Return the names that loops bind."""
    return frozenset(found[start].source for _, start, _ in loops(found))
