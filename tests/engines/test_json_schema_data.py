"""`{"$data": "/jwt/pid"}` compares with something in the same request, or the policy cannot tell."""

from __future__ import annotations

import datetime as dt
import math
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from policies_of_schemas import LATER, compiled, refused
from schemas_and_documents import DOCUMENTS, VALUES

from falconbox import ALL, NO_FACETS, Undetermined
from falconbox_json_schema.comparison import MAX_COMPARED, Options

PID = {"$data": "/jwt/pid"}
OWN: dict[str, Any] = {"properties": {"params": {"required": ["p"], "properties": {"p": {"const": PID}}}}}
in_each_dialect = pytest.mark.parametrize("dialect", ["draft-07", *LATER])


def of(dialect: str, schema: dict[str, Any]) -> dict[str, Any]:
    return schema if dialect == "draft-07" else {"$schema": LATER[dialect], **schema}


def answer(schema: Any, document: Any) -> bool | None:
    """What is answered, None for Undetermined; an explanation must say the same."""
    evaluator = compiled(schema)
    try:
        told = evaluator.evaluate(document)
    except Undetermined:
        with pytest.raises(Undetermined):
            evaluator.explain(document)
        return None
    assert evaluator.explain(document).matched is told
    return told


@in_each_dialect
@pytest.mark.parametrize("pointer", ["/jwt/pid", "#/jwt/pid", "#/jwt/%70id"])
@pytest.mark.parametrize("keyword", ["const", "constant"])
def test_a_value_is_compared_with_what_stands_at_a_pointer(keyword: str, pointer: str, dialect: str) -> None:
    schema = of(dialect, {"properties": {"a": {keyword: {"$data": pointer}}}, "required": ["a"]})
    assert answer(schema, {"a": "x", "jwt": {"pid": "x"}}) is True
    assert answer(schema, {"a": "y", "jwt": {"pid": "x"}}) is False
    assert answer(schema, {"jwt": {"pid": "x"}}) is False


@in_each_dialect
def test_a_whole_enum_is_taken_from_a_list(dialect: str) -> None:
    schema = of(dialect, {"properties": {"uri": {"enum": {"$data": "/jwt/uris"}}}})
    assert answer(schema, {"uri": "/b", "jwt": {"uris": ["/a", "/b"]}}) is True
    assert answer(schema, {"uri": "/c", "jwt": {"uris": ["/a", "/b"]}}) is False
    assert answer(schema, {"uri": "/c", "jwt": {"uris": []}}) is False


@pytest.mark.parametrize("no_list", ["/c", 1, {"/c": 1}, True])
def test_an_enum_whose_data_is_no_list_cannot_be_told(no_list: Any) -> None:
    schema = {"properties": {"uri": {"enum": {"$data": "/jwt/uris"}}}}
    with pytest.raises(Undetermined, match="jwt/uris is no list"):
        compiled(schema).evaluate({"uri": "/c", "jwt": {"uris": no_list}})


EQUAL: list[tuple[Any, Any, bool]] = [
    (1, 1.0, True),
    (0, -0.0, True),
    (1, True, False),
    (0, False, False),
    ("1", 1, False),
    ("", False, False),
    ([1, [2]], [1.0, [2]], True),
    ([1, 2], [2, 1], False),
    ([], {}, False),
    ([True], [1], False),
    ({"a": 1, "b": [2]}, {"b": [2.0], "a": 1}, True),
    ({"a": 1}, {"a": True}, False),
    ({"a": 1}, {"a": 1, "b": 1}, False),
    ("\u00e9", "e\u0301", False),
    (2**53, float(2**53), True),
    ([None], [None], True),
    ([None], [False], False),
]


@pytest.mark.parametrize(("one", "other", "equal"), EQUAL)
def test_equality_is_that_of_json_schema(one: Any, other: Any, equal: bool) -> None:
    for value, there in ((one, other), (other, one)):
        assert answer({"properties": {"a": {"const": {"$data": "/b"}}}}, {"a": value, "b": there}) is equal
        assert answer({"properties": {"a": {"enum": {"$data": "/b"}}}}, {"a": value, "b": [there, "x"]}) is equal
        assert answer({"properties": {"a": {"const": there}}}, {"a": value}) is equal


