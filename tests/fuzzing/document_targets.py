"""Properties of what reads and writes documents: JSON and YAML.

Each function takes any bytes. It lets the documented refusal pass and raises AssertionError for a broken property;
whatever else it raises is a finding too.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import yaml
from oracles import check_plain, standard_json
from refusals import REFUSED, attempt

from falconbox.media import JSON, YAML, strict_json, strict_yaml, write


def json_text(data: bytes) -> None:
    """JSON is read exactly when the standard reader reads it and it can be read in one way, and then as the same value."""
    value = attempt(strict_json.loads, data, refused=REFUSED)
    expected = standard_json(data)
    assert repr(value) == repr(expected)
    if value is REFUSED:
        return
    assert repr(strict_json.loads(strict_json.dumps(value))) == repr(value)
    as_yaml = attempt(strict_yaml.loads, data, refused=REFUSED)
    assert as_yaml is REFUSED or repr(as_yaml) == repr(value)


def yaml_text(data: bytes) -> None:
    """What is read is plain JSON of bounded depth, every value has its place, and another reader sees the same nodes."""
    documents = attempt(strict_yaml.load_all, data, refused=REFUSED)
    if documents is REFUSED:
        return
    text = data.decode("utf-8-sig")
    nodes = _other_reader(text)
    assert nodes is None or len(nodes) == len(documents)
    for number, document in enumerate(documents):
        value = document.value
        check_plain(value)
        assert {*document.positions} == {*_pointers(value, "")}
        # What is missing at the end of a text stands on the line after it.
        lines = text.count("\n") + text.count("\r") + 2
        assert all(1 <= line <= lines for line, _ in document.positions.values())
        if nodes is not None:
            _check_same(value, nodes[number])
        check_written(value)


def _other_reader(text: str) -> list[yaml.Node] | None:
    try:
        return [*yaml.compose_all(text, yaml.BaseLoader)]
    except (yaml.YAMLError, ValueError):
        # The parser in Python reads less than libyaml, and stumbles over some numbers in directives and escapes.
        return None


def _pointers(value: Any, pointer: str) -> Iterator[str]:
    yield pointer
    members = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for name, inner in members:
        yield from _pointers(inner, f"{pointer}/{str(name).replace('~', '~0').replace('/', '~1')}")


def _check_same(value: Any, node: Any) -> None:
    if isinstance(node, yaml.MappingNode):
        assert [*value] == [key.value for key, _ in node.value]
        for (_, inner), (_, below) in zip(value.items(), node.value, strict=True):
            _check_same(inner, below)
    elif isinstance(node, yaml.SequenceNode):
        assert isinstance(value, list)
        for inner, below in zip(value, node.value, strict=True):
            _check_same(inner, below)
    elif node.style or isinstance(value, str):
        assert value == node.value
    else:
        _check_core(value, node.value)


def _check_core(value: Any, text: str) -> None:
    if value is None:
        assert text in ("", "~", "null", "Null", "NULL")
    elif isinstance(value, bool):
        assert text.lower() == str(value).lower()
    elif isinstance(value, float):
        assert value == float(text)
    elif text[:2] in ("0o", "0x"):
        assert value == int(text, 0)
    else:
        assert re.fullmatch(r"[-+]?0*(\d+)", text)
        assert f"{value:+d}" in {f"{sign}{text.lstrip('+-0') or 0}" for sign in ("-" if text[0] == "-" else "+", "+")}


def check_written(value: Any) -> None:
    """What is written in either media type reads back as the same value, in YAML by readers of 1.1 too."""
    assert repr(strict_json.loads(write(JSON, value))) == repr(value)
    text = write(YAML, value)
    if len(text) <= strict_yaml.MAX_BYTES:
        assert repr(strict_yaml.loads(text)) == repr(value)
        assert repr(yaml.load(text, getattr(yaml, "CSafeLoader", yaml.SafeLoader))) == repr(value)


def written(data: bytes) -> None:
    """Any text, as a value and as a name, and any JSON value survives being written."""
    value = attempt(strict_json.loads, data, refused=REFUSED)
    if value is not REFUSED:
        check_written(value)
    try:
        text = data.decode()
    except UnicodeDecodeError:
        return
    check_written(text)
    check_written({"a": [text], text: {text: text}})
