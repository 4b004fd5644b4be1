"""The page about the audit log says what the code does."""

from __future__ import annotations

import re
from pathlib import Path
from typing import get_args

from falconbox.audit_log import Change, Code, by_itself

PAGE = (Path(__file__).parents[2] / "docs" / "reference" / "audit-log.md").read_text()


def table(heading: str) -> list[list[str]]:
    """The names in the first column of a table, row by row."""
    rows = re.search(rf"^\| {heading} \|.*\n\|[-|]+\n((?:\|.*\n)+)", PAGE, re.MULTILINE)
    return [re.findall(r"`([^`]+)`", row.split("|")[1]) for row in rows.group(1).splitlines()]


def test_every_code_is_described_and_no_other() -> None:
    described = [code for row in table("code") for code in row]
    assert sorted(described) == sorted(get_args(Code))


def test_every_field_is_described() -> None:
    described = {name for row in table("field") for name in row}
    change = Change(code="client-created", actor=by_itself("x"), kind="k", id="i", version=None, resource="r",
                    before={"digest": "d"}, after={"digest": "d"})  # fmt: skip
    assert change.record().keys() | {"client", "changes", "tokens", "unconfirmed"} == described
