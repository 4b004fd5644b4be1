"""What may be stored: every problem is told at once, where it is, and without quoting a value."""

from __future__ import annotations

from typing import Any, ClassVar

import pytest

from falconbox import NO_FACETS, PolicyInvalid, Problem, Verdict
from falconbox.admission import Admission
from falconbox.errors import Invalid
from falconbox.schemas import problems


class Strict:
    """An engine that owns the field `rule` and accepts `good`."""

    name = "strict"
    body_schema = {"properties": {"rule": {"type": "string"}}, "required": ["rule"]}
    reads: frozenset[str] = frozenset()
    facets = NO_FACETS

    def compile(self, policy: Any, _branch: object) -> Any:
        if policy.body["rule"] == "crash":
            raise SystemExit
        if policy.body["rule"] != "good":
            raise PolicyInvalid([Problem("/rule", "is not good")])
        return self

    def evaluate(self, document: object) -> bool:
        return True

    def explain(self, document: object) -> Verdict:
        return Verdict(matched=True)


ADMISSION = Admission({"strict": Strict()})


def client_problems(document: Any, **options: Any) -> dict[str, str]:
    with pytest.raises(Invalid) as raised:
        ADMISSION.client(document, **options)
    return {problem.pointer: problem.detail for problem in raised.value.problems}


def policy_problems(document: Any, known: tuple[str, ...] = ()) -> dict[str, str]:
    with pytest.raises(Invalid) as raised:
        ADMISSION.policy(document, known.__contains__)
    return {problem.pointer: problem.detail for problem in raised.value.problems}


def test_the_clients_of_the_page_are_admitted_without_their_secret() -> None:
    credentials = {"access_token_expiration": 3600, "access_token_format": "jwt"}
    document = {"id": "api-consumer", "secret": "verysecretstring", "grant_types": ["client_credentials"]}
    admitted = ADMISSION.client({**document, "auth": {"client_credentials": credentials}, "meta": {"x": 1}})
    assert admitted == {
        "resourceType": "Client",
        "id": "api-consumer",
        "grant_types": ["client_credentials"],
        "auth": {"client_credentials": credentials},
    }


def test_every_problem_is_told_at_once() -> None:
    found = client_problems({"id": "a/b", "secret": 5, "grant_types": ["basc"], "activ": True})
    assert found.keys() == {"/id", "/secret", "/grant_types/0", "/activ"}
    assert "did you mean 'active'?" in found["/activ"]


@pytest.mark.parametrize("wrong", [None, 5, 5.0, {"a": 1}, ["a"], "", "a/b", "..", ".", "a\n", "ａdmin", "x" * 65])
def test_an_id_is_a_short_plain_string(wrong: Any) -> None:
    assert "/id" in client_problems({"id": wrong})


@pytest.mark.parametrize("name", ["token_format", "token_expiration", "expiration"])
def test_other_spellings_of_token_settings_are_refused_by_name(name: str) -> None:
    """Ignored, they would mean tokens that live longer than their client says."""
    found = client_problems({"id": "a", "auth": {"client_credentials": {name: 3600}}})
    assert "did you mean 'access_token_" in found[f"/auth/client_credentials/{name}"]


@pytest.mark.parametrize("expiration", [None, 0, -1, 1.5, 1e12, 315360001, "3600", "Never", True])
def test_an_expiration_that_is_no_sensible_number_of_seconds_is_refused(expiration: Any) -> None:
    settings = {"access_token_expiration": expiration}
    assert client_problems({"id": "a", "auth": {"client_credentials": settings}})


@pytest.mark.parametrize("expiration", [1, 3600, 3600.0, 315360000, "never"])
def test_an_expiration_in_seconds_or_never_is_admitted(expiration: Any) -> None:
    assert ADMISSION.client({"id": "a", "auth": {"client_credentials": {"access_token_expiration": expiration}}})


@pytest.mark.parametrize("secret", ["", "x" * 1025, "a\nb", "a\x00", None, 12345678, {"$ne": None}, ["x"]])
def test_a_secret_that_is_no_usable_string_is_refused_without_quoting_it(secret: Any) -> None:
    found = client_problems({"id": "a", "secret": secret})
    assert found.keys() == {"/secret"}
    assert "12345678" not in found["/secret"]


SUM = "__sha256:" + "0aF" * 21 + "0"


