"""One reading of a request target: what could be read in two ways is refused."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote, unquote_to_bytes

import pytest
from hypothesis import given
from hypothesis import strategies as st

from falconbox.canonical import canonical_target, parse_query, read_target
from falconbox.errors import Malformed


def environ(raw: str, **more: Any) -> dict[str, Any]:
    path = unquote_to_bytes(raw.partition("?")[0]).decode("latin-1")
    return {"REQUEST_URI": raw, "PATH_INFO": path, "SCRIPT_NAME": "", "HTTP_HOST": "box:8080", **more}


@pytest.mark.parametrize(
    ("raw", "path"),
    [
        ("/Patient", "/Patient"),
        ("/Patient/", "/Patient/"),
        ("/", "/"),
        ("/%50atient", "/Patient"),
        ("/Patient%20", "/Patient "),
        ("/Patient/a.b_c-d~e", "/Patient/a.b_c-d~e"),
        ("/caf%C3%A9", "/café"),
        ("/patient", "/patient"),
        ("/Patient/...", "/Patient/..."),
    ],
)
def test_a_plain_path_is_decoded_once_and_kept(raw: str, path: str) -> None:
    assert canonical_target(environ(raw)).path == path


@pytest.mark.parametrize(
    "raw",
    [
        "//Patient", "/Patient//", "/a//b", "/./Patient", "/../Patient", "/Patient/..", "/Patient/.", "/%2e/Patient",
        "/a/.%2e/b", "/%2e%2e/Patient", "/%2fPatient", "/a%2Fb", "/Patient%5c..", "/a\\b", "/public/..;/Admin", "/a;b",
        "/a%3Bb", "/%2550atient", "/Patient%25", "/Patient%00", "/Patient%0d%0aX", "/Pat%7Fient", "/Pat\x7fient",
        "/Patient\x00", "/Pat\tient", "/Pat ient", "/Pati%EF%BD%85nt", "/%c0%ae%c0%ae/Patient", "/%ff", "/%zz", "/%",
        "/Patient%3fadmin=1", "/Patient%23x", "/Patient#x", "*", "", "Patient", "http:/Patient", "/e%CC%81",
        "/%E2%80%AEPatient", "/a%E2%80%8Bb", "/caf\xc3\xa9", "/Patient?a=%zz", "/Patient?a=%ff", "/Patient?a=#",
    ],
)  # fmt: skip
def test_what_two_readers_could_understand_differently_is_refused(raw: str) -> None:
    with pytest.raises(Malformed):
        canonical_target(environ(raw))


def test_a_path_on_which_server_and_target_disagree_is_refused() -> None:
    with pytest.raises(Malformed, match="disagree"):
        canonical_target(environ("/Patient", PATH_INFO="/Admin"))


def test_a_query_on_which_server_and_target_disagree_is_refused() -> None:
    agreed = environ("/Patient?a=1", PATH_INFO="/Patient", QUERY_STRING="a=1")
    assert canonical_target(agreed).params == {"a": "1"}
    for query in ("a=1&tenant=2", "a=2", "a=%31", ""):
        with pytest.raises(Malformed, match="disagree"):
            canonical_target({**agreed, "QUERY_STRING": query})
    with pytest.raises(Malformed, match="disagree"):
        canonical_target(environ("/Patient", PATH_INFO="/Patient", QUERY_STRING="a=1"))


def test_an_absolute_target_is_read_for_the_own_host_only() -> None:
    assert canonical_target(environ("http://BOX:8080/Patient", PATH_INFO="/Patient")).path == "/Patient"
    for raw in ("http://evil/Patient", "http://box/Patient", "ftp://box:8080/Patient", "http://box:8080", "http:///a"):
        with pytest.raises(Malformed):
            canonical_target(environ(raw, PATH_INFO="/Patient"))


def test_without_a_raw_target_the_decoded_path_is_held_to_the_same_rules() -> None:
    assert canonical_target({"PATH_INFO": "/Patient", "QUERY_STRING": "a=1"}).params == {"a": "1"}
    for path in ("//Patient", "/../x", "/a\\b", "/a\x00", "/\xff", ""):
        with pytest.raises(Malformed):
            canonical_target({"PATH_INFO": path})


@pytest.mark.parametrize("query", ["a=%zz", "a=%", "a=b c", "a=\x00", "a=\xc3\xa9", "a=1#b", "a=%ff"])
def test_without_a_raw_target_the_query_is_held_to_the_same_rules(query: str) -> None:
    with pytest.raises(Malformed):
        canonical_target({"PATH_INFO": "/Patient", "QUERY_STRING": query})


def test_raw_uri_is_read_where_the_server_gives_that() -> None:
    assert canonical_target({"RAW_URI": "/%50atient?x=1", "PATH_INFO": "/Patient"}).query == "x=1"


@pytest.mark.parametrize(
    ("query", "params"),
    [
        (None, {}),
        ("", {}),
        ("a=1", {"a": "1"}),
        ("a=1&a=2&a=3", {"a": ["1", "2", "3"]}),
        ("a=1;b=2", {"a": "1;b=2"}),
        ("a[0].b=1", {"a[0].b": "1"}),
        ("?_method=delete", {"?_method": "delete"}),
        ("a&b=", {"a": "", "b": ""}),
        ("a=b=c", {"a": "b=c"}),
        ("a+b=c%20d", {"a b": "c d"}),
        ("&&a=1&", {"a": "1"}),
    ],
)
def test_query_parameters_are_read_plainly(query: str | None, params: dict[str, Any]) -> None:
    assert parse_query(query) == params


def test_an_empty_query_is_no_query() -> None:
    target = read_target("/Patient?")
    assert (target.query, dict(target.params)) == (None, {})


def test_a_query_of_more_parameters_than_anybody_means_is_refused() -> None:
    with pytest.raises(Malformed):
        parse_query("&".join(["a=1"] * 501))


@given(st.text(alphabet=st.characters(codec="utf-8"), max_size=30))
def test_a_path_that_is_accepted_reads_back_as_itself(text: str) -> None:
    """What is decided on can be spelt again, and is then read as the same path."""
    try:
        path = read_target("/" + quote(text, safe="/")).path
    except Malformed:
        return
    assert path == "/" + text
    assert read_target(quote(path, safe="/")).path == path


@given(st.text(max_size=40) | st.binary(max_size=40).map(lambda data: data.decode("latin-1")))
def test_no_target_raises_anything_but_a_refusal(raw: str) -> None:
    try:
        path = read_target(raw).path
    except Malformed:
        return
    assert path.startswith("/")
    assert ".." not in path.split("/")
    assert "//" not in path


@given(st.text(alphabet=st.characters(codec="utf-8"), max_size=20), st.text(max_size=20))
def test_a_query_value_survives_being_encoded(name: str, value: str) -> None:
    try:
        encoded = quote(name or "n", safe="") + "=" + quote(value.encode("utf-8", "surrogatepass"), safe="")
        assert parse_query(encoded) == {name or "n": value}
    except Malformed:
        assert any(0xD800 <= ord(character) < 0xE000 for character in value)
