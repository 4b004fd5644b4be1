"""What the documentation says is what happens: its commands are run, its links lead somewhere, its lengths are kept."""

from __future__ import annotations

import os
import re
import shutil
import sys
from pathlib import Path

import console
import pytest

import serving

ROOT = Path(__file__).parents[2]
PAGES = sorted([ROOT / "README.md", ROOT / "CONTRIBUTING.md", ROOT / "CHANGELOG.md", *(ROOT / "docs").rglob("*.md")])
EXECUTED = [page for page in PAGES if page.read_text().startswith("<!-- executed -->")]

needs_shell = pytest.mark.skipif(
    not shutil.which("bash") or not shutil.which("curl"), reason="the pages' commands need bash and curl"
)


def test_the_pages_that_show_commands_are_executed() -> None:
    assert {page.name for page in EXECUTED} >= {"README.md", "tutorial.md"}


@needs_shell
@pytest.mark.blackbox
@pytest.mark.parametrize("page", EXECUTED, ids=lambda page: page.name)
def test_every_command_of_a_page_prints_what_the_page_says(page: Path, tmp_path: Path) -> None:
    shutil.copytree(ROOT / "policies", tmp_path / "policies")
    environ = serving.environment()
    del environ["FALCONBOX_ADMIN_SECRET"]  # the pages use the one that is generated
    with serving.running(tmp_path, "--policies", "policies", environ=environ) as box:
        text = page.read_text().replace("http://127.0.0.1:8080", box.url)
        path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
        assert console.run(text, tmp_path, {"PATH": path, "LC_ALL": "C.UTF-8"}) > 0


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_to_files_lead_to_files(page: Path) -> None:
    for target in re.findall(r"\]\(([^)#\s]+)(?:#[^)]*)?\)", page.read_text()):
        if not re.match(r"[a-z]+:", target):
            assert (page.parent / target).exists(), target


def headings(page: Path) -> set[str]:
    """The anchors of a page, as they are made from its headings: letters, digits and dashes."""
    text = re.sub(r"```.*?```", "", page.read_text(), flags=re.DOTALL)
    return {
        re.sub(r"[^\w -]", "", title.lower()).replace(" ", "-")
        for title in re.findall(r"^#+ (.*)$", text, re.MULTILINE)
    }


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_to_headings_lead_to_headings(page: Path) -> None:
    for target, heading in re.findall(r"\]\((?![a-z]+:)([^)#\s]*)#([^)\s]+)\)", page.read_text()):
        there = page.parent / target if target else page
        assert heading in headings(there), f"{target}#{heading}"


def test_every_test_that_the_documentation_names_exists() -> None:
    named = {name for page in PAGES for name in re.findall(r"`(tests/[\w/]+\.py)::(\w+)`", page.read_text())}
    assert len(named) > 10
    for file, test in named:
        assert f"def {test}(" in (ROOT / file).read_text(), f"{file}::{test}"


def test_the_readme_leads_to_every_page() -> None:
    readme = (ROOT / "README.md").read_text()
    pages = {str(page.relative_to(ROOT)) for page in (ROOT / "docs").rglob("*.md")}
    assert {page for page in pages if f"({page})" not in readme} == set()


def test_every_file_that_the_documentation_names_exists() -> None:
    folders = "falconbox|tests|benchmarks|plugins|docs|engines"
    named = {name for page in PAGES for name in re.findall(rf"`((?:{folders})/[\w./-]+)(?:::|`)", page.read_text())}
    assert len(named) > 10
    assert {name for name in named if not (ROOT / name).exists()} == set()


def test_the_readme_is_short() -> None:
    assert len((ROOT / "README.md").read_text().splitlines()) <= 120


# The runner itself.


@needs_shell
@pytest.mark.parametrize(
    ("block", "fits"),
    [
        ("$ echo a b\na b\n", True), ("$ echo a b\na …\n", True), ("$ printf 'a\\nb\\nc\\n'\n...\nc\n", True),
        ("$ x=5\n$ echo $x\n5\n", True), ("$ cat <<E\n> one\n> two\n> E\none\ntwo\n", True), ("$ echo a >&2\na\n", True),
        ("$ printf a\na\n", True), ("$ true\n", True), ("$ echo a\nb\n", False), ("$ echo a\n", False), ("$ true\na\n", False),
        ("$ false\n", False), ("$ exit 0\n$ echo a\na\n", False), ("$ echo a.c\na…d\n", False), ("$ echo abc\na.c\n", False),
    ],
)  # fmt: skip
def test_the_runner_tells_right_output_from_wrong(tmp_path: Path, block: str, fits: bool) -> None:
    page = f"text\n```console\n{block}```\nmore\n"
    if fits:
        assert console.run(page, tmp_path, {}) >= 1
    else:
        with pytest.raises(console.WrongOutput):
            console.run(page, tmp_path, {})


def test_a_block_is_left_out_only_with_a_reason() -> None:
    block = "```console\n$ make run\n```\n"
    assert console.steps(f"<!-- not run: it is slow -->\n{block}") == []
    with pytest.raises(ValueError, match="without a reason"):
        console.steps(f"<!-- not run: -->\n{block}")
    with pytest.raises(ValueError, match="without a command"):
        console.steps("```console\noutput\n```\n")
