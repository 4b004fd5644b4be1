"""Modules are true, false, or cannot tell; they read nothing but the request; nothing ends the process."""

from __future__ import annotations

import itertools
import json
import subprocess
import sys
from typing import Any, ClassVar

import pytest
from falconbox_engine_rego import MAX_LENGTH, MAX_VALUES, RegoEngine
from falconbox_engine_rego.module import MAX_NESTING, MAX_TOKENS
from falconbox_engine_rego.reading import CALLED, OUTSIDE
from falconbox_engine_rego.trying import TRIAL_ELSEWHERE
from hypothesis import example, given, settings
from hypothesis import strategies as st

from falconbox import ALL, AccessPolicy, PolicyInvalid, Undetermined
from falconbox.model import Effect
from falconbox.testing import Bad, Case, EngineContract, nested

PATIENT = {
    "request-method": "get", "uri": "/Patient/1", "params": {"_count": "10"}, "headers": {"host": "box"},
    "client": {"id": "app", "details": {"roles": ["reader", "writer"], "level": 3}},
}  # fmt: skip
READER = """
default allow := false
allow if {
    input["request-method"] == "get"
    startswith(input.uri, "/Patient")  # and below
    is_reader
}
is_reader if "reader" in input.client.details.roles
reasons contains "no \\"reader\\"\\n" if not is_reader
"""


def module(text: str) -> dict[str, Any]:
    return {"module": f"package falconbox\n{text}\n"}


class TestRego(EngineContract):
    engine = RegoEngine()
    cases: ClassVar = [
        Case(module(READER), PATIENT, True),
        Case(module(READER), {**PATIENT, "request-method": "post"}, False),
        Case(module(READER), {"request-method": "get", "uri": "/Patient"}, False),
        Case(module('allow if input.uri == "/Patient/1"'), PATIENT, True),
        Case(module('allow if input.uri == "/Patient/1"'), {"uri": "/x"}, None),
        Case(module("allow := count(input) < 3"), PATIENT, False),
        Case(module("default allow := false\nallow if input.body == input.body"), {"body": [1.5, "a"]}, True),
        Case(module('allow := "true"'), PATIENT, None),
        Case(module("allow := 1"), PATIENT, None),
        Case(module("allow contains true"), PATIENT, None),
        Case(module("allow := null"), PATIENT, None),
    ]
    bad: ClassVar = [
        Bad({}, ""), Bad({"module": ""}, ""), Bad(module("a" * MAX_LENGTH), ""), Bad(module("allow := ("), "/module"),
        Bad(module("allowed := true"), "/module"), Bad({"module": "allow := true"}, "/module"), Bad(module("allow := opa.runtime()"), "/module"),
    ]  # fmt: skip


def compiled(text: str, effect: Effect = Effect.ALLOW) -> Any:
    policy = AccessPolicy("p", "rego", module(text), effect=effect)
    return RegoEngine().compile(policy, lambda *_: pytest.fail("there is no branch"))


def told(text: str, document: dict[str, Any]) -> bool | None:
    try:
        return bool(compiled(text).evaluate(document))
    except Undetermined:
        return None


def refusal(text: str) -> str:
    with pytest.raises(PolicyInvalid) as refused:
        compiled(text)
    assert {problem.pointer for problem in refused.value.problems} == {"/module"}
    return "; ".join(problem.detail for problem in refused.value.problems)


# Nothing but the request.


