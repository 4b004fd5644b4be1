"""Run the console blocks of a Markdown page, all of them in one shell, and compare what they print.

In a block marked ```console, a line that starts with `$ ` is a command, lines that start with `> ` go on with it, and the
lines behind are what it prints: a line `...` stands for any lines, and `…` within a line for any text. A block behind
`<!-- not run: REASON -->` is left out.
"""

from __future__ import annotations

import dataclasses
import os
import re
import subprocess
from collections.abc import Mapping
from pathlib import Path

FENCE = re.compile(
    r"^(?P<mark><!-- not run:(?P<reason>[^>]*)-->\n)?```console\n(?P<block>.*?)^```$", re.MULTILINE | re.DOTALL
)
SEPARATOR = "=== end of step"
# A page says how long something takes on a machine that has nothing else to do.
PROLOGUE = """exec 2>&1
sleep() { command sleep "$(($1 + 4))"; }
"""


@dataclasses.dataclass(frozen=True)
class Step:
    """One command and what it is expected to print."""

    command: str
    expected: str
    line: int


class WrongOutput(AssertionError):
    """A command printed something else."""


def steps(page: str) -> list[Step]:
    """Return the commands of a page. Raises ValueError for a block without a command, or left out without a reason."""
    found: list[Step] = []
    for block in FENCE.finditer(page):
        first_line = page.count("\n", 0, block.start("block")) + 1
        if block["mark"]:
            if not block["reason"].strip():
                raise ValueError(f"line {first_line}: a block is left out without a reason")
            continue
        found += _steps(block["block"], first_line)
    return found


def _steps(block: str, first_line: int) -> list[Step]:
    found: list[Step] = []
    for number, line in enumerate(block.splitlines()):
        if line.startswith("$ "):
            found.append(Step(line[2:], "", first_line + number))
        elif not found:
            raise ValueError(f"line {first_line + number}: output without a command")
        elif line.startswith("> ") or line == ">":
            found[-1] = dataclasses.replace(found[-1], command=f"{found[-1].command}\n{line[2:]}")
        else:
            found[-1] = dataclasses.replace(found[-1], expected=f"{found[-1].expected}{line}\n")
    return found


def pattern(expected: str) -> re.Pattern[str]:
    """Return what an expected output matches."""
    lines = []
    for line in expected.splitlines():
        if line.strip() == "...":
            lines.append(r"(?:.*\n)*?")
        else:
            lines.append(".*".join(re.escape(part) for part in line.split("…")) + r"\n")
    return re.compile("".join(lines))


def run(page: str, folder: Path, environ: Mapping[str, str]) -> int:
    """Run a page's commands in a folder; return how many there were. Raises WrongOutput."""
    found = steps(page)
    script = "".join(f"{step.command}\nprintf '%s %s\\n' '{SEPARATOR}' $?\n" for step in found)
    # A command that fails says so by its output; what it says on standard error counts too.
    done = subprocess.run(
        ["bash", "-c", f"{PROLOGUE}{script}"],
        cwd=folder,
        env={**os.environ, **environ},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    outputs = re.split(rf"{SEPARATOR} (\d+)\n", done.stdout)
    for step, output, status in zip(found, outputs[0::2], outputs[1::2], strict=False):
        _compare(step, output, int(status))
    if len(outputs) != 2 * len(found) + 1:
        raise WrongOutput(f"the shell ended after {len(outputs) // 2} of {len(found)} commands: {outputs[-1]}")
    return len(found)


def _compare(step: Step, output: str, status: int) -> None:
    # The last line of an output need not end.
    text = output if output.endswith("\n") or not output else f"{output}\n"
    if status != 0:
        raise WrongOutput(f"line {step.line}: {step.command!r} ended with status {status}:\n{text}")
    if not pattern(step.expected).fullmatch(text):
        raise WrongOutput(f"line {step.line}: {step.command!r} printed\n{text}\nand not\n{step.expected}")
