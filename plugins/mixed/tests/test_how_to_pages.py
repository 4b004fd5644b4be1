"""The policies on the how-to pages of the engines are compiled, and answer what the pages say."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from falconbox import AccessPolicy, Undetermined
from falconbox.admission import Admission
from falconbox.compiling import PolicyCompiler
from falconbox.plugins import load_plugins

HOW_TO = Path(__file__).parents[3] / "docs" / "how-to"
PAGES = ("cedar", "cel", "jmespath", "rego")
PLUGINS = load_plugins()
ADMISSION = Admission(PLUGINS.engines)
COMPILER = PolicyCompiler(PLUGINS.engines, PLUGINS.shipped)


def blocks(page: str) -> list[str]:
    text = (HOW_TO / f"{page}.md").read_text()
    return re.findall(r"^```yaml\n(.+?)^```$", text, re.MULTILINE | re.DOTALL)


def questions() -> Iterator[tuple[str, AccessPolicy, Any, str, str]]:
    for page in PAGES:
        policy = None
        # Answers are words here, also `yes` and `no`, which YAML 1.1 takes for booleans.
        for text in blocks(page):
            block = yaml.safe_load(text)
            if isinstance(block, dict):
                policy = ADMISSION.policy(block, lambda _: True)
                continue
            assert policy is not None
            for question, said in zip(block, yaml.load(text, yaml.BaseLoader), strict=True):
                yield page, policy, question["request"], said["answer"], said["because"]


QUESTIONS = [*questions()]


@pytest.mark.parametrize(("page", "policy", "request_document", "answer", "because"), QUESTIONS)
def test_a_policy_answers_what_its_page_says_and_why(
    page: str, policy: AccessPolicy, request_document: Any, answer: str, because: str
) -> None:
    evaluator = COMPILER.compile(policy)
    if answer == "cannot tell":
        with pytest.raises(Undetermined) as cannot_tell:
            evaluator.evaluate(request_document)
        assert cannot_tell.value.detail == because
        return
    assert evaluator.evaluate(request_document) is {"yes": True, "no": False}[answer]
    assert because in [reason.message for reason in evaluator.explain(request_document).reasons]


@pytest.mark.parametrize("page", PAGES)
def test_every_page_shows_a_yes_a_no_and_what_cannot_be_told(page: str) -> None:
    assert {question[3] for question in QUESTIONS if question[0] == page} == {"yes", "no", "cannot tell"}
