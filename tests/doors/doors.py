"""Every door of one falconbox, asked the same thing in its own way, byte by byte."""

from __future__ import annotations

import dataclasses
import json
import socket
import threading
import time
from base64 import b64encode
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, Final

import falcon
import waitress

import serving
from falconbox.in_process import AccessControl
from waiting import PATIENCE

PROFILES: Final = ("nginx", "traefik", "caddy", "haproxy", "envoy")
HOST: Final = "box.example"
GATEWAY: Final = "gateway:a secret of its own"
Headers = Sequence[tuple[str, str]]


@dataclasses.dataclass(frozen=True)
class Asked:
    """A request as somebody sends it: the target raw, the credentials `id:secret` or none."""

    method: str
    target: str
    credentials: str | None = None
    headers: Headers = ()


@dataclasses.dataclass(frozen=True)
class Decided:
    """What became of it: whether it may pass, and the deciding policies."""

    allow: bool
    by: tuple[str, ...] = ()


class Door:
    """One way to ask. `log` is the decision log in which the answer's record is found."""

    def __init__(self, name: str, port: int, log: Path) -> None:
        self.name = name
        self._port = port
        self._log = log

    def message(self, asked: Asked) -> bytes:
        """Return the request that this door gets."""
        return _message(asked.method, asked.target, [("Host", HOST), *_authorization(asked), *asked.headers])

    def is_asked(self, asked: Asked) -> bool:  # others are not asked everything
        """Whether such a request is asked about at this door."""
        return True

    def decide(self, asked: Asked) -> Decided:
        """Ask, and return what the record of the answer says. Without a record nothing has been allowed."""
        status, headers = _exchange(self._port, self.message(asked))
        record_id = headers.get("x-decision-id")
        if record_id is None:
            assert status in (0, 400, 401, 403), f"{self.name} answers {status} without a record"
            return Decided(False)
        record = self._record(record_id)
        decided = Decided(record["decision"] == "allow", tuple(record.get("policies", ())))
        assert decided.allow is self.passed(status), f"{self.name} answers {status} to {record}"
        return decided

    def passed(self, status: int) -> bool:
        """Whether a status means that the request may pass; what is behind the door may answer that it has no such thing."""
        return status in (200, 404, 405, 406)

    def _record(self, record_id: str) -> dict[str, Any]:
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            for line in reversed(serving.whole_lines(self._log)):
                if record_id in line:
                    record: dict[str, Any] = json.loads(line)
                    if record["id"] == record_id:
                        return record
            time.sleep(0.002)
        raise AssertionError(f"there is no record {record_id} of {self.name}")


class ForwardAuth(Door):
    """What a proxy of one kind asks, having received the request."""

    def __init__(self, profile: str, port: int, log: Path) -> None:
        super().__init__(f"forward-auth/{profile}", port, log)
        self._profile = profile

    def is_asked(self, asked: Asked) -> bool:
        """Envoy resolves an absolute target before it asks. A target in a header cannot begin or end with a space."""
        if self._profile == "envoy":
            return "://" not in asked.target
        return asked.target == asked.target.strip(" \t")

    def message(self, asked: Asked) -> bytes:
        told = [*_authorization(asked), *asked.headers]
        path = f"/forward-auth/{self._profile}"
        forwarded = [("Host", "falconbox"), ("X-Forwarded-Host", HOST), ("X-Forwarded-Proto", "http"),
                     ("X-Forwarded-For", "127.0.0.1")]  # fmt: skip
        match self._profile:
            case "envoy":
                own = [("Host", HOST), ("X-Real-IP", "127.0.0.1"), ("X-Forwarded-Proto", "http")]
                return _message(asked.method, path + asked.target, [*own, *told])
            case "nginx":
                original = [("X-Original-Method", asked.method), ("X-Original-URI", asked.target)]
                own = [("Host", HOST), ("X-Real-IP", "127.0.0.1"), ("X-Forwarded-Proto", "http")]
                return _message("GET", path, [*own, *original, *told])
            case "haproxy":
                original = [("X-Original-Method", asked.method), ("X-Original-URI", asked.target)]
                return _message("HEAD", path, [*forwarded, *original, *told])
        original = [("X-Forwarded-Method", asked.method), ("X-Forwarded-Uri", asked.target)]
        return _message("GET", path, [*forwarded, *original, *told])

    def passed(self, status: int) -> bool:
        return status == 200


