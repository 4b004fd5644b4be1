"""A chunked body is put together strictly, however it is cut up on its way."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st
from waitress.buffers import OverflowableBuffer

from falconbox.server.chunks import MAX_CHUNKS, MAX_LINE, MAX_TRAILER, Chunks
from falconbox.server.refusal import Refused

LIMIT = 100_000
NEXT = b"GET / HTTP/1.1\r\n"


def receive(*parts: bytes, limit: int = LIMIT) -> tuple[bytes, bool, int]:
    """Return the body, whether it is complete, and how many bytes of the stream belong to it."""
    chunks, consumed = Chunks(OverflowableBuffer(10 * LIMIT), limit), 0
    for part in parts:
        taken = chunks.received(part)
        assert 0 <= taken <= len(part)
        consumed += taken
    return chunks.getfile().read(), chunks.completed, consumed


@given(st.lists(st.binary(min_size=1, max_size=50), max_size=6), st.sets(st.integers(0, 400)), st.booleans())
def test_however_it_is_cut_up_the_same_body_comes_out_and_what_follows_is_left(
    contents: list[bytes], cuts: set[int], trailer: bool
) -> None:
    stream = b"".join(b"%x;a=b\r\n%b\r\n" % (len(part), part) for part in contents)
    stream += b"0\r\n" + (b"X-Sum: 1\r\n" if trailer else b"") + b"\r\n"
    sent = stream + NEXT
    places = [0, *sorted(cut for cut in cuts if cut < len(sent)), len(sent)]
    parts = [sent[start:end] for start, end in itertools.pairwise(places)]
    assert receive(*parts) == (b"".join(contents), True, len(stream))


@pytest.mark.parametrize(
    "stream",
    [
        b"1_0\r\n0123456789abcdef\r\n0\r\n\r\n",
        b"+3\r\nabc\r\n0\r\n\r\n",
        b"0x3\r\nabc\r\n0\r\n\r\n",
        b" 3\r\nabc\r\n0\r\n\r\n",
        b"3 \r\nabc\r\n0\r\n\r\n",
        b"3\nabc\r\n0\r\n\r\n",
        b"3;a\nabc\r\n0\r\n\r\n",
        b'3;a="\n"\r\nabc\r\n0\r\n\r\n',
        b"3;\r\nabc\r\n0\r\n\r\n",
        b"\r\nabc\r\n0\r\n\r\n",
        b"3\r\nabcd\r\n0\r\n\r\n",
        b"3\r\nabc0\r\n\r\n",
        b"000000003\r\nabc\r\n0\r\n\r\n",
        b"0\r\nX-A : b\r\n\r\n",
        b"0\r\n folded\r\n\r\n",
        b"0\r\nX-A: \x00\r\n\r\n",
        b"1" * (MAX_LINE + 1),
        b"0\r\nX: " + b"y" * (MAX_TRAILER + 1),
        b"1\r\nx\r\n" * (MAX_CHUNKS + 1),
        b"%x\r\n" % (LIMIT + 1),
        b"%x\r\n%b\r\n2\r\n" % (LIMIT - 1, b"x" * (LIMIT - 1)),
    ],
    ids=lambda stream: repr(stream[:24]),
)
def test_what_is_no_chunk_or_beyond_the_limits_is_refused(stream: bytes) -> None:
    with pytest.raises(Refused):
        receive(stream, limit=LIMIT)


def test_a_body_beyond_its_limit_is_refused_before_any_more_of_it_is_kept() -> None:
    chunks = Chunks(OverflowableBuffer(10 * LIMIT), LIMIT)
    with pytest.raises(Refused) as refusal:
        chunks.received(b"fffffff\r\n" + b"x" * 1000)
    assert refusal.value.status == 413
    assert len(chunks) == 0


@given(st.binary(max_size=200))
def test_any_bytes_are_read_or_refused(data: bytes) -> None:
    for stream in (data, b"3\r\nabc\r\n" + data, b"0\r\n" + data):
        try:
            body, _, _ = receive(stream)
        except Refused as refusal:
            assert refusal.status in (400, 413)
        else:
            assert len(body) <= LIMIT
