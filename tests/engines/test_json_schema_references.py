"""References stay within the schema, never loop in one place, and never multiply the work."""

from __future__ import annotations

import socket
import subprocess
import sys
from typing import Any

import pytest
from policies_of_schemas import LATER, compiled, refused, rewritten

from falconbox import Undetermined

LATEST = LATER["2020-12"]
in_each_dialect = pytest.mark.parametrize("dialect", ["draft-07", *LATER])


@pytest.mark.parametrize(
    ("reference", "extra"),
    [
        ("#/definitions/word", {"definitions": {"word": {"type": "string"}}}),
        ("#/definitions/a%20b~1c~0d%25", {"definitions": {"a b/c~d%": {"type": "string"}}}),
        ("#/definitions/a%C3%A9", {"definitions": {"aé": {"type": "string"}}}),
        ("#/properties/b", {}),
        ("#/anyOf/0", {"anyOf": [{"type": ["string", "object"]}]}),
        ("#word", {"definitions": {"any": {"$id": "#word", "type": "string"}}}),
        ("#/definitions/any", {"definitions": {"any": {"$id": "#word", "type": "string"}}}),
        ("#/definitions/not", {"definitions": {"not": {"type": "string"}}}),
    ],
)
def test_a_reference_within_the_schema_is_followed(reference: str, extra: dict[str, Any]) -> None:
    schema = {"properties": {"a": {"$ref": reference}, "b": {"type": "string"}}, **extra}
    assert [compiled(schema).evaluate({"a": value}) for value in ("x", 1)] == [True, False]


def test_an_id_at_the_top_changes_no_reference() -> None:
    schema = {
        "$id": "https://policies.example/one.json",
        "definitions": {"word": {"type": "string"}},
        "properties": {"a": {"$ref": "#/definitions/word"}},
    }
    assert compiled(schema).evaluate({"a": 1}) is False