LEAKS = [
    "allow := opa.runtime().env.SECRET == input.x", 'allow := opa["runtime"]().env', 'allow := opa\n.runtime()', "allow := opa . runtime ()", "f := opa.runtime\nallow := f()",
    "allow := x if { x := opa.runtime }", "allow if { count([]) == {} with count as opa.runtime }", "allow if y with input as {}\ny := 1", "import opa.runtime as r\nallow := r()", "import data.opa as o\nallow := o.runtime()",
    "import rego.v1 as opa\nallow := opa.runtime()", "allow := `a` # `\nx := opa.runtime()", 'allow := "\\"" # "\nx := opa.runtime() # "', 'allow := $"{opa.runtime()}" == ""', 'allow := input["opa"]["runtime"]()',
    "allow := {opa.runtime()}", "allow := [x | x := opa.runtime()]", "allow := (opa).runtime()", "allow := true if { some opa; opa.runtime() }", "allow := input.x(opa.runtime)", 'allow := http.send({"url": "http://127.0.0.1/", "method": "get"})',
    "allow := time.now_ns() > 0", "allow := rand.intn(\"a\", 2) == 1", 'allow := uuid.rfc4122("a") == ""', 'allow := net.lookup_ip_addr("a")', 'allow := regex.match("(a+)+$", input.uri)', 'allow := re_match("a", "a")', 'allow := io.jwt.decode("a")',
    'allow := print("a")', 'allow := trace("a")', "walk(x) := 1\nallow := walk(input)", 'allow := sprintf("%s", [input])', "allow := json.marshal(input)", "allow := numbers.range(1, 1000000000)", "allow := data.falconbox.f(1)\nf(x) := x",
    "import rego.v1; allow := opa.runtime()", "allow := count(input)[0](1)", "allow := .opa.runtime()", "package opa\nallow := true", "allow := crypto.sha256(\"a\")", "allow := glob.match(\"*\", [], \"a\")", "allow := graph.reachable({}, [])", "allow := opa\u2028.runtime()",
]  # fmt: skip


