"""However large a document is, a pattern meets its values no more often than is bounded."""

from __future__ import annotations

from typing import Any

import pytest

from falconbox import AccessPolicy, Evaluator, Undetermined
from falconbox.testing import holds
from falconbox_matcho import MatchoEngine
from falconbox_matcho.work import FREE, MAX_STEPS

MANY = MAX_STEPS // 20
HEAVY: dict[str, Any] = {
    "alternatives": {"$every": {"$one-of": [f"#^{number}" for number in range(50)]}},
    "values elsewhere": {"$every": {"$one-of": ".params.list"}},
    "a value elsewhere": {"$contains": {"a": ".params.list"}},
    "each somewhere": {"$present-all": [{"a": number} for number in range(50)]},
    "lists in lists": {"$every": {"$not": {"$contains": {"$one-of": [f"#^{number}" for number in range(50)]}}}},
}


def compiled(pattern: Any) -> Evaluator:
    return MatchoEngine().compile(AccessPolicy("p", "matcho", {"matcho": pattern}), None)  # type: ignore[arg-type]


@pytest.mark.parametrize("pattern", HEAVY.values(), ids=HEAVY)
def test_a_pattern_that_asks_much_about_items_cannot_tell_of_too_many(pattern: Any) -> None:
    evaluator = compiled({"body": pattern})
    params = {"list": [*range(50)]}
    assert isinstance(evaluator.evaluate({"body": [1] * 50, "params": params}), bool)
    for question in (evaluator.evaluate, evaluator.explain):
        with pytest.raises(Undetermined, match="too much"):
            question({"body": [1] * MANY, "params": params})


def test_many_values_elsewhere_are_too_many_too() -> None:
    evaluator = compiled({"body": HEAVY["values elsewhere"]})
    with pytest.raises(Undetermined, match="too much"):
        evaluator.evaluate({"body": [1] * 2000, "params": {"list": [*range(2000)]}})


def test_where_its_facets_do_not_hold_it_still_says_no() -> None:
    evaluator = compiled({"uri": "/a", "client": {"id": "a"}, "body": HEAVY["alternatives"]})
    for other in ({"uri": "/b"}, {"client": {"id": "b"}}, {"client": {}}, {"client": "a"}):
        document = {"uri": "/a", "client": {"id": "a"}, "body": [1] * MANY, **other}
        assert not holds(evaluator.facets, document)
        assert evaluator.evaluate(document) is False
        assert evaluator.explain(document).matched is False


def test_what_most_patterns_do_is_never_too_much() -> None:
    # No JSON of a mebibyte, which is as much as is read, has more values.
    assert MAX_STEPS // FREE * 2 >= 10**6
    assert compiled({"body": {"$contains": {"a": "b"}}}).evaluate({"body": [{"a": "b"}] * 260_000}) is True


def test_no_more_is_compared_with_elsewhere_than_is_bounded() -> None:
    alternatives = [{"a": ".params.list"}, *({"b": number, "a": ".params.list"} for number in range(99))]
    evaluator = compiled({"body": {"$one-of": alternatives}})
    for count, told in ((1000, True), (MANY, None)):
        same = [[0]] * count
        document = {"body": {"a": same}, "params": {"list": same}}
        if told is None:
            with pytest.raises(Undetermined, match="too much"):
                evaluator.evaluate(document)
        else:
            assert evaluator.evaluate(document) is told
