"""What is read is read in one way, what is refused says where, and nothing kills or hangs the reader."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import example, given
from hypothesis import strategies as st

from falconbox.errors import Malformed, NotAcceptable, TooLarge, UnsupportedMedia
from falconbox.media import JSON, YAML, YAML_TYPES, choose, form, read, strict_json, strict_yaml, write
from falconbox.wording import escape

CATALOGUE = Path(__file__).parents[3] / "shared" / "data" / "attacks.jsonl"
GENERATED = {
    "YAML-061": "- " * 100000 + "x",
    "YAML-063": "a: " + "1:" * 100000 + "1",
    "YAML-065": "[" * 2000 + "]" * 2000,
    "YAML-067": "\n".join(f"- &a{i} x" for i in range(50000)),
    "JSON-041": "[" * 900 + "]" * 900,
    "JSON-043": "{" + ",".join(f'"k{i}":1' for i in range(200000)) + "}",
}
KEPT: dict[str, Any] = {
    "YAML-009": {"d": "2001-99-99"},
    "YAML-011": {"t": "12:30:45", "p": "22:22"},
    "YAML-013": {"u": "1_000"},
    "YAML-015": {"a": 1000.0},
    "YAML-017": {"id": 12345},
    "YAML-031": "just text",
    "YAML-033": {"id": "a"},
    "YAML-063": {"a": "1:" * 100000 + "1"},
    "JSON-009": {"a": 1},
    "JSON-011": {"a": "x\x00"},
    "JSON-019": {"__proto__": {"admin": True}},
    "JSON-021": {"e": "\u00e9", "e\u0301": 1},
}
"""Entries that are read, and as what. A scalar document is refused where an object is wanted, later."""


def catalogue() -> list[dict[str, Any]]:
    if not CATALOGUE.exists():
        return []
    entries = [json.loads(line) for line in CATALOGUE.read_text().splitlines()]
    return [entry for entry in entries if entry["group"] in ("yaml", "json")]


@pytest.mark.skipif(not CATALOGUE.exists(), reason="the attack catalogue is not beside this checkout")
@pytest.mark.parametrize("entry", catalogue(), ids=lambda entry: entry["id"])
def test_the_catalogue_of_hostile_texts_is_refused_or_read_plainly(entry: dict[str, Any]) -> None:
    text = entry.get("input", GENERATED.get(entry["id"], ""))
    loads = strict_json.loads if entry["format"] == "json" else strict_yaml.loads
    data = text.encode("utf-8", "surrogatepass")
    if entry["id"] in KEPT:
        assert loads(data) == KEPT[entry["id"]]
    else:
        with pytest.raises(Malformed):
            loads(data)


@pytest.mark.parametrize(
    "text",
    ['{"a":1,"a":1}', "NaN", "[Infinity]", "[-Infinity]", "9007199254740993", "-9007199254740993", "1" * 5000, "1e400",
     '"\\ud800"', '{"\\udfff":1}', "[" * 65 + "]" * 65, "[" * 100_000, '{"a":' * 100_000, "[1,]", "", " ", "{", "nul",
     "\ufeff{}", "'a'", '{"a":1} x', '"\n"', "01", "+1"],
)  # fmt: skip
def test_json_that_could_be_read_in_two_ways_is_refused(text: str) -> None:
    with pytest.raises(Malformed):
        strict_json.loads(text.encode("utf-8", "surrogatepass"))


@pytest.mark.parametrize("data", [b"\xff\xfe{}", b'"\xff"', b"\xed\xa0\x80"])
def test_json_that_is_not_utf8_is_refused(data: bytes) -> None:
    with pytest.raises(Malformed):
        strict_json.loads(data)


def test_json_errors_have_line_and_column() -> None:
    with pytest.raises(Malformed) as raised:
        strict_json.loads(b'{\n "a": 1,\n "b": }')
    assert (raised.value.line, raised.value.column) == (3, 7)


@pytest.mark.parametrize(
    ("source", "place"),
    [
        ('{"a": 1,\n "b": {"c": 1},\n  "a": 2}', (3, 3)),
        ('{"a": {"x": "a", "y": ["a"]},\n "b": [{"a": 1}, {"a": 1,\n"\\u0061": 2}]}', (3, 1)),
        ('[1, "9007199254740993",\n 9007199254740993]', (2, 2)),
        ('["NaN",\r\n\tNaN]', (2, 2)),
        ('["1e400", 1e400]', (1, 11)),
        ('{"x": "fine",\n "\\ud800": 1}', (2, 2)),
        ("[\n" * 65 + "]" * 65, (65, 1)),
        ("[\n" + "1,\n" * 100_001 + "1]", (100_001, 2)),
    ],
    ids=["name twice", "name twice, deep", "integer", "NaN", "float", "surrogate", "depth", "values"],
)
def test_whatever_is_refused_of_json_is_refused_with_its_place(source: str, place: tuple[int, int]) -> None:
    with pytest.raises(Malformed) as raised:
        strict_json.loads(source.encode())
    assert (raised.value.line, raised.value.column) == place


def test_texts_beyond_their_size_are_refused() -> None:
    for loads, size in (
        (strict_json.loads, strict_json.MAX_BYTES),
        (strict_yaml.loads, strict_yaml.MAX_BYTES),
        (form.loads, form.MAX_BYTES),
    ):
        with pytest.raises(TooLarge):
            loads(b'"' + b"a" * size + b'"')


def test_a_document_of_too_many_values_is_refused() -> None:
    with pytest.raises(Malformed, match="more than"):
        strict_json.loads(b"[" + b"1," * 100_001 + b"1]")
    with pytest.raises(Malformed, match="more than"):
        strict_yaml.loads(b"[" + b"1," * 100_001 + b"1]")


@given(st.binary(max_size=200) | st.text(max_size=100).map(lambda text: text.encode("utf-8", "surrogatepass")))
@example(b'{"a":"\\"[[["}')
def test_no_bytes_make_a_reader_raise_anything_but_a_refusal(data: bytes) -> None:
    for loads in (strict_json.loads, strict_yaml.load_all, form.loads):
        try:
            loads(data)
        except Malformed as refusal:
            assert refusal.detail


text = st.text(alphabet=st.characters(codec="utf-8"), max_size=12)
json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53), 2**53)
    | st.floats(allow_nan=False, allow_infinity=False)
    | text
    | st.sampled_from(["no", "On", "1:30", "0x1f", "0o17", "012", "1_000", "~", "", ".5", "1e3", "12e03", "1e999", "-9E999", "09007199254740993", "0o777777777777777777777", "=", "<<",
                       "2001-01-01", "- a", "a: b", "#x", "x #y", "&a", "*a", "!t", "%x", "@", "`", "'", '"', "\n", "a\n"]),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(text, inner, max_size=4),
    max_leaves=12,
)  # fmt: skip


@given(json_values)
def test_what_is_written_reads_back_as_the_same_value(value: Any) -> None:
    assert strict_json.loads(write(JSON, value)) == value
    assert strict_yaml.loads(write(YAML, value)) == value


@given(json_values)
def test_written_yaml_means_the_same_to_readers_of_yaml_1_1(value: Any) -> None:
    assert yaml.safe_load(write(YAML, value)) == value


@given(json_values)
def test_what_is_read_from_json_is_what_the_standard_reader_reads(value: Any) -> None:
    data = json.dumps(value).encode()
    assert strict_json.loads(data) == json.loads(data)


@pytest.mark.parametrize(
    ("source", "hint"),
    [("\u00e9:\n\tb: 1\n", "indent by spaces"), ("a: 1\r\n\tb: 1\r\n", "indent by spaces"),
     ("\u00e9: @x\n", "put what starts with @ into quotes"), ("a: %x\n", "put what starts with % into quotes")],
)  # fmt: skip
def test_a_tab_and_a_sign_that_starts_nothing_are_refused_with_what_to_do(source: str, hint: str) -> None:
    with pytest.raises(Malformed, match=hint):
        strict_yaml.loads(source.encode())


@given(json_values, st.sampled_from([None, 1, "\t"]))
def test_every_value_of_a_json_text_has_the_place_that_yaml_would_give_it(value: Any, indent: Any) -> None:
    source = json.dumps(value, indent=indent, ensure_ascii=False)
    found = strict_json.places(source)
    assert set(found) == {*_pointers("", value)}
    with suppress(Malformed):  # a few characters are refused in YAML
        assert found == strict_yaml.load_all(source.encode())[0].positions


def _pointers(pointer: str, value: Any) -> Iterator[str]:
    yield pointer
    members = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for name, member in members:
        yield from _pointers(f"{pointer}/{escape(name)}", member)


@pytest.mark.parametrize(
    ("source", "value"),
    [
        ("no", "no"), ("on", "on"), ("y", "y"), ("012", 12), ("0o14", 12), ("0x1F", 31), ("1:30", "1:30"), ("1e3", 1000.0),
        ("2001-01-01", "2001-01-01"), ("1_000", "1_000"), ("~", None), ("null", None), ("true", True), ("True", True),
        ("yes", "yes"), ("+1", 1), ("-0", 0), ("0" * 5000 + "7", 7), ("-0" + "0" * 5000 + "7", -7), ("0o" + "0" * 5000 + "17", 15), (".5", 0.5), ("'1'", "1"), ('"true"', "true"), ("1.", 1.0), ("0b1", "0b1"),
    ],
)  # fmt: skip
def test_plain_scalars_have_the_core_types_of_yaml_1_2(source: str, value: Any) -> None:
    read_value = strict_yaml.loads(f"a: {source}".encode())["a"]
    assert (type(read_value), read_value) == (type(value), value)


@pytest.mark.parametrize(
    "source",
    ["a: &x 1", "a: *x", "a: !t 1", "!!map {}", "<<: {a: 1}", "a: 1\na: 2", "1: a", "null: a", "[a]: b", "a: .inf", "a: .nan",
     "a: 9007199254740993", "a: 1e999", "%YAML 1.1\n---\na: 1", "a: 0x" + "f" * 40, "a: 1\n---\nb: 1", "", "# nothing",
     "a: '", "\t- a", "{a: 1", "a: \x01", "x: &a [&b {}]"],
)  # fmt: skip
def test_yaml_that_could_be_read_in_two_ways_is_refused(source: str) -> None:
    with pytest.raises(Malformed):
        strict_yaml.loads(source.encode())


def test_a_key_behind_a_line_break_of_yaml_1_1_cannot_hide() -> None:
    for other in ("\u2028", "\u2029", "\x85"):
        with pytest.raises(Malformed, match=r"line break of YAML 1\.1") as raised:
            strict_yaml.loads(f"id: x\nengine: allow #{other}id: y".encode())
        assert raised.value.line == 2


def test_every_value_has_its_place() -> None:
    first, second = strict_yaml.load_all(b"a: 1\nb:\n  - c/d: x\n---\ne: 2\n")
    assert first.positions == {"": (1, 1), "/a": (1, 1), "/b": (2, 1), "/b/0": (3, 5), "/b/0/c~1d": (3, 5)}
    assert second.positions["/e"] == (5, 1)


def test_a_form_is_read_strictly() -> None:
    assert form.loads(b"a=1&b=x+y%20z&c=&d") == {"a": "1", "b": "x y z", "c": "", "d": ""}
    assert form.loads(b"resource=x&a=1&resource=&%72esource=x") == {"resource": ["x", "", "x"], "a": "1"}
    assert form.loads(b"resource=x") == {"resource": "x"}
    for data in (b"a=1&a=2", b"a=%zz", b"a=%f", b"a=%ff", b"&".join(b"a%d=1" % number for number in range(101))):
        with pytest.raises(Malformed):
            form.loads(data)


@pytest.mark.parametrize(
    "media_type", [JSON, "application/json; charset=utf-8", "APPLICATION/JSON;charset=UTF-8", *YAML_TYPES]
)
def test_json_and_yaml_bodies_are_read(media_type: str) -> None:
    assert read(media_type, b'{"a": 1}') == {"a": 1}


@pytest.mark.parametrize(
    "media_type",
    [None, "", "text/plain", "application/json; charset=utf-16", "multipart/form-data; boundary=x", "application/xml",
     "application/json-patch+json"],
)  # fmt: skip
def test_other_media_types_are_refused_with_those_that_are_read(media_type: str | None) -> None:
    with pytest.raises(UnsupportedMedia) as raised:
        read(media_type, b"{}")
    assert "UTF-8" in raised.value.detail or "application/yaml" in raised.value.detail


def test_a_form_is_read_only_where_it_makes_sense_and_the_refusal_helps() -> None:
    data = b"a=1"
    assert read("application/x-www-form-urlencoded", data, form=True) == {"a": "1"}
    with pytest.raises(UnsupportedMedia, match="--data-binary"):
        read("application/x-www-form-urlencoded", data)


def test_an_empty_body_is_refused() -> None:
    with pytest.raises(Malformed, match="empty"):
        read(JSON, b"")


@pytest.mark.parametrize(
    ("accept", "chosen"),
    [
        (None, JSON), ("", JSON), ("*/*", JSON), ("application/json", JSON), ("application/yaml", YAML), ("text/yaml", "text/yaml"),
        ("text/*", "text/yaml"), ("application/*", JSON), ("application/yaml;q=0.9, application/json;q=0.1", YAML),
        ("text/html, application/xml;q=0.9, */*;q=0.8", JSON), ("application/json;q=0, */*", YAML),
        ("APPLICATION/YAML", YAML), ("application/yaml;q=2", YAML),
        ("application/yaml;q=nan, application/yaml", YAML), ("application/yaml, application/yaml;q=nan", YAML),
    ],
)  # fmt: skip
def test_the_answer_is_in_what_the_caller_prefers(accept: str | None, chosen: str) -> None:
    assert choose(accept) == chosen


@pytest.mark.parametrize("accept", ["text/html", "application/json;q=0", "image/*", "application/yaml;q=x", ",;q"])
def test_a_caller_who_takes_neither_is_told(accept: str) -> None:
    with pytest.raises(NotAcceptable):
        choose(accept)


def test_floats_survive_both_media_types() -> None:
    for value in (1e300, 5e-324, 0.1, -0.0, 1e22, 123456789.123):
        for media_type in (JSON, YAML):
            back = read(media_type, write(media_type, [value]))[0]
            assert math.copysign(1, back) == math.copysign(1, value)
            assert back == value


@pytest.mark.parametrize("data", [b'"' + b'\\"' * 500_000, b'{"' + b'\\"' * 500_000 + b"\\", b'"a",' * 90_000 + b'"'])
def test_a_string_that_never_ends_is_looked_through_once(data: bytes) -> None:
    """Looked for again at every quote, the largest text took half an hour: that hang is what this would show."""
    with pytest.raises(Malformed):
        strict_json.loads(data)


@pytest.mark.parametrize("inner", ["1", '{"a":1}', "[]"])
def test_json_and_yaml_nest_equally_deep(inner: str) -> None:
    depth = 64 - inner.count("}") - inner.count("]")
    deepest = b"[" * depth + inner.encode() + b"]" * depth
    assert strict_yaml.loads(deepest) == strict_json.loads(deepest)
    for loads in (strict_yaml.loads, strict_json.loads):
        with pytest.raises(Malformed, match="deeper than 64"):
            loads(b"[" + deepest + b"]")


@pytest.mark.parametrize(
    "text", ["1e999", "-9E999", "09007199254740993", "0o777777777777777777777", ".inf", "?", "a: b", "&a"]
)
def test_a_string_that_would_be_refused_without_quotes_is_written_in_quotes(text: str) -> None:
    assert strict_yaml.loads(write(YAML, {"a": text, text: 1})) == {"a": text, text: 1}


@pytest.mark.parametrize(
    "source", ["a:\n\ufeffb: 1", "a: x\ufeffy", "\ufeff\ufeffa: 1", "a: '\ufeff'", "a: 1\n---\n\ufeffb: 1"]
)
def test_a_byte_order_mark_stands_at_the_start_or_nowhere(source: str) -> None:
    """Before a key it would put the key a level deeper than it looks."""
    assert strict_yaml.loads("\ufeffa: 1".encode()) == {"a": 1}
    with pytest.raises(Malformed, match="byte order mark"):
        strict_yaml.load_all(source.encode())
    assert strict_yaml.loads(b'a: "\\uFEFF"') == {"a": "\ufeff"}
