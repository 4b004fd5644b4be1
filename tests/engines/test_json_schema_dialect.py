"""What a policy's schema may say: whatever a stock validator would ignore is refused, with its pointer."""

from __future__ import annotations

import json
from typing import Any

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st
from policies_of_schemas import compiled, refused

from falconbox_json_schema.dialect import FORMATS, KEYWORDS, STRICT
from falconbox_json_schema.subschemas import LISTS, MAPS, SINGLE

SEED = {
    "type": "object",
    "properties": {"request-method": {"constant": "get"}, "uri": {"enum": ["/Patient", "Encounter"]}},
}


def test_constant_means_const() -> None:
    """A stock validator ignores it, and this policy then allows every method."""
    evaluator = compiled(SEED)
    assert evaluator.evaluate({"request-method": "get", "uri": "/Patient"}) is True
    assert evaluator.evaluate({"request-method": "post", "uri": "/Patient"}) is False
    assert evaluator.evaluate({"request-method": "get", "uri": "/Encounter"}) is False
    assert jsonschema.Draft7Validator(SEED).is_valid({"request-method": "delete", "uri": "/Patient"})


@pytest.mark.parametrize("keyword", sorted((SINGLE | LISTS | MAPS) - {"definitions", "dependencies", "then", "else"}))
def test_constant_means_const_in_every_kind_of_subschema(keyword: str) -> None:
    def schema(word: str) -> Any:
        inner = {word: "x"}
        return {keyword: [inner] if keyword in LISTS else {"a": inner} if keyword in MAPS else inner}

    documents = ["x", "y", {"a": "x"}, {"a": "y"}, {"x": 1}, {"y": 1}, ["x"], ["y"], ["x", "y"], [], {}]
    assert [compiled(schema("constant")).evaluate(document) for document in documents] == [
        compiled(schema("const")).evaluate(document) for document in documents
    ]


def test_a_member_named_constant_is_left_alone() -> None:
    evaluator = compiled({"properties": {"constant": {"const": 1}, "const": {"constant": 2}}})
    assert evaluator.evaluate({"constant": 1, "const": 2}) is True
    assert evaluator.evaluate({"constant": 2}) is False
    assert evaluator.evaluate({"const": 1}) is False


@pytest.mark.parametrize("keyword", ["enum", "const", "constant", "default", "examples"])
def test_what_stands_in_a_value_is_not_taken_for_a_schema(keyword: str) -> None:
    value = {"constant": 1, "patern": "(", "$ref": "http://elsewhere.example/"}
    schema = {"properties": {"a": {keyword: [value] if keyword in ("enum", "examples") else value}}}
    assert compiled(schema).evaluate({"a": value}) is True


def test_const_and_constant_in_one_schema_are_refused() -> None:
    assert "keep one" in refused({"properties": {"a": {"const": 1, "constant": 1}}})["/properties/a/constant"]


@pytest.mark.parametrize(
    ("keyword", "meant"),
    [
        ("patern", "pattern"),
        ("constnat", "constant"),
        ("requierd", "required"),
        ("propertys", "properties"),
        ("$defs", "definitions"),
        ("prefixItems", "items"),
        ("unevaluatedProperties", "additionalProperties"),
        ("optional", "required"),
    ],
)
@pytest.mark.parametrize(
    "around",
    [
        "{}",
        '{"properties": {"uri": {}}}',
        '{"allOf": [true, {}]}',
        '{"definitions": {"a/b": {"not": {}}}}',
        '{"items": [{}]}',
        '{"dependencies": {"x": {}}}',
        '{"if": {"contains": {}}}',
    ],
)
def test_an_unknown_keyword_is_refused_at_any_depth_with_the_one_that_was_meant(
    keyword: str, meant: str, around: str
) -> None:
    path = {
        "{}": "",
        '{"properties": {"uri": {}}}': "/properties/uri",
        '{"allOf": [true, {}]}': "/allOf/1",
        '{"definitions": {"a/b": {"not": {}}}}': "/definitions/a~1b/not",
        '{"items": [{}]}': "/items/0",
        '{"dependencies": {"x": {}}}': "/dependencies/x",
        '{"if": {"contains": {}}}': "/if/contains",
    }[around]
    schema = json.loads(around.replace("{}", json.dumps({keyword: 1})))
    assert refused(schema) == {f"{path}/{keyword}": f"unknown keyword; did you mean {meant!r}?"}