@pytest.mark.parametrize(
    "reference",
    [
        "http://127.0.0.1:9/schema.json",
        "https://elsewhere.example/a#/definitions/b",
        "http://json-schema.org/draft-07/schema#",
        "file:///etc/passwd",
        "urn:uuid:deadbeef-1234-ffff-ffff-4321feebdaed",
        "other.json",
        "other.json#/definitions/b",
        "/definitions/a",
        "definitions/a",
    ],
)
def test_a_reference_to_anything_outside_is_refused_and_never_fetched(
    reference: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def connect(*_: object) -> None:
        raise AssertionError("something was fetched")

    monkeypatch.setattr(socket.socket, "connect", connect)
    for dialect, place in (("draft-07", "definitions"), ("2019-09", "$defs"), ("2020-12", "$defs")):
        schema = {"properties": {"a": {"$ref": reference}}, "definitions": {"a": True}}
        found = refused(rewritten(schema, dialect))
        assert list(found) == ["/properties/a/$ref"]
        assert "nothing is ever fetched" in found["/properties/a/$ref"]
        assert place in found["/properties/a/$ref"]


def bundle(definitions: str, name: dict[str, Any]) -> dict[str, Any]:
    """One schema made of several, each with an address, as bundlers write them."""
    return {
        "$id": "https://policies.example/patients/read.json",
        "allOf": [{"$ref": "../common.json"}, {"$ref": "https://policies.example/common.json#post"}],
        "properties": {"uri": {"$ref": f"#/{definitions}/uri"}},
        definitions: {
            "uri": {"const": "/Patient"},
            "common": {
                "$id": "/common.json",
                "properties": {"uri": {"$ref": f"#/{definitions}/uri"}},
                definitions: {"uri": {"type": "string"}, "post": {**name, "required": ["body"]}},
            },
        },
    }


BUNDLES = [
    bundle("definitions", {"$id": "#post"}),
    {"$schema": LATER["2019-09"], **bundle("$defs", {"$anchor": "post"})},
    {"$schema": LATEST, **bundle("$defs", {"$anchor": "post"})},
]


@pytest.mark.parametrize("schema", BUNDLES)
def test_addresses_and_names_within_one_schema_are_followed(schema: Any) -> None:
    """`#/definitions/uri` means the one of the schema with the nearest address, and a name belongs to that address."""
    evaluator = compiled(schema)
    assert evaluator.evaluate({"uri": "/Patient", "body": 1}) is True
    assert evaluator.evaluate({"uri": "/Patient"}) is False
    assert evaluator.evaluate({"uri": 1, "body": 1}) is False
    assert {reason.policy_pointer for reason in evaluator.explain({"uri": 1, "body": 1}).reasons} == {
        f"/schema/{place}/uri/const" for place in ("definitions", "$defs") if place in schema
    } | {
        f"/schema/{place}/common/{place}/uri/type" for place in ("definitions", "$defs") if place in schema
    }  # fmt: skip


@pytest.mark.parametrize(
    "reference", ["", "#", "https://policies.example/one.json", "https://policies.example/one.json#", "one.json"]
)
def test_the_schema_s_own_address_leads_to_itself(reference: str) -> None:
    schema = {
        "$id": "https://policies.example/one.json",
        "properties": {"next": {"$ref": reference}, "value": {"type": "integer"}},
    }
    evaluator = compiled(schema)
    assert evaluator.evaluate({"next": {"value": 1}}) is True
    assert evaluator.evaluate({"next": {"value": "x"}}) is False


def test_names_of_another_address_are_not_found() -> None:
    schema = {"$ref": "#a", "definitions": {"b": {"$id": "b.json", "definitions": {"a": {"$id": "#a"}}}}}
    assert refused(schema) == {"/$ref": "leads to no schema in this policy"}
    assert compiled({**schema, "$ref": "b.json#a"}).evaluate({}) is True


def test_what_stands_in_values_has_no_address() -> None:
    schema = {"$ref": "a.json", "definitions": {"a": {"enum": [{"$id": "a.json"}], "const": {"$id": "a.json"}}}}
    assert "nothing is ever fetched" in refused(schema)["/$ref"]


@pytest.mark.parametrize("reference", ["b.json\n", "b.\tjson", " b.json", "b.json ", "b\u00e9.json", "http://[b"])
def test_an_address_is_compared_as_it_was_written(reference: str) -> None:
    """The parser of addresses drops line breaks and tabs: what it makes of one is not what stands there."""
    schema = {"not": {"$ref": reference}, "definitions": {"b": {"$id": "b.json"}}}
    assert "nothing is ever fetched" in refused(schema)["/not/$ref"]


def test_the_dialect_may_be_repeated_beside_an_address_and_not_changed() -> None:
    draft_07 = "http://json-schema.org/draft-07/schema#"
    assert compiled({"definitions": {"b": {"$id": "b.json", "$schema": draft_07}}}).evaluate({}) is True
    found = refused({"definitions": {"b": {"$id": "b.json", "$schema": LATEST}}})
    assert "may stand only at the top" in found["/definitions/b/$schema"]


@pytest.mark.parametrize(
    "reference",
    [
        "#/definitions/none",
        "#none",
        "#definitions",
        "#not",
        "#/",
        "#/properties",
        "#/properties/a/enum",
        "#/properties/a/enum/0",
        "#/properties/a/default",
        "#/allOf",
        "#/allOf/1",
        "#/allOf/-1",
        "#/allOf/00",
        "#/allOf/\N{ARABIC-INDIC DIGIT ZERO}",
        "#/allOf/0/",
        "#/uniqueItems",
        "#/definitions/%ff",
        "#/definitions/%",
        "##",
    ],
)
def test_a_reference_to_what_is_no_schema_is_refused(reference: str) -> None:
    schema = {
        "properties": {"a": {"enum": [{}], "default": {}}, "b": {"$ref": reference}},
        "allOf": [True],
        "not": False,
        "uniqueItems": True,
        "definitions": {"a": True, "\ufffd": True},
    }
    assert refused(schema) == {"/properties/b/$ref": "leads to no schema in this policy"}


@pytest.mark.parametrize("keyword", ["required", "const", "constant", "properties", "pattern", "not", "if"])
def test_a_constraint_beside_a_reference_is_refused_because_draft_07_ignores_it(keyword: str) -> None:
    value = {"required": ["a"], "properties": {}, "pattern": "a", "not": True, "if": True}.get(keyword, 1)
    schema = {"definitions": {"a": True}, "properties": {"x": {"$ref": "#/definitions/a", keyword: value}}}
    assert "put the reference in allOf" in refused(schema)[f"/properties/x/{keyword}"]


def test_words_and_definitions_may_stand_beside_a_reference() -> None:
    schema = {"$ref": "#/definitions/a", "title": "t", "definitions": {"a": {"required": ["a"]}}}
    assert compiled(schema).evaluate({}) is False


@pytest.mark.parametrize("name", ["#/definitions/a", "#1", "#a b", "a b", "a\n", "a#b", "\u00e9"])
@pytest.mark.parametrize("place", ["", "/not"])
def test_an_id_is_an_address_or_a_name(name: str, place: str) -> None:
    said = {"$id": name}
    assert "must be an address" in refused({"not": said} if place else said)[f"{place}/$id"]
    assert "said by $anchor" in refused({"$schema": LATEST, **({"not": said} if place else said)})[f"{place}/$id"]


@pytest.mark.parametrize(
    ("schema", "pointer"),
    [
        ({"allOf": [{"$id": "#a"}, {"$id": "#a", "not": {}}]}, "/allOf/1/$id"),
        ({"allOf": [{"$id": "a"}, {"$id": "a", "not": {}}]}, "/allOf/1/$id"),
        ({"allOf": [{"$id": "a"}, {"$id": "a#", "not": {}}]}, "/allOf/1/$id"),
        ({"$id": "a", "not": {"$id": "a"}}, "/not/$id"),
        ({"not": {"$id": ""}}, "/not/$id"),
        ({"$schema": LATEST, "allOf": [{"$anchor": "a"}, {"$anchor": "a"}]}, "/allOf/1/$anchor"),
    ],
)
def test_two_subschemas_of_one_name_are_refused(schema: Any, pointer: str) -> None:
    assert "names two subschemas" in refused(schema)[pointer]


@pytest.mark.parametrize("anchor", ["", "1", "a b", "#a", "a/b", 1])
def test_an_anchor_is_a_name(anchor: Any) -> None:
    assert list(refused({"$schema": LATEST, "not": {"$anchor": anchor}})) == ["/not/$anchor"]


def test_in_later_dialects_a_reference_and_what_stands_beside_it_both_count() -> None:
    evaluator = compiled(
        {
            "$schema": LATEST,
            "properties": {"a": {"$ref": "#/$defs/text", "minLength": 2}},
            "$defs": {"text": {"type": "string"}},
        }
    )
    assert [evaluator.evaluate({"a": value}) for value in ("xy", "x", 1)] == [True, False, False]


def test_a_name_beside_a_reference_is_refused() -> None:
    assert "is ignored beside $ref" in refused({"not": {"$id": "#a", "$ref": "#"}})["/not/$id"]


CYCLES: dict[str, Any] = {
    "itself": {"$ref": "#"},
    "itself below": {"definitions": {"a": {"$ref": "#/definitions/a"}}},
    "two": {"definitions": {"a": {"$ref": "#/definitions/b"}, "b": {"$ref": "#/definitions/a"}}},
    "through anyOf": {"anyOf": [{"type": "string"}, {"$ref": "#"}]},
    "through not": {"not": {"$ref": "#"}},
    "through then": {"if": True, "then": {"$ref": "#"}},
    "through dependencies": {"dependencies": {"a": {"$ref": "#"}}},
    "by name": {"definitions": {"a": {"$id": "#a", "allOf": [{"$ref": "#a"}]}}},
    "from a member to itself": {"properties": {"a": {"oneOf": [{"$ref": "#/properties/a"}]}}},
    "into a longer one": {
        "allOf": [{"$ref": "#/definitions/a"}],
        "definitions": {"a": {"not": {"$ref": "#/definitions/b"}}, "b": {"if": {"$ref": "#/definitions/a"}}},
    },
}


@in_each_dialect
@pytest.mark.parametrize("schema", CYCLES.values(), ids=CYCLES)
def test_a_cycle_that_looks_no_deeper_is_refused(schema: Any, dialect: str) -> None:
    """The validator answers True to `{"$ref": "#"}`."""
    assert "leads back to itself" in " ".join(refused(rewritten(schema, dialect)).values())


@pytest.mark.parametrize("beside", [{"$ref": "#"}, {"properties": {"a": {"$ref": "#/properties/a", "minLength": 1}}}])
def test_a_cycle_beside_something_else_is_refused_too(beside: Any) -> None:
    assert "leads back to itself" in " ".join(refused({"$schema": LATEST, "required": ["a"], **beside}).values())


LINKED = {"required": ["value"], "properties": {"value": {"type": "integer"}, "next": {"$ref": "#"}}}
TREE = {
    "definitions": {
        "node": {
            "required": ["value"],
            "properties": {"value": {"type": "integer"}, "left": {"$ref": "#node"}, "right": {"$ref": "#node"}},
            "$id": "#node",
        }
    },
    "allOf": [{"$ref": "#node"}],
}
FOLDERS = {
    "$ref": "#/definitions/folder",
    "definitions": {
        "folder": {
            "type": "object",
            "additionalProperties": {"anyOf": [{"type": "string"}, {"$ref": "#/definitions/folder"}]},
        }
    },
}
LISTS = {"items": {"$ref": "#"}, "type": "array"}


@in_each_dialect
def test_recursion_that_goes_deeper_into_the_document_is_allowed(dialect: str) -> None:
    linked, tree, folders, lists = [
        compiled(rewritten(schema, dialect)).evaluate for schema in (LINKED, TREE, FOLDERS, LISTS)
    ]
    chain = {"value": 1, "next": {"value": 2, "next": {"value": 3}}}
    assert linked(chain) is True
    chain["next"]["next"]["value"] = "x"  # type: ignore[index]
    assert linked(chain) is False
    leaf = {"value": 1}
    assert tree({"value": 1, "left": leaf, "right": {"value": 2, "left": leaf}}) is True
    assert tree({"value": 1, "left": leaf, "right": {"value": 2, "left": {}}}) is False
    assert folders({"a": "x", "b": {"c": "x"}}) is True
    assert folders({"a": "x", "b": {"c": 1}}) is False
    assert lists([[], [[]]]) is True
    assert lists([[], [[1]]]) is False


def doubled(keyword: str, levels: int) -> Any:
    """Each definition leads to the next one twice."""
    definitions: dict[str, Any] = {f"d{levels}": {"type": "object"}}
    for level in range(levels):
        twice = [{"$ref": f"#/definitions/d{level + 1}"}] * 2
        definitions[f"d{level}"] = {keyword: twice}
    return {"definitions": definitions, "allOf": [{"$ref": "#/definitions/d0"}]}


@in_each_dialect
@pytest.mark.parametrize("keyword", ["allOf", "anyOf", "oneOf"])
def test_references_that_double_at_each_step_are_refused(keyword: str, dialect: str) -> None:
    assert "references multiply" in refused(rewritten(doubled(keyword, 30), dialect))[""]
    assert compiled(rewritten(doubled(keyword, 5), dialect)).evaluate({}) is (keyword != "oneOf")


@pytest.mark.parametrize(
    "schema",
    [
        {"items": {"$ref": "#"}, "contains": {"$ref": "#"}},
        {"patternProperties": {"a": {"$ref": "#"}, "b": {"$ref": "#"}}},
        {"properties": {"a": {"$ref": "#"}}, "patternProperties": {"": {"$ref": "#"}}},
        {"properties": {"a": {"allOf": [{"$ref": "#"}, {"$ref": "#"}]}}},
        {"additionalProperties": {"if": {"$ref": "#"}, "then": {"$ref": "#"}}},
    ],
)
@in_each_dialect
def test_recursion_that_doubles_at_each_level_of_the_document_is_refused(schema: Any, dialect: str) -> None:
    assert "references multiply" in refused(rewritten(schema, dialect))[""]


@pytest.mark.parametrize(
    "schema",
    [
        {"properties": {name: {"$ref": "#"} for name in "abcdefghij"}},
        {"items": [{"$ref": "#"}, {"$ref": "#"}], "additionalItems": {"$ref": "#"}},
        {"properties": {"a": {"$ref": "#"}}, "additionalProperties": {"$ref": "#"}},
        {"properties": {"a": {"$ref": "#"}}, "items": {"$ref": "#"}},
        {"propertyNames": {"$ref": "#"}, "additionalProperties": {"$ref": "#"}},
        {"properties": {f"p{number}": {"$ref": "#/definitions/id"} for number in range(3000)},
         "definitions": {"id": {"type": "string"}}},
        {"anyOf": [{"$ref": "#/definitions/id"}] * 900, "definitions": {"id": {"type": ["string", "object"]}}},
    ],
)  # fmt: skip
@in_each_dialect
def test_references_that_look_at_different_places_are_not_counted_together(schema: Any, dialect: str) -> None:
    assert compiled(rewritten(schema, dialect)).evaluate({}) is True


def nested(levels: int) -> Any:
    document: Any = {"value": 1}
    for _ in range(levels):
        document = {"value": 1, "next": document}
    return document


def test_a_document_too_deep_for_a_recursive_schema_is_undetermined_and_the_process_lives() -> None:
    """Unguarded, the validator would follow it until its stack ends, and the process with it."""
    evaluator = compiled(LINKED)
    assert evaluator.evaluate(nested(62)) is True
    with pytest.raises(Undetermined):
        evaluator.evaluate(nested(64))
    with pytest.raises(Undetermined):
        evaluator.explain(nested(64))
    program = """
from test_json_schema_references import LINKED, LISTS
from policies_of_schemas import compiled
document = deep = []
for _ in range(200_000): document = [document]
for _ in range(200_000): deep = {"value": 1, "next": deep}
for schema in (LINKED, LISTS, {"const": 1}, {"enum": [{}]}, {"properties": {"next": {"uniqueItems": True}}}):
    for question in (document, deep):
        for ask in (compiled(schema).evaluate, compiled(schema).explain):
            try: ask(question)
            except Exception: pass
print("alive")
"""
    command = [sys.executable, "-c", program]
    done = subprocess.run(
        command, check=False, capture_output=True, text=True, timeout=120, env={"PYTHONPATH": ":".join(sys.path)}
    )
    assert done.stdout == "alive\n", (done.returncode, done.stderr[-500:])
