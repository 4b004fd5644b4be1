"""The engine `rego`: a policy holds a module, and says yes where its rule `allow` (or `deny`) is true."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from regopy import Input, Interpreter
from regopy.rego_shared import LogLevel, RegoError

from falconbox import (
    NO_FACETS,
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
from falconbox.bounds import count_values
from falconbox.wording import quoted
from falconbox_engine_rego import exact, module, reading, texts
from falconbox_engine_rego.growth import Growth
from falconbox_engine_rego.module import Token
from falconbox_engine_rego.trying import TRIAL_ELSEWHERE

MAX_LENGTH = 32_768
"""How many characters a module may have."""

MAX_VALUES = 1000
"""How many values the keys of a request may hold that a module reads."""

MAX_STEPS = 100_000
"""How many steps loops in loops may take: what the request holds, to the power of the loops."""

MAX_MADE = 20_000_000
"""How many characters a module may put together: those of the request and its own, times what it makes of them."""

MAX_REASONS = 9
_PLACE = re.compile(r"\(error \d+:m\|(\d+)\|.*?\(errormsg \d+:([^)\n]+)\)", re.DOTALL)


class RegoEvaluator:
    """A compiled module. It keeps the request while it is asked, so threads take turns."""

    facets = NO_FACETS

    def __init__(self, found: Sequence[Token], package: str, rule: str) -> None:
        """Compile. Raises ValueError with what is wrong, in words for the author of a policy."""
        self.reads = reading.reads(found)
        self._rule = rule
        self._loops = reading.loops(found)
        self._letters = reading.calls(found, "split")
        self._growth = Growth(reading.names(found)).largest()
        self._length = sum(len(token.source) for token in found)
        entries = [name for name in (rule, "reasons") if name in reading.names(found)]
        self._entries = {name: f"{package.replace('.', '/')}/{name}" for name in entries}
        source = exact.written(found, reading.names(found))
        problem = TRIAL_ELSEWHERE.problem(source, [*self._entries.values()])
        if problem is not None:
            raise ValueError(_syntax(problem, source))
        self._interpreter = _interpreter()
        self._interpreter.add_module("m", source)
        self._bundle = self._interpreter.build(None, [*self._entries.values()])
        self._lock = threading.Lock()

    def evaluate(self, document: Document) -> bool:
        """Return whether the rule is true. Raises Undetermined when it is neither true nor false."""
        (found,) = self._found(self._handed(document), self._rule)
        if isinstance(found, bool):
            return found
        raise Undetermined(f"the rule {self._rule} is neither true nor false, but a {type(found).__name__}")

    def explain(self, document: Document) -> Verdict:
        """Return the same answer, with the reasons that the module gives."""
        matched = self.evaluate(document)
        message = f"the rule {self._rule} is {str(matched).lower()}"
        reasons = [Reason("rule", message, policy_pointer="/module")]
        if "reasons" in self._entries:
            try:
                (given,) = self._found(self._handed(document), "reasons")
            except Undetermined:
                given = []
            words = [texts.decoded(text) for text in given if isinstance(text, str)] if isinstance(given, list) else []
            said = [f"the module says: {quoted(text)}" for text in sorted(words)[:MAX_REASONS]]
            reasons += [Reason("reasons", text, policy_pointer="/module") for text in said]
        return Verdict(matched, tuple(reasons))

    def _handed(self, document: Document) -> Any:
        keys = document if isinstance(self.reads, All) else self.reads
        asked = {key: document[key] for key in keys if key in document}
        count = count_values(asked, most=MAX_VALUES)
        handed = texts.encoded(asked)
        length = len(texts.term(handed)) if self._letters or self._growth > 1 else 0
        if self._growth > 1 and (length + self._length) * self._growth > MAX_MADE:
            raise Undetermined("the request holds too much for what the module puts together from it")
        size = count + (length if self._letters else 0)
        if self._loops > 1 and size**self._loops > MAX_STEPS:
            raise Undetermined("the request holds too much for loops in loops")
        return handed

    def _found(self, handed: Any, name: str) -> list[Any]:
        with self._lock:
            try:
                if texts.has_fraction(handed):
                    self._interpreter.set_input_term(texts.term(handed))
                else:
                    self._interpreter.set_input(Input(handed))
                output = self._interpreter.query_bundle_entrypoint(self._bundle, self._entries[name])
            except Exception as error:  # noqa: BLE001  # whatever native code raises is a failure of this policy
                raise Undetermined(f"the module cannot be evaluated: {type(error).__name__}") from None
            if not output.ok():
                raise Undetermined("the module cannot be evaluated: a function was given what it cannot use")
            found: list[Any] = output.results[0].expressions
        if len(found) != 1:
            raise Undetermined(f"the rule {name} has no value: say what holds otherwise, by `default {name} := false`")
        return found


def _interpreter() -> Interpreter:
    interpreter = Interpreter()
    # It would print to standard output.
    interpreter.log_level = LogLevel.NONE
    # Without this, what a function cannot do would count as false.
    interpreter.strict_built_in_errors = True
    return interpreter


class RegoEngine:
    """Compiles policies with `module`: Rego."""

    name = "rego"
    body_schema: Mapping[str, Any] = {
        "properties": {
            "module": {
                "type": "string",
                "minLength": 1,
                "maxLength": MAX_LENGTH,
                "description": "A module in Rego, whose rule `allow` (`deny`, with the effect deny) must be true.",
            }
        },
        "required": ["module"],
    }

    def compile(self, policy: AccessPolicy, compile_branch: CompileBranch) -> Evaluator:
        """Return the evaluator. Raises PolicyInvalid for what is no Rego, cannot be bounded, or looks outside."""
        rule = policy.effect.value
        try:
            found = module.tokens(policy.body["module"])
        except ValueError as error:
            raise _refused([str(error)]) from None
        package = reading.package(found)
        if package is None:
            raise _refused(["starts with no package, such as `package falconbox`"])
        built_in = _interpreter().is_builtin
        taken = [name for name in reading.names(found) if built_in(name) and name not in reading.CALLED]
        problems = [*reading.problems(found, rule), *exact.problems(found)]
        problems += [f"gives a rule the name {name} of a function" for name in taken]
        if problems:
            raise _refused(problems)
        try:
            return RegoEvaluator(found, package, rule)
        except (ValueError, RegoError) as error:
            raise _refused([str(error)]) from None


def _syntax(error: str, written: str) -> str:
    place = _PLACE.search(error)
    if place is None:
        return "is no Rego" if error else "is no Rego that could be compiled"
    # The place is in bytes.
    line = written.encode()[: int(place[1])].count(b"\n") + 1
    return f"is no Rego, at line {line}: {place[2]}"


def _refused(problems: Iterable[str]) -> PolicyInvalid:
    return PolicyInvalid(Problem("/module", problem) for problem in problems)


@hookimpl
def falconbox_engines() -> Iterable[Engine]:
    """Add the engine."""
    return [RegoEngine()]
