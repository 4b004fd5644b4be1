"""What a policy's schema may say: whatever a stock validator would ignore is refused, with its pointer."""

from __future__ import annotations

import json
import re
from typing import Any

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema_specifications import REGISTRY as SPECIFICATIONS
from policies_of_schemas import LATER, compiled, refused, rewritten

from falconbox_json_schema.dialects import CLOSEST, DIALECTS, LATER_REFUSES, STRICT, Dialect
from falconbox_json_schema.subschemas import LISTS, MAPS, SINGLE

NAMES = ["draft-07", *LATER]
in_each_dialect = pytest.mark.parametrize("dialect", NAMES)
KEYWORDS = frozenset().union(*(dialect.keywords for dialect in DIALECTS))
FORMATS = {dialect.name: dialect.formats for dialect in DIALECTS}


def of(dialect: str, schema: dict[str, Any]) -> dict[str, Any]:
    """A schema that names its dialect; `draft-07` needs no name."""
    return schema if dialect == "draft-07" else {"$schema": LATER[dialect], **schema}


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


@pytest.mark.parametrize(
    ("dialect", "keyword"),
    [
        (dialect.name, keyword)
        for dialect in DIALECTS
        for keyword in sorted((SINGLE | LISTS | MAPS) & dialect.keywords - {"definitions", "$defs", "then", "else"})
    ],
)
def test_constant_means_const_in_every_kind_of_subschema(dialect: str, keyword: str) -> None:
    def schema(word: str) -> Any:
        inner: Any = {word: "x"}
        listed = keyword in LISTS and (keyword != "items" or dialect != "2020-12")
        return of(dialect, {keyword: [inner] if listed else {"a": inner} if keyword in MAPS else inner})

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
    ("dialect", "keyword", "told"),
    [
        *((dialect, "patern", "unknown keyword; did you mean 'pattern'?") for dialect in NAMES),
        *((dialect, "constnat", "unknown keyword; did you mean 'constant'?") for dialect in NAMES),
        *((dialect, "optional", "unknown keyword; did you mean 'required'?") for dialect in NAMES),
        *((dialect, "id", "unknown keyword; did you mean '$id'?") for dialect in NAMES),
        ("draft-07", "$defs", "is a keyword of 2019-09 and 2020-12, not of draft-07; did you mean 'definitions'?"),
        ("draft-07", "prefixItems", "is a keyword of 2020-12, not of draft-07; did you mean 'items'?"),
        (
            "draft-07",
            "unevaluatedProperties",
            "is a keyword of 2019-09 and 2020-12, not of draft-07; did you mean 'additionalProperties'?",
        ),
        ("2019-09", "prefixItems", "is a keyword of 2020-12, not of 2019-09; did you mean 'items'?"),
        ("2019-09", "definitions", "is a keyword of draft-07, not of 2019-09; did you mean '$defs'?"),
        ("2020-12", "additionalItems", "is a keyword of draft-07 and 2019-09, not of 2020-12; did you mean 'items'?"),
        (
            "2020-12",
            "dependencies",
            "is a keyword of draft-07, not of 2020-12; did you mean 'dependentRequired' or 'dependentSchemas'?",
        ),
    ],
)
@pytest.mark.parametrize(
    ("around", "path"),
    [
        ("{}", ""),
        ('{"properties": {"uri": {}}}', "/properties/uri"),
        ('{"allOf": [true, {}]}', "/allOf/1"),
        ('{"definitions": {"a/b": {"not": {}}}}', "/definitions/a~1b/not"),
        ('{"items": [{}]}', "/items/0"),
        ('{"dependencies": {"x": {}}}', "/dependencies/x"),
        ('{"if": {"contains": {}}}', "/if/contains"),
    ],
)
def test_an_unknown_keyword_is_refused_at_any_depth_with_the_one_that_was_meant(
    dialect: str, keyword: str, told: str, around: str, path: str
) -> None:
    """And with the dialects that have it, if it is one of theirs."""
    schema = rewritten(json.loads(around.replace("{}", '{"required": ["here"]}')), dialect)
    found = refused(json.loads(json.dumps(schema).replace('"required": ["here"]', f'"{keyword}": 1')))
    if dialect != "draft-07":
        path = path.replace("/definitions", "/$defs").replace("/dependencies", "/dependentSchemas")
    if dialect == "2020-12":
        path = path.replace("/items", "/prefixItems")
    assert found == {f"{path}/{keyword}": told}