def test_the_sha256_of_a_secret_is_refused_as_a_secret_and_taken_only_where_it_may_be_imported() -> None:
    importing = Admission({}, import_sha256_secrets=True)
    document = {"id": "a", "secret": SUM}
    for refused in (
        lambda: ADMISSION.client(document),
        lambda: ADMISSION.client({"id": "a", "secret": "__sha256:x"}),
        lambda: ADMISSION.client(document, from_file=True),
        lambda: importing.client(document, from_file=True),
        lambda: ADMISSION.rotation({"secret": SUM, "overlap": 0}),
        lambda: importing.rotation({"secret": SUM, "overlap": 0}),
    ):
        with pytest.raises(
            Invalid, match=r"^/secret is the SHA-256 of a secret, .*FALCONBOX_IMPORT_SHA256_SECRETS"
        ) as told:
            refused()
        assert "0aF" not in told.value.detail
    assert importing.client(document)["id"] == "a"
    assert importing.client({"id": "a", "secret": "plain"})
    for wrong in (SUM[:-1], SUM + "0", SUM + "\n", SUM[:-1] + "g", SUM[:-1] + "\u0661", "__sha256:"):
        with pytest.raises(Invalid, match="/secret must be __sha256: and 64 hexadecimal digits"):
            importing.client({"id": "a", "secret": wrong})


def test_a_secret_in_a_file_must_be_a_reference() -> None:
    assert "never stands in a file" in client_problems({"id": "a", "secret": "plain"}, from_file=True)["/secret"]
    assert ADMISSION.client({"id": "a", "secret": {"env": "NAME"}}, from_file=True)
    assert "/secret" in client_problems({"id": "a", "secret": {"env": "NAME"}})


def test_a_misspelt_link_is_refused_because_it_would_make_a_policy_for_everybody() -> None:
    found = policy_problems({"id": "p", "engine": "strict", "rule": "good", "links": []})
    assert found == {"/links": "unknown field; did you mean 'link'?"}


@pytest.mark.parametrize(
    "link", [[], None, {}, "Client/a", [{"id": "a"}], [{"resourceType": "User", "id": "a"}], [None]]
)
def test_a_link_that_names_nobody_is_refused(link: Any) -> None:
    found = policy_problems({"id": "p", "engine": "strict", "rule": "good", "link": link}, known=("a",))
    assert all(pointer.startswith("/link") for pointer in found)


def test_a_link_to_a_client_that_does_not_exist_is_refused_in_either_spelling() -> None:
    link = [{"resourceType": "Client", "id": "a"}, {"reference": "Client/b"}, {"reference": "Client/known"}]
    found = policy_problems({"id": "p", "engine": "strict", "rule": "good", "link": link}, known=("known",))
    assert found.keys() == {"/link/0", "/link/1"}


def test_an_unknown_engine_is_refused_with_the_likely_one() -> None:
    found = policy_problems({"id": "p", "engine": "stric", "rule": "good"})
    assert "did you mean 'strict'?" in found["/engine"]


def test_a_misspelt_engine_field_is_named_beside_the_missing_one() -> None:
    assert policy_problems({"id": "p", "enigne": "strict", "rule": "good", "ruel": 1, "links": []}) == {
        "/engine": "is required",
        "/enigne": "unknown field; did you mean 'engine'?",
        "/links": "unknown field; did you mean 'link'?",
        "/ruel": "unknown field; did you mean 'rule'?",
    }


def test_a_wrong_type_is_refused_in_words_and_not_in_those_of_python() -> None:
    assert client_problems({"id": "a", "active": "yes"})["/active"].startswith("must be true or false")
    found = problems("text", {"type": ["object", "boolean"]})
    assert [problem.detail for problem in found] == ["must be of type object or boolean"]


def test_fields_that_the_engine_does_not_own_are_refused_and_its_own_are_required() -> None:
    assert policy_problems({"id": "p", "engine": "strict", "ruel": "good"}) == {
        "/rule": "is required",
        "/ruel": "unknown field; did you mean 'rule'?",
    }


def test_what_the_engine_cannot_compile_is_refused_with_its_pointer() -> None:
    assert policy_problems({"id": "p", "engine": "strict", "rule": "bad"}) == {"/rule": "is not good"}


def test_an_engine_that_ends_the_process_refuses_the_policy_instead() -> None:
    assert "SystemExit" in policy_problems({"id": "p", "engine": "strict", "rule": "crash"})[""]


@pytest.mark.parametrize("document", [None, [], "x", 5, {}, {"engine": {"$ne": None}, "id": {"$gt": ""}}])
def test_what_is_no_policy_at_all_is_refused(document: Any) -> None:
    assert policy_problems(document)


