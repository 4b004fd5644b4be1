"""Keep the smallest inputs that pass each place of our own code: python fuzz/minimise.py TARGET FOLDER [FOLDER ...].

The first folder ends with a few dozen inputs that reach all that those of all folders reach. Needs no atheris.
"""

from __future__ import annotations

import contextlib
import hashlib
import sys
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "engines"), str(ROOT / "tests" / "fuzzing")]
OWN = (str(ROOT / "falconbox"), str(ROOT / "engines"))

Step = tuple[str, int, int]
"""A file, and two of its lines that ran one after the other."""


def passed(parse: Callable[[bytes], None], data: bytes) -> set[Step]:
    """Return the steps that our own code takes for an input."""
    steps: set[Step] = set()
    before: dict[FrameType, int] = {}

    def trace(frame: FrameType, event: str, _: Any) -> Any:
        if not frame.f_code.co_filename.startswith(OWN):
            return None
        if event in ("line", "return"):
            steps.add((frame.f_code.co_filename, before.get(frame, 0), frame.f_lineno))
            before[frame] = frame.f_lineno
        return trace

    sys.settrace(trace)
    try:
        # A finding is told by the tests and by the fuzzer.
        with contextlib.suppress(Exception):
            parse(data)
    finally:
        sys.settrace(None)
    return steps


def minimise(target: str, folders: list[Path]) -> int:
    """Leave the chosen inputs in the first folder, named by their digests, and return how many steps they take."""
    from targets import TARGETS

    inputs = sorted(
        {path.read_bytes() for folder in folders for path in folder.iterdir()}, key=lambda data: (len(data), data)
    )
    parse = TARGETS[target]
    for data in inputs[:1]:
        passed(parse, data)  # what is computed once and remembered
    reached: set[Step] = set()
    chosen: list[bytes] = []
    for data in inputs:
        steps = passed(parse, data)
        if not steps <= reached:
            reached |= steps
            chosen.append(data)
    for path in folders[0].iterdir():
        path.unlink()
    for data in chosen:
        (folders[0] / hashlib.sha256(data).hexdigest()[:16]).write_bytes(data)
    return len(reached)


if __name__ == "__main__":
    print(minimise(sys.argv[1], [Path(folder) for folder in sys.argv[2:]]))