@pytest.mark.parametrize("keyword", LATER_REFUSES)
@pytest.mark.parametrize("dialect", LATER)
def test_what_a_later_dialect_knows_and_no_policy_may_use_is_refused_with_the_reason(
    keyword: str, dialect: str
) -> None:
    assert refused(of(dialect, {"not": {keyword: True}})) == {f"/not/{keyword}": LATER_REFUSES[keyword]}


def test_every_keyword_of_the_dialects_is_known_or_refused_by_name() -> None:
    """Held against the meta-schemas that a stock validator brings."""
    official = {
        "draft-07": {*jsonschema.Draft7Validator.META_SCHEMA["properties"], "writeOnly"},
        **{name: keywords_of_vocabularies(uri) for name, uri in LATER.items()},
    }
    for dialect in DIALECTS:
        assert dialect.keywords | dialect.refused.keys() >= official[dialect.name]
        assert dialect.keywords - official[dialect.name] == {"constant"}


def keywords_of_vocabularies(uri: str) -> set[str]:
    resolver = SPECIFICATIONS.resolver(uri)
    parts = resolver.lookup(uri).contents["allOf"]
    return {keyword for part in parts for keyword in resolver.lookup(part["$ref"]).contents["properties"]}


@in_each_dialect
def test_a_dialect_proposes_no_keyword_that_it_lacks(dialect: str) -> None:
    known: Dialect = next(found for found in DIALECTS if found.name == dialect)
    for keyword in CLOSEST.keys() - known.keywords:
        proposed = known.unknown(keyword).rpartition("did you mean ")[2]
        assert keyword in known.refused or set(re.findall(r"'([^']+)'", proposed)) <= known.keywords


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
                "client": {"const": {"$data": "jwt/sub"}, "type": "text"},
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
@pytest.mark.parametrize("scheme", ["http", "https"])
@pytest.mark.parametrize("end", ["", "#"])
def test_later_dialects_may_be_named(draft: str, scheme: str, end: str) -> None:
    schema = {"$schema": f"{scheme}://json-schema.org/draft/{draft}/schema{end}", "dependentRequired": {"a": ["b"]}}
    assert [compiled(schema).evaluate(document) for document in ({"a": 1}, {"a": 1, "b": 1})] == [False, True]


@pytest.mark.parametrize("uri", ["", "http://json-schema.org/schema#", "http://json-schema.org/draft-06/schema#", "x"])
def test_other_dialects_are_refused_and_the_known_ones_named(uri: str) -> None:
    told = refused({"$schema": uri})["/$schema"]
    assert all(dialect.uri in told for dialect in DIALECTS)


@in_each_dialect
def test_the_dialect_cannot_change_below_the_top(dialect: str) -> None:
    for known in DIALECTS:
        assert "only at the top" in refused(of(dialect, {"not": {"$schema": known.uri}}))["/not/$schema"]


def test_a_list_under_items_is_told_what_it_is_called_in_2020_12() -> None:
    assert "prefixItems" in refused(of("2020-12", {"not": {"items": [True]}}))["/not/items"]
    assert compiled(of("2019-09", {"items": [True], "additionalItems": False})).evaluate([1, 2]) is False


@pytest.mark.parametrize("dialect", LATER)
def test_what_contains_accepts_has_been_looked_at_in_both_later_dialects(dialect: str) -> None:
    """The text of 2019-09 does not say so; the official suite does, for both."""
    evaluator = compiled(of(dialect, {"contains": {"const": 5}, "unevaluatedItems": False}))
    assert [evaluator.evaluate(document) for document in ([5], [5, 5], [5, 6], [6])] == [True, True, False, False]


