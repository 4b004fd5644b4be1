"""What happens on a socket: one answer to each message, none to what follows a refused one, and an end to waiting."""

from __future__ import annotations

import contextlib
import json
import socket
import threading
from typing import Any

import pytest

import falconbox.server
import falconbox.server.channel
import falconbox.server.front
from falconbox.body import MAX_BODY
from falconbox.errors import FalconboxError
from falconbox.server.channel import StrictChannel
from falconbox.server.parser import MAX_HEAD
from fronting import Running, drained, fronting, statuses
from waiting import PATIENCE, until

GET = b"GET /a HTTP/1.1\r\nHost: box\r\n\r\n"
LAST = b"GET /last HTTP/1.1\r\nHost: box\r\nConnection: close\r\n\r\n"
SMUGGLED = b"GET /smuggled HTTP/1.1\r\nHost: box\r\n\r\n"


def test_requests_in_one_packet_are_answered_in_their_order() -> None:
    with fronting() as front:
        answer = front.send(GET + b"POST /b HTTP/1.1\r\nHost: box\r\nContent-Length: 3\r\n\r\nabc" + LAST)
    assert statuses(answer) == [200, 200, 200]
    assert answer.index(b"GET /a 0") < answer.index(b"POST /b 3") < answer.index(b"GET /last 0")


def test_a_request_is_the_same_when_it_arrives_byte_by_byte() -> None:
    request = (
        b"\r\nPOST /b HTTP/1.1\r\nHost: box\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\nX: y\r\n\r\n" + LAST
    )
    with fronting() as front:
        answer = front.send(*[request[i : i + 1] for i in range(len(request))])
    assert statuses(answer) == [200, 200]
    assert b"POST /b 3\n" in answer


@pytest.mark.parametrize(
    "framing",
    [
        b"Content-Length: 40\r\nTransfer-Encoding: chunked\r\n",
        b"Transfer-Encoding: chunked\r\nContent-Length: 40\r\n",
        b"Content-Length: 40\r\nTransfer-Encoding:\tchunked\r\n",
        b"Content-Length: 40\r\nTransfer-Encoding: CHUNKED\r\n",
        b"Content-Length: 40\r\nTransfer-Encoding: x, chunked\r\n",
        b"Content-Length: 40\r\nTransfer-Encoding: chunked, identity\r\n",
        b"Content-Length: 40\r\nTransfer-Encoding\t: chunked\r\n",
        b"Content-Length: 40\r\nX: y\r\n\tTransfer-Encoding: chunked\r\n",
        b"Content-Length: 40\r\nX: y\nTransfer-Encoding: chunked\r\n",
        b"Content-Length: 40\r\nTransfer-Encoding: \x0bchunked\r\n",
        b"Content-Length: 40\r\nTransfer-Encoding: chunked\x00\r\n",
        b"Content-Length: 40\r\n\0Transfer-Encoding: chunked\r\n",
        b"Content-Length: 40\r\nContent-Length: 0\r\n",
        b"Content-Length: 40, 0\r\n",
        b"Content-Length: 0x28\r\n",
        b"Content-Length: 4 0\r\n",
        b"Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n",
    ],
)
def test_a_request_hidden_behind_an_ambiguous_length_is_never_answered(framing: bytes) -> None:
    with fronting() as front:
        answer = front.send(b"POST /a HTTP/1.1\r\nHost: box\r\n" + framing + b"\r\n0\r\n\r\n" + SMUGGLED)
        assert statuses(answer)[0] in (400, 501)
        assert len(statuses(answer)) == 1
        assert len(front.refusals) == 1


def test_a_refusal_is_a_problem_document_that_repeats_nothing_and_ends_the_connection() -> None:
    with fronting() as front:
        answer = front.send(b"GET /\x1b[31mred<script>?secret=1 HTTP/1.1\r\n\r\n" + GET)
        head, _, body = answer.partition(b"\r\n\r\n")
        assert statuses(answer) == [400]
        assert b"connection: close" in head.lower()
        assert b"x-decision-id: record-1" in head.lower()
        assert b"content-type: application/problem+json" in head.lower()
        assert b"x-content-type-options: nosniff" in head.lower()
        assert b"\nserver:" not in head.lower()
        assert json.loads(body)["code"] == "malformed"
        assert b"red" not in answer
        assert front.refusals == [("GET", "/", "malformed")]