def test_a_keyword_that_resembles_none_is_refused_without_a_proposal() -> None:
    assert refused({"zzz": 1}) == {"/zzz": "unknown keyword"}


def test_all_problems_are_told_at_once() -> None:
    found = refused(
        {
            "$schema": "http://json-schema.org/draft-04/schema#",
            "properties": {
                "uri": {"patern": "x", "pattern": "("},
                "session": {"format": "sesion", "minLength": -1},
                "jwt": {"$ref": "http://elsewhere.example/schema"},
                "client": {"const": {"$data": "#/jwt/sub"}, "type": "text"},
                "body": {"$ref": "#/definitions/none", "required": "id"},
            },
            "definitions": {"unused": {"pattern": "(?=a)"}},
        }
    )
    assert sorted(found) == [
        "/$schema",
        "/definitions/unused/pattern",
        "/properties/body/$ref",
        "/properties/body/required",
        "/properties/client/const",
        "/properties/client/type",
        "/properties/jwt/$ref",
        "/properties/session/format",
        "/properties/session/minLength",
        "/properties/uri/patern",
        "/properties/uri/pattern",
    ]


@pytest.mark.parametrize("uri", ["http://json-schema.org/draft-07/schema#", "http://json-schema.org/draft-07/schema"])
def test_draft_07_may_be_named(uri: str) -> None:
    assert compiled({"$schema": uri, "required": ["a"]}).evaluate({}) is False


@pytest.mark.parametrize("draft", ["2019-09", "2020-12"])
def test_newer_drafts_are_refused_by_name(draft: str) -> None:
    assert "not supported yet" in refused({"$schema": f"https://json-schema.org/draft/{draft}/schema"})["/$schema"]


@pytest.mark.parametrize("uri", ["", "http://json-schema.org/schema#", "http://json-schema.org/draft-06/schema#", "x"])
def test_other_dialects_are_refused(uri: str) -> None:
    assert "only draft-07" in refused({"$schema": uri})["/$schema"]


def test_the_dialect_cannot_change_below_the_top() -> None:
    assert "only at the top" in refused({"not": {"$schema": "http://json-schema.org/draft-07/schema#"}})["/not/$schema"]


DATA = {"$data": "#/jwt/pid"}


@pytest.mark.parametrize(
    "said",
    [{"const": DATA}, {"constant": DATA}, {"enum": DATA}, {"enum": [1, DATA]}, {"const": {"a": [DATA]}}],
)
def test_data_references_are_refused_by_name_where_values_stand(said: dict[str, Any]) -> None:
    keyword = next(iter(said))
    assert refused({"properties": {"a": said}}) == {f"/properties/a/{keyword}": "$data is not supported yet"}


def test_data_references_are_refused_by_name_elsewhere_too() -> None:
    assert refused({"minimum": DATA, "pattern": DATA}) == {
        "/minimum": "$data is not supported yet",
        "/pattern": "$data is not supported yet",
    }
    assert "$data is not supported yet" in refused({"properties": {"a": DATA}})["/properties/a/$data"]


def test_a_member_named_data_is_left_alone() -> None:
    assert compiled({"properties": {"$data": {"const": 1}}, "required": ["$data"]}).evaluate({"$data": 1}) is True


@pytest.mark.parametrize("name", ["uuid", "sesion", "color", "", 7, ["email"], None])
def test_an_unknown_format_is_refused_and_the_known_ones_are_named(name: Any) -> None:
    detail = refused({"properties": {"a": {"format": name}}})["/properties/a/format"]
    assert detail == f"unknown format; known: {', '.join(FORMATS)}"


@pytest.mark.parametrize(
    ("name", "right", "wrong"),
    [
        ("date", "2026-02-28", "2026-02-30"),
        ("date-time", "2026-01-01T00:00:00Z", "2026-01-01"),
        ("time", "10:00:00Z", "25:00:00Z"),
        ("email", "a@b.example", "a"),
        ("idn-email", "ä@b.example", "ä"),
        ("hostname", "a.example", "a_b!"),
        ("idn-hostname", "ä.example", "〮a"),
        ("ipv4", "127.0.0.1", "127.0.0.256"),
        ("ipv6", "::1", "::x"),
        ("uri", "https://a.example/", "/a"),
        ("uri-reference", "/a", "\\a"),
        ("iri", "https://ä.example/", "/ä"),
        ("iri-reference", "/ä", "\\ä"),
        ("uri-template", "/{a}", "/{a"),
        ("json-pointer", "/a", "a"),
        ("relative-json-pointer", "0/a", "/a"),
        ("regex", "^a$", "("),
    ],
)
def test_every_known_format_is_asserted(name: str, right: str, wrong: str) -> None:
    evaluator = compiled({"format": name})
    assert (evaluator.evaluate(right), evaluator.evaluate(wrong)) == (True, False)