def test_a_member_named_data_is_left_alone() -> None:
    assert compiled({"properties": {"$data": {"const": 1}}, "required": ["$data"]}).evaluate({"$data": 1}) is True


@in_each_dialect
@pytest.mark.parametrize(("types", "pointer"), [("strng", "/type"), (["string", "nul"], "/type/1")])
def test_an_unknown_type_is_refused_as_a_type_also_in_a_list(types: Any, pointer: str, dialect: str) -> None:
    assert refused(of(dialect, {"properties": {"a": {"type": types}}}))[f"/properties/a{pointer}"].startswith(
        "unknown type; known: array, boolean"
    )


@in_each_dialect
@pytest.mark.parametrize("name", ["UUID", "sesion", "color", "int64", "", 7, ["email"], None])
def test_an_unknown_format_is_refused_and_the_known_ones_are_named(name: Any, dialect: str) -> None:
    detail = refused(of(dialect, {"properties": {"a": {"format": name}}}))["/properties/a/format"]
    assert detail == f"unknown format; known: {', '.join(FORMATS[dialect])}"


@in_each_dialect
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
        ("duration", "P1DT2H", "1D"),
        ("uuid", "f81d4fae-7dec-11d0-a765-00a0c91e6bf6", "f81d4fae"),
    ],
)
def test_every_known_format_is_asserted(name: str, right: str, wrong: str, dialect: str) -> None:
    if name not in FORMATS[dialect]:
        assert "unknown format" in refused({"format": name})["/format"]
        return
    evaluator = compiled(of(dialect, {"format": name}))
    assert (evaluator.evaluate(right), evaluator.evaluate(wrong)) == (True, False)


def test_there_is_no_known_format_that_is_not_tested_above() -> None:
    tested = next(mark.args[1] for mark in test_every_known_format_is_asserted.pytestmark if len(mark.args[1]) > 3)
    assert {case[0] for case in tested} == {name for formats in FORMATS.values() for name in formats}


@in_each_dialect
@pytest.mark.parametrize("pattern", ["(", "[", "a**", "(?i)a", "\\Z", "(?P<a>b)", "*"])
@pytest.mark.parametrize("place", ["pattern", "patternProperties"])
def test_what_is_no_regular_expression_of_ecma_262_is_refused(pattern: str, place: str, dialect: str) -> None:
    found = refused(of(dialect, {"not": {place: pattern if place == "pattern" else {pattern: True}}}))
    where = "/not/pattern" if place == "pattern" else f"/not/patternProperties/{pattern}"
    assert found.keys() == {where}
    assert found[where].startswith("is no regular expression of ECMA-262")


@pytest.mark.parametrize("pattern", ["(?=a)b", "(?!a)b", "(?<=a)b", "(?<!a)b", "(a)\\1", "a{100000}", "(\\w{99}){999}"])
@pytest.mark.parametrize(
    ("dialect", "around"),
    [
        (dialect, around)
        for dialect in NAMES
        for around in ("properties", "$defs" if dialect in LATER else "definitions")
    ],
)
def test_a_pattern_that_cannot_be_matched_in_linear_time_is_refused(pattern: str, around: str, dialect: str) -> None:
    found = refused(of(dialect, {around: {"uri": {"pattern": pattern}}}))
    assert list(found) == [f"/{around}/uri/pattern"]
    assert "linear time" in found[f"/{around}/uri/pattern"]


@pytest.mark.parametrize("around", ["then", "else", "additionalItems"])
def test_a_bad_pattern_is_refused_even_where_draft_07_never_looks(around: str) -> None:
    assert list(refused({around: {"pattern": "("}})) == [f"/{around}/pattern"]