class Gateway(Door):
    """What an API gateway asks in the words of AuthZEN, having authenticated its caller by itself."""

    def is_asked(self, asked: Asked) -> bool:
        """A gateway has resolved the target, and asks about callers that it knows, by methods as they are sent."""
        known = asked.credentials is None or asked.credentials in self.known
        names = [name.lower() for name, _ in asked.headers]
        plain = len({*names}) == len(names) and all(name == name.strip() for name in names)
        return known and plain and "://" not in asked.target and asked.method == asked.method.upper()

    def __init__(self, box: serving.Box, log: Path, known: Collection[str]) -> None:
        super().__init__("AuthZEN", box.port, log)
        self.known = known
        self._box = box

    def decide(self, asked: Asked) -> Decided:
        caller = {"type": "anonymous", "id": "nobody"}
        if asked.credentials is not None:
            caller = {"type": "client", "id": asked.credentials.partition(":")[0]}
        evaluation = {
            "subject": caller,
            "action": {"name": asked.method},
            "resource": {"type": "route", "id": "a route", "properties": {"uri": asked.target, "ip": "127.0.0.1"}},
            "context": {"headers": {"host": HOST, **{name: value.strip() for name, value in asked.headers}}},
            "options": {"context": True},
        }
        answer = self._box.ask("POST", "/access/v1/evaluation", evaluation, auth=GATEWAY)
        assert answer.status == 200, answer
        record = self._record(answer.json["context"]["decision_id"])
        decided = Decided(record["decision"] == "allow", tuple(record.get("policies", ())))
        assert decided.allow is answer.json["decision"]
        return decided


@contextmanager
def doors(folder: Path, world: Mapping[str, Any]) -> Iterator[list[Door]]:
    """Run a service that holds the world's clients and policies, and applications that guard themselves by its store."""
    with ExitStack() as stack:
        box = stack.enter_context(serving.running(folder, "--trusted-proxies", "127.0.0.1"))
        gateway = {"id": "gateway", "secret": GATEWAY.partition(":")[2], "grant_types": ["basic"]}
        asks = {"id": "gateway-asks", "engine": "allow", "link": [{"reference": "Client/gateway"}]}
        clients, policies = [*world["clients"], gateway], [*world["policies"], asks]
        for kind, documents in (("Client", clients), ("AccessPolicy", policies)):
            for document in documents:
                assert box.admin("POST", f"/{kind}", document).status == 201, document
        log = folder / "applications.log"
        store = f"sqlite:///{folder}/.falconbox/falconbox.sqlite3"
        access = stack.enter_context(AccessControl(store=store, public_url=box.url, decision_log=str(log)))
        framework: falcon.App[Any, Any] = falcon.App(middleware=[access.guard])
        framework.add_sink(lambda _req, _resp: None)
        ports = [stack.enter_context(_serving(application)) for application in (framework, access.protect(_nothing))]
        stdout = folder / "stdout"
        yield [
            Door("box", box.port, stdout),
            *(ForwardAuth(profile, box.port, stdout) for profile in PROFILES),
            Gateway(box, stdout, {f"{client['id']}:{client['secret']}" for client in world["clients"]}),
            Door("Falcon", ports[0], log),
            Door("WSGI", ports[1], log),
        ]


def _nothing(_environ: object, start_response: Any) -> list[bytes]:
    start_response("200 OK", [("Content-Length", "0")])
    return []


@contextmanager
def _serving(application: Any) -> Iterator[int]:
    """Serve an application on waitress as it comes; give the port."""
    server = waitress.create_server(
        application, host="127.0.0.1", port=0, threads=2, clear_untrusted_proxy_headers=False
    )
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        yield server.effective_port
    finally:
        server.trigger.pull_trigger(server.close)
        server.task_dispatcher.shutdown()
        server.asyncore.close_all(server._map)
        thread.join(30)


def _authorization(asked: Asked) -> Headers:
    if asked.credentials is None:
        return []
    return [("Authorization", f"Basic {b64encode(asked.credentials.encode()).decode()}")]


def _message(method: str, target: str, headers: Headers) -> bytes:
    lines = [f"{method} {target} HTTP/1.1", *(f"{name}: {value}" for name, value in headers), "Connection: close"]
    return "".join(f"{line}\r\n" for line in [*lines, ""]).encode("latin-1")


def _exchange(port: int, message: bytes) -> tuple[int, dict[str, str]]:
    """Send a message; return the answer's status and headers, 0 if the connection is closed without an answer."""
    received = b""
    with socket.create_connection(("127.0.0.1", port), timeout=PATIENCE) as connection:
        try:
            connection.sendall(message)
            while b"\r\n\r\n" not in received and (chunk := connection.recv(65536)):
                received += chunk
        except ConnectionError:
            pass
    if not received:
        return 0, {}
    head = received.partition(b"\r\n\r\n")[0].decode("latin-1").split("\r\n")
    fields = (line.partition(":") for line in head[1:])
    return int(head[0].split(" ")[1]), {name.lower(): value.strip() for name, _, value in fields}