def test_the_record_of_a_refusal_names_method_and_path_but_no_query() -> None:
    with fronting() as front:
        front.send(b"GET /Patient?client_secret=x HTTP/1.1\r\n\r\n")
        front.send(b"GET /Patient?client_secret=x HTTP/3.0\r\nHost: box\r\n\r\n")
        assert front.refusals == [("GET", "/Patient", "malformed"), ("GET", "/Patient", "version-not-supported")]


def test_what_is_no_http_is_refused_at_once() -> None:
    with fronting() as front:
        for greeting in (b"\x16\x03\x01\x02\x00\x01", b"\n", b"\r\r", b" GET / HTTP/1.1"):
            assert statuses(front.send(greeting)) == [400]


def test_a_head_beyond_its_limit_is_refused_whether_it_ends_or_not() -> None:
    with fronting() as front:
        assert statuses(front.send(b"GET / HTTP/1.1\r\nX: " + b"y" * MAX_HEAD)) == [431]
        assert statuses(front.send(b"\r\n" * MAX_HEAD)) == [431]
        assert statuses(front.send(b"GET /" + b"y" * MAX_HEAD + b" HTTP/1.1\r\nHost: box\r\n\r\n")) == [431]


def test_a_body_beyond_its_limit_is_refused_by_its_announcement_and_the_client_gets_to_read_it() -> None:
    announced = f"Content-Length: {MAX_BODY + 1}\r\n".encode()
    with fronting() as front:
        assert statuses(front.send(b"PUT / HTTP/1.1\r\nHost: box\r\n" + announced + b"\r\n")) == [413]
        assert statuses(front.send(b"PUT / HTTP/1.1\r\nHost: box\r\n" + announced + b"\r\n", b"x" * 2 * MAX_BODY)) == [
            413
        ]
        assert statuses(
            front.send(b"PUT / HTTP/1.1\r\nHost: box\r\nTransfer-Encoding: chunked\r\n\r\nffffffff\r\n")
        ) == [413]


def test_a_body_at_its_limit_arrives() -> None:
    head = f"PUT / HTTP/1.1\r\nHost: box\r\nConnection: close\r\nContent-Length: {MAX_BODY}\r\n\r\n".encode()
    with fronting() as front:
        assert f"PUT / {MAX_BODY}\n".encode() in front.send(head, b"x" * MAX_BODY)


def test_a_client_is_told_to_continue_only_when_its_body_is_wanted() -> None:
    head = b"PUT / HTTP/1.1\r\nHost: box\r\nExpect: 100-continue\r\nConnection: close\r\n"
    with fronting() as front:
        with front.connect() as connection:
            connection.sendall(head + b"Content-Length: 3\r\n\r\n")
            assert connection.recv(100).startswith(b"HTTP/1.1 100 Continue\r\n\r\n")
            connection.sendall(b"abc")
            assert b"PUT / 3\n" in drained(connection)
        assert statuses(front.send(head + f"Content-Length: {MAX_BODY + 1}\r\n\r\n".encode())) == [413]


def test_a_request_that_ends_too_early_is_refused_and_written_down() -> None:
    for part in (b"GET /a HTTP/1.1\r\nHo", b"PUT /a HTTP/1.1\r\nHost: box\r\nContent-Length: 9\r\n\r\nabc"):
        with fronting() as front:
            with front.connect() as connection:
                connection.sendall(part)
                connection.shutdown(socket.SHUT_WR)
                assert statuses(drained(connection)) == [400]
            assert front.refusals == [(part.split()[0].decode(), "/a", "incomplete")]


def test_a_connection_that_ends_between_requests_is_no_refusal() -> None:
    with fronting() as front:
        with front.connect() as connection:
            connection.sendall(GET + b"\r\n")
            connection.shutdown(socket.SHUT_WR)
            assert statuses(drained(connection)) == [200]
        assert front.refusals == []


