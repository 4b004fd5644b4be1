"""Explanations say in the policy's words what the request has and what the policy wants, and quote little of either."""

from __future__ import annotations

from typing import Any

import pytest
from policies_of_schemas import LATER, compiled

from falconbox import Reason


def reasons(schema: Any, document: Any) -> tuple[Reason, ...]:
    verdict = compiled(schema).explain(document)
    assert verdict.matched is compiled(schema).evaluate(document)
    return verdict.reasons


def test_the_keyword_is_named_and_pointed_to_as_its_author_wrote_it() -> None:
    schema = {"properties": {"request-method": {"constant": "get"}, "uri": {"const": "/Patient"}}}
    assert reasons(schema, {"request-method": "post", "uri": "/x"}) == (
        Reason(
            "constant",
            "request-method is 'post', the policy wants 'get'",
            "/request-method",
            "/schema/properties/request-method/constant",
        ),
        Reason("const", "uri is '/x', the policy wants '/Patient'", "/uri", "/schema/properties/uri/const"),
    )


def test_members_named_const_and_constant_do_not_confuse_the_pointers() -> None:
    schema = {"properties": {"const": {"constant": 1}, "constant": {"const": 2}}}
    found = reasons(schema, {"const": 0, "constant": 0})
    assert {reason.policy_pointer for reason in found} == {
        "/schema/properties/const/constant",
        "/schema/properties/constant/const",
    }


def test_through_a_reference_the_keyword_is_pointed_to_where_it_stands() -> None:
    schema = {"definitions": {"m e/t~": {"constant": "get"}}, "properties": {"a": {"$ref": "#/definitions/m%20e~1t~0"}}}
    assert reasons(schema, {"a": "x"})[0].policy_pointer == "/schema/definitions/m e~1t~0/constant"


def test_a_request_that_fits_is_explained_by_one_reason() -> None:
    assert reasons({"required": ["uri"]}, {"uri": "/"}) == (
        Reason("fits", "the request fits the policy's schema", None, "/schema"),
    )


@pytest.mark.parametrize(
    ("schema", "document", "code", "message"),
    [
        ({"required": ["session"]}, {}, "required", "the request has no 'session', and the policy requires it"),
        ({"enum": ["a", "b"]}, "c", "enum", "the request is 'c', the policy wants one of 'a', 'b'"),
        ({"enum": [1]}, {"a": [True]}, "enum", 'the request is {"a": [true]}, the policy wants one of 1'),
        ({"type": "string"}, 1, "type", "the request is 1, the policy wants a value of type 'string'"),
        (
            {"type": ["string", "null"]},
            1,
            "type",
            "the request is 1, the policy wants a value of type 'string', 'null'",
        ),
        ({"pattern": "^/a"}, "b", "pattern", "the request is 'b', the policy wants a match of '^/a'"),
        ({"format": "ipv4"}, "b", "format", "the request is 'b', the policy wants a well-formed 'ipv4'"),
        ({"minimum": 2}, 1, "minimum", "the request is 1, the policy wants at least 2"),
        ({"maximum": 2}, 3, "maximum", "the request is 3, the policy wants at most 2"),
        ({"exclusiveMinimum": 2}, 2, "exclusiveMinimum", "the request is 2, the policy wants more than 2"),
        ({"exclusiveMaximum": 2}, 2, "exclusiveMaximum", "the request is 2, the policy wants less than 2"),
        ({"multipleOf": 2}, 3, "multipleOf", "the request is 3, the policy wants a multiple of 2"),
        ({"minLength": 2}, "a", "minLength", "the request is 'a', the policy wants at least 2 characters"),
        ({"maxLength": 0}, "a", "maxLength", "the request is 'a', the policy wants at most 0 characters"),
        ({"minItems": 1}, [], "minItems", "the request is [], the policy wants at least 1 items"),
        ({"maxItems": 0}, [1], "maxItems", "the request is [1], the policy wants at most 0 items"),
        ({"minProperties": 1}, {}, "minProperties", "the request is {}, the policy wants at least 1 members"),
        (
            {"maxProperties": 0},
            {"a": 1},
            "maxProperties",
            'the request is {"a": 1}, the policy wants at most 0 members',
        ),
        ({"uniqueItems": True}, [1, 1], "uniqueItems", "the request is [1, 1], the policy wants no item twice"),
        (
            {"contentEncoding": "base64"},
            "!",
            "contentEncoding",
            "the request is '!', the policy wants text in 'base64'",
        ),
        (
            {"contentMediaType": "application/json"},
            "{",
            "contentMediaType",
            "the request is '{', the policy wants text that is 'application/json'",
        ),
        (
            {"properties": {"a": True}, "additionalProperties": False},
            {"b": 1, "c": 1},
            "additionalProperties",
            "the request has 'b', 'c', which the policy does not name",
        ),
        (
            {"items": [True], "additionalItems": False},
            [1, 2],
            "additionalItems",
            "the request has more items than the policy names",
        ),
        (
            {"propertyNames": {"pattern": "^x"}},
            {"a": 1},
            "pattern",
            "the request has 'a', a name that the policy does not accept",
        ),
        (
            {"dependencies": {"a": ["b"]}},
            {"a": 1},
            "dependencies",
            "the request has no 'b', and the policy requires it",
        ),
        ({"contains": {"const": 1}}, [2], "contains", "the request has no item as the policy wants one"),
        ({"not": {}}, 1, "not", "the request is what the policy says it must not be: {}"),
        (
            {"not": {"required": ["body"]}},
            {"body": 1},
            "not",
            'the request is what the policy says it must not be: {"required": ["body"]}',
        ),
        ({"oneOf": [True, True]}, 1, "oneOf", "the request fits more than one of the policy's alternatives"),
        (False, {}, "false", "the policy accepts nothing at the request"),
        ({"properties": {"a": False}}, {"a": 1}, "false", "the policy accepts nothing at a"),
    ],
)
def test_each_keyword_has_its_sentence(schema: Any, document: Any, code: str, message: str) -> None:
    (reason,) = reasons(schema, document)
    assert (reason.code, reason.message) == (code, message)