@pytest.mark.parametrize(
    ("pointer", "found"),
    [
        ("/a", True),
        ("/l/0", True),
        ("/l/1/x", True),
        ("/a~1b", True),
        ("/a~0b", True),
        ("/ ", True),
        ("/", True),
        ("/o/0", True),
        ("/l/2", False),
        ("/l/-", False),
        ("/l/00", False),
        ("/l/-1", False),
        ("/l/\N{ARABIC-INDIC DIGIT ZERO}", False),
        ("/l/99999999999999999999", False),
        ("/a/x", False),
        ("/l/x", False),
        ("/z", False),
        ("/o/z/y", False),
        ("/n", False),
        ("/n/x", False),
    ],
)
def test_pointers_are_read_as_rfc_6901_says_and_null_is_as_good_as_nothing(pointer: str, found: bool) -> None:
    document = {"a": 7, "l": [7, {"x": 7}], "a/b": 7, "a~b": 7, " ": 7, "": 7, "o": {"0": 7}, "n": None, "q": 7}
    assert answer({"properties": {"q": {"const": {"$data": pointer}}}}, document) is (True if found else None)


PLACES: dict[str, Any] = {
    "at the top": {"properties": {"a": {"const": PID}}},
    "under not": {"not": {"properties": {"a": {"const": PID}}}},
    "under if": {"if": {"properties": {"a": {"const": PID}}}},
    "in an alternative that is not reached": {"anyOf": [True, {"properties": {"a": {"const": PID}}}]},
    "in then that is not reached": {"if": False, "then": {"properties": {"a": {"enum": PID}}}},
    "under a member that is missing": {"properties": {"zzz": {"properties": {"a": {"constant": PID}}}}},
    "after what fails": {"required": ["zzz"], "properties": {"a": {"const": PID}}},
    "in a definition that nothing refers to": {"definitions": {"a": {"const": PID}}},
}


@pytest.mark.parametrize("schema", PLACES.values(), ids=PLACES)
def test_what_is_missing_makes_the_whole_policy_undetermined_wherever_it_stands(schema: Any) -> None:
    for document in ({"a": 1}, {"a": 1, "jwt": {}}, {"a": 1, "jwt": {"pid": None}}, {"a": 1, "jwt": [1]}, {}):
        assert answer(schema, document) is None


def test_the_sentence_says_what_is_missing_and_quotes_nothing() -> None:
    with pytest.raises(Undetermined) as raised:
        compiled(OWN).evaluate({"params": {"p": "secret"}, "jwt": {"sub": "secret"}})
    assert raised.value.detail == "the request has no jwt/pid, and the policy compares with it"


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ({"const": {"$data": "jwt/pid"}}, "with a JSON pointer"),
        ({"const": {"$data": ""}}, "with a JSON pointer"),
        ({"const": {"$data": "#"}}, "with a JSON pointer"),
        ({"const": {"$data": "1/pid"}}, "with a JSON pointer"),
        ({"const": {"$data": "/a~2"}}, "with a JSON pointer"),
        ({"const": {"$data": "#/%ff"}}, "with a JSON pointer"),
        ({"const": {"$data": 1}}, "with a JSON pointer"),
        ({"const": {"$data": "/a", "default": 1}}, "must be all that stands here"),
        ({"enum": {"$data": "a"}}, "with a JSON pointer"),
        ({"enum": {}}, "list of values"),
        ({"enum": [1, PID]}, "not for a part"),
        ({"constant": [{"a": PID}]}, "not for a part"),
        ({"minimum": PID}, "const, constant and enum only"),
        ({"required": PID}, "const, constant and enum only"),
    ],
)
@in_each_dialect
def test_data_that_cannot_be_meant_is_refused(said: dict[str, Any], told: str, dialect: str) -> None:
    (keyword,) = said
    assert told in refused(of(dialect, {"properties": {"a": said}}))[f"/properties/a/{keyword}"]


def test_the_key_that_every_pointer_starts_with_is_read() -> None:
    assert compiled(OWN).reads == {"params", "jwt"}
    assert compiled({"properties": {"a": {"enum": {"$data": "/x~1y/0"}}}}).reads == {"a", "x/y"}
    assert compiled({"const": PID}).reads is ALL