@pytest.mark.parametrize(
    ("constant", "sent"),
    [
        ("HEAD_TIMEOUT", b""),
        ("HEAD_TIMEOUT", b"\r\n"),
        ("HEAD_TIMEOUT", b"GET / HTTP/1.1\r\nX: "),
        ("BODY_TIMEOUT", b"PUT / HTTP/1.1\r\nHost: box\r\nContent-Length: 99\r\n\r\n"),
        ("BODY_TIMEOUT", b"PUT / HTTP/1.1\r\nHost: box\r\nTransfer-Encoding: chunked\r\n\r\n"),
        ("IDLE_TIMEOUT", GET),
    ],
)
def test_no_byte_now_and_then_extends_the_time_that_a_client_has(
    monkeypatch: pytest.MonkeyPatch, constant: str, sent: bytes
) -> None:
    monkeypatch.setattr(falconbox.server.channel, constant, 0.2)
    drip = {b"": b"", b"\r\n": b"\r\n", GET: b""}.get(sent, b"1")
    with fronting() as front, front.connect() as connection:
        connection.sendall(sent)
        over = threading.Event()

        def trickle() -> None:
            with contextlib.suppress(OSError):
                while not over.wait(0.05):
                    connection.sendall(drip)

        thread = threading.Thread(target=trickle)
        thread.start()
        try:
            answer = drained(connection)
        finally:
            over.set()
            thread.join(PATIENCE)
        expected = [200] if sent == GET else [408] if drip == b"1" else []
        assert statuses(answer) == expected
        assert len(front.refusals) == expected.count(408)


def test_a_client_that_takes_no_answer_frees_its_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(falconbox.server.channel, "ANSWER_TIMEOUT", 0.5)
    ended = threading.Event()

    def endless(environ: dict[str, Any], start_response: Any) -> Any:
        if environ["REQUEST_URI"] != "/endless":
            start_response("200 OK", [("Content-Length", "2")])
            return [b"ok"]
        start_response("200 OK", [("Content-Length", str(10**12))])

        def parts() -> Any:
            try:
                while True:
                    yield b"x" * 65536
            finally:
                ended.set()

        return parts()

    with fronting(endless) as front:
        waiting = [front.connect() for _ in range(4)]  # as many as there are threads
        for connection in waiting:
            connection.sendall(b"GET /endless HTTP/1.1\r\nHost: box\r\n\r\n")
        assert statuses(front.send(LAST)) == [200]
        assert ended.wait(PATIENCE)
        for connection in waiting:
            connection.close()


LARGE = 8 * 1024 * 1024


def large(environ: dict[str, Any], start_response: Any) -> list[bytes]:
    answer = b"x" * (LARGE if environ["REQUEST_URI"] == "/large" else 2)
    start_response("200 OK", [("Content-Length", str(len(answer)))])
    return [answer]


def taking_nothing(front: Running, requests: int) -> socket.socket:
    """Return a connection that asks for large answers, when the first of them has begun to arrive."""
    connection = socket.socket()
    connection.settimeout(PATIENCE)
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)  # so that the system takes little for it, too
    connection.connect(("127.0.0.1", front.port))
    connection.sendall(b"GET /large HTTP/1.1\r\nHost: box\r\n\r\n" * requests)
    connection.recv(1, socket.MSG_PEEK)
    return connection


def test_clients_that_ask_for_many_answers_and_take_none_occupy_no_thread() -> None:
    with fronting(large) as front, contextlib.ExitStack() as stack:
        waiting = [stack.enter_context(taking_nothing(front, 4)) for _ in range(8)]
        assert statuses(front.send(LAST)) == [200]
        # Nor have they lost anything by it: each gets everything as soon as it takes it.
        waiting[0].setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1024 * 1024)
        waiting[0].sendall(LAST)
        assert statuses(drained(waiting[0])) == [200] * 5