def test_there_is_no_known_format_that_is_not_tested_above() -> None:
    marks = test_every_known_format_is_asserted.pytestmark
    assert {case[0] for case in marks[0].args[1]} == set(FORMATS)


@pytest.mark.parametrize("pattern", ["(", "[", "a**", "(?i)a", "\\Z", "(?P<a>b)", "*"])
@pytest.mark.parametrize("place", ["pattern", "patternProperties"])
def test_what_is_no_regular_expression_of_ecma_262_is_refused(pattern: str, place: str) -> None:
    found = refused({"not": {place: pattern if place == "pattern" else {pattern: True}}})
    where = "/not/pattern" if place == "pattern" else f"/not/patternProperties/{pattern}"
    assert found == {where: "is no regular expression of ECMA-262"}


@pytest.mark.parametrize("pattern", ["(?=a)b", "(?!a)b", "(?<=a)b", "(?<!a)b", "(a)\\1", "a{100000}", "(\\w{99}){999}"])
@pytest.mark.parametrize("around", ["properties", "definitions"])
def test_a_pattern_that_cannot_be_matched_in_linear_time_is_refused(pattern: str, around: str) -> None:
    found = refused({around: {"uri": {"pattern": pattern}}})
    assert list(found) == [f"/{around}/uri/pattern"]
    assert "linear time" in found[f"/{around}/uri/pattern"]


@pytest.mark.parametrize("around", ["then", "else", "additionalItems"])
def test_a_bad_pattern_is_refused_even_where_draft_07_never_looks(around: str) -> None:
    assert list(refused({around: {"pattern": "("}})) == [f"/{around}/pattern"]


@pytest.mark.parametrize(
    ("pattern", "text", "matches"),
    [
        ("^admin$", "admin", True),
        ("^admin$", "admin\n", False),
        ("^admin$", "x\nadmin", False),
        ("^/Patient$", "/Patient\n", False),
        ("^\\d+$", "123", True),
        ("^\\d+$", "٣", False),
        ("^\\w+$", "é", False),
        ("Patient", "/Patient/1", True),
        ("^a|b$", "xb", True),
        ("^(a+)+$", "a" * 5000 + "!", False),
    ],
)
def test_patterns_are_read_as_ecma_262_reads_them(pattern: str, text: str, matches: bool) -> None:
    assert compiled({"pattern": pattern}).evaluate(text) is matches


@pytest.mark.parametrize(
    ("schema", "pointer"),
    [
        ({"properties": []}, "/properties"),
        ({"properties": {"a": 1}}, "/properties/a"),
        ({"properties": {"a": None}}, "/properties/a"),
        ({"items": "x"}, "/items"),
        ({"items": [1]}, "/items/0"),
        ({"allOf": {}}, "/allOf"),
        ({"anyOf": []}, "/anyOf"),
        ({"not": []}, "/not"),
        ({"required": "a"}, "/required"),
        ({"required": ["a", "a"]}, "/required"),
        ({"required": [1]}, "/required/0"),
        ({"required": True}, "/required"),
        ({"type": "text"}, "/type"),
        ({"type": ["string", "text"]}, "/type/1"),
        ({"type": []}, "/type"),
        ({"enum": "a"}, "/enum"),
        ({"enum": []}, "/enum"),
        ({"minLength": -1}, "/minLength"),
        ({"minLength": 1.5}, "/minLength"),
        ({"maximum": "5"}, "/maximum"),
        ({"multipleOf": 0}, "/multipleOf"),
        ({"exclusiveMinimum": True}, "/exclusiveMinimum"),
        ({"uniqueItems": 1}, "/uniqueItems"),
        ({"dependencies": {"a": "b"}}, "/dependencies/a"),
        ({"dependencies": {"a": [1]}}, "/dependencies/a/0"),
        ({"pattern": 1}, "/pattern"),
        ({"patternProperties": {"a": 1}}, "/patternProperties/a"),
        ({"definitions": []}, "/definitions"),
        ({"contentEncoding": "rot13"}, "/contentEncoding"),
        ({"contentMediaType": "text/html"}, "/contentMediaType"),
        ({"$ref": 1}, "/$ref"),
        ({"$id": 1}, "/$id"),
        ({"$schema": ["x"]}, "/$schema"),
        ({"title": 1}, "/title"),
        ("x", ""),
        (None, ""),
        (1, ""),
        ([], ""),
    ],
)
def test_a_keyword_with_the_wrong_kind_of_value_is_refused(schema: Any, pointer: str) -> None:
    assert pointer in refused(schema)