def test_a_policy_that_may_be_unable_to_tell_is_never_left_out() -> None:
    """It has no facets: skipped where its method differs, a deny policy would not deny."""
    schema = {**OWN, "properties": {**OWN["properties"], "request-method": {"const": "get"}}}
    assert compiled(schema).facets == NO_FACETS


POSITIONS = [
    lambda inner: inner,
    lambda inner: {"properties": {"a": inner}},
    lambda inner: {"patternProperties": {"^a": inner}},
    lambda inner: {"additionalProperties": {"anyOf": [inner, {"type": "string"}]}},
    lambda inner: {"propertyNames": inner},
    lambda inner: {"properties": {"a": {"items": inner}}},
    lambda inner: {"properties": {"a": {"contains": inner}}},
    lambda inner: {"not": {"properties": {"a": inner}, "required": ["a"]}},
    lambda inner: {"oneOf": [{"properties": {"a": inner}}, {"properties": {"uri": inner}}]},
    lambda inner: {"if": {"properties": {"a": inner}}, "then": {"required": ["uri"]}, "else": {"required": ["params"]}},
]
LATER_POSITIONS = [
    lambda inner: {"unevaluatedProperties": inner},
    lambda inner: {"allOf": [{"properties": {"a": inner}}], "unevaluatedProperties": {"type": "string"}},
    lambda inner: {"properties": {"a": {"contains": inner, "unevaluatedItems": False}}},
    lambda inner: {"properties": {"a": {"prefixItems": [inner], "items": inner}}},
    lambda inner: {"$ref": "#/$defs/d", "$defs": {"d": {"dependentSchemas": {"a": {"properties": {"uri": inner}}}}}},
]


@pytest.mark.parametrize("position", [*POSITIONS, *LATER_POSITIONS])
@pytest.mark.parametrize("keyword", ["const", "constant", "enum"])
def test_a_comparison_decides_as_the_value_written_in_its_place_would(position: Any, keyword: str) -> None:
    dialect = "2020-12" if position in LATER_POSITIONS else "draft-07"
    evaluator = compiled(of(dialect, position({keyword: {"$data": "/there"}})))

    @settings(max_examples=60, deadline=None)
    @given(
        DOCUMENTS,
        st.lists(VALUES, min_size=1, max_size=3) if keyword == "enum" else VALUES.filter(lambda v: v is not None),
    )
    def decides_alike(document: dict[str, Any], there: Any) -> None:
        document = {**document, "there": there}
        literal = compiled(of(dialect, position({keyword: there})))
        assert evaluator.evaluate(document) is literal.evaluate(document)
        assert evaluator.explain(document).matched is literal.explain(document).matched

    decides_alike()


def test_explanations_say_what_was_compared_with_what() -> None:
    (reason,) = compiled(OWN).explain({"params": {"p": "1"}, "jwt": {"pid": "2"}}).reasons
    assert (reason.code, reason.pointer, reason.message) == (
        "const",
        "/params/p",
        "params/p is '1', the policy wants what jwt/pid is: '2'",
    )
    assert reason.policy_pointer == "/schema/properties/params/properties/p/const"
    schema = {"properties": {"uri": {"enum": {"$data": "/jwt/uris"}}, "a": {"constant": PID}}}
    found = compiled(schema).explain({"uri": "/c", "a": 1, "jwt": {"uris": ["/a", "/b"], "pid": "x" * 500}}).reasons
    assert {reason.code: reason.message for reason in found} == {
        "enum": "uri is '/c', the policy wants one of jwt/uris: '/a', '/b'",
        "constant": f"a is 1, the policy wants what jwt/pid is: '{'x' * 80}...'",
    }
    (empty,) = compiled({"enum": {"$data": "/l"}}).explain({"l": []}).reasons
    assert empty.message.endswith("one of l: that is an empty list")


def test_const_and_enum_may_both_compare_in_one_schema() -> None:
    schema = {"properties": {"a": {"const": {"$data": "/one"}, "enum": {"$data": "/all"}}}}
    assert answer(schema, {"a": 1, "one": 1, "all": [1, 2]}) is True
    assert answer(schema, {"a": 1, "one": 1, "all": [2]}) is False
    assert {reason.code for reason in compiled(schema).explain({"a": 3, "one": 1, "all": [2]}).reasons} == {
        "const",
        "enum",
    }


