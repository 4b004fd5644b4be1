"""Nothing that an expression says or is shown ends the process."""

from __future__ import annotations

import subprocess
import sys

from falconbox_engine_cel.tokens import MAX_NESTING, MAX_TOKENS
from hypothesis import given, settings
from hypothesis import strategies as st
from test_cel import PATIENT, compiled

from falconbox import PolicyInvalid, Undetermined

AT_THE_LIMITS = f"""
import threading
from falconbox import AccessPolicy
from falconbox.testing import HOSTILE
from falconbox_engine_cel import CELEngine

def run():
    for text in (
        "+".join(["1"] * {MAX_TOKENS // 2 - 1}) + " == 1", "!" * {MAX_TOKENS - 1} + "true", "&&".join(["true"] * {MAX_TOKENS // 2}),
        "||".join(["false"] * {MAX_TOKENS // 2}),
        "request" + ".a" * {MAX_TOKENS // 2 - 2} + " == 1", "(" * {MAX_NESTING} + "true" + ")" * {MAX_NESTING}, "[" * {MAX_NESTING} + "]" * {MAX_NESTING} + " == []",
        "request.body == request.body", "true ? true : " * 30 + "true", "request.a" + ".size()" * 150 + " == 1", "request.params" + ".map(x, x)" * 100 + " == 1",
    ):
        evaluator = CELEngine().compile(AccessPolicy("p", "cel", {{"expression": text}}), None)
        for document in HOSTILE.values():
            try:
                evaluator.evaluate(document)
            except Exception as error:
                assert type(error).__name__ == "Undetermined", error
    print("alive")

threading.stack_size(1024 * 1024)
thread = threading.Thread(target=run)
thread.start()
thread.join()
"""


def test_at_its_limits_it_needs_less_than_a_mebibyte_of_stack() -> None:
    done = subprocess.run([sys.executable, "-c", AT_THE_LIMITS], capture_output=True, text=True, timeout=300)
    assert (done.returncode, done.stdout) == (0, "alive\n"), done.stderr


PIECES = st.sampled_from(
    ["(", ")", "[", "]", "{", "}", "&&", "||", "!", "==", "!=", "<", "in ", "+", "-", "*", "/", "%", ".", ",", ":", "?", " ", "1", "0", "2.5", "1u", "true", "null",
     "'a'", '"', "'", "r'", "b'a'", "\\", "//", "\n", "request", "request.uri", ".matches('a')", ".size()", "size(", "double(", "has(", ".exists(x, ", ".map(x, ", "x", "int(", "timestamp('"]
)  # fmt: skip


@settings(deadline=None)
@given(st.lists(PIECES, max_size=25).map("".join))
def test_any_text_is_compiled_or_refused_and_what_is_compiled_answers(text: str) -> None:
    try:
        evaluator = compiled(text)
    except PolicyInvalid as refused:
        assert all(problem.pointer == "/expression" for problem in refused.problems)
        return
    try:
        answer = evaluator.evaluate(PATIENT)
    except Undetermined:
        return
    assert isinstance(answer, bool)
    assert evaluator.explain(PATIENT).matched is answer
