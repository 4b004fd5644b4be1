"""Whatever arrives, a parser answers or refuses, and what it answers has the properties that its target states."""

from __future__ import annotations

import faulthandler
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from fragments import FRAGMENTS, NEARLY, SEEDS
from grammars import inputs
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from targets import TARGETS

from falconbox.canonical import read_target
from falconbox.errors import CredentialsRejected, Malformed
from falconbox.media import form, strict_json, strict_yaml

KEPT = Path(__file__).parents[2] / "fuzz" / "corpus"
FIRE = settings(max_examples=300, deadline=None, derandomize=True, database=None, suppress_health_check=[*HealthCheck])
HANG = 600
"""Seconds after which a test is taken for hanging; all of them together take a few."""


@pytest.fixture(autouse=True)
def watchdog() -> Iterator[None]:
    """End the process, with the place where it hangs."""
    faulthandler.dump_traceback_later(HANG, exit=True)
    yield
    faulthandler.cancel_dump_traceback_later()


@pytest.mark.parametrize("target", TARGETS)
@given(data=st.data())
@FIRE
def test_whatever_arrives_is_read_rightly_or_refused(target: str, data: st.DataObject) -> None:
    TARGETS[target](data.draw(inputs(target)))


@pytest.mark.parametrize("target", TARGETS)
def test_what_the_fuzzer_kept_still_has_the_properties(target: str) -> None:
    kept = sorted((KEPT / target).iterdir())
    assert kept
    for file in kept:
        TARGETS[target](file.read_bytes())


@pytest.mark.parametrize(
    ("target", "seed"), [(target, seed) for target in TARGETS for seed in (*SEEDS[target], *NEARLY[target])]
)
def test_an_input_on_either_side_of_a_rule_is_read_rightly_or_refused(target: str, seed: str) -> None:
    TARGETS[target](seed.encode())


READERS: dict[str, tuple[Callable[[bytes], Any], int]] = {
    "canonical": (lambda data: read_target("/" + data.decode("latin-1")), 64 * 1024),
    "json": (strict_json.loads, strict_json.MAX_BYTES),
    "yaml": (strict_yaml.load_all, strict_yaml.MAX_BYTES),
    "form": (form.loads, form.MAX_BYTES),
}


@pytest.mark.parametrize(
    ("target", "fragment"), [(target, fragment.encode()) for target in READERS for fragment in FRAGMENTS[target]]
)
def test_a_fragment_repeated_up_to_the_limit_ends_in_an_answer(target: str, fragment: bytes) -> None:
    """What takes quadratic time shows here as a hang."""
    read, limit = READERS[target]
    opened = b'["' if target in ("json", "yaml") else b""
    for start in (b"", opened):
        data = start + fragment * ((limit - len(start)) // len(fragment))
        try:
            read(data)
        except (Malformed, CredentialsRejected) as refusal:
            assert refusal.detail


def test_the_page_states_the_property_of_every_target() -> None:
    page = (Path(__file__).parents[2] / "docs" / "reference" / "fuzzing.md").read_text()
    assert [line.split("`")[1] for line in page.splitlines() if line.startswith("| `")] == [*TARGETS]


def test_of_inputs_that_reach_the_same_the_smallest_is_kept(tmp_path: Path) -> None:
    """`fuzz/minimise.py` needs no fuzzer, and what it leaves reaches as much as before."""
    for name, data in {"a": b"{}", "b": b'{"a":1}', "c": b'{"abc":1}', "d": b"[" * 70, "e": b"[" * 90}.items():
        (tmp_path / name).write_bytes(data)
    program = KEPT.parent / "minimise.py"
    reached = [subprocess.check_output([sys.executable, str(program), "json", str(tmp_path)]) for _ in range(2)]
    assert reached[0] == reached[1]
    assert {path.read_bytes() for path in tmp_path.iterdir()} == {b"{}", b'{"a":1}', b"[" * 70}