def test_eight_threads_compare_each_with_its_own_request() -> None:
    evaluators = [
        compiled(OWN),
        compiled({"properties": {"params": {"properties": {"p": {"enum": {"$data": "/jwt/all"}}}}}}),
    ]
    questions = [
        (evaluator, {"params": {"p": str(number)}, "jwt": {"pid": str(other), "all": [str(other)]}}, number == other)
        for evaluator in evaluators
        for number in range(20)
        for other in range(20)
    ]

    def all_right(_: int) -> bool:
        return all(evaluator.evaluate(document) is right for evaluator, document, right in questions * 5)

    with ThreadPoolExecutor(8) as pool:
        assert all(pool.map(all_right, range(8)))


def test_what_is_compared_is_bounded() -> None:
    one, several = ({"properties": {"a": {keyword: {"$data": "/b"}}}} for keyword in ("const", "enum"))
    assert answer(several, {"a": 1, "b": [*range(MAX_COMPARED)]}) is True
    assert answer(several, {"a": 1, "b": [*range(MAX_COMPARED + 1)]}) is None
    assert answer(one, {"a": 1, "b": [*range(MAX_COMPARED)]}) is None
    assert answer(several, {"a": 1, "b": [[0] * 5000] * 3}) is None


class Counted(list[Any]):
    """A list that tells how often it was looked through."""

    looks = 0

    def __iter__(self) -> Any:
        self.looks += 1
        return super().__iter__()


def test_what_is_larger_than_every_option_is_not_looked_through() -> None:
    value = Counted([1] * 100_000)
    assert value not in Options(["x", [1, 2], {"a": 1}])
    assert value.looks == 0


STRANGE: list[tuple[Any, Any]] = [
    *((strange, 1) for strange in (dt.datetime.now(), b"x", {1}, math.nan, math.inf, object())),
    ([b"x"], ["x"]),
    ({"a": {1}}, {"a": 1}),
]


@pytest.mark.parametrize(("strange", "plain"), STRANGE)
def test_what_is_no_json_is_never_equal_and_never_unequal(strange: Any, plain: Any) -> None:
    """Under `not` a comparison that fails would be a yes."""
    compares = {"properties": {"a": {"const": {"$data": "/b"}}}, "required": ["a"]}
    for schema in (compares, {"not": compares}):
        for document in ({"a": plain, "b": strange}, {"a": strange, "b": plain}):
            with pytest.raises((Undetermined, ValueError)):
                compiled(schema).evaluate(document)


def test_a_fault_inside_a_comparison_is_no_answer_either(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> bool:
        raise KeyboardInterrupt

    evaluator = compiled({"not": {"properties": {"a": {"const": {"$data": "/b"}}}, "required": ["a"]}})
    monkeypatch.setattr(Options, "__contains__", broken)
    with pytest.raises(KeyboardInterrupt):
        evaluator.evaluate({"a": 1, "b": 2})
    monkeypatch.undo()
    assert evaluator.evaluate({"a": 1, "b": 2}) is True
    assert evaluator.evaluate({"a": 1, "b": 1}) is False


def test_documents_of_any_depth_leave_the_process_alive() -> None:
    program = """
from policies_of_schemas import compiled
deep, lists = 1, 1
for _ in range(200_000): deep, lists = {"a": deep}, [lists]
for keyword in ("const", "enum"):
    for schema in ({"properties": {"a": {keyword: {"$data": "/b"}}}}, {keyword: {"$data": "/b"}}, {"additionalProperties": {"not": {keyword: {"$data": "/b"}}}}):
        for a in (1, deep, lists):
            for b in (1, deep, lists, [1], [deep]):
                for ask in (compiled(schema).evaluate, compiled(schema).explain):
                    try: ask({"a": a, "b": b})
                    except Exception: pass
print("alive")
"""
    command = [sys.executable, "-c", program]
    done = subprocess.run(
        command, check=False, capture_output=True, text=True, timeout=120, env={"PYTHONPATH": ":".join(sys.path)}
    )
    assert done.stdout == "alive\n", (done.returncode, done.stderr[-500:])