@pytest.mark.parametrize(
    ("fields", "pointer", "told"),
    [
        ({"description": "x" * 4097}, "/description", "must have at most 4,096 characters"),
        ({"link": [{"reference": "Client/a"}] * 1001}, "/link", "must have at most 1,000 items"),
        ({"engine": "bounded", "rule": "x"}, "/rule", "must have at least 2 characters"),
        ({"engine": "bounded", "rule": "xxxxx"}, "/rule", "must have at most 4 characters"),
        ({"engine": "bounded", "number": 0}, "/number", "must be at least 1"),
        ({"engine": "bounded", "number": 5}, "/number", "must be at most 4"),
        ({"engine": "bounded", "list": [1]}, "/list", "must have at least 2 items"),
        ({"engine": "bounded", "map": {"a": 1, "b": 2}}, "/map", "must have at most 1 members"),
    ],
)
def test_what_is_too_long_or_too_large_is_told_its_limit(fields: dict[str, Any], pointer: str, told: str) -> None:
    class Bounded(Strict):
        body_schema: ClassVar[Any] = {
            "properties": {
                "rule": {"minLength": 2, "maxLength": 4, "description": "A rule."},
                "number": {"minimum": 1, "maximum": 4},
                "list": {"minItems": 2},
                "map": {"maxProperties": 1},
            }
        }

    document = {"resourceType": "AccessPolicy", "id": "p", "engine": "strict", "rule": "good", **fields}
    if fields.get("engine") == "bounded" and "rule" not in fields:
        del document["rule"]
    with pytest.raises(Invalid) as raised:
        Admission({"strict": Strict(), "bounded": Bounded()}).policy(document, lambda _: True)
    assert {problem.pointer: problem.detail for problem in raised.value.problems}[pointer].startswith(told)


def test_items_that_cannot_be_sorted_are_compared_in_one_pass() -> None:
    """Each compared with each, these took an hour: that hang is what this would show."""
    audience = [0, *(f"a{number}" for number in range(90_000))]
    found = client_problems({"id": "a", "auth": {"client_credentials": {"audience": audience}}})
    assert found == {"/auth/client_credentials/audience/0": "must be of type string"}


@pytest.mark.parametrize("audience", [["a", "b", "a"], [0, "a", 0], [{"a": 1, "b": 2}, {"b": 2, "a": 1}]])
def test_an_item_that_stands_twice_is_told(audience: list[Any]) -> None:
    found = client_problems({"id": "a", "auth": {"client_credentials": {"audience": audience}}})
    assert found["/auth/client_credentials/audience"].startswith("must not repeat an item")


def test_a_name_cannot_forge_a_line_where_problems_are_printed() -> None:
    with pytest.raises(Invalid) as raised:
        ADMISSION.client({"id": "a", "x\n2 problems\x1b[2J\u2028\udcff": 1})
    assert str(raised.value) == r"/x\n2 problems\x1b[2J\u2028\udcff unknown field"
    assert raised.value.problems[0].pointer == "/x\n2 problems\x1b[2J\u2028\udcff"


@pytest.mark.parametrize("engine", ["sql", "clj", "rpc", "allow-rpc", "matcho-rpc", "json-schema-rpc", "signed-rpc"])
def test_an_engine_of_aidbox_that_is_not_here_is_refused_with_what_to_write_instead(engine: str) -> None:
    found = policy_problems({"id": "p", "engine": engine, engine: {}})
    assert found["/engine"].startswith(f"there is no engine {engine!r}: ")
    assert "write" in found["/engine"] or "by engine matcho" in found["/engine"]
    assert "did you mean" not in found["/engine"]


@pytest.mark.parametrize("field", ["roleName", "sql", "rpc"])
@pytest.mark.parametrize("engine", ["strict", "matcho-rpc", "unknown"])
def test_a_field_of_aidbox_that_is_not_read_here_is_refused_with_what_to_write_instead(field: str, engine: str) -> None:
    found = policy_problems({"id": "p", "engine": engine, "rule": "good", field: "x"})
    assert "matcho" in found[f"/{field}"]


@pytest.mark.parametrize("kind", ["Operation", "User"])
def test_a_link_to_what_is_no_client_is_refused_with_what_to_write_instead(kind: str) -> None:
    for link in ({"resourceType": kind, "id": "x"}, {"reference": f"{kind}/x"}):
        found = policy_problems({"id": "p", "engine": "strict", "rule": "good", "link": [link]})
        (detail,) = (detail for pointer, detail in found.items() if pointer.startswith("/link/0/"))
        assert "instead of an Operation say in the policy which uri" in detail.replace("Instead", "instead")


def test_what_the_engine_refuses_is_told_together_with_what_is_wrong_around_it() -> None:
    found = policy_problems({"id": "..", "engine": "strict", "rule": "bad", "roleName": "x"})
    assert found.keys() == {"/id", "/roleName", "/rule"}
    assert policy_problems({"id": "p", "engine": "strict", "rule": 5, "x": 1}).keys() == {"/rule", "/x"}