@pytest.mark.parametrize("dialect", LATER)
@pytest.mark.parametrize(
    "around",
    [
        lambda inner: {"then": inner},
        lambda inner: {"$defs": {"a": inner}},
        lambda inner: {"unevaluatedItems": inner},
        lambda inner: {"unevaluatedProperties": inner},
        lambda inner: {"dependentSchemas": {"a": inner}},
        lambda inner: {"anyOf": [True, {"contains": inner, "minContains": 0}]},
        lambda inner: {"items": False, "unevaluatedItems": inner},
        lambda inner: {"if": False, "then": {"properties": {"a": inner}}},
        lambda inner: {"if": True, "else": {"properties": {"a": inner}}},
    ],
)
@pytest.mark.parametrize("pattern", ["(", "(?=a)b", "a{100000}"])
def test_a_bad_pattern_is_refused_wherever_it_stands(around: Any, pattern: str, dialect: str) -> None:
    (found,) = refused(of(dialect, around({"pattern": pattern})))
    assert found.endswith("/pattern")


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
@in_each_dialect
def test_patterns_are_read_as_ecma_262_reads_them(pattern: str, text: str, matches: bool, dialect: str) -> None:
    assert compiled(of(dialect, {"pattern": pattern})).evaluate(text) is matches
    assert compiled(of(dialect, {"patternProperties": {pattern: False}})).evaluate({text: 1}) is not matches


@pytest.mark.parametrize("dialect", LATER)
def test_unevaluated_members_are_matched_by_the_same_patterns(dialect: str) -> None:
    schema = {"allOf": [{"patternProperties": {"^admin$": True}}], "unevaluatedProperties": False}
    evaluator = compiled(of(dialect, schema))
    assert [evaluator.evaluate({name: 1}) for name in ("admin", "admin\n", "xadmin")] == [True, False, False]


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
        (of("2019-09", {"$defs": []}), "/$defs"),
        (of("2019-09", {"minContains": -1}), "/minContains"),
        (of("2019-09", {"maxContains": "1"}), "/maxContains"),
        (of("2019-09", {"dependentRequired": {"a": {}}}), "/dependentRequired/a"),
        (of("2019-09", {"dependentRequired": {"a": [1]}}), "/dependentRequired/a/0"),
        (of("2019-09", {"dependentSchemas": {"a": []}}), "/dependentSchemas/a"),
        (of("2019-09", {"unevaluatedProperties": 1}), "/unevaluatedProperties"),
        (of("2019-09", {"unevaluatedItems": []}), "/unevaluatedItems"),
        (of("2020-12", {"prefixItems": True}), "/prefixItems"),
        (of("2020-12", {"prefixItems": []}), "/prefixItems"),
        (of("2020-12", {"deprecated": 1}), "/deprecated"),
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


def test_every_part_of_the_strict_dialects_is_used() -> None:
    parts = {keyword for part in STRICT if part not in ("title", "definitions") for keyword in STRICT[part]}
    assert parts == KEYWORDS


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
@in_each_dialect
def test_what_is_no_json_or_too_much_of_it_is_refused_before_it_is_looked_at(
    schema: Any, told: str, dialect: str
) -> None:
    assert told in refused(of(dialect, schema))[""]


@in_each_dialect
def test_a_schema_as_deep_as_may_be_compiles(dialect: str) -> None:
    assert compiled(of(dialect, deep(62))).evaluate({}) is True


def test_a_large_number_of_alternatives_without_references_compiles() -> None:
    schema = {"anyOf": [{"properties": {"uri": {"const": f"/{number}"}}} for number in range(3000)]}
    assert compiled(schema).evaluate({"uri": "/2999"}) is True


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters(), max_size=5),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from([*sorted(KEYWORDS | LATER_REFUSES.keys()), "patern", "$data"]) | st.text(max_size=3),
            inner,
            max_size=4,
        )
    ),
    max_leaves=20,
)


@given(JSON, st.sampled_from(NAMES))
def test_whatever_is_given_as_a_schema_compiles_or_is_refused_with_pointers(schema: Any, dialect: str) -> None:
    """Never another exception."""
    schema = of(dialect, schema) if isinstance(schema, dict) else schema
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
