"""How much work a schema makes: references and `unevaluated...` must not multiply it beyond what its text suggests.

A bound is counted, level by level, of how many subschemas look at one place of a document. Schemas that count more are
refused before they are compiled, because nothing ends a validator that has begun.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from falconbox.model import MAX_DEPTH
from falconbox_json_schema.graph import find_cycle, innermost_first
from falconbox_json_schema.references import References
from falconbox_json_schema.subschemas import BESIDE_REF, DATA, IN_PLACE, UNEVALUATED, Subschema

MAX_EVALUATIONS: Final = 1000
"""How many subschemas may look at one place of a document; there may always be as many as a schema writes."""

MAX_COMPILED: Final = 10_000
"""How many subschemas a validator may have to compile for one schema."""

MAX_COUNTED: Final = 500
COMPARING: Final = 20
"""What a comparison with something in the request costs, in subschemas."""

COMPARING_IN_TURN: Final = 4
"""What each member of an `enum` costs that holds several kinds, or lists and objects: members of others are found."""

_MARKED: Final = UNEVALUATED | {"contains"}
_COMPILED_AGAIN: Final = _MARKED | {"additionalProperties"}

Counts = Mapping[Subschema, int]
"""How many subschemas look at a level of a document, by the schema that is applied at the top of it."""


def multiplies(nodes: Sequence[Subschema], references: References) -> str | None:
    """Return what makes more work of a schema than may be, and what that comes to; None if nothing does.

    There must be no cycle at one place.
    """
    unevaluated = any(UNEVALUATED & node.keywords.keys() for node in nodes)
    causes = " and ".join(["references"] * references.used + ["unevaluated..."] * unevaluated)
    if causes and evaluations(nodes, references, unevaluated=unevaluated) > max(MAX_EVALUATIONS, len(nodes)):
        return f"{causes} multiply: one place of a document would be looked at more than {MAX_EVALUATIONS} times"
    if references.used and unevaluated and compilations(nodes[0], references) > MAX_COMPILED:
        return f"{causes} multiply: more than {MAX_COMPILED} subschemas would be compiled"
    return None


def steps(nodes: Sequence[Subschema], references: References) -> int:
    """Return a bound on how much is done for each value that a document holds: how many subschemas look at it.

    What compares a value with one after another, or in Python, counts for more than one.
    """
    unevaluated = any(UNEVALUATED & node.keywords.keys() for node in nodes)
    # Where nothing multiplies each looks at a place once, and counting them exactly takes long where they are many.
    asked = len(nodes)
    if references.used or unevaluated or len(nodes) <= MAX_COUNTED:
        asked = evaluations(nodes, references, unevaluated=unevaluated)
    return asked + sum(_comparisons(node) for node in nodes)


def _comparisons(node: Subschema) -> int:
    compared = sum(COMPARING for keyword in DATA & node.keywords.keys() if isinstance(node.keywords[keyword], dict))
    listed = node.keywords.get("enum")
    if (
        isinstance(listed, list)
        and len(listed) > 1
        and (len({*map(type, listed)}) > 1 or isinstance(listed[0], (list, dict)))
    ):
        compared += len(listed) * COMPARING_IN_TURN
    return compared


def evaluations(nodes: Sequence[Subschema], references: References, *, unevaluated: bool) -> int:
    """Return a bound on how many subschemas look at any one place of a document; no more than the limit plus one.

    Level by level below the place where a schema is applied, this counts who looks there: the subschemas of `allOf`
    and its like add up; two properties are two places, so the larger counts. A schema with `unevaluated...` asks those
    at its place once more, to learn what they have looked at.
    """
    limit = max(MAX_EVALUATIONS, len(nodes))
    ordered = [(node, references.in_place(node)) for node in innermost_first(nodes, references.in_place)]
    # What only refers is not looked at besides what it refers to.
    own = {node: int(not _only_refers(node)) for node, _ in ordered}
    asked, again = _added_up(ordered, own, dict.fromkeys(own, 0) if unevaluated else None, limit)
    worst = max(asked.values())
    for level in range(MAX_DEPTH):
        own = {node: 0 if references.alone(node) else _members(node, asked, names=level == 0) for node in own}
        marked = {node: sum(asked[child] for child in node.under(_MARKED)) for node in own} if unevaluated else None
        below = asked, again
        asked, again = _added_up(ordered, own, marked, limit)
        worst = max(worst, *asked.values())
        if worst > limit or (asked, again) == below:
            break
    return worst


def _only_refers(node: Subschema) -> bool:
    return "$ref" in node.keywords and node.keywords.keys() <= BESIDE_REF


def _added_up(
    ordered: Sequence[tuple[Subschema, Sequence[Subschema]]], own: Counts, marked: Counts | None, limit: int
) -> tuple[Counts, Counts]:
    """Return the counts of schemas together with all that look at the same place, and of those asked once more."""
    asked: dict[Subschema, int] = {}
    again: dict[Subschema, int] = {}
    for node, inner in ordered:
        count = own[node] + sum([asked[child] for child in inner])
        if marked is not None:
            # What a reference leads to is not asked whether it fits, to be marked.
            fitting = sum(asked[child] for child in node.under(IN_PLACE))
            again[node] = min(marked[node] + fitting + sum(again[child] for child in inner), limit + 1)
            count += len(UNEVALUATED & node.keywords.keys()) * again[node]
        asked[node] = min(count, limit + 1)
    return asked, again


def _members(node: Subschema, asked: Counts, *, names: bool) -> int:
    """Return how many look at one member or item. A name is a string: nothing is below it."""
    named = patterned = additional = others = item = contained = 0
    for keyword, _, child in node.children:
        match keyword:
            case "properties":
                named = max(named, asked[child])
            case "patternProperties":
                patterned += asked[child]
            case "additionalProperties":
                additional = asked[child]
            case "unevaluatedProperties":
                others += asked[child]
            case "propertyNames":
                others += asked[child] if names else 0
            case "items" | "additionalItems" | "prefixItems":
                item = max(item, asked[child])
            case "contains" | "unevaluatedItems":
                contained += asked[child]
    return max(max(named + patterned, additional) + others, item + contained)


_Task = tuple[Subschema, bool]
"""A schema to compile, or (True) to compile into what marks the places that it looks at."""


def compilations(top: Subschema, references: References) -> int:
    """Return a bound on how many subschemas are compiled; more than the limit when there is no bound.

    For `unevaluated...` all that looks at the same place is compiled once more,
    and what a reference leads to anew each time.
    """

    def tasks(task: _Task) -> list[_Task]:
        node, marks = task
        if not marks:
            again = [(node, True)] if UNEVALUATED & node.keywords.keys() else []
            return again + [(child, False) for _, _, child in node.children]
        inside = node.under(IN_PLACE)
        targets = [(references.target(node), True)] if "$ref" in node.keywords else []
        compiled = [(child, False) for child in inside + node.under(_COMPILED_AGAIN)]
        return targets + compiled + [(child, True) for child in inside]

    start = (top, False)
    if find_cycle([start], tasks) is not None:
        return MAX_COMPILED + 1
    counts: dict[_Task, int] = {}
    for task in innermost_first([start], tasks):
        counts[task] = min(1 + sum(counts[needed] for needed in tasks(task)), MAX_COMPILED + 1)
    return counts[start]
