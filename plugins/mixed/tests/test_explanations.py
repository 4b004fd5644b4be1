"""The explanations in the docs are what the engines say."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from falconbox import Undetermined
from falconbox.admission import Admission
from falconbox.compiling import PolicyCompiler
from falconbox.plugins import load_plugins

PAGE = (Path(__file__).parents[3] / "docs" / "explanation" / "why-not.md").read_text()
PLUGINS = load_plugins()
ADMISSION = Admission(PLUGINS.engines)
COMPILER = PolicyCompiler(PLUGINS.engines, PLUGINS.shipped)
BLOCKS = re.findall(r"^```yaml\n(.+?)^```$", PAGE, re.MULTILINE | re.DOTALL)
PAIRS = [
    # An answer is a word here, also `no`, which YAML 1.1 takes for a boolean.
    (yaml.safe_load(policy), yaml.safe_load(asked), yaml.load(asked, yaml.BaseLoader)["answer"])
    for policy, asked in zip(BLOCKS[::2], BLOCKS[1::2], strict=True)
]


def test_there_are_five_of_five_engines() -> None:
    assert [policy["engine"] for policy, _, _ in PAIRS] == ["json-schema", "matcho", "complex", "cel", "cedar"]
    assert all(asked["because"] for _, asked, _ in PAIRS)


@pytest.mark.parametrize(("policy", "asked", "answer"), PAIRS, ids=lambda part: str(part)[:30])
def test_an_engine_says_all_of_what_the_page_says_that_it_says(policy: Any, asked: Any, answer: str) -> None:
    evaluator = COMPILER.compile(ADMISSION.policy({"id": "p", **policy}, lambda _: True))
    try:
        verdict = evaluator.explain(asked["request"])
        said = ("yes" if verdict.matched else "no", [reason.message for reason in verdict.reasons])
    except Undetermined as untold:
        said = ("cannot tell", [untold.detail])
    assert said == (answer, asked["because"])
