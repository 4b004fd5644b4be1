"""The engine `cel`: a policy says yes to the requests for which its CEL expression is true."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import cel

from falconbox import (
    AccessPolicy,
    All,
    CompileBranch,
    Document,
    Engine,
    Evaluator,
    PolicyInvalid,
    Problem,
    Reason,
    Undetermined,
    Verdict,
    hookimpl,
)
from falconbox.bounds import count_values, size
from falconbox.wording import pointer_to, shortened
from falconbox_engine_cel import reading
from falconbox_engine_cel.checking import problems, syntax
from falconbox_engine_cel.functions import FUNCTIONS, replaced
from falconbox_engine_cel.tokens import Token, conditions, text_of, tokens

MAX_LENGTH = 4096
"""How many characters an expression may have."""

MAX_STEPS = 100_000
"""How many steps loops in loops may take: what the request holds, to the power of the loops."""

MAX_LOOKED_AT = 2_000_000
"""How many values loops may look at that stand elsewhere in the request: its size, for each step of a loop."""

_WORDS = {
    IndexError: "a list has no such member, or size, double, timestamp or matches was given what it cannot use",
    KeyError: "something that it names is missing",
    OverflowError: "a number is too large",
    TypeError: "what it compares or combines is of different types",
    ZeroDivisionError: "it divides by zero",
}


class CELEvaluator:
    """A compiled expression. Evaluating keeps nothing in it, so many threads may ask at once."""

    def __init__(self, expression: str, found: Sequence[Token]) -> None:
        self.reads = reading.reads(found)
        self.facets = reading.facets(found)
        self._expression = expression
        self._tokens = found
        self._program = _program(expression)
        self._power = reading.power(found)
        self._copies = reading.copies(found)
        self._elsewhere = reading.paths_in_loops(found)

    def evaluate(self, document: Document) -> bool:
        """Return whether the expression is true. Raises Undetermined when it is neither true nor false."""
        if not self.facets.texts_hold(document):
            return False
        found = self._found(self._program, self._request(document))
        if isinstance(found, bool):
            return found
        raise Undetermined(f"the expression is neither true nor false, but of the type {type(found).__name__}")

    def explain(self, document: Document) -> Verdict:
        """Return the same answer, and the condition that was false."""
        matched = self.evaluate(document)
        if matched:
            return Verdict(matched, (Reason("expression", "the expression is true", policy_pointer="/expression"),))
        false = self._false(document)
        shown = " ".join(shortened(text_of(self._expression, false)).split())
        pointer = pointer_to(reading.path(false)) or None
        return Verdict(matched, (Reason("expression", f"{shown} is false", pointer, "/expression"),))

    def _false(self, document: Document) -> Sequence[Token]:
        # Where all of it is false, one of the conditions that `&&` joins is; others may fail beside it.
        parts = conditions(self._tokens)
        for part in parts if len(parts) > 1 else ():
            try:
                if self._found(_program(text_of(self._expression, part)), self._request(document)) is False:
                    return part
            except Undetermined:
                continue
        return self._tokens

    def _request(self, document: Document) -> dict[str, Any]:
        keys = document if isinstance(self.reads, All) else self.reads
        request = {key: document[key] for key in keys if key in document}
        count = count_values(request)
        if self._power > 1 and ((count + len(self._tokens)) * self._copies) ** self._power > MAX_STEPS:
            raise Undetermined("the request holds too much for loops in loops, or for map and filter")
        looked_at = sum(size(_at(request, path), MAX_LOOKED_AT) for path in self._elsewhere)
        if (count + len(self._tokens)) * looked_at > MAX_LOOKED_AT:
            raise Undetermined("the request holds too much for what loops look at elsewhere in it")
        return request

    def _found(self, program: Any, request: dict[str, Any]) -> Any:
        try:
            return program.execute(cel.Context({reading.REQUEST: request}, FUNCTIONS))
        except Exception as error:  # noqa: BLE001  # whatever native code raises is a failure of this policy
            why = _WORDS.get(type(error), type(error).__name__)
            if isinstance(error, KeyError) and error.args[:1] and any(error.args[0] in step for step in self._names()):
                why = f"there is no {error.args[0]} where it is looked up"
            raise Undetermined(f"the expression cannot be evaluated: {why}") from None

    def _names(self) -> Iterator[tuple[str, str | None]]:
        # What is missing may have been named by the request: only names of the expression are told.
        return ((token.source, token.value) for token in self._tokens)


def _at(request: Any, path: Sequence[str]) -> Any:
    for step in path:
        if not isinstance(request, dict) or step not in request:
            break
        request = request[step]
    return request


def _program(expression: str) -> Any:
    return cel.compile(replaced(expression, tokens(expression)))


class CELEngine:
    """Compiles policies with `expression`."""

    name = "cel"
    body_schema: Mapping[str, Any] = {
        "properties": {
            "expression": {
                "type": "string",
                "minLength": 1,
                "maxLength": MAX_LENGTH,
                "description": "An expression in the Common Expression Language over `request`, which must be true.",
            }
        },
        "required": ["expression"],
    }

    def compile(self, policy: AccessPolicy, compile_branch: CompileBranch) -> Evaluator:
        """Return the evaluator. Raises PolicyInvalid for what is no expression, or one that cannot be bounded."""
        expression = policy.body["expression"]
        try:
            found = tokens(expression)
            references = cel.compile(expression).references()
        except Exception as error:  # noqa: BLE001  # whatever native code raises refuses this policy
            raise PolicyInvalid([Problem("/expression", syntax(error))]) from None
        refused = [*problems(found, references)]
        if refused:
            raise PolicyInvalid(Problem("/expression", problem) for problem in refused)
        return CELEvaluator(expression, found)


@hookimpl
def falconbox_engines() -> Iterable[Engine]:
    """Add the engine."""
    return [CELEngine()]
