"""Conditions that are joined stay necessary: what a part says yes to is never kept out by the whole."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from falconbox.facets import ANY_STRING, Facets, Strings
from falconbox.testing import holds

TEXTS = st.sampled_from(["", "/", "/a", "/ab", "/abc", "/b", "get", "post"])
SETS = st.none() | st.frozensets(TEXTS, max_size=3)
PREFIXES = st.none() | TEXTS.filter(bool)
STRINGS = st.builds(Strings, SETS, PREFIXES)
VALUES = st.sampled_from([1, 1.0, True, "1", None])
CONSTANTS = st.dictionaries(st.sampled_from(["/client/id", "/client/active", "/jwt/sub"]), VALUES, max_size=3)
FACETS = st.builds(Facets, SETS, SETS, PREFIXES, CONSTANTS)
DOCUMENTS = st.fixed_dictionaries(
    {},
    optional={
        "uri": TEXTS | st.none() | st.just(["/a"]),
        "request-method": TEXTS | st.just(5),
        "client": st.fixed_dictionaries({}, optional={"id": VALUES, "active": VALUES}) | st.just("a"),
        "jwt": st.fixed_dictionaries({}, optional={"sub": VALUES}),
    },
)


def accepts(strings: Strings, text: str) -> bool:
    return (strings.values is None or text in strings.values) and text.startswith(strings.prefix or "")


@given(STRINGS, STRINGS, TEXTS)
def test_both_accepts_whatever_each_of_the_two_accepts(one: Strings, other: Strings, text: str) -> None:
    if accepts(one, text) and accepts(other, text):
        assert accepts(one.both(other), text)


@given(st.lists(STRINGS, max_size=4), TEXTS)
def test_either_accepts_whatever_one_of_several_accepts(several: list[Strings], text: str) -> None:
    if any(accepts(one, text) for one in several):
        assert accepts(Strings.either(several), text)


@given(FACETS, FACETS, DOCUMENTS)
def test_where_each_of_two_conditions_holds_both_together_do(one: Facets, other: Facets, document: Any) -> None:
    if holds(one, document) and holds(other, document):
        assert holds(one.both(other), document)


@given(st.lists(FACETS, max_size=4), DOCUMENTS)
def test_where_one_of_several_conditions_holds_their_alternative_does(several: list[Facets], document: Any) -> None:
    if any(holds(one, document) for one in several):
        assert holds(Facets.either(several), document)


def test_an_exact_text_beside_a_prefix_leaves_what_both_begin_with() -> None:
    exact, prefix = Strings(frozenset({"/Patient"})), Strings(prefix="/Patient/")
    assert Strings.either([exact, prefix]) == Strings(prefix="/Patient")
    assert Strings.either([exact, Strings(frozenset({"/"}))]) == Strings(frozenset({"/", "/Patient"}))
    assert Strings.either([exact, ANY_STRING]) == ANY_STRING
    assert Strings.either([prefix, Strings(frozenset())]) == prefix


def test_a_constant_that_all_alternatives_share_stays_and_true_is_not_one() -> None:
    shared = [Facets(constants={"/client/id": "a", "/jwt/sub": value}) for value in (1, True)]
    assert Facets.either(shared).constants == {"/client/id": "a"}
    assert Facets.either([]).constants == {}


@given(st.builds(Facets, SETS, SETS, PREFIXES), DOCUMENTS)
def test_an_evaluator_that_asks_first_reads_the_conditions_as_the_contract_does(facets: Facets, document: Any) -> None:
    assert facets.texts_hold(document) is holds(facets, document)
