"""Read Cedar text: bounded before it is parsed, and then as the JSON that Cedar itself makes of it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

import cedarpy

MAX_TOKENS = 400
"""How many names, texts, numbers and signs each policy of a set may have: its tree is as deep as it is long."""

MAX_NESTING = 32
"""How deep brackets may nest. 20,000 of them end the process."""

OPENING, CLOSING = frozenset("([{"), frozenset(")]}")
MAX_POLICIES = 100
"""How many policies a set may hold."""

_TOKEN = re.compile(
    r"""
    (?P<space> \s+ | //[^\n]* )
    | (?P<token> " (?: \\. | [^"\\] )* " | [A-Za-z_][A-Za-z0-9_]* | [0-9]+
        | :: | && | \|\| | [=!<>]= | [-+*<>!?:.,;@=()\[\]{}] )
    """,
    re.VERBOSE | re.DOTALL | re.ASCII,
)

Node = Mapping[str, Any]
Path = tuple[str | None, ...]
Paths = frozenset[Path]


def bounds_problem(text: str) -> str | None:
    """Return why a text is not handed to the parser, in words for its author."""
    nesting = tokens = policies = 0
    for token, position in _tokens(text):
        tokens += 1
        nesting += (token in OPENING) - (token in CLOSING)
        if not token:
            return f"is no Cedar, at {_place(text, position)}"
        if nesting > MAX_NESTING:
            return f"nests brackets more than {MAX_NESTING} deep, at {_place(text, position)}"
        if tokens > MAX_TOKENS:
            return f"has a policy of more than {MAX_TOKENS} names, texts and signs, at {_place(text, position)}"
        if token == ";":
            tokens, policies = 0, policies + 1
    return f"holds more than {MAX_POLICIES} policies" if policies > MAX_POLICIES else None


def _tokens(text: str) -> Iterator[tuple[str, int]]:
    """Return each token and where it starts; an empty one where there is none."""
    position = 0
    while position < len(text):
        match = _TOKEN.match(text, position)
        if match is None:
            yield "", position
            return
        if match["token"]:
            yield match["token"], position
        position = match.end()


def conditions(text: str) -> list[list[str]]:
    """Return the `when` and `unless` of each policy of a text that compiles, as they are written."""
    found: list[list[str]] = [[]]
    nesting = start = 0
    for token, position in _tokens(text):
        nesting -= token in CLOSING
        if nesting == 0 and token in ("when", "unless"):
            start = position
        elif nesting == 0 and token == "}":
            found[-1].append(text[start : position + 1])
        elif nesting == 0 and token == ";":
            found.append([])
        nesting += token in OPENING
    return found[:-1]


def _place(text: str, position: int) -> str:
    line = text.count("\n", 0, position) + 1
    return f"line {line}, character {position - text.rfind(chr(10), 0, position)}"


def trees(text: str) -> dict[str, Node]:
    """Return each policy's tree by the name that Cedar gives it: policy0, policy1, ... Raises ValueError.

    The text is within its bounds; templates are refused, since nothing ever fills them.
    """
    parsed = json.loads(cedarpy.policies_to_json_str(text))
    if parsed["templates"]:
        raise ValueError("has a template (?principal or ?resource), which nothing fills here")
    static = parsed["staticPolicies"]
    return {name: static[name] for name in sorted(static, key=lambda name: int(name.removeprefix("policy")))}


def text_of(tree: Node) -> str:
    """Return a policy's tree as Cedar text."""
    policies = {"staticPolicies": {"p": tree}, "templates": {}, "templateLinks": []}
    return str(cedarpy.policies_from_json_str(json.dumps(policies)))


def paths(tree: Node) -> dict[str, Paths]:
    """Return by variable which of its members the conditions of a policy look at.

    () is all of it; a path that ends with None asks only whether there is such a member.
    """
    found: dict[str, set[Path]] = {"principal": set(), "action": set(), "resource": set(), "context": set()}
    waiting: list[Any] = [condition["body"] for condition in tree["conditions"]]
    while waiting:
        node = waiting.pop()
        if isinstance(node, list):
            waiting += node
        elif isinstance(node, dict) and len(node) == 1:
            ((kind, inside),) = node.items()
            variable, path = _selected(node)
            if variable is not None:
                found[variable].add(path)
            elif kind == "Record":
                waiting += inside.values()
            elif kind not in ("Value", "Slot"):
                waiting += _operands(kind, inside)
    return {variable: frozenset(selected) for variable, selected in found.items()}


def _selected(node: Node) -> tuple[str | None, Path]:
    """Return which variable a node selects a member of, and which; no variable if it does something else."""
    path: list[str | None] = [None] if "has" in node else []
    while (kind := next(iter(node))) in (".", "has"):
        path.insert(0, node[kind]["attr"])
        node = node[kind]["left"]
    return (node["Var"], tuple(path)) if kind == "Var" else (None, ())


COMPARE_ENTITIES = frozenset({"==", "!=", "in", "is"})


def _operands(kind: str, inside: Any) -> Iterator[Any]:
    if not isinstance(inside, dict):
        yield inside
        return
    for operand in inside.values():
        # An entity that is compared is not looked into.
        bare = isinstance(operand, dict) and operand.get("Var") in ("principal", "action", "resource")
        if isinstance(operand, (dict, list)) and not (bare and kind in COMPARE_ENTITIES):
            yield operand
