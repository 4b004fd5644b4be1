"""Nothing that a module says or is shown ends the process, takes its memory or goes on for ever."""

from __future__ import annotations

import itertools
import subprocess
import sys

import pytest
from falconbox_engine_rego import RegoEngine
from falconbox_engine_rego.module import MAX_NESTING, MAX_TOKENS
from falconbox_engine_rego.reading import CALLED

from falconbox import AccessPolicy, PolicyInvalid, Undetermined

AT_THE_LIMITS = f"""
import threading
from falconbox import AccessPolicy, Undetermined
from falconbox.testing import HOSTILE
from falconbox_engine_rego import RegoEngine

HALF = {MAX_TOKENS} // 2 - 10

def run():
    for rule in (
        "allow := " + "(" * {MAX_NESTING} + "1" + ")" * {MAX_NESTING}, "allow := " + "[" * {MAX_NESTING} + "]" * {MAX_NESTING}, "allow := 1" + "+1" * HALF, "allow := input" + ".a" * HALF,
        "allow if {{ " + "true; " * HALF + "true }}", "allow := 1 if false" + " else := 2 if false" * (HALF // 3), "".join(f"a{{n}} := a{{n + 1}}\\n" for n in range(30)) + "a30 := 1\\nallow := a0", "allow := input == input",
        "allow := " + "abs(" * {MAX_NESTING} + "1" + ")" * {MAX_NESTING}, "allow := " + "{{1}} | " * (HALF // 2) + "{{1}}",
    ):
        evaluator = RegoEngine().compile(AccessPolicy("p", "rego", {{"module": "package falconbox\\n" + rule}}), None)
        for document in HOSTILE.values():
            try:
                evaluator.evaluate(document)
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


def chain(call: str, length: int) -> str:
    made = "\n".join(f"x{number} := {call.replace('X', f'x{number - 1}')}" for number in range(1, length))
    return f"package falconbox\nx0 := input.params.a\n{made}\nallow if count(x{length - 1}) > 1"


SLASHES = "/" * 400
GROWING = [
    chain("array.concat(X, X)", 31), chain(f'replace(X, "/", "{SLASHES}")', 20), chain('concat(",", [X, X, X])', 20), chain("[X, X, X]", 25), chain("{{X: X, \"a\": X}}", 25),
    chain("twice(X)", 31) + "\ntwice(x) := array.concat(x, x)",
    f'package falconbox\nallow if count(replace(replace(replace(input.params.a, "/", "{SLASHES}"), "/", "{SLASHES}"), "/", "{SLASHES}")) > 1',
    "package falconbox\nallow if { a := input.params.a; " + "; ".join(f"{y} := array.concat({x}, {x})" for x, y in itertools.pairwise("abcdefghijklmnopqrstuvwxyz")) + "; count(z) > 1 }",
    *(
        "package falconbox\nallow if { a := input.params.a; " + "; ".join(step.replace("X", x).replace("Y", y) for x, y in itertools.pairwise("abcdefghijklmnopqrstuvwxyz")) + "; count(z) > 1 }"
        for step in ("array.concat(X, X) = Y", "[Y, _] := [array.concat(X, X), 1]", '{"k": Y} := {"k": array.concat(X, X)}', "[Y, 1] = [[X, X], 1]")
    ),
]  # fmt: skip


@pytest.mark.parametrize("module", GROWING)
def test_a_module_that_grows_what_it_reads_beyond_all_bounds_is_refused(module: str) -> None:
    with pytest.raises(PolicyInvalid, match="times as large"):
        RegoEngine().compile(AccessPolicy("p", "rego", {"module": module}), None)


@pytest.mark.parametrize(
    "call", ['replace(input.uri, "/", input.uri)', "concat(input.uri, [])", 'replace(input.uri, "/", replace("a", "a", "b"))', 'concat(concat("", []), [])',
             'replace(input.uri, "/", x)', 'replace(input.uri, "/", "a" + input.uri)'],
)  # fmt: skip
def test_what_is_put_in_again_and_again_stands_in_the_module(call: str) -> None:
    with pytest.raises(PolicyInvalid, match=r"something else than a text for its (first|third) argument, at line 2"):
        RegoEngine().compile(AccessPolicy("p", "rego", {"module": f'package falconbox\nallow if {call} == "x"'}), None)


@pytest.mark.parametrize(
    "call", ['replace(input.uri, "", "x")', 'replace(input.uri, ``, "x")', 'replace(input.uri, input.params.a, "x")', 'replace(input.uri, trim(" ", " "), "x")', "replace(input.uri)"],
)  # fmt: skip
def test_what_is_looked_for_stands_in_the_module_since_an_empty_text_is_found_for_ever(call: str) -> None:
    """The request would never be answered, and what is put in take memory until there is none."""
    with pytest.raises(PolicyInvalid, match=r"a text of the module to look for, not empty, at line 2"):
        RegoEngine().compile(AccessPolicy("p", "rego", {"module": f'package falconbox\nallow if {call} == "x"'}), None)


ODD = ["", "a", -1, 1.5, [], ["", 1], {}, {"a": {}}, None, True]
ONE_ARGUMENT = frozenset(["abs", "array.reverse", "ceil", "count", "floor", "intersection", "is_array", "is_boolean", "is_null", "is_number", "is_object", "is_set", "is_string", "max", "min", "object.keys", "round", "sort", "strings.reverse", "sum", "to_number", "type_name", "union"])  # fmt: skip
THREE_ARGUMENTS = frozenset({"array.slice", "object.get", "replace", "substring"})


@pytest.mark.parametrize("function", sorted(CALLED))
def test_every_function_comes_to_an_end_whatever_the_request_hands_it(function: str) -> None:
    """The module says yes or no, or cannot tell."""
    number = 1 if function in ONE_ARGUMENT else 3 if function in THREE_ARGUMENTS else 2
    arguments = [f"input.{name}" for name in "xyz"[:number]]
    for function_of, place in (("concat", 0), ("replace", 1), ("replace", 2)):
        if function == function_of:
            arguments[place] = '"a"'
    module = f"package falconbox\nallow if not {function}({', '.join(arguments)}) == 12345"
    evaluator = RegoEngine().compile(AccessPolicy("p", "rego", {"module": module}), None)
    for handed in itertools.product(ODD, repeat=number):
        try:
            assert evaluator.evaluate(dict(zip("xyz", handed, strict=False))) is True
        except Undetermined as cannot_tell:
            assert cannot_tell.detail


def test_a_module_may_take_apart_what_it_reads_and_put_it_together() -> None:
    module = """package falconbox
        default allow := false
        last(path) := part if { [_, kind, part] := split(replace(path, "-", "/"), "/"); kind == "Patient" }
        allow if { [first, second] = [last(input.uri), input.client.id]; concat("/", [first, second]) = both; both == `1/1` }
    """
    evaluator = RegoEngine().compile(AccessPolicy("p", "rego", {"module": module}), None)
    assert evaluator.evaluate({"uri": "/Patient-1", "client": {"id": "1"}}) is True
    assert evaluator.evaluate({"uri": "/Patient/2", "client": {"id": "1"}}) is False


def test_a_module_that_grows_what_it_reads_cannot_tell_of_a_large_request() -> None:
    module = f'package falconbox\nallow if count(replace(input.uri, "/", "{SLASHES}")) > 1'
    evaluator = RegoEngine().compile(AccessPolicy("p", "rego", {"module": module}), None)
    with pytest.raises(Undetermined, match="puts together"):
        evaluator.evaluate({"uri": "/" * 1_000_000})
    assert evaluator.evaluate({"uri": "/a/b"}) is True
