"""References within a schema: found, without cycles, and without more work than their text suggests."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Final
from urllib.parse import unquote

from falconbox_json_schema.subschemas import IN_PLACE, Subschema

MAX_EVALUATIONS: Final = 1000
"""How many subschemas references may lead to one place of a document; a schema may always have as many as it writes."""

MAX_DEPTH: Final = 64
"""How deep documents are."""

NAME: Final = re.compile(r"#[A-Za-z][A-Za-z0-9._:-]*")
"""An `$id` that names a subschema (draft-07, 8.2.3)."""

Edges = Callable[[Subschema], Iterable[Subschema]]


class References:
    """Finds what `#`, `#/pointer` and `#name` mean in one schema."""

    def __init__(self, nodes: Sequence[Subschema]) -> None:
        self._places: dict[str, Subschema] = {"#" + node.pointer: node for node in nodes}
        self._names: dict[str, Subschema] = {}
        self.used = any("$ref" in node.keywords for node in nodes)
        for node in nodes:
            name = node.keywords.get("$id")
            if isinstance(name, str) and NAME.fullmatch(name):
                self._names.setdefault(name, node)

    def target(self, reference: str) -> Subschema:
        """Return the schema that a reference names. Raises LookupError, also when what it names is no schema."""
        try:
            return self._names.get(reference) or self._places[unquote(reference, errors="strict")]
        except UnicodeDecodeError:
            raise LookupError(reference) from None

    def in_place(self, node: Subschema) -> list[Subschema]:
        """Return the schemas that look at the same place of a document as this one. Raises LookupError."""
        if "$ref" in node.keywords:
            # In draft-07 a reference hides everything that stands beside it.
            return [self.target(node.keywords["$ref"])]
        return [child for keyword, child in node.children if keyword in IN_PLACE]

    def everywhere(self, node: Subschema) -> list[Subschema]:
        """Return the schemas that this one leads to, at the same place or deeper. Raises LookupError."""
        if "$ref" in node.keywords:
            return self.in_place(node)
        return [child for keyword, child in node.children if keyword != "definitions"]


def find_cycle(nodes: Sequence[Subschema], edges: Edges) -> Subschema | None:
    """Return a schema from which edges lead back to itself, if there is one."""
    done: set[int] = set()
    for start in nodes:
        if id(start) in done:
            continue
        path = [(start, iter(edges(start)))]
        on_path = {id(start)}
        while path:
            node, following = path[-1]
            child = next(following, None)
            if child is None:
                path.pop()
                on_path.discard(id(node))
                done.add(id(node))
            elif id(child) in on_path:
                return child
            elif id(child) not in done:
                path.append((child, iter(edges(child))))
                on_path.add(id(child))
    return None


def evaluations(nodes: Sequence[Subschema], references: References) -> int:
    """Return a bound on how many subschemas look at any one place of a document; no more than the limit plus one.

    There must be no cycle at one place. Level by level below the place where a schema is applied, this counts who looks
    there: the subschemas of `allOf` and its like add up; two properties are two places, so the larger counts.
    """
    limit = max(MAX_EVALUATIONS, len(nodes))
    ordered = _innermost_first(nodes, references)
    same_place = {id(node): [id(child) for child in references.in_place(node)] for node in ordered}
    here: dict[int, int] = {}
    for node in ordered:
        # A reference is not looked at besides what it leads to.
        own = 0 if "$ref" in node.keywords else 1
        here[id(node)] = min(own + sum(here[child] for child in same_place[id(node)]), limit + 1)
    counts, worst = here, max(here.values())
    for _ in range(MAX_DEPTH):
        below, counts = counts, {}
        for node in ordered:
            count = sum(counts[child] for child in same_place[id(node)]) + _members(node, below, here)
            counts[id(node)] = min(count, limit + 1)
        worst = max(worst, *counts.values())
        if worst > limit or counts == below:
            break
    return worst


def _members(node: Subschema, below: Mapping[int, int], here: Mapping[int, int]) -> int:
    """Return how many look at one member or item, at the level that `below` counts."""
    if "$ref" in node.keywords:
        return 0
    named = patterned = additional = item = contained = names = 0
    for keyword, child in node.children:
        count = below[id(child)]
        match keyword:
            case "properties":
                named = max(named, count)
            case "patternProperties":
                patterned += count
            case "additionalProperties":
                additional = count
            case "items" | "additionalItems":
                item = max(item, count)
            case "contains":
                contained = count
            case "propertyNames":
                # A name is a string: nothing is below it.
                names = count if below is here else 0
    return max(max(named + patterned, additional) + names, item + contained)


def _innermost_first(nodes: Sequence[Subschema], references: References) -> list[Subschema]:
    """Return all schemas, each after those that look at the same place by its order."""
    ordered: list[Subschema] = []
    seen: set[int] = set()
    for start in nodes:
        path = [(start, iter(references.in_place(start)))]
        while path:
            node, following = path[-1]
            child = None if id(node) in seen else next(following, None)
            if child is not None:
                path.append((child, iter(references.in_place(child))))
                continue
            if id(node) not in seen:
                seen.add(id(node))
                ordered.append(node)
            path.pop()
    return ordered
