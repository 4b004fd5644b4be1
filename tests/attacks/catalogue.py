"""The attack catalogue: inputs that nobody here chose, with what is expected of each.

It is kept beside the checkout and skipped where it is absent (see NEEDED). What we decide otherwise is listed here by
id, with what we answer and the sentence that says so; the page docs/reference/attack-catalogue.md is held to it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import pytest

FILE: Final = Path(__file__).parents[3] / "shared" / "data" / "attacks.jsonl"
NEEDED: Final = pytest.mark.skipif(not FILE.is_file(), reason="the attack catalogue is not beside the checkout")

Entry = Mapping[str, Any]

DECIDED_LIKE_ANY: Final = "OPTIONS, HEAD and every other method are decided like any request"
NO_PATCH: Final = "what has no PATCH answers 405 to it, whatever the body says"

OTHERWISE: Final[Mapping[str, tuple[int, str]]] = {
    "PATH-062": (200, "the open routes are one exactly matched set; liveness is one of them"),
    "METH-003": (403, DECIDED_LIKE_ANY),
    "METH-005": (403, DECIDED_LIKE_ANY),
    "ID-016": (201, "ids match ^[A-Za-z0-9._-]{1,64}$"),
    "ID-032": (405, NO_PATCH),
    "ID-034": (405, NO_PATCH),
    "YAML-037": (400, "line ends that YAML 1.1 and 1.2 see differently are refused, so that there is one reading"),
}
"""Entries that are answered otherwise than the catalogue expects: with which status, and why."""


def entries() -> list[Entry]:
    """Return all entries; none where the catalogue is absent."""
    if not FILE.is_file():
        return []
    return [json.loads(line) for line in FILE.read_text().splitlines()]


GENERATED: Final[Mapping[str, str]] = {
    "YAML-029": "",
    "YAML-061": "- " * 100_000 + "x",
    "YAML-063": "a: " + "1:" * 100_000 + "1",
    "YAML-065": "[" * 2000 + "]" * 2000,
    "YAML-067": "\n".join(f"- &a{number} x" for number in range(50_000)),
    "JSON-041": "[" * 900 + "]" * 900,
    "JSON-043": "{" + ",".join(f'"k{number}":1' for number in range(200_000)) + "}",
}
"""What entries describe instead of holding it."""


def raw(entry: Entry) -> bytes:
    """Return the bytes that an entry sends."""
    if entry["id"] == "HDR-016":
        return b"GET /Patient HTTP/1.1\r\nHost: 127.0.0.1\r\n" + b"X-A: 1\r\n" * 10_000 + b"\r\n"
    text = str(entry["raw"])
    if "dialect" in entry.get("setup", ()):
        # Here the path pins the profile; the catalogue leaves open what does.
        text = text.replace("/forward-auth", f"/forward-auth/{entry['setup']['dialect']}", 1)
    return text.encode("latin-1")


def text(entry: Entry) -> bytes:
    """Return the document that an entry has parsed."""
    return (GENERATED[entry["id"]] if entry["id"] in GENERATED else str(entry["input"])).encode()