@pytest.mark.parametrize("dialect", LATER)
@pytest.mark.parametrize(
    ("schema", "document", "code", "message", "policy_pointer"),
    [
        (
            {"properties": {"uri": True}, "unevaluatedProperties": False},
            {"uri": "/", "body": 1, "jwt": {}},
            "unevaluatedProperties",
            "the request has 'body', 'jwt', which no part of the policy that fits the request names",
            "/schema/unevaluatedProperties",
        ),
        (
            {"properties": {"uri": True}, "unevaluatedProperties": {"type": "string"}},
            {"uri": "/", "body": 1},
            "unevaluatedProperties",
            "the request has 'body', which no part of the policy that fits the request names, and not as unevaluatedProperties wants it",
            "/schema/unevaluatedProperties",
        ),
        (
            {"contains": {"const": 1}, "unevaluatedItems": False},
            [1, 2],
            "unevaluatedItems",
            "the request has items that no part of the policy that fits the request speaks of",
            "/schema/unevaluatedItems",
        ),
        (
            {"unevaluatedItems": {"const": 1}},
            [1, 2],
            "unevaluatedItems",
            "the request has items that no part of the policy that fits the request speaks of, and not all are as unevaluatedItems wants them",
            "/schema/unevaluatedItems",
        ),
        (
            {"dependentRequired": {"body": ["session", "uri"]}},
            {"body": 1, "uri": "/"},
            "dependentRequired",
            "the request has no 'session', and the policy requires it",
            "/schema/dependentRequired",
        ),
        (
            {"dependentSchemas": {"body": {"properties": {"request-method": {"const": "post"}}}}},
            {"body": 1, "request-method": "get"},
            "const",
            "request-method is 'get', the policy wants 'post'",
            "/schema/dependentSchemas/body/properties/request-method/const",
        ),
        (
            {"contains": {"const": 1}, "minContains": 2},
            [1],
            "minContains",
            "the request does not have at least 2 items as the policy wants them",
            "/schema/minContains",
        ),
        (
            {"contains": {"const": 1}, "maxContains": 2},
            [1, 1, 1],
            "maxContains",
            "the request does not have 1 to 2 items as the policy wants them",
            "/schema/maxContains",
        ),
        (
            {"contains": {"const": 1}, "maxContains": 2},
            [],
            "maxContains",
            "the request does not have 1 to 2 items as the policy wants them",
            "/schema/maxContains",
        ),
        (
            {"contains": {"const": 1}, "minContains": 0, "maxContains": 2},
            [1, 1, 1],
            "maxContains",
            "the request does not have at most 2 items as the policy wants them",
            "/schema/maxContains",
        ),
        (
            {"$ref": "#/$defs/a", "$defs": {"a": {"constant": 1}}},
            2,
            "constant",
            "the request is 2, the policy wants 1",
            "/schema/$defs/a/constant",
        ),
    ],
)
def test_each_keyword_of_the_later_dialects_has_its_sentence(
    schema: Any, document: Any, code: str, message: str, policy_pointer: str, dialect: str
) -> None:
    (reason,) = reasons({"$schema": LATER[dialect], **schema}, document)
    assert (reason.code, reason.message, reason.policy_pointer) == (code, message, policy_pointer)


