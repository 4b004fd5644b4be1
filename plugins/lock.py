"""Resolve what each plugin needs beside falconbox into a `requirements.lock` of its own, with hashes.

Run by `make lock`, with the Python of an environment that has pip-tools. What the plugins share with falconbox has the
versions that falconbox is tested with, so that all of them fit into one environment.
"""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from pathlib import Path

PLUGINS = Path(__file__).parent
CONSTRAINTS = PLUGINS.parent / "requirements-dev.lock"


def resolve(requirements: list[str], target: Path, options: list[str]) -> None:
    """Write a lock."""
    text = "\n".join([*requirements, f"-c {CONSTRAINTS}", ""])
    command = [
        sys.executable,
        "-m",
        "piptools",
        "compile",
        *options,
        "--no-annotate",
        "--output-file",
        str(target),
        "-",
    ]
    subprocess.run(command, input=text, text=True, check=True, cwd=PLUGINS)


def main() -> None:
    """Lock every folder beside this file that is a distribution and needs more than falconbox."""
    for project in sorted(PLUGINS.glob("*/pyproject.toml")):
        needed = tomllib.loads(project.read_text())["project"]["dependencies"]
        others = [requirement for requirement in needed if re.split(r"[^\w.-]", requirement)[0] != "falconbox"]
        if others:
            resolve(others, project.parent / "requirements.lock", sys.argv[1:])
    wanted = [line for line in (PLUGINS / "requirements-test.in").read_text().splitlines() if not line.startswith("#")]
    resolve(wanted, PLUGINS / "requirements-test.lock", sys.argv[1:])


if __name__ == "__main__":
    main()
