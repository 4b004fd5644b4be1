"""What the page about OAuth clients says: its scripts, and its tables."""

from __future__ import annotations

import re
from pathlib import Path

FOLDER = Path(__file__).parent
PAGE = (FOLDER.parents[1] / "docs" / "how-to" / "oauth-clients.md").read_text()
SCRIPTS = {path.name: path for kind in ("*.sh", "python/*.py", "node/*.mjs") for path in sorted(FOLDER.glob(kind))}
"""The scripts that users copy, by name."""


def blocks() -> list[tuple[str, str]]:
    """Return the paragraph before each script on the page, and the script."""
    return re.findall(r"((?:[^\n]+\n)+)\n```(?:sh|python|js)\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)


def table(title: str) -> list[list[str]]:
    """Return the rows of the table under a heading, without the marks of code."""
    (section,) = re.findall(rf"^## {re.escape(title)}\n(.*?)(?=^## |\Z)", PAGE, re.MULTILINE | re.DOTALL)
    lines = [line for line in section.splitlines() if line.startswith("|")]
    return [[cell.strip().strip("`") for cell in line[1:-1].split("|")] for line in lines[2:]]


def ways() -> list[tuple[str, str, str, str]]:
    """Return script, how it sends the secret, and what is to be replaced by what for that (nothing in its own way)."""
    found: list[tuple[str, str, str, str]] = []
    for name, way, old, new in table("How they send the secret"):
        found.append((name or found[-1][0], way, old, new))
    return found


def errors() -> list[tuple[str, str]]:
    """Return scripts, and what each says, among other things, when the secret is wrong."""
    return [(name, error) for name, error in table("When the secret is wrong")]