@pytest.mark.parametrize("text", LEAKS)
def test_what_could_look_outside_is_refused(
    text: str, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("SECRET", "hunter2")
    assert refusal(text)
    assert "hunter2" not in "".join(capfd.readouterr())


FRAGMENTS = st.sampled_from(
    ["opa", ".runtime", "()", '["runtime"]', "runtime", ".env", ".SECRET", "\n", " ", "#", '"', "`", "\\", "import ", "as ", "with ", "x", ":=", "=", "input", "data", "{", "}", "[", "]", "(", ")", "|", ";", "f(x) := ",
     "if ", "some ", "in ", "not ", "every ", "else ", "default ", "contains ", "count", "object.get(", ",", "1", "rego.v1", "future.keywords", "\t", ".", "allow"]
)  # fmt: skip


@settings(deadline=None)
@given(st.lists(FRAGMENTS, max_size=14).map("".join))
@example("opa.runtime().env.SECRET")
def test_no_text_hands_out_the_environment(text: str) -> None:
    import os

    os.environ["SECRET"] = "hunter2"
    for source in (f"allow := {text}", f"{text}\nallow := x", text):
        try:
            evaluator = compiled(source)
        except PolicyInvalid:
            continue
        handed = json.dumps(
            [evaluator._interpreter.query_bundle_entrypoint(evaluator._bundle, entry).results for entry in ()]
        )
        assert "hunter2" not in handed
        for name in evaluator._entries:
            try:
                assert "hunter2" not in str(evaluator._found({}, name))
            except Undetermined:
                continue


def test_every_name_that_looks_outside_is_a_name_of_the_library_and_none_of_ours() -> None:
    assert not {name.split(".")[0] for name in CALLED} & OUTSIDE


def test_regopy_prints_nothing_of_ours(capfd: pytest.CaptureFixture[str]) -> None:
    for text in (
        "allow := (",
        'allow := contains("a" "b")',
        "a := b\nb := a\nallow := a",
        "allow := true\nallow := false",
    ):
        try:
            told(text, PATIENT)
        except PolicyInvalid:
            continue
    assert capfd.readouterr() == ("", "")


# Texts and numbers.


@settings(deadline=None)
@given(st.text(), st.text(max_size=3))
@example("\n", "n")
@example('"', "\\")
@example("\x00a", "a")
@example("\\u0041", "A")
@example("\\", "\\")
@example("\x1f" * 6 + "\x07" * 3 + "\U00010000" * 2, "\U00010000" * 3)
def test_a_text_is_its_characters(text: str, other: str) -> None:
    literals = (json.dumps(text), json.dumps(other))
    if any(0xFFF00 <= ord(letter) <= 0xFFF5C for letter in text + other):
        return
    rules = """
        same if input.x == {0}
        named if input.names[{0}] == 1
        has := contains(input.x, {1})
        ends := endswith(input.x, {1})
        starts := startswith(input.x, {1})
        length := count(input.x)
        joined := concat("", [input.x, {1}]) == input.joined
    """.replace("{0}", literals[0]).replace("{1}", literals[1])  # fmt: skip
    wanted = f"allow := [named, has, ends, starts, length, joined] == [true, {', '.join(json.dumps(one) for one in (other in text, text.endswith(other), text.startswith(other), len(text), True))}]"
    assert told(f"{rules}\n{wanted}", {"x": text, "names": {text: 1}, "joined": text + other}) is True
    assert told(f"allow := input.x == {literals[0]}", {"x": text + "x"}) is False


@pytest.mark.parametrize("place", ["value", "name"])
def test_a_text_that_cannot_be_handed_over_cannot_be_told(place: str) -> None:
    document = {"x": "\U000fff22"} if place == "value" else {"x": {"\U000fff22": 1}}
    assert told("allow := input.x == input.x", document) is None
    assert "line 2" in refusal('allow := input.x == "\U000fff22"')


@pytest.mark.parametrize(
    "number", [0, 1, -1, 1.0, 1.5, 0.1, 1e-7, 123456789.123456789, 2**53, -(2**53), 1e22, 0.30000000000000004]
)
def test_a_number_keeps_its_digits(number: float) -> None:
    assert told(f"allow := input.x == {json.dumps(number)}", {"x": number}) is True
    assert told(f"allow := input.x == {json.dumps(number)}", {"x": number + 1 if abs(number) < 1e15 else 0}) is False


@pytest.mark.parametrize(
    ("text", "document", "answer"),
    [("allow := input.x == true", {"x": 1}, False), ("allow := input.x == 1.0", {"x": 1}, True), ("allow := true in input.x", {"x": [1]}, False), ("allow := to_number(input.x) == 10", {"x": "10"}, True),
     ("allow := to_number(input.x) == 10", {"x": "ten"}, None), ("default allow := false\nallow if not to_number(input.x)", {"x": "ten"}, None), ("allow := 1 / input.x == 1", {"x": 0}, None),
     ("default allow := false\nallow if startswith(input.x, \"a\")", {"x": 1}, None), ("allow := true\nallow := false", {}, None), ("allow := undefined_name", {}, None),
     ("default allow := false\nallow if { every x in input.l { x > 0 } }", {"l": [1, 2]}, True), ("default allow := false\nallow if { some x in input.l; x == 2 }", {"l": [1, 2]}, True), ("f(x) := x > 1\nallow := f(input.x)", {"x": 2}, True),
     ("default allow := false\nallow if input.l[_] == 2", {"l": [1, 2]}, True), ("import rego.v1\nimport input.client as c\nallow := c.id == \"app\"", PATIENT, True), ("default allow = false\nallow { input.x == 1 }", {"x": 1}, True)],
)  # fmt: skip
def test_it_answers_as_rego_says_and_fails_where_a_function_fails(
    text: str, document: dict[str, Any], answer: bool | None
) -> None:
    assert told(text, document) is answer


def test_a_deny_policy_is_asked_by_its_own_rule() -> None:
    evaluator = compiled('deny := input.uri == "/x"', Effect.DENY)
    assert (evaluator.evaluate({"uri": "/x"}), evaluator.evaluate({"uri": "/y"})) == (True, False)
    with pytest.raises(PolicyInvalid, match="no rule deny"):
        compiled("allow := true", Effect.DENY)


# What is read, and what it costs.


@pytest.mark.parametrize(
    ("text", "reads"),
    [("allow := input.uri == 1", {"uri"}), (READER, {"request-method", "uri", "client"}), ("allow := input == {}", ALL), ("allow := true", set()), ("allow := input[input.uri]", ALL), ("import input as i\nallow := i.x", ALL),
     ("import input.client as c\nallow := c.id", {"client"}), ("allow := input [`body`] . x", {"body"}), ('allow := input["u\\u0072i"] == 1', {"uri"}), ("allow := input[_]", ALL), ("# input\nallow := \"input\" == 1", set()), ("allow := object.get(input, \"body\", 1)", ALL)],
)  # fmt: skip
def test_the_keys_that_follow_input_are_declared(text: str, reads: Any) -> None:
    assert compiled(text).reads == reads


@pytest.mark.parametrize(
    ("text", "most"),
    [("allow if { some x in input.l; some y in input.l; x + y == -1 }", 315), ("allow if { input.l[i] + input.l[j] == -1 }", 315), ("f(x) if { some y in input.l; x == y }\nallow if { some x in input.l; f(x) }", 315),
     ("allow if\nsome x in input.l\nallow if { some x in input.l; x == 1; some y in input.l; some z in input.l; z == y }", 45), ("allow := count(input.l) == 1", MAX_VALUES - 1)],
)  # fmt: skip
def test_loops_in_loops_walk_through_no_more_than_is_bounded(text: str, most: int) -> None:
    evaluator = compiled(f"default allow := false\n{text}")
    with pytest.raises(Undetermined, match="holds"):
        evaluator.evaluate({"l": [1] * (most + 1)})
    evaluator.evaluate({"l": [1] * (most - 1), "params": ["x"] * 5000})


def test_the_letters_of_a_text_count_where_it_is_split() -> None:
    text = 'default allow := false\nallow if { some x in split(input.uri, ""); some y in split(input.uri, ""); x == y }'
    assert told(text, {"uri": "/a"}) is True
    assert told(text, {"uri": "/" + "a" * 400}) is None


@pytest.mark.parametrize(
    "value", [float("nan"), 2**53 + 1, {1: 2}, b"a", "\ud800", nested(64), nested(3000), [1] * MAX_VALUES]
)
def test_what_is_no_request_document_of_its_bounds_cannot_be_told(value: Any) -> None:
    assert told("allow := input.body == input.body", {"body": value}) is None


@pytest.mark.parametrize(
    ("text", "words"),
    [("allow := (", "at line 2"), ("a := b\nb := a\nallow := a", "rules that need themselves"), ("allow := 1 {", "at line 2: this is unclosed"), ("allow := 'a'", "line 2, character 10"), ("allow := lower(input.x)", "calls lower"), ("allow := start_with(input.x, \"a\")", "did you mean 'startswith'?"),
     ("allow := contains(input.x, \"\\q\")", "a text that is none, at line 2"), ("allow := true with input as {}", "has with"), ("import data.x\nallow := true", "imports data.x"), ("import rego.v1 as\nallow := true", "cannot be read"),
     ("allow := " + "(" * 20_000 + "1" + ")" * 20_000, "nests brackets"), ("allow := " + "(" * (MAX_NESTING + 1) + "1", "nests brackets"), ("allow := 1" + "+1" * (MAX_TOKENS // 2), "has more than 3000"),
     ("allow if { some a in input; some b in input; some c in input; some d in input }", "loops in loops")],
)  # fmt: skip
def test_what_cannot_be_judged_is_refused_with_its_place(text: str, words: str) -> None:
    assert words in refusal(text)


def test_a_module_needs_its_package_first() -> None:
    for text in (
        "allow := true",
        "",
        "# nothing",
        "allow := true\npackage falconbox",
        "package",
        "package a[1]\nallow := true",
        "package falconbox.if\nallow := true",
    ):
        with pytest.raises(PolicyInvalid, match="package"):
            RegoEngine().compile(AccessPolicy("p", "rego", {"module": text}), lambda *_: pytest.fail("no branch"))
    nested_package = AccessPolicy("p", "rego", {"module": "# mine\n\npackage a.b\nallow := true"})
    assert RegoEngine().compile(nested_package, lambda *_: pytest.fail("no branch")).evaluate({}) is True


def test_the_reasons_of_a_module_are_shown_as_they_are_written() -> None:
    reasons = compiled(READER).explain({"uri": "/x"}).reasons
    assert [reason.message for reason in reasons] == ["the rule allow is false", "the module says: 'no \"reader\"\\n'"]
    many = compiled("allow := true\nreasons contains x if some x in input.l").explain(
        {"l": [str(number) for number in range(50)]}
    )
    assert len(many.reasons) == 10


def test_what_regopy_does_not_survive_ends_another_process() -> None:
    for number in range(3):
        TRIAL_ELSEWHERE._running().kill()
        TRIAL_ELSEWHERE._process.wait()
        with pytest.raises(PolicyInvalid, match="could be compiled"):
            compiled(f"allow := {number}")
        assert compiled(f"allow := input.x == {number}").evaluate({"x": number}) is True


@settings(deadline=None)
@given(st.lists(FRAGMENTS, max_size=12).map("".join))
def test_any_text_is_compiled_or_refused_and_what_is_compiled_answers(text: str) -> None:
    try:
        evaluator = compiled(f"allow := true if {{ {text} }}")
    except PolicyInvalid:
        return
    try:
        answer = evaluator.evaluate(PATIENT)
    except Undetermined:
        return
    assert evaluator.explain(PATIENT).matched is answer


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
