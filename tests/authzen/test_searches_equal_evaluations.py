"""A search finds what evaluations would permit: all of it, nothing else, each once, whatever the pages."""

from __future__ import annotations

import uuid
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from worlds import Stage, at, question, requiring

from falconbox.authzen import inquiry as inquiry_module
from falconbox.authzen import search as search_module
from falconbox.authzen.kept import ROOM
from falconbox.authzen.page_tokens import PageTokens
from falconbox.authzen.search import Found, find, read_search
from falconbox.errors import Malformed, SnapshotStale, StoreUnavailable

IDS = ("a", "b", "c", "d", "e")
ATTRIBUTES = st.fixed_dictionaries(
    {}, optional={"role": st.sampled_from(["admin", "viewer"]), "team": st.sampled_from(["x", "y"]),
                  "identifier": st.sampled_from(["a@x", "b@x", "a", 7])},
)  # fmt: skip
KEPT = st.dictionaries(st.sampled_from(IDS), ATTRIBUTES, max_size=5)
SOMETHING = st.sampled_from(
    [
        {}, at("subject.properties.role", {"const": "admin"}), at("subject.properties.team", {"const": "x"}),
        at("resource.properties.team", {"const": "x"}), at("subject.id", {"enum": ["a", "b", "a@x"]}), at("resource.id", {"enum": ["a", "c"]}),
        at("action.name", {"const": "b"}), at("action.name", {"enum": ["a", "b", "c", "b@x"]}), at("context.hour", {"maximum": 12}),
        at("subject.type", {"const": "user"}), at("resource.type", {"const": "record"}), at("resource.properties.role", {"const": "admin"}),
    ]
)  # fmt: skip
POLICY = st.builds(
    lambda schema, effect, mode, linked: {
        **requiring(schema), "effect": effect, "mode": mode, **({"link": [{"reference": "Client/pep"}]} if linked else {})
    },
    SOMETHING, st.sampled_from(["allow", "allow", "deny"]), st.sampled_from(["enforce", "enforce", "shadow"]), st.booleans(),
)  # fmt: skip
FIXED = st.builds(
    lambda kind, name, sent: {"type": kind, "id": name, **({} if sent is None else {"properties": sent})},
    st.sampled_from(["user", "record", "robot"]), st.sampled_from([*IDS, "unknown", "@", "a@x"]), st.none() | ATTRIBUTES,
)  # fmt: skip


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("stores")


@given(
    st.fixed_dictionaries({"User": KEPT, "Record": KEPT, "Action": KEPT}), st.lists(POLICY, max_size=4), FIXED, FIXED,
    st.sampled_from(["subject", "resource", "action"]), st.sampled_from(["user", "User", "record", "spaceship", "client"]),
    st.none() | st.fixed_dictionaries({"hour": st.integers(0, 23)}), st.sampled_from(["pep", "other", None]), st.none() | st.integers(1, 3),
    st.sampled_from([0, 60, ROOM]),
)  # fmt: skip
@settings(max_examples=150, deadline=None)
def test_what_is_found_is_what_evaluations_permit_whatever_the_pages_and_the_room(
    folder: Path, kept: dict[str, Any], policies: list[Any], subject: Any, resource: Any, wanted: str, kind: str, context: Any, pep: Any, limit: Any,
    room: int,
) -> None:  # fmt: skip
    stage = Stage(folder / uuid.uuid4().hex)
    for box_type, named in kept.items():
        for name, attributes in named.items():
            stage.keep(box_type, name, **attributes)
    stage.judge_by(*policies)
    asked = {
        "subject": subject,
        "action": {"name": "a"},
        "resource": resource,
        **({} if context is None else {"context": context}),
    }
    box_type = "Action" if wanted == "action" else kind[0].upper() + kind[1:]
    expected = []
    for name, attributes in sorted(kept.get(box_type, {}).items()):
        known_by = attributes.get("identifier") if attributes.get("identifier") in ("a@x", "b@x") else name
        member = {"name": known_by} if wanted == "action" else {"type": kind, "id": known_by}
        if stage.says({**asked, wanted: member}, pep):
            expected.append(member)
    if wanted != "action":
        asked[wanted] = {"type": kind, "id": "ignored", "properties": {"role": "admin", "team": "x"}}
    assert everything(stage, wanted, asked, pep, limit, room) == expected
    stage.store.close()


def everything(
    stage: Stage, wanted: str, asked: Any, pep: str | None = "pep", limit: int | None = None, room: int = ROOM
) -> list[Any]:
    """Go through all pages."""
    results, after = [], ""
    while True:
        found = search(stage, wanted, asked, pep=pep, after=after, limit=limit, room=room)
        assert limit is None or len(found.results) <= limit
        results += found.results
        if found.more is None:
            return results
        assert found.more >= after
        assert limit is None or len(found.results) == limit
        after = found.more


