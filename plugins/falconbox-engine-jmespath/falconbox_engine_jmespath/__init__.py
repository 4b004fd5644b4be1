"""The engine `jmespath`: a policy says yes to the requests for which its JMESPath expression is true."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from jmespath.exceptions import JMESPathError

from falconbox import (
    NO_FACETS,
    AccessPolicy,
    All,
    CompileBranch,
    Document,
    Engine,
    Evaluator,
    Reason,
    Undetermined,
    Verdict,
    hookimpl,
)
from falconbox.bounds import size
from falconbox_engine_jmespath.interpreter import CannotTell, Interpreter
from falconbox_engine_jmespath.reading import Node, conditions, parse, reads, size_of

MAX_LENGTH = 4096
"""How many characters an expression may have."""

MAX_STEPS = 2_000_000
"""How often parts of an expression may meet values of the request: a second or two."""

MAX_SHOWN = 200
"""How many characters of a condition an explanation shows."""


class JMESPathEvaluator:
    """A compiled expression. Each question gets an interpreter of its own, so many threads may ask at once."""

    facets = NO_FACETS

    def __init__(self, tree: Node, expression: str) -> None:
        self._tree = tree
        self._expression = expression
        self.reads = reads(tree)
        self._most = MAX_STEPS // size_of(tree)

    def evaluate(self, document: Document) -> bool:
        """Return whether the expression is true. Raises Undetermined when it is neither true nor false."""
        keys = document.keys() if isinstance(self.reads, All) else self.reads
        if size({key: document[key] for key in keys if key in document}, self._most) > self._most:
            raise Undetermined(f"the request holds more than {self._most:,} values, too many for this expression")
        found = _found(self._tree, document)
        if isinstance(found, bool):
            return found
        kind = "null: something that it names is missing" if found is None else f"a {type(found).__name__}"
        raise Undetermined(f"the expression is neither true nor false, but {kind}")

    def explain(self, document: Document) -> Verdict:
        """Return the same answer, and the condition that was not true."""
        matched = self.evaluate(document)
        if matched:
            return Verdict(matched, (Reason("expression", "the expression is true", policy_pointer="/expression"),))
        # `&&` gives the first that does not hold: those before it have been asked, and none of them is false.
        failed = next(part for part in conditions(self._expression) if _found(parse(part), document) is False)
        shown = failed if len(failed) <= MAX_SHOWN else f"{failed[:MAX_SHOWN]}..."
        return Verdict(matched, (Reason("expression", f"{shown} is false", policy_pointer="/expression"),))


def _found(tree: Node, document: Document) -> Any:
    try:
        return Interpreter().visit(tree, document)
    except CannotTell as error:
        raise Undetermined(f"the expression cannot be evaluated: {error}") from None
    except (JMESPathError, TypeError, ValueError, ArithmeticError, RecursionError) as error:
        # The text of the error may quote the document.
        raise Undetermined(f"the expression cannot be evaluated: {type(error).__name__}") from None


class JMESPathEngine:
    """Compiles policies with `expression`."""

    name = "jmespath"
    body_schema: Mapping[str, Any] = {
        "properties": {
            "expression": {
                "type": "string",
                "minLength": 1,
                "maxLength": MAX_LENGTH,
                "description": "A JMESPath expression over the request document, which must be true.",
            }
        },
        "required": ["expression"],
    }

    def compile(self, policy: AccessPolicy, compile_branch: CompileBranch) -> Evaluator:
        """Return the evaluator. Raises PolicyInvalid for what is no expression, or one that cannot be bounded."""
        expression = policy.body["expression"]
        return JMESPathEvaluator(parse(expression), expression)


@hookimpl
def falconbox_engines() -> Iterable[Engine]:
    """Add the engine."""
    return [JMESPathEngine()]
