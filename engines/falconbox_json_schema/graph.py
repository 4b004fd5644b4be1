"""Walks along edges from schema to schema, without recursion: neither depth nor cycles may end the process."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Sequence
from typing import TypeVar

Node = TypeVar("Node", bound=Hashable)


def find_cycle(starts: Sequence[Node], edges: Callable[[Node], Iterable[Node]]) -> Node | None:
    """Return a node from which edges lead back to itself, if there is one that can be reached."""
    done: set[Node] = set()
    for start in starts:
        if start in done:
            continue
        path = [(start, iter(edges(start)))]
        on_path = {start}
        while path:
            node, following = path[-1]
            child = next(following, None)
            if child is None:
                path.pop()
                on_path.discard(node)
                done.add(node)
            elif child in on_path:
                return child
            elif child not in done:
                path.append((child, iter(edges(child))))
                on_path.add(child)
    return None


def innermost_first(starts: Sequence[Node], edges: Callable[[Node], Iterable[Node]]) -> list[Node]:
    """Return all nodes that can be reached, each after those to which its edges lead. There must be no cycle."""
    ordered: list[Node] = []
    seen: set[Node] = set()
    for start in starts:
        path = [(start, iter(edges(start)))]
        while path:
            node, following = path[-1]
            child = None if node in seen else next(following, None)
            if child is not None:
                path.append((child, iter(edges(child))))
                continue
            if node not in seen:
                seen.add(node)
                ordered.append(node)
            path.pop()
    return ordered
