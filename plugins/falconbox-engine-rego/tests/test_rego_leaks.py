"""Modules read nothing but the request, whatever they name, and whatever is written is refused or answers."""

from __future__ import annotations

import json

import pytest
from falconbox_engine_rego.reading import CALLED, OUTSIDE
from hypothesis import example, given, settings
from hypothesis import strategies as st
from test_rego import PATIENT, compiled, refusal, told

from falconbox import PolicyInvalid, Undetermined

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
