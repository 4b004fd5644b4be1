"""References stay within the schema, never loop in one place, and never multiply the work."""

from __future__ import annotations

import socket
import subprocess
import sys
from typing import Any

import pytest
from policies_of_schemas import compiled, refused

from falconbox import Undetermined


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
        "",
    ],
)
def test_a_reference_to_anything_outside_is_refused_and_never_fetched(
    reference: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def connect(*_: object) -> None:
        raise AssertionError("something was fetched")

    monkeypatch.setattr(socket.socket, "connect", connect)
    found = refused({"properties": {"a": {"$ref": reference}}, "definitions": {"a": True}})
    assert found == {"/properties/a/$ref": "must start with #: nothing is ever fetched from elsewhere"}


def test_even_the_schema_s_own_address_is_not_followed() -> None:
    schema = {"$id": "https://policies.example/one.json", "not": {"$ref": "https://policies.example/one.json#"}}
    assert "nothing is ever fetched" in refused(schema)["/not/$ref"]


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


@pytest.mark.parametrize("name", ["http://elsewhere.example/", "other", "#", "#/definitions/a", "#1", "#a b", ""])
def test_below_the_top_an_id_can_only_be_a_name(name: str) -> None:
    assert "must be # and a name" in refused({"not": {"$id": name}})["/not/$id"]


def test_two_subschemas_of_one_name_are_refused() -> None:
    found = refused({"allOf": [{"$id": "#a"}, {"$id": "#a", "not": {}}]})
    assert "names two subschemas" in found["/allOf/1/$id"]


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


@pytest.mark.parametrize("schema", CYCLES.values(), ids=CYCLES)
def test_a_cycle_that_looks_no_deeper_is_refused(schema: Any) -> None:
    """The validator answers True to `{"$ref": "#"}`."""
    assert "leads back to itself" in " ".join(refused(schema).values())


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


def test_recursion_that_goes_deeper_into_the_document_is_allowed() -> None:
    linked = {"value": 1, "next": {"value": 2, "next": {"value": 3}}}
    assert compiled(LINKED).evaluate(linked) is True
    linked["next"]["next"]["value"] = "x"  # type: ignore[index]
    assert compiled(LINKED).evaluate(linked) is False
    leaf = {"value": 1}
    assert compiled(TREE).evaluate({"value": 1, "left": leaf, "right": {"value": 2, "left": leaf}}) is True
    assert compiled(TREE).evaluate({"value": 1, "left": leaf, "right": {"value": 2, "left": {}}}) is False
    assert compiled(FOLDERS).evaluate({"a": "x", "b": {"c": "x"}}) is True
    assert compiled(FOLDERS).evaluate({"a": "x", "b": {"c": 1}}) is False
    assert compiled(LISTS).evaluate([[], [[]]]) is True
    assert compiled(LISTS).evaluate([[], [[1]]]) is False


def doubled(keyword: str, levels: int) -> Any:
    """Each definition leads to the next one twice."""
    definitions: dict[str, Any] = {f"d{levels}": {"type": "object"}}
    for level in range(levels):
        twice = [{"$ref": f"#/definitions/d{level + 1}"}] * 2
        definitions[f"d{level}"] = {keyword: twice}
    return {"definitions": definitions, "allOf": [{"$ref": "#/definitions/d0"}]}


@pytest.mark.parametrize("keyword", ["allOf", "anyOf", "oneOf"])
def test_references_that_double_at_each_step_are_refused(keyword: str) -> None:
    assert "references multiply" in refused(doubled(keyword, 30))[""]
    assert compiled(doubled(keyword, 5)).evaluate({}) is (keyword != "oneOf")


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
def test_recursion_that_doubles_at_each_level_of_the_document_is_refused(schema: Any) -> None:
    assert "references multiply" in refused(schema)[""]


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
def test_references_that_look_at_different_places_are_not_counted_together(schema: Any) -> None:
    assert compiled(schema).evaluate({}) is True


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
