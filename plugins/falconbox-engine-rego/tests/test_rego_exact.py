"""Where regopy means something else than Rego says, a module cannot tell, also under `not`, or is refused."""

from __future__ import annotations

from typing import Any

import pytest
from falconbox_engine_rego import RegoEngine

from falconbox import AccessPolicy, PolicyInvalid, Undetermined
from falconbox.model import Effect


def answer(text: str, value: Any, effect: Effect = Effect.ALLOW) -> bool | None:
    policy = AccessPolicy("p", "rego", {"module": f"package falconbox\n{text}"}, effect=effect)
    evaluator = RegoEngine().compile(policy, lambda *_: pytest.fail("no branch"))
    try:
        return evaluator.evaluate({"body": {"x": value}})
    except Undetermined:
        return None


def holds(condition: str, value: Any) -> bool | None:
    return answer(f"default allow := false\nallow if {{ {condition} }}", value)


@pytest.mark.parametrize("sign", ["<", "<=", ">", ">="])
@pytest.mark.parametrize("value", ["500", "abc", None, True, [1], {"a": 1}, ""])
def test_what_is_no_number_has_no_order(sign: str, value: Any) -> None:
    for condition in (f"input.body.x {sign} 5", f"5 {sign} input.body.x", f"not input.body.x {sign} 5"):
        assert holds(condition, value) is None
    assert answer(f"default deny := false\ndeny if input.body.x {sign} 100", value, Effect.DENY) is None
    assert holds(f"is_number(input.body.x); input.body.x {sign} 5", value) is False
    assert holds(f"count([1 | input.body.x {sign} 5]) == 0", value) is None


@pytest.mark.parametrize(
    ("condition", "value", "wanted"),
    [
        ("input.body.x < 10", 9, True), ("input.body.x > 9", 10, True), ("input.body.x >= 9.5", 10, True),
        ("input.body.x < -1", -2, True), ("input.body.x <= 2 - 1", 1.0, True), ("input.body.x > 2 * 3", 6.5, True),
        ("2 * input.body.x - 1 >=\n 3", 2, True), ("input.body.x < 1e22", 9007199254740992, True),
        ("input.body.x > 1e-8", 1e-7, True), ("input.body.y > 1", 2, False), ("not input.body.y > 1", 2, True),
        ("count(input.body.x) < (1 + 1)", [1], True), ("x := input.body.x > 1; x == false", 1, True),
    ],
)  # fmt: skip
def test_numbers_are_ordered_as_numbers(condition: str, value: Any, wanted: bool) -> None:
    assert holds(condition, value) is wanted


@pytest.mark.parametrize(
    "text", ["1abc", "0x10", " 1", "1 ", "+5", "1.2.3", "05", "-05", "1.", ".5", "-", "", "nan", "1e5", "٣"]
)
def test_a_text_is_a_number_only_as_it_is_written_in_decimals(text: str) -> None:
    assert holds("to_number(input.body.x) <= 10", text) is None
    assert holds("not to_number(input.body.x) == 999", text) is None


@pytest.mark.parametrize(
    ("given", "number"), [("7", 7), ("-7", -7), ("0", 0), ("0.25", 0.25), ("10", 10), (3, 3), (True, 1)]
)
def test_what_is_a_number_becomes_one(given: Any, number: float) -> None:
    assert holds(f"to_number(input.body.x) == {number}", given) is True


@pytest.mark.parametrize("function", ["floor", "ceil", "round"])
def test_a_number_beyond_2_to_the_53rd_is_not_rounded(function: str) -> None:
    assert holds(f"{function}(input.body.x) > 100", 1e20) is None
    assert holds(f"not {function}(input.body.x) > 100", 1e20) is None
    assert holds(f"{function}(input.body.x * 9007199254740992) > 100", 2048) is None
    assert holds(f"{function}(input.body.x) == -3", -3.0) is True


def test_a_sum_is_of_numbers() -> None:
    for value in (["1000"], [1, None], [True]):
        assert holds("sum(input.body.x) > 100", value) is None
        assert holds("not sum(input.body.x) > 100", value) is None
    assert holds("sum(input.body.x) == 3.5", [1, 2.5]) is True
    assert holds("sum({y | some y in input.body.x}) == 3", [1, 2, 2]) is True


def test_a_set_has_no_order_to_be_joined_in() -> None:
    for text in ('concat(",", {"b", "a"}) == "a,b"', 'not concat(",", {y | some y in input.body.x}) == "a,b"'):
        assert holds(text, ["b", "a"]) is None
    assert holds('concat(",", input.body.x) == "b,a"', ["b", "a"]) is True
    assert holds('concat(",", input.body.x) == "b,a"', ["b", 1]) is None


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('allow := input.x > "2025-01-01"', "orders a text by >"), ("allow := `a` <= input.x", "orders a text by <="),
        ("allow := max(input.x) == 1", "calls max"), ("allow := min(input.x) == 1", "calls min"),
        ("allow := sort(input.x) == [1]", "calls sort"),
        ("falconbox_exactly_sum(x) := 1\nallow := sum(input.x) == 1", "used for something else"),
    ],
)  # fmt: skip
def test_what_has_no_right_answer_is_refused(text: str, words: str) -> None:
    with pytest.raises(PolicyInvalid, match=words) as refused:
        answer(text, 1)
    assert "line 2" in str(refused.value.problems[0].detail)


def test_a_rule_of_the_module_with_the_name_of_a_function_is_called_as_it_is() -> None:
    assert answer("sum(x) := 7\nallow := sum(input.body.x) == 7", ["a"]) is True
