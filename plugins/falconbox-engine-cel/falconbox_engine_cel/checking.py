"""What may be compiled: names that there are, functions that read nothing but their arguments, bounded work."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator, Mapping, Sequence

import cel

from falconbox.regex import fault
from falconbox.wording import did_you_mean, shortened
from falconbox_engine_cel import reading
from falconbox_engine_cel.functions import calls
from falconbox_engine_cel.tokens import Token

MAX_POWER = 4
"""How many loops may stand in loops; `map` and `filter` count twice."""

MAX_COPIES = 64
"""How many times over an expression may hold what it is given: `map(x, [x, x])` has it twice."""

TYPES = frozenset({"bool", "bytes", "double", "int", "list", "map", "null_type", "string", "uint"})
CALLED = frozenset(
    {"contains", "double", "duration", "endsWith", "getDate", "getDayOfMonth", "getDayOfWeek", "getDayOfYear",
     "getFullYear", "getHours", "getMilliseconds", "getMinutes", "getMonth", "getSeconds", "has", "int", "matches",
     "size", "startsWith", "string", "timestamp", "type", "uint"}
)  # fmt: skip
"""The functions there are. None of them reads a clock, or anything else than its arguments."""

_PLACE = re.compile(r"ERROR: <input>:(\d+):(\d+): (?:Syntax error: )?(.*)")


def syntax(error: Exception) -> str:
    place = _PLACE.search(str(error))
    if place is None:
        return str(error) if isinstance(error, ValueError) and "\n" not in str(error) else "is no CEL expression"
    return f"is no CEL expression, at line {place[1]}, character {place[2]}: {shortened(place[3])}"


def problems(found: Sequence[Token], references: Mapping[str, Sequence[str]]) -> Iterator[str]:
    yield from _name_problems(found, references)
    for place in calls(found, frozenset({"matches"})):
        yield from _expression_problems(found, place)
    if reading.power(found) > MAX_POWER:
        yield "has more loops in loops than can be bounded"
    if reading.copies(found) > MAX_COPIES:
        yield f"would hold what it reads more than {MAX_COPIES} times over"


def _name_problems(found: Sequence[Token], references: Mapping[str, Sequence[str]]) -> Iterator[str]:
    bound = reading.variables(found)
    for name in references["variables"]:
        if name not in bound | TYPES | {reading.REQUEST}:
            yield f"there is nothing named {name}: what is asked is named request"
    if reading.REQUEST in bound:
        yield "a loop gives the name request to something else"
    for name in references["functions"]:
        if name.isidentifier() and name not in CALLED:
            yield f"there is no function {name}{did_you_mean(name, CALLED)}"
    if any(
        later.source == "{" and token.kind == "name" and token.source != "in"
        for token, later in itertools.pairwise(found)
    ):
        yield "makes a message, and there are none here"
    written = {token.source for token in found if token.kind == "name"}
    if not {name for names in references.values() for name in names if name.isidentifier()} <= written:
        yield "holds a name that could not be read"  # what is bounded is what has been read here


def _expression_problems(found: Sequence[Token], place: int) -> Iterator[str]:
    given = found[place + 2]
    if found[place - 1].source != "." or given.kind != "text" or found[place + 3].source != ")":
        yield "matches takes one regular expression, written where it is used: text.matches('...')"
        return
    expression = cel.compile(given.source).execute()
    problem = fault(expression) if isinstance(expression, str) else "must be a text"
    if problem:
        yield f"the regular expression {shortened(given.source)} {problem}"
