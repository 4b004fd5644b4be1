"""Properties of what reads and writes bodies: JSON, YAML, forms, and the headers that choose among them.

Each function takes any bytes. It lets the documented refusal pass and raises AssertionError for a broken property;
whatever else it raises is a finding too.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qsl

import yaml

from falconbox.errors import Malformed, NotAcceptable, UnsupportedMedia
from falconbox.media import FORM, JSON, YAML, YAML_TYPES, choose, form, read, strict_json, strict_yaml, write
from falconbox.model import MAX_DEPTH

REFUSED = object()


def attempt(loads: Any, data: bytes) -> Any:
    """Return what a reader returns, or REFUSED; a refusal must say something, and where if it says where."""
    try:
        return loads(data)
    except Malformed as refusal:
        assert refusal.detail
        assert refusal.line is None or 1 <= refusal.line <= len(data) + 1
        assert refusal.column is None or 1 <= refusal.column <= len(data) + 1
        return REFUSED


def json_text(data: bytes) -> None:
    """JSON is read exactly when the standard reader reads it and it can be read in one way, and then as the same value."""
    value = attempt(strict_json.loads, data)
    expected = _standard(data)
    assert repr(value) == repr(expected)
    if value is REFUSED:
        return
    assert repr(strict_json.loads(strict_json.dumps(value))) == repr(value)
    as_yaml = attempt(strict_yaml.loads, data)
    assert as_yaml is REFUSED or repr(as_yaml) == repr(value)


def _standard(data: bytes) -> Any:
    faults: list[str] = []

    def pairs(found: list[tuple[str, Any]]) -> dict[str, Any]:
        if len({name for name, _ in found}) < len(found):
            faults.append("a name twice")
        return dict(found)

    def integer(digits: str) -> int:
        if len(digits) > 20 or abs(int(digits)) > 2**53:
            faults.append("too large")
            return 0
        return int(digits)

    def real(digits: str) -> float:
        if math.isinf(float(digits)):
            faults.append("too large")
        return float(digits)

    try:
        value = json.loads(
            data.decode(), object_pairs_hook=pairs, parse_int=integer, parse_float=real, parse_constant=faults.append
        )
    except (ValueError, RecursionError):
        return REFUSED
    if any(depth > MAX_DEPTH for depth, _ in _walk(value)):
        return REFUSED
    if any(isinstance(part, str) and re.search("[\ud800-\udfff]", part) for _, part in _walk(value)):
        return REFUSED
    return REFUSED if faults else value


def _walk(value: Any) -> Iterator[tuple[int, Any]]:
    """Yield every value and every name, with how many arrays and objects it is in, itself included."""
    waiting = [(0, value)]
    while waiting:
        depth, part = waiting.pop()
        if isinstance(part, dict):
            waiting += [(depth + 1, inner) for inner in (*part, *part.values())]
        elif isinstance(part, list):
            waiting += [(depth + 1, inner) for inner in part]
        # Names and plain values add no depth of their own.
        yield depth + isinstance(part, (dict, list)), part


def yaml_text(data: bytes) -> None:
    """What is read is plain JSON of bounded depth, every value has its place, and another reader sees the same nodes."""
    documents = attempt(strict_yaml.load_all, data)
    if documents is REFUSED:
        return
    text = data.decode("utf-8-sig")
    nodes = _other_reader(text)
    assert nodes is None or len(nodes) == len(documents)
    for number, document in enumerate(documents):
        value = document.value
        _check_plain(value)
        assert {*document.positions} == {*_pointers(value, "")}
        assert all(1 <= line <= text.count("\n") + text.count("\r") + 1 for line, _ in document.positions.values())
        if nodes is not None:
            _check_same(value, nodes[number])
        check_written(value)


def _other_reader(text: str) -> list[yaml.Node] | None:
    try:
        return [*yaml.compose_all(text, yaml.BaseLoader)]
    except (yaml.YAMLError, ValueError):
        # The parser in Python reads less than libyaml, and stumbles over some numbers in directives and escapes.
        return None


def _check_plain(value: Any) -> None:
    for depth, part in _walk(value):
        assert depth <= MAX_DEPTH
        assert part is None or type(part) in (bool, int, float, str, list, dict)
        if type(part) is str:
            assert not re.search("[\ud800-\udfff]", part)
        if type(part) in (int, float):
            assert math.isfinite(part)
            assert type(part) is float or abs(part) <= 2**53


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
    value = attempt(strict_json.loads, data)
    if value is not REFUSED:
        check_written(value)
    try:
        text = data.decode()
    except UnicodeDecodeError:
        return
    check_written(text)
    check_written({"a": [text], text: {text: text}})


def form_text(data: bytes) -> None:
    """A form is read exactly when no name stands twice and all of it can be decoded, and then as urllib reads it."""
    found = attempt(form.loads, data)
    encoded = re.sub(rb"[^\x00-\x7f]", lambda byte: b"%%%02X" % byte[0][0], data).decode()
    try:
        pairs = parse_qsl(encoded, keep_blank_values=True, errors="strict", separator="&")
    except UnicodeDecodeError:
        assert found is REFUSED
        return
    right = not re.search("%(?![0-9A-Fa-f]{2})", encoded) and len(pairs) <= form.MAX_FIELDS
    assert found == (dict(pairs) if right and len(dict(pairs)) == len(pairs) else REFUSED)


def media_types(data: bytes) -> None:
    """A body is read by its type or refused; what is chosen to answer in does not depend on the order of Accept.

    Lines: Content-Type, Accept, and the body.
    """
    content_type, accept, body = (data.split(b"\n", 2) + [b"", b""])[:3]
    with_form = len(body) % 2 == 1
    try:
        value = read(content_type.decode("latin-1"), body, form=with_form)
    except (Malformed, UnsupportedMedia) as refusal:
        assert refusal.detail
    else:
        media_type = content_type.decode("latin-1").partition(";")[0].strip().lower()
        assert media_type in (JSON, *YAML_TYPES, *((FORM,) if with_form else ()))
        assert body
        _check_plain(value)
    ranges = accept.decode("latin-1").split(",")
    chosen = {_chosen(",".join(order)) for order in (ranges, ranges[::-1], sorted(ranges))}
    assert len(chosen) == 1
    assert chosen <= {None, JSON, *YAML_TYPES}


def _chosen(accept: str) -> str | None:
    try:
        return choose(accept)
    except NotAcceptable:
        return None