def test_the_items_of_a_list_are_told_apart_by_their_place() -> None:
    schema = {"properties": {"a": {"prefixItems": [{"const": 1}, True], "items": False}}}
    found = reasons({"$schema": LATER["2020-12"], **schema}, {"a": [2, 2, 2]})
    assert [(reason.message, reason.pointer, reason.policy_pointer) for reason in found] == [
        ("the policy accepts nothing at a/2", "/a/2", "/schema/properties/a/items"),
        ("a/0 is 2, the policy wants 1", "/a/0", "/schema/properties/a/prefixItems/0/const"),
    ]


def test_a_missing_member_is_pointed_to_where_it_should_be() -> None:
    assert reasons({"properties": {"jwt": {"required": ["a/b"]}}}, {"jwt": {}})[0].pointer == "/jwt/a~1b"


def test_alternatives_are_explained_one_by_one() -> None:
    schema = {"anyOf": [{"required": ["session"]}, {"oneOf": [{"properties": {"uri": {"constant": "/a"}}}]}]}
    found = reasons(schema, {"uri": "/b"})
    assert [(reason.code, reason.policy_pointer) for reason in found] == [
        ("anyOf", "/schema/anyOf"),
        ("required", "/schema/anyOf/0/required"),
        ("oneOf", "/schema/anyOf/1/oneOf"),
        ("constant", "/schema/anyOf/1/oneOf/0/properties/uri/constant"),
    ]
    assert found[0].message == "the request fits none of the policy's alternatives"


@pytest.mark.parametrize(
    "said", [{"enum": ["/Patient", "Encounter"]}, {"const": "Encounter"}, {"constant": "Encounter"}]
)
def test_a_uri_without_its_slash_is_told_and_never_repaired(said: dict[str, Any]) -> None:
    (reason,) = reasons({"properties": {"uri": said}}, {"uri": "/Encounter"})
    assert reason.message.endswith("; every uri starts with a slash, so no request ever has 'Encounter'")


def test_a_method_in_upper_case_is_told_and_never_repaired() -> None:
    (reason,) = reasons({"properties": {"request-method": {"enum": ["GET"]}}}, {"request-method": "get"})
    assert reason.message.endswith("; request-method is in lower case, so no request ever has 'GET'")


def test_what_is_possible_elsewhere_gives_no_such_hint() -> None:
    (reason,) = reasons({"properties": {"params": {"properties": {"uri": {"const": "x"}}}}}, {"params": {"uri": "y"}})
    assert reason.message == "params/uri is 'y', the policy wants 'x'"


def test_reasons_and_what_they_quote_are_bounded() -> None:
    schema = {"properties": {f"p{number}": {"const": "x" * 10_000} for number in range(20)}}
    found = reasons(schema, {f"p{number}": "y" * 100_000 for number in range(20)})
    assert len(found) == 10
    assert all(len(reason.message) < 250 for reason in found)


def test_what_does_not_print_cannot_rearrange_a_sentence() -> None:
    found = reasons(
        {"properties": {"a": {"const": 1}, "b": {"const": 1}}}, {"a": "x\n\u202e\x1b[2J", "b": ["\u202e\n"]}
    )
    assert all(reason.message.isprintable() for reason in found)


def test_the_same_question_gets_the_same_reasons_whatever_the_order_of_keywords() -> None:
    document = {"a": 2, "b": 3}
    one = {"properties": {"a": {"const": 1, "minimum": 5}, "b": {"const": 1}}, "required": ["c", "d"]}
    two = {"required": ["c", "d"], "properties": {"b": {"const": 1}, "a": {"minimum": 5, "const": 1}}}
    assert reasons(one, document) == reasons(two, document)


def test_the_reasons_stand_in_one_order_whatever_else_the_document_holds_and_in_which_order() -> None:
    schema = {"required": ["client"], "properties": {"uri": {"const": "/a"}, "request-method": {"const": "get"}}}
    seen = {"uri": "/b", "request-method": "post"}
    others = {name: {} for name in ("headers", "jwt", "params", "session")}
    documents = [seen, {**seen, **others}, {**others, **dict(reversed(seen.items()))}]
    assert len({reasons(schema, document) for document in documents}) == 1
