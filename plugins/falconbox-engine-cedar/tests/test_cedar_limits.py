"""Nothing that a set of policies says or is shown ends the process."""

from __future__ import annotations

import subprocess
import sys

from falconbox_engine_cedar.syntax import MAX_NESTING, MAX_TOKENS
from hypothesis import given, settings
from hypothesis import strategies as st
from test_cedar import PATIENT, compiled, when

from falconbox import PolicyInvalid, Undetermined

AT_THE_LIMITS = f"""
import threading
from falconbox import AccessPolicy, Undetermined
from falconbox.testing import HOSTILE
from falconbox_engine_cedar import CedarEngine

ANYTHING = "permit (principal, action, resource)"
TOKENS = {MAX_TOKENS} - 20

def run():
    for condition in (
        "(" * {MAX_NESTING - 1} + "true" + ")" * {MAX_NESTING - 1}, "[" * {MAX_NESTING - 1} + "]" * {MAX_NESTING - 1} + ".isEmpty()", "&&".join(["true"] * (TOKENS // 2)),
        "||".join(["false"] * (TOKENS // 2)), "+".join(["1"] * (TOKENS // 2 - 1)) + " == 1", "context" + ".a" * (TOKENS // 2 - 1), "context has a" + ".a" * (TOKENS // 2 - 2),
        "if false then true else " * (TOKENS // 5 - 1) + "true", "[]" + ".contains(1)" * (TOKENS // 6), "context == context", "principal == principal",
    ):
        text = ANYTHING + " when {{ " + condition + " }};"
        evaluator = CedarEngine().compile(AccessPolicy("p", "cedar", {{"policies": text * 3}}), None)
        for document in ({{"request-method": "get", "uri": "/"}}, *HOSTILE.values()):
            for ask in (evaluator.evaluate, evaluator.explain):
                try:
                    ask(document)
                except Undetermined:
                    pass
    print("alive")

threading.stack_size(1024 * 1024)
thread = threading.Thread(target=run)
thread.start()
thread.join()
"""


def test_at_its_limits_it_needs_less_than_a_mebibyte_of_stack() -> None:
    done = subprocess.run([sys.executable, "-c", AT_THE_LIMITS], capture_output=True, text=True, timeout=600)
    assert (done.returncode, done.stdout) == (0, "alive\n"), done.stderr


PIECES = st.sampled_from(
    ["permit", "forbid", "(principal, action, resource)", "(", ")", "{", "}", "[", "]", ";", "when", "unless", "principal", "action", "resource", "context", ".", "has", "like", "is", "in", "if", "then",
     "else", "true", "1", '"a"', '"', "==", "!=", "!", "&&", "||", "<", "+", "-", "*", ",", ":", "::", "@id", "?principal", "//", "\n", " ", 'Client::"a"', "ip(", "Uri"]
)  # fmt: skip
SETS = st.one_of(
    st.lists(PIECES, max_size=20).map(" ".join),
    st.lists(PIECES, max_size=12).map(lambda pieces: when(" ".join(pieces))),
)


@settings(deadline=None)
@given(SETS)
def test_any_text_is_compiled_or_refused_and_what_is_compiled_answers(text: str) -> None:
    try:
        evaluator = compiled(text)
    except PolicyInvalid as refused:
        assert all(problem.pointer == "/policies" for problem in refused.problems)
        return
    try:
        answer = evaluator.evaluate(PATIENT)
    except Undetermined:
        return
    assert isinstance(answer, bool)
    assert evaluator.explain(PATIENT).matched is answer
