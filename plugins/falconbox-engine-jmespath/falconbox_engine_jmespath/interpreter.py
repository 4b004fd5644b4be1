"""Search as JMESPath says, and stricter where its Python version lets two different things be one."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from typing import Any

from jmespath.exceptions import JMESPathError
from jmespath.functions import Functions as StockFunctions
from jmespath.functions import signature
from jmespath.visitor import Options, TreeInterpreter

MAX_TEXT = 2**20
"""How many characters a text may have that an expression puts together."""

_NUMBER = re.compile(r"-?(?:0|[1-9][0-9]{0,15})(?:\.[0-9]{1,20})?(?:[eE][+-]?[0-9]{1,3})?", re.ASCII)


class CannotTell(JMESPathError):
    """The expression has come to something that it cannot judge; the text says what."""


class Functions(StockFunctions):
    """The functions of JMESPath."""

    @signature({"types": ["array", "string"]}, {"types": []})
    def _func_contains(self, subject: Any, search: Any) -> bool:
        # Python's `in` would find true where there is a 1.
        return search in subject if isinstance(subject, str) else any(same(member, search) for member in subject)

    @signature({"types": []})
    def _func_to_number(self, value: Any) -> Any:
        # Python reads " 1_0", "nan" and the digits of other scripts too.
        if isinstance(value, str):
            if not _NUMBER.fullmatch(value):
                return None
            value = float(value) if set(value) & set(".eE") else int(value)
        return value if _is_number(value) else None

    @signature({"types": []})
    def _func_to_string(self, value: Any) -> str:
        return _bounded(super()._func_to_string(value))

    @signature({"types": ["string"]}, {"types": ["array-string"]})
    def _func_join(self, separator: str, texts: list[str]) -> str:
        if len(separator) * len(texts) + sum(map(len, texts)) > MAX_TEXT:
            raise CannotTell(f"it joins more than {MAX_TEXT:,} characters")
        return separator.join(texts)


OPTIONS = Options(custom_functions=Functions())


class Interpreter(TreeInterpreter):
    """Evaluates one expression once: it keeps where it is, so each question has its own."""

    def __init__(self) -> None:
        super().__init__(OPTIONS)
        self._filters = 0

    def visit_comparator(self, node: Mapping[str, Any], value: Any) -> bool | None:
        """Compare: equality between any two values, order between two numbers or two texts."""
        left, right = (self.visit(child, value) for child in node["children"])
        operator = node["value"]
        if operator in self._EQUALITY_OPS:
            return same(left, right) is (operator == "eq")
        if (_is_number(left) and _is_number(right)) or (isinstance(left, str) and isinstance(right, str)):
            return bool(self.COMPARATOR_FUNC[operator](left, right))
        if self._filters:
            return None  # a filter leaves out what has no order
        # JMESPath's answer is null, and `!null` is true: whoever asks for "not below 3" would let nothing pass as 3.
        raise CannotTell(f"it compares by order {_kind(left)} and {_kind(right)}")

    def visit_filter_projection(self, node: Mapping[str, Any], value: Any) -> Any:
        """Filter a list."""
        self._filters += 1
        found = super().visit_filter_projection(node, value)
        self._filters -= 1
        return found

    def visit_function_expression(self, node: Mapping[str, Any], value: Any) -> Any:
        """Call a function."""
        found = super().visit_function_expression(node, value)
        if isinstance(found, float) and not math.isfinite(found):
            raise CannotTell(f"{node['value']}() has come to a number that is none")
        return found


def same(left: Any, right: Any) -> bool:
    """Whether two JSON values are equal: 1 is 1.0, and true is no number, however deep inside."""
    if isinstance(left, bool) or isinstance(right, bool):
        return left is right
    if isinstance(left, list) and isinstance(right, list):
        return len(left) == len(right) and all(map(same, left, right))
    if isinstance(left, dict) and isinstance(right, dict):
        return left.keys() == right.keys() and all(same(member, right[key]) for key, member in left.items())
    return bool(left == right)


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)


def _kind(value: Any) -> str:
    kinds = {str: "a text", bool: "a boolean", list: "an array", dict: "an object", type(None): "null"}
    return kinds.get(type(value), "a number")


def _bounded(text: str) -> str:
    if len(text) > MAX_TEXT:
        raise CannotTell(f"it makes a text of more than {MAX_TEXT:,} characters")
    return text