def test_who_takes_no_answer_makes_room_for_a_new_connection(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(falconbox.server, "CONNECTIONS", 3)
    with fronting(large) as front, contextlib.ExitStack() as stack:
        for _ in range(3):
            stack.enter_context(taking_nothing(front, 1))
        assert statuses(front.send(LAST)) == [200]


def test_answers_that_nobody_takes_need_no_more_than_their_room(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(falconbox.server.front, "ANSWERS", LARGE)
    closed: list[Any] = []
    close = StrictChannel.handle_close

    def noting(channel: StrictChannel) -> None:
        closed.append(channel.addr)
        close(channel)

    monkeypatch.setattr(StrictChannel, "handle_close", noting)
    with fronting(large) as front, contextlib.ExitStack() as stack:
        waiting = [stack.enter_context(taking_nothing(front, 1)) for _ in range(4)]
        until(lambda: closed, "nobody has been closed")
        assert closed[0] == waiting[0].getsockname()
        assert statuses(front.send(LAST)) == [200]


def test_hundreds_of_half_open_connections_stop_nobody() -> None:
    with fronting() as front, contextlib.ExitStack() as stack:
        for number in range(600):
            connection = stack.enter_context(front.connect())
            connection.sendall(b"GET /half HTTP/1.1\r\nX: "[: number % 24])
        assert statuses(front.send(LAST)) == [200]


def test_where_there_are_too_many_connections_the_one_that_waited_longest_makes_room(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(falconbox.server, "CONNECTIONS", 20)
    with fronting() as front, contextlib.ExitStack() as stack:
        waiting = []
        for _ in range(25):
            waiting.append(stack.enter_context(front.connect()))
            assert statuses(front.send(LAST)) == [200]
        assert drained(waiting[0]) == b""
        waiting[-1].sendall(LAST)
        assert statuses(drained(waiting[-1])) == [200]


def put(size: int) -> bytes:
    return f"PUT / HTTP/1.1\r\nHost: box\r\nConnection: close\r\nContent-Length: {size}\r\n\r\n".encode()


def test_large_bodies_together_take_no_more_than_their_room(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(falconbox.server.front, "BODIES", MAX_BODY)
    held: set[int] = set()
    received = StrictChannel.received

    def noting(channel: StrictChannel, data: bytes) -> bool:
        whole = received(channel, data)
        held.add(channel.body_size)
        return whole

    monkeypatch.setattr(StrictChannel, "received", noting)
    with fronting() as front:
        with front.connect() as first:
            first.sendall(put(MAX_BODY) + b"x" * (MAX_BODY - 1))
            until(lambda: MAX_BODY - 1 in held, "the first body has not arrived")
            refused = front.send(put(MAX_BODY), b"x" * MAX_BODY)
            assert statuses(refused) == [503]
            assert b"retry-after" in refused.lower()
            # What takes too little to matter is received.
            assert statuses(front.send(put(3), b"abc")) == [200]
            first.sendall(b"x")
            assert statuses(drained(first)) == [200]
        assert statuses(front.send(put(MAX_BODY), b"x" * MAX_BODY)) == [200]


def test_bodies_that_are_announced_and_never_come_take_no_room(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(falconbox.server.front, "BODIES", MAX_BODY)
    with fronting() as front, contextlib.ExitStack() as stack:
        chunked = b"PUT / HTTP/1.1\r\nHost: box\r\nExpect: 100-continue\r\nTransfer-Encoding: chunked\r\n\r\n"
        for head in (put(MAX_BODY), chunked) * 4:
            stack.enter_context(front.connect()).sendall(head)
        assert statuses(front.send(put(MAX_BODY), b"x" * MAX_BODY)) == [200]


def test_head_and_body_of_an_answer_leave_in_one_send(monkeypatch: pytest.MonkeyPatch) -> None:
    sent: list[bytes] = []
    send = StrictChannel.send

    def counting(channel: StrictChannel, data: bytes, do_close: bool = True) -> int:
        sent.append(data)
        return int(send(channel, data, do_close))

    monkeypatch.setattr(StrictChannel, "send", counting)
    with fronting() as front:
        answer = front.send(LAST)
    assert sent == [answer]


@pytest.mark.parametrize("failure", [RuntimeError("x"), SystemExit(3), KeyboardInterrupt(), GeneratorExit()])
def test_an_application_that_fails_is_no_end_of_the_service(failure: BaseException) -> None:
    def failing(environ: dict[str, Any], start_response: Any) -> list[bytes]:
        if environ["REQUEST_URI"] == "/a":
            raise failure
        start_response("200 OK", [("Content-Length", "0")])
        return []

    with fronting(failing) as front:
        assert statuses(front.send(GET)) in ([500], [])  # answered or closed, never left open
        for _ in range(10):
            front.send(GET)
        assert statuses(front.send(LAST)) == [200]


def test_where_no_record_can_be_made_the_answer_is_503() -> None:
    def unavailable(*_: Any, **__: Any) -> str:
        raise FalconboxError("no record could be made")

    with fronting(record=unavailable) as front:
        assert statuses(front.send(b"GET /\r\n\r\n")) == [503]


def test_an_answer_to_head_has_no_body() -> None:
    with fronting() as front:
        answer = front.send(LAST.replace(b"GET", b"HEAD"))
    assert statuses(answer) == [200]
    assert answer.endswith(b"\r\n\r\n")


def leaving(front: Running) -> None:
    front.connect().close()


def test_clients_that_leave_at_any_time_leave_nothing_behind() -> None:
    with fronting() as front:
        for number in range(len(GET)):
            with front.connect() as connection:
                connection.sendall(GET[:number])
                if number % 2:
                    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")  # leave by a reset
        assert statuses(front.send(LAST)) == [200]
