"""Asked together or one by one, the answers are the same."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from worlds import Stage, at, requiring

from falconbox.authzen.batch import ENDS, read_batch
from falconbox.authzen.evaluation import MEMBERS, read_evaluation
from falconbox.authzen.kept import ROOM
from falconbox.errors import Malformed

NAMES = st.sampled_from(["alice", "bob", "carol", "admin"])
ENTITY = st.fixed_dictionaries(
    {"type": st.sampled_from(["user", "record", "User"]), "id": NAMES},
    optional={"properties": st.fixed_dictionaries({}, optional={"role": st.sampled_from(["admin", "none"])})},
)
BROKEN = st.sampled_from(
    [None, 7, "alice", [], {}, {"type": "user"}, {"name": 1}, {"type": "user", "id": "a", "properties": 1}]
)
ACTION = st.fixed_dictionaries({"name": st.sampled_from(["read", "write", "delete"])})
MAYBE = {
    "subject": ENTITY | BROKEN,
    "action": ACTION | BROKEN,
    "resource": ENTITY | BROKEN,
    "context": st.fixed_dictionaries({}, optional={"hour": st.integers(0, 23)}) | st.sampled_from([None, 1]),
}
PARTS = st.fixed_dictionaries({}, optional=MAYBE)
FITTING = st.fixed_dictionaries({"subject": ENTITY, "action": ACTION, "resource": ENTITY})
POLICIES = [
    requiring(at("subject.properties.role", {"const": "admin"})),
    requiring(
        {
            "properties": {
                "subject": {"properties": {"id": {"const": "alice"}}},
                "action": {"properties": {"name": {"enum": ["read", "write"]}}},
            }
        }
    ),
    {
        "effect": "deny",
        **requiring(
            {
                "properties": {
                    "action": {"properties": {"name": {"const": "write"}}},
                    "context": {"properties": {"hour": {"maximum": 8}}},
                }
            }
        ),
    },
]


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Stage:
    stage = Stage(tmp_path_factory.mktemp("store"))
    stage.keep("User", "carol", role="admin")
    stage.keep("User", "bob", role="none")
    stage.judge_by(*POLICIES)
    return stage


@given(
    PARTS | FITTING,
    st.lists(PARTS | FITTING, max_size=6),
    st.sampled_from(sorted(ENDS)),
    st.sampled_from(["pep", "other", None]),
    st.sampled_from([0, 20, ROOM]),
)
@settings(max_examples=400, deadline=None)
def test_a_batch_is_answered_like_its_items_one_by_one_whatever_there_is_room_for(
    stage: Stage, defaults: dict[str, Any], items: list[dict[str, Any]], semantic: str, pep: str | None, room: int
) -> None:
    batch = read_batch({**defaults, "evaluations": items, "options": {"evaluations_semantic": semantic}})
    if not items:
        assert batch is None
        return
    assert batch is not None
    inquiry = stage.inquiry(pep, room)
    together = [False if isinstance(one, Malformed) else inquiry.decide(one).allow for one in batch.evaluations()]
    assert together == [alone(stage, defaults, item, pep) for item in items]
    assert batch.ends is ENDS[semantic]


def alone(stage: Stage, defaults: dict[str, Any], item: dict[str, Any], pep: str | None) -> bool:
    whole = {name: item.get(name, defaults.get(name)) for name in MEMBERS if name in item or name in defaults}
    try:
        return stage.inquiry(pep).decide(read_evaluation(whole)).allow
    except Malformed:
        return False
