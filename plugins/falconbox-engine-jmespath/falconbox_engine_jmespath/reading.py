"""Read an expression: what may be compiled, what it looks at, and which conditions it joins."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping
from typing import Any

import jmespath
from jmespath.exceptions import JMESPathError, LexerError
from jmespath.lexer import Lexer

from falconbox import ALL, All, PolicyInvalid, Problem
from falconbox_engine_jmespath.interpreter import Functions

MAX_NESTING = 128
"""How deep an expression may nest, and how many conditions `&&` may join: evaluating goes down as deep in Python."""

MAX_BRACKETS = 32
"""How deep brackets may nest: the parser goes down several times as deep in Python."""

MAX_COPIES = 64
"""How many times over an expression may hold what it is given: `[@, @] | [@, @]` has it four times."""

MAX_INTEGER = 2**53
NO_JSON = "there is no JSON between the backticks; texts stand in single quotes"
SEE_EVERY_KEY = frozenset({"current", "value_projection"})
"""Nodes that look at an object as a whole: `@` and `*`."""

LOOK_INTO = frozenset({"subexpression", "index_expression", "flatten", "filter_projection", "value_projection"})
"""Nodes that look into what their first child has found."""

TAKE_EXPRESSIONS = frozenset({"map", "sort_by", "min_by", "max_by"})
OPENING, CLOSING = frozenset({"lparen", "lbracket", "lbrace", "filter"}), frozenset({"rparen", "rbracket", "rbrace"})

Node = Mapping[str, Any]


class StrictLexer(Lexer):
    """Reads JSON between backticks, and nothing else: the stock one makes a text of `x` and a number of `NaN`."""

    def _consume_literal(self) -> dict[str, Any]:
        start = self._position
        source = self._consume_until("`").replace("\\`", "`")
        try:
            value = json.loads(source, parse_constant=_no_number)
        except ValueError:
            raise LexerError(start, source, NO_JSON) from None
        return {"type": "literal", "value": value, "start": start, "end": self._position}


def _no_number(name: str) -> Any:
    raise ValueError(name)


def parse(expression: str) -> Node:
    """Return the tree of an expression. Raises PolicyInvalid for what is none, or one that cannot be bounded."""
    try:
        _refuse(_bracket_problems(expression))
        tree: Node = jmespath.compile(expression).parsed
    except JMESPathError as error:
        # The rest of the message repeats the expression, with a mark under the place.
        where = getattr(error, "lex_position", None)
        place = "" if where is None else f", at character {where + 1}"
        why = f": {NO_JSON}" if getattr(error, "message", "") == NO_JSON else ""
        raise _refused(f"is no JMESPath expression{place}{why}") from None
    except RecursionError:
        raise _refused("nests too deep") from None
    _refuse([f"nests more than {MAX_NESTING} deep"] if depth(tree) > MAX_NESTING else _tree_problems(tree))
    return tree


def _refused(detail: str) -> PolicyInvalid:
    return PolicyInvalid([Problem("/expression", detail)])


def _refuse(details: list[str]) -> None:
    if details:
        raise PolicyInvalid([Problem("/expression", detail) for detail in details])


def _bracket_problems(expression: str) -> list[str]:
    nesting = 0
    for token in StrictLexer().tokenize(expression):
        nesting += (token["type"] in OPENING) - (token["type"] in CLOSING)
        if nesting > MAX_BRACKETS:
            return [f"nests brackets more than {MAX_BRACKETS} deep"]
    return []


def _tree_problems(tree: Node) -> list[str]:
    found = []
    for node in nodes(tree):
        if node["type"] == "function_expression":
            found += _call_problems(node)
        elif any(child["type"] == "expref" for child in node.get("children", ()) if isinstance(child, Mapping)):
            found.append("has & where no function takes an expression")
        elif node["type"] in LOOK_INTO and node["children"][0]["type"] == "not_expression":
            # It is null, always: as `!a.b || c` it would be no condition.
            found.append("looks into true or false: ! comes before dots and brackets, so write !(a.b) for !a.b")
        elif node["type"] == "literal" and any(map(_is_huge, _members(node["value"]))):
            found.append("holds a number beyond 2^53")
    if tree["type"] == "expref":
        found.append("has & where no function takes an expression")
    if copies(tree) > MAX_COPIES:
        found.append(f"would hold what it reads more than {MAX_COPIES} times over")
    return found


def _call_problems(node: Node) -> list[str]:
    name, given = node["value"], node["children"]
    function = Functions.FUNCTION_TABLE.get(name)
    if function is None:
        return [f"there is no function {name}()"]
    wanted = len(function["signature"])
    variadic = function["signature"][-1].get("variadic", False)
    if len(given) < wanted or (len(given) > wanted and not variadic):
        return [f"{name}() takes {wanted}{' or more' if variadic else ''} arguments, not {len(given)}"]
    if name not in TAKE_EXPRESSIONS and any(child["type"] == "expref" for child in given):
        return [f"{name}() takes no expression (&)"]
    return []


def _members(value: Any) -> Iterator[Any]:
    waiting = [value]
    while waiting:
        member = waiting.pop()
        yield member
        waiting += member.values() if isinstance(member, dict) else member if isinstance(member, list) else ()


def _is_huge(value: Any) -> bool:
    return isinstance(value, (int, float)) and not (math.isfinite(value) and abs(value) <= MAX_INTEGER)


def depth(tree: Node) -> int:
    """Return how deep an expression nests."""
    level, levels = [tree], 0
    while level:
        levels += 1
        level = [child for node in level for child in node.get("children", ()) if isinstance(child, Mapping)]
    return levels


def size_of(tree: Node) -> int:
    """Return how many parts an expression has; each value that stands in it counts."""
    literals = [node["value"] for node in nodes(tree) if node["type"] == "literal"]
    return sum(1 for _ in nodes(tree)) + sum(1 for value in literals for _ in _members(value))


def nodes(tree: Node) -> Iterator[Node]:
    """Return every node of an expression."""
    waiting = [tree]
    while waiting:
        node = waiting.pop()
        yield node
        waiting += [child for child in node.get("children", ()) if isinstance(child, Mapping)]


def copies(node: Node) -> int:
    """Return an upper bound of how many times over a part of an expression can hold what it is given."""
    parts = [copies(child) for child in node.get("children", ()) if isinstance(child, Mapping)]
    kind = node["type"]
    if kind in ("multi_select_list", "multi_select_dict"):
        return max(1, sum(parts))
    if kind in ("comparator", "and_expression", "or_expression", "not_expression"):
        return max(parts)
    if kind == "literal":
        return 0
    # Written as text, quotation marks are doubled each time.
    return math.prod(max(1, part) for part in parts) * (2 if node.get("value") == "to_string" else 1)


def reads(tree: Node) -> frozenset[str] | All:
    """Return every name that an expression holds: among them are all that it looks up at the top."""
    if any(node["type"] in SEE_EVERY_KEY for node in nodes(tree)):
        return ALL
    return frozenset(node["value"] for node in nodes(tree) if node["type"] == "field")


def conditions(expression: str) -> list[str]:
    """Return the conditions that `&&` joins at the top of an expression; the whole one where they are not the top."""
    starts, nesting = [0], 0
    for token in StrictLexer().tokenize(expression):
        nesting += (token["type"] in OPENING) - (token["type"] in CLOSING)
        if nesting == 0 and token["type"] in ("or", "pipe"):
            return [expression.strip()]
        if nesting == 0 and token["type"] == "and":
            starts.append(token["start"])
    ends = [*starts[1:], len(expression)]
    return [expression[start:end].removeprefix("&&").strip() for start, end in zip(starts, ends, strict=True)]