@pytest.mark.parametrize("schema", [True, False])
def test_true_and_false_are_schemas(schema: bool) -> None:
    assert compiled(schema).evaluate({"uri": "/"}) is schema


def test_what_the_strict_dialect_knows_is_draft_07_and_constant() -> None:
    official = jsonschema.Draft7Validator.META_SCHEMA["properties"]
    assert set(KEYWORDS) ^ set(official) <= {"constant", "writeOnly"}
    assert STRICT["additionalProperties"] is False


def deep(levels: int) -> Any:
    schema: Any = {}
    for _ in range(levels):
        schema = {"not": schema}
    return schema


def shared_objects(levels: int) -> Any:
    schema: Any = {"allOf": [True]}
    for _ in range(levels):
        schema = {"allOf": [schema, schema]}
    return schema


HOSTILE = {
    "deep": (deep(65), "nests deeper than 64"),
    "very deep": (deep(100_000), "nests deeper than 64"),
    "one object met a billion times": (shared_objects(30), "holds more than"),
    "many values": ({"enum": [*range(30_000)]}, "holds more than"),
    "many patterns": ({"anyOf": [{"pattern": f"^{number}$"} for number in range(201)]}, "regular expressions"),
    "long": ({"enum": ["x" * 300_000]}, "is longer than"),
    "a set": ({"enum": {1, 2}}, "is not JSON"),
    "bytes": ({"const": b"x"}, "is not JSON"),
    "a tuple": ({"required": ("a",)}, "is not JSON"),
    "a key that is no text": ({"properties": {1: True}}, "a name is wanted"),
    "a number that is none": ({"const": float("nan")}, "not finite"),
    "infinity": ({"maximum": float("inf")}, "not finite"),
    "a large integer": ({"const": 2**53 + 1}, "beyond 2^53"),
    "a huge integer": ({"minLength": 10**5000}, "beyond 2^53"),
    "half a character": ({"const": "\ud800"}, "not Unicode"),
    "half a character in a name": ({"properties": {"\ud800": True}}, "not Unicode"),
}


@pytest.mark.parametrize(("schema", "told"), HOSTILE.values(), ids=HOSTILE)
def test_what_is_no_json_or_too_much_of_it_is_refused_before_it_is_looked_at(schema: Any, told: str) -> None:
    assert told in refused(schema)[""]


def test_a_schema_as_deep_as_may_be_compiles() -> None:
    assert compiled(deep(62)).evaluate({}) is True


def test_a_large_number_of_alternatives_without_references_compiles() -> None:
    schema = {"anyOf": [{"properties": {"uri": {"const": f"/{number}"}}} for number in range(3000)]}
    assert compiled(schema).evaluate({"uri": "/2999"}) is True


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters(), max_size=5),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from([*sorted(KEYWORDS), "patern", "$data"]) | st.text(max_size=3), inner, max_size=4
        )
    ),
    max_leaves=20,
)


@given(JSON)
def test_whatever_is_given_as_a_schema_compiles_or_is_refused_with_pointers(schema: Any) -> None:
    """Never another exception."""
    try:
        evaluator = compiled(schema)
    except Exception:  # refused() asks again, and only PolicyInvalid passes there
        assert refused(schema)
    else:
        assert evaluator.evaluate({"uri": "/"}) in (True, False)


def test_equal_schemas_share_one_evaluator_and_different_ones_do_not() -> None:
    first = compiled({"properties": {"a": {"const": 1}, "b": True}})
    assert compiled({"properties": {"b": True, "a": {"const": 1}}}) is first
    assert compiled({"properties": {"a": {"const": True}, "b": True}}) is not first
    assert compiled({"properties": {"a": {"const": "1"}, "b": True}}) is not first


def test_an_evaluator_does_not_change_when_its_policy_is_changed_under_it() -> None:
    schema = {"properties": {"a": {"const": 1}}}
    evaluator = compiled(schema)
    schema["properties"]["a"]["const"] = 2
    assert evaluator.evaluate({"a": 1}) is True
    assert "wants 1" in evaluator.explain({"a": 2}).reasons[0].message
