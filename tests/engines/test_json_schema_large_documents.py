"""However large a document is, it costs no more than a bounded number of steps to judge it, and to say why it does not fit."""

from __future__ import annotations

from typing import Any

import pytest
from policies_of_schemas import compiled

from falconbox import Undetermined
from falconbox.testing import holds
from falconbox_json_schema.evaluator import FREE, MAX_STEPS

ONE_OF_MANY = {"anyOf": [{"const": number} for number in range(100)]}


def of_body(schema: Any, **others: Any) -> dict[str, Any]:
    return {"properties": {"body": schema, **others}, "required": ["body", *others]}


HEAVY = {
    "alternatives": ONE_OF_MANY,
    "an enum of several kinds": {"enum": [*range(50), *map(str, range(50))]},
    "an enum of lists": {"enum": [[number] for number in range(100)]},
    "names that match": {"patternProperties": {f"^{number}": True for number in range(100)}},
    "what is compared with": {"allOf": [{"not": {"const": {"$data": f"/params/{number}"}}} for number in range(20)]},
}


@pytest.mark.parametrize("item", HEAVY.values(), ids=HEAVY)
def test_a_schema_that_does_much_for_each_value_cannot_tell_of_a_document_with_too_many(item: Any) -> None:
    evaluator = compiled(of_body({"items": item}))
    params = {str(number): "x" for number in range(20)}
    few = {"body": [1] * 50, "params": params}
    assert isinstance(evaluator.evaluate(few), bool)
    many = {"body": [1] * (MAX_STEPS // 50), "params": params}
    for question in (evaluator.evaluate, evaluator.explain):
        with pytest.raises(Undetermined, match="holds more than"):
            question(many)


def test_what_others_read_is_not_counted() -> None:
    evaluator = compiled(of_body({"items": ONE_OF_MANY}))
    assert evaluator.evaluate({"body": [1], "params": {"a": [1] * MAX_STEPS}}) is True


def test_where_its_facets_do_not_hold_it_still_says_no() -> None:
    client = {"properties": {"id": {"const": "a"}}, "required": ["id"]}
    evaluator = compiled(of_body({"items": ONE_OF_MANY}, uri={"const": "/a"}, client=client))
    for other in ({"uri": "/b"}, {"client": {"id": "b"}}, {"client": {}}, {"client": "a"}):
        document = {"body": [1] * (MAX_STEPS // 50), "uri": "/a", "client": {"id": "a"}, **other}
        assert not holds(evaluator.facets, document)
        assert evaluator.evaluate(document) is False
        assert evaluator.explain(document).matched is False


def test_what_most_schemas_do_is_never_too_much() -> None:
    # No JSON of a mebibyte, which is as much as is read, has more values.
    assert MAX_STEPS // FREE * 2 >= 10**6
    item = {"type": "object", "required": ["a"], "properties": {"a": {"type": "string"}}}
    assert compiled(of_body({"type": "array", "items": item})).evaluate({"body": [{"a": "b"}] * 260_000}) is True


@pytest.mark.parametrize(
    ("schema", "codes"),
    [({"items": {"type": "object"}}, ["type", "much"]), ({"items": {"enum": [1, 2]}}, ["enum", "much"]),
     ({"items": {"required": ["a", "b"]}}, ["type", "much"]), ({"anyOf": [{"items": {"const": 1}}, {"items": {"const": 2}}]}, ["much"])],
)  # fmt: skip
def test_of_a_document_with_many_faults_the_first_is_told_and_that_there_are_more(
    schema: Any, codes: list[str]
) -> None:
    if "type" in codes:
        schema = {"items": {"type": "object", **schema["items"]}}
    verdict = compiled(of_body(schema)).explain({"body": [0] * 400_000})
    assert verdict.matched is False
    assert [reason.code for reason in verdict.reasons] == codes


def test_of_what_nests_too_deep_it_is_said_that_it_may_be_that() -> None:
    deep: list[object] = []
    for _ in range(63):
        deep = [deep]
    evaluator = compiled(of_body({"anyOf": [{"minItems": least} for least in range(12)]}))
    with pytest.raises(Undetermined, match="or nests deeper than 64"):
        evaluator.evaluate({"body": deep})


MEGABYTE = "a" * 1_000_000
COPIED: dict[str, tuple[Any, Any]] = {
    "names": ({"propertyNames": {"maxLength": 1}}, {f"{number:04}{'a' * 400}": 1 for number in range(2000)}),
    "names below": (
        {"items": {"propertyNames": {"maxLength": 1}}},
        [{f"{number}{'a' * 4000}": 1 for number in range(200)}],
    ),
    "what is required": ({"required": [f"k{number}" for number in range(100)]}, {"x": MEGABYTE}),
    "what depends": ({"dependencies": {"x": [f"k{number}" for number in range(100)]}}, {"x": MEGABYTE}),
    "parts": ({"allOf": [{"maxProperties": 0}] * 100}, {"x": MEGABYTE}),
}


@pytest.mark.parametrize(("schema", "body"), COPIED.values(), ids=COPIED)
def test_not_every_fault_of_a_large_place_is_told_since_each_is_a_copy_of_it(schema: Any, body: Any) -> None:
    """One request of less than a megabyte took six gigabytes to be explained: the first of its faults does."""
    reasons = compiled(of_body(schema)).explain({"body": body}).reasons
    assert len(reasons) == 2
    assert reasons[-1].code == "much"
    assert sum(len(reason.message) for reason in reasons) < 1000


def test_every_fault_of_a_place_of_common_size_is_told() -> None:
    names = {"propertyNames": {"maxLength": 1}, "required": [f"k{number}" for number in range(20)]}
    body = {f"name{number}": "a" * 100 for number in range(100)}
    assert "much" not in [reason.code for reason in compiled(of_body(names)).explain({"body": body}).reasons]
    large = {"properties": {"a": {"maxLength": 5}, "b": {"type": "integer"}}, "required": ["c"]}
    told = compiled(of_body(large)).explain({"body": {"a": MEGABYTE, "b": "x"}}).reasons
    assert {reason.code for reason in told} == {"maxLength", "type", "required"}
