"""One target under atheris, with libFuzzer's own arguments: python fuzz/one.py TARGET [CORPUS ...] [-runs=N ...].

`python fuzz/one.py yaml fuzz/crashers/yaml-...` runs one input again.
"""

from __future__ import annotations

import sys
from pathlib import Path

import atheris

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "engines"), str(ROOT / "tests" / "fuzzing")]

# Only what is our own counts as reached; the oracles do not.
with atheris.instrument_imports(
    include=["falconbox", "falconbox_json_schema", "falconbox_matcho", "falconbox_complex", "falconbox_allow"]
):
    from targets import TARGETS

if __name__ == "__main__":
    target = TARGETS[sys.argv.pop(1)]
    atheris.Setup(sys.argv, target)
    atheris.Fuzz()
