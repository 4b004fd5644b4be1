"""References within a schema: found, without cycles, and without more work than their text suggests."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final
from urllib.parse import unquote

from falconbox_json_schema.subschemas import children, walk

MAX_EVALUATIONS: Final = 2000
"""How many subschemas may look at one place of a document."""

MAX_DEPTH: Final = 64
"""How deep documents are."""

IN_PLACE: Final = frozenset({"allOf", "anyOf", "oneOf", "not", "if", "then", "else", "dependencies"})
"""Keywords whose subschemas look at the same place as their schema."""


class References:
    """Finds what `#`, `#/pointer` and `#name` mean in one schema."""

    def __init__(self, schema: Any) -> None:
        self._root = schema
        self._schemas = {id(node) for node, _ in walk(schema)}
        self._named = {
            node["$id"]: node
            for node, _ in walk(schema)
            if isinstance(node, Mapping) and isinstance(node.get("$id"), str) and node["$id"].startswith("#")
        }

    def target(self, reference: str) -> Any:
        """Return the schema that a reference names. Raises LookupError, also when what it names is no schema."""
        if reference == "#":
            return self._root
        if reference in self._named:
            return self._named[reference]
        found = self._root
        for part in unquote(reference).removeprefix("#/").split("/"):
            name = part.replace("~1", "/").replace("~0", "~")
            try:
                found = found[int(name)] if isinstance(found, list) and name.isdecimal() else found[name]
            except TypeError:
                raise LookupError(reference) from None
        if isinstance(found, bool) or id(found) in self._schemas:
            return found
        raise LookupError(reference)


def in_place(node: Any, references: References) -> Iterator[Any]:
    """Yield the schemas that look at the same place of a document as this one. Raises LookupError."""
    if not isinstance(node, Mapping):
        return
    if "$ref" in node:
        # In draft-07 a reference hides everything that stands beside it.
        yield references.target(node["$ref"])
        return
    yield from (child for keyword, _, child in children(node) if keyword in IN_PLACE)


def find_cycle(schema: Any, references: References) -> str | None:
    """Return the pointer of a schema that leads back to itself without looking any deeper, if there is one."""
    done: set[int] = set()
    for start, pointer in walk(schema):
        path: list[tuple[Any, Iterator[Any]]] = [(start, in_place(start, references))]
        on_path = {id(start)}
        while path:
            node, following = path[-1]
            child = next(following, None)
            if child is None:
                path.pop()
                on_path.discard(id(node))
                done.add(id(node))
            elif id(child) in on_path and isinstance(child, Mapping):
                return pointer
            elif id(child) not in done:
                path.append((child, in_place(child, references)))
                on_path.add(id(child))
    return None


def evaluations(schema: Any, references: References) -> int:
    """Return a bound on how many subschemas look at one place of a document of MAX_DEPTH; at most one above the limit.

    The schema must have no cycle. Work multiplies where several subschemas lead to the same place: those of `allOf` and
    its like, and patterns beside properties. Two properties are two places.
    """
    nodes = _nodes_deepest_first(schema, references)
    costs = dict.fromkeys((id(node) for node in nodes), 0)
    for _ in range(MAX_DEPTH):
        below, costs = costs, {}
        for node in nodes:
            here = 1 + sum(costs[id(child)] for child in in_place(node, references))
            costs[id(node)] = min(here + _deeper(node, below), MAX_EVALUATIONS + 1)
        if costs == below:
            break
    return costs[id(schema)]


def _deeper(node: Any, below: Mapping[int, int]) -> int:
    if not isinstance(node, Mapping) or "$ref" in node:
        return 0
    shared = alone = 0
    for keyword, _, child in children(node):
        if keyword in IN_PLACE or keyword == "definitions":
            continue
        if keyword == "properties" or (keyword == "items" and isinstance(node["items"], list)):
            alone = max(alone, below[id(child)])
        else:
            shared += below[id(child)]
    return shared + alone


def _nodes_deepest_first(schema: Any, references: References) -> list[Any]:
    """Return all schemas, each after those that look at the same place by its order."""
    ordered: list[Any] = []
    seen: set[int] = set()
    for start, _ in walk(schema):
        path = [(start, in_place(start, references))]
        while path:
            node, following = path[-1]
            if id(node) in seen:
                path.pop()
                continue
            child = next(following, None)
            if child is not None:
                path.append((child, in_place(child, references)))
                continue
            seen.add(id(node))
            ordered.append(node)
            path.pop()
    return ordered