def search(
    stage: Stage,
    wanted: str,
    asked: Any,
    *,
    pep: str | None = "pep",
    after: str = "",
    limit: int | None = None,
    room: int = ROOM,
) -> Found:
    return find(read_search(wanted, asked), stage.inquiry(pep, room), after=after, limit=limit)


@given(st.text(max_size=70) | st.sampled_from(["", "user-00010", "user-00029", "user-00030", "\x00", "~", "x" * 64]))
@settings(max_examples=100, deadline=None)
def test_wherever_a_search_goes_on_it_finds_only_what_it_finds_anyway(crowded: Stage, after: str) -> None:
    """So a token, even one that is forged with the key out of the store, leads to nothing that is not permitted."""
    whole = everything(crowded, "subject", question())
    token = PageTokens(crowded.store).seal(after, digest()) if len(after.encode()) <= 64 else None
    place = after if token is None else PageTokens(crowded.store).open(token, digest())
    found = search(crowded, "subject", question(), after=place)
    assert found.results == [one for one in whole if one["id"] > place]


@pytest.fixture(scope="module")
def crowded(folder: Path) -> Stage:
    stage = Stage(folder / "crowded")
    crowd(stage, 30, 3)
    stage.judge_by(ADMINS)
    return stage


# What a page costs.

ADMINS = requiring(at("subject.properties.role", {"const": "admin"}))


@pytest.fixture
def stage(tmp_path: Path) -> Stage:
    return Stage(tmp_path)


def crowd(stage: Stage, size: int, every: int) -> list[str]:
    """Put many users into the box, one in `every` of them an admin; return the ids of those."""
    admins = []
    for number in range(size):
        name = f"user-{number:05}"
        role = "viewer" if number % every else "admin"
        stage.keep("User", name, role=role)
        admins += [name] if role == "admin" else []
    return admins


