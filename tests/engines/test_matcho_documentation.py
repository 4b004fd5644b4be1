"""The reference of matcho says what the code does."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from matcho_patterns import compiled

from falconbox import PolicyInvalid, Undetermined
from falconbox.bounds import MAX_BODY_CHARACTERS, MAX_BODY_VALUES
from falconbox.media import strict_yaml
from falconbox.model import MAX_DEPTH
from falconbox.regex import MAX_COMPILED
from falconbox_matcho.checking import MAX_REGEXES, OPERATORS, WORDS

PAGE = (Path(__file__).parents[2] / "docs" / "reference" / "matcho.md").read_text()
SHOWN: list[dict[str, Any]] = [
    strict_yaml.loads(block.encode()) for block in re.findall(r"```yaml\n(.+?)```", PAGE, re.DOTALL)
]


def rows(title: str) -> list[list[str]]:
    """Return the first table below a title."""
    table = re.search(rf"## {title}\n.*?\n((?:\|[^\n]*\n)+)", PAGE, re.DOTALL)
    assert table
    return [[cell.strip() for cell in line[1:-1].split("|")] for line in table[1].splitlines()]


def test_every_word_and_operator_has_a_row_and_every_row_one() -> None:
    named = {
        word for row in rows("What a pattern may say") for word in re.findall(r"^`(\$?[a-z-]+\??)(?:: .+)?`$", row[0])
    }
    assert named - {"true", "false"} == {*WORDS, *OPERATORS}


@pytest.mark.parametrize("limit", [MAX_DEPTH, MAX_BODY_VALUES, MAX_BODY_CHARACTERS, MAX_REGEXES, MAX_COMPILED])
def test_the_limits_are_those_of_the_code(limit: int) -> None:
    assert any(row[1].startswith(f"{limit:,}") for row in rows("Limits"))


@pytest.mark.parametrize("text", ["user: {present?: true}", "'#/Patient/.jwt.patient'", "uri: #^/Patient", ".user.id: x", "'#^x': y", "'#'"])  # fmt: skip
def test_what_is_said_to_be_refused_is_refused(text: str) -> None:
    assert any(text in row[0] for row in rows("What is refused"))
    pattern = strict_yaml.loads(text.encode())
    with pytest.raises(PolicyInvalid):
        compiled(pattern if isinstance(pattern, dict) else {"uri": pattern})


def test_the_policy_and_the_explanations_are_what_the_engine_says() -> None:
    policy, told, untold = SHOWN
    document = {"client": {"details": {"roles": ["nurse"]}}, "uri": "/Encounter", "request-method": "get", "params": {}}
    (reason,) = compiled({"client": {"details": {"roles": {"$contains": "doctor"}}}}).explain(document).reasons
    assert told == {name: getattr(reason, name) for name in told}
    pattern = {key: policy["matcho"][key] for key in ("uri", "request-method", "params")}
    with pytest.raises(Undetermined) as raised:
        compiled(pattern).evaluate(document)
    assert raised.value.detail == untold["message"]
    assert compiled(policy["matcho"]).evaluate(document) is False
