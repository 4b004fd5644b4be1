"""How much larger than the request something can become that a module puts together: `y := array.concat(x, x)`, ...

Each name is given a factor: what it is put together from, times how often. That is more than it can be, never less.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Sequence

from falconbox_engine_rego.module import KEYWORDS, Token, sources

MAX_GROWTH = 1_000_000
"""How many times larger anything may become, whatever the request."""

MULTIPLY = frozenset({"concat", "replace"})
"""Functions whose result can be as large as one argument times another."""

HEAD = ""
DEFINES = frozenset({":=", "="})
Definitions = dict[str, list[Sequence[Token]]]


class Growth:
    """The factors of the names of one module; `rules` are its rules and functions, with the statements of each."""

    def __init__(self, rules: dict[str, list[list[Token]]]) -> None:
        self._rules = rules
        self._known: dict[str, int] = {}

    def largest(self) -> int:
        """Return the largest factor in the module, or one beyond MAX_GROWTH."""
        return max((self._rule(name, frozenset()) for name in self._rules), default=1)

    def _rule(self, name: str, above: frozenset[str]) -> int:
        if name in above:
            return 1  # rules that need themselves are refused
        if name not in self._known:
            self._known[name] = max(self._statement(one, above | {name}) for one in self._rules[name])
        return self._known[name]

    def _statement(self, statement: Sequence[Token], above: frozenset[str]) -> int:
        """Return the largest factor of a statement: of its own value, and of what its body gives a name to."""
        local = _definitions(statement)
        known: dict[str, int] = {}

        def of_name(name: str, open_: frozenset[str]) -> int:
            if name in local and name not in open_:
                if name not in known:
                    known[name] = max(of_part(part, open_ | {name}) for part in local[name])
                return known[name]
            return self._rule(name, above) if name in self._rules and name not in local else 1

        def of_part(part: Sequence[Token], open_: frozenset[str]) -> int:
            factors = [of_name(token.source, open_) for token in _names(part)]
            functions = [
                self._rule(token.source, above)
                for token, after in itertools.pairwise(part)
                if after.source == "(" and token.source in self._rules
            ]
            if any(token.source in MULTIPLY for token in part):
                texts = [max(1, len(token.source) - 2) for token in part if token.kind in ("text", "raw")]
                return min(math.prod([*factors, *texts, len(factors) + 1]), MAX_GROWTH + 1)
            return min(max(1, sum(factors)) * math.prod(functions), MAX_GROWTH + 1)

        if _takes_apart(statement):
            # What it gives names to is not followed: all that it puts together may be one after another.
            each = [of_part(part, frozenset(local)) for parts in local.values() for part in parts]
            return min(math.prod(each), MAX_GROWTH + 1)
        return max((of_name(name, frozenset()) for name in local), default=1)


def _takes_apart(statement: Sequence[Token]) -> bool:
    """Whether something else than one name is defined, such as in `[x, _] := y` and `f(x) = y`, but for functions."""
    for place, token in enumerate(statement):
        if place and token.source in DEFINES and statement[place - 1].kind != "name":
            head = statement[:place]
            closed = [end for end, other in enumerate(head) if other.source == ")"][:1]
            if not (sources(head[1:2]) == ["("] and closed == [place - 1]):
                return True
    return False


def _definitions(statement: Sequence[Token]) -> Definitions:
    """Return the parts of a statement that define something, each up to where the next one begins.

    What has no single name, such as the result of a function, is filed under HEAD. So is a whole statement that
    multiplies something before it defines anything.
    """
    places = [place for place, token in enumerate(statement) if token.source in DEFINES and place]
    found: Definitions = {}
    for start, end in itertools.zip_longest(places, places[1:], fillvalue=len(statement) + 1):
        before = statement[start - 1]
        name = before.source if before.kind == "name" else HEAD
        found.setdefault(name, []).append(statement[start + 1 : end - 1])
    if any(token.source in MULTIPLY for token in statement[: places[0] if places else None]):
        found.setdefault(HEAD, []).append(statement)
    return found


def _names(part: Sequence[Token]) -> Iterator[Token]:
    """Return the names that stand for something: no keywords, and no members of others."""
    for place, token in enumerate(part):
        if token.kind == "name" and token.source not in KEYWORDS and (place == 0 or part[place - 1].source != "."):
            yield token