def test_a_page_asks_about_no_more_candidates_than_was_said_and_the_search_comes_to_its_end(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(search_module, "MAX_CANDIDATES", 150)
    admins = crowd(stage, 330, 7)
    stage.judge_by(ADMINS)
    pages, after = [], ""
    while not pages or pages[-1].more is not None:
        stage.store.reads = []
        pages.append(search(stage, "subject", question(), after=after))
        after = pages[-1].more or ""
        assert len(stage.store.reads) <= 150 // 100 + 3
    assert [page.candidates for page in pages] == [150, 150, 30]
    assert [result["id"] for page in pages for result in page.results] == admins


@pytest.mark.parametrize("identified", [False, True])
def test_a_search_through_large_resources_holds_no_more_of_them_than_there_is_room_for(
    stage: Stage, identified: bool
) -> None:
    for number in range(30):
        names = {"identifier": f"{number}@x"} if identified else {}
        stage.keep("User", f"user-{number:02}", text="x" * 1000, **names)
    stage.keep("Record", "1", text="x" * 1000)
    stage.judge_by({"engine": "allow"})
    assert len(search(stage, "subject", question(), room=3500).results) == 30
    # Three that are gone through, while the next three are read, and three that are kept.
    assert stage.store.most_alive <= 3 + 3 + 3
    assert stage.store.reads.count(("Record", "1")) == 1


@pytest.mark.parametrize(("enough", "candidates"), [(0, 1), (1, 1), (500, 2), (2000, 8), (10**6, 30)])
def test_a_page_ends_when_enough_has_been_decided_on_and_the_search_finds_the_same(
    stage: Stage, monkeypatch: pytest.MonkeyPatch, enough: int, candidates: int
) -> None:
    monkeypatch.setattr(inquiry_module, "MAX_DECIDED_ON", enough)
    admins = crowd(stage, 30, 4)
    stage.judge_by(ADMINS)
    asked = question(context={"text": "x" * 100})
    assert [one["id"] for one in everything(stage, "subject", asked)] == admins
    assert search(stage, "subject", asked).candidates == candidates


def test_the_last_page_says_that_it_is_the_last(stage: Stage) -> None:
    crowd(stage, 30, 10)  # the last admin has others behind it
    stage.judge_by(ADMINS)
    first = search(stage, "subject", question(), limit=2)
    last = search(stage, "subject", question(), limit=2, after=first.more or "")
    assert (len(first.results), len(last.results), last.more) == (2, 1, None)
    whole = search(stage, "subject", question(), limit=3)
    assert (len(whole.results), whole.more) == (3, None)
    nothing = search(stage, "subject", question(), limit=0)
    assert (nothing.results, nothing.more) == ([], "")


def test_what_changes_between_two_pages_neither_repeats_nor_hides_what_stays(stage: Stage) -> None:
    admins = crowd(stage, 20, 2)
    stage.judge_by(ADMINS)
    first = search(stage, "subject", question(), limit=5)
    stage.store.delete("User", admins[4])  # where the next page starts
    stage.keep("User", "user-00000-too-late", role="admin")
    stage.keep("User", "user-00099", role="admin")
    rest = search(stage, "subject", question(), after=first.more or "")
    assert [one["id"] for one in first.results + rest.results] == [*admins, "user-00099"]


def test_a_store_that_goes_away_in_the_middle_of_a_search_is_an_error_and_never_a_shorter_answer(stage: Stage) -> None:
    crowd(stage, 350, 2)
    stage.judge_by(ADMINS)
    for reads in range(5):
        stage.store.reads, stage.store.left = [], reads
        with pytest.raises(StoreUnavailable):
            search(stage, "subject", question())
    stage.store.reads, stage.store.left = [], 100
    assert len(search(stage, "subject", question()).results) == 175


def test_a_snapshot_that_grows_old_in_the_middle_of_a_search_is_an_error(stage: Stage) -> None:
    crowd(stage, 10, 1)
    stage.judge_by(ADMINS)
    asked = []
    stage.point._is_fresh = lambda: len(asked) < 5 and asked.append(1) is None
    with pytest.raises(SnapshotStale):
        search(stage, "subject", question())


def test_policies_that_fail_permit_nothing_and_are_told_of_in_short(stage: Stage) -> None:
    crowd(stage, 50, 1)
    stage.judge_by(*({"engine": "missing"} for _ in range(12)))
    found = search(stage, "subject", question())
    assert (found.results, found.candidates, len(found.failures)) == ([], 50, 8)
    stage.judge_by({"engine": "allow"}, {"engine": "missing", "effect": "deny"})
    denied = search(stage, "subject", question())
    assert (denied.results, list(denied.failures)) == ([], ["p1"])


# Tokens.


@pytest.fixture(scope="module")
def tokens(folder: Path) -> PageTokens:
    return PageTokens(Stage(folder / "tokens").store)


def digest(wanted: str = "subject", pep: str | None = "pep", **changes: Any) -> bytes:
    return read_search(wanted, {**question(), **changes}).digest(pep)


def test_a_token_leads_on_in_the_search_that_it_was_made_for(stage: Stage) -> None:
    for place in ("", "a", "x" * 64, "user-00007"):
        token = PageTokens(stage.store).seal(place, digest())
        assert PageTokens(stage.store).open(token, digest()) == place  # another process, the same store


def test_a_token_does_not_tell_where_it_leads(stage: Stage) -> None:
    tokens = PageTokens(stage.store)
    made = {tokens.seal(place, digest()) for place in ("a", "a", "hidden", "x" * 64)}
    assert len(made) == 4
    assert len({len(token) for token in made}) == 1
    assert not any("hidden" in token for token in made)


OTHERS = [
    digest("resource"), digest("action"), digest(pep="other"), digest(pep=None), digest(action={"name": "write"}), digest(context={}),
    digest(resource={"type": "record", "id": "2"}), digest(resource={"type": "record", "id": "1", "properties": {}}),
    digest(subject={"type": "User"}), digest(action={"name": "read", "properties": {"soft": True}}),
]  # fmt: skip


@pytest.mark.parametrize("other", OTHERS)
def test_a_token_is_refused_in_any_other_search(stage: Stage, other: bytes) -> None:
    tokens = PageTokens(stage.store)
    with pytest.raises(Malformed, match="start again"):
        tokens.open(tokens.seal("a", digest()), other)


def test_what_is_searched_for_is_not_part_of_the_search_but_for_its_type() -> None:
    assert digest(subject={"type": "user", "id": "x", "properties": {"a": 1}}) == digest(subject={"type": "user"})


@given(st.text(max_size=200) | st.binary(max_size=100).map(lambda data: data.hex()))
@settings(deadline=None)
def test_what_is_no_token_is_refused(tokens: PageTokens, text: str) -> None:
    with pytest.raises(Malformed):
        tokens.open(text, digest())


def test_a_token_that_was_changed_anywhere_is_refused(stage: Stage) -> None:
    tokens = PageTokens(stage.store)
    token = tokens.seal("a", digest())
    forged = [token[:place] + ("B" if token[place] == "A" else "A") + token[place + 1 :] for place in range(len(token))]
    for text in (*forged, token[:-1], token + "A", token + "=", f" {token}", token[:5] + "!" + token[5:], token * 2):
        with pytest.raises(Malformed):
            tokens.open(text, digest())
    assert tokens.open(token, digest()) == "a"
