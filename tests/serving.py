"""A real falconbox in a process of its own, on a real socket, for tests that see it from outside."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from base64 import b64encode
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from ports import free_port
from waiting import PATIENCE, until

ADMIN_SECRET = "the-admin-secret-of-the-tests"
START_TIMEOUT = 60.0


def whole_lines(log: Path) -> list[str]:
    """Return the lines of a file that somebody may be writing to, without the last one while it is being written."""
    return [line.decode() for line in log.read_bytes().split(b"\n")[:-1]]


def as_written(resource: Any) -> Any:
    """Return a client as it was written: without when its secrets were last used, which is noted beside it."""
    secrets = resource["meta"].get("secrets", [])
    kept = [{name: value for name, value in secret.items() if name != "last_used"} for secret in secrets]
    return {**resource, "meta": {**resource["meta"], **({"secrets": kept} if secrets else {})}}


class Answer:
    """What came back."""

    def __init__(self, status: int, headers: Mapping[str, str], body: bytes) -> None:
        self.status = status
        self.headers = {name.lower(): value for name, value in headers.items()}
        self.body = body

    @property
    def json(self) -> Any:
        """The body, read as JSON."""
        return json.loads(self.body)

    def __repr__(self) -> str:
        return f"{self.status} {self.body[:300]!r}"


class Box:
    """A running service."""

    def __init__(self, process: subprocess.Popen[bytes], port: int, folder: Path) -> None:
        self.process = process
        self.port = port
        self.folder = folder
        self.url = f"http://127.0.0.1:{port}"

    @property
    def challenges(self) -> str:
        """What goes with a 401."""
        metadata = f"{self.url}/.well-known/oauth-protected-resource"
        return f'Basic realm="falconbox", charset="UTF-8", Bearer realm="falconbox", resource_metadata="{metadata}"'

    @property
    def token_challenges(self) -> str:
        """What goes with a 401 to somebody whose Bearer token has been refused."""
        return self.challenges.replace(", resource_metadata=", ', error="invalid_token", resource_metadata=')

    def ask(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        auth: str | None = None,
        media: str = "application/json",
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        """Ask; `auth` is `id:secret` or a token; a body that is neither text nor bytes is sent as JSON."""
        data = body if body is None or isinstance(body, bytes) else body.encode() if isinstance(body, str) else None
        if data is None and body is not None:
            data = json.dumps(body).encode()
        sent = dict(headers or {})
        if data is not None:
            sent.setdefault("Content-Type", media)
        if auth is not None:
            encoded = b64encode(auth.encode()).decode()
            sent["Authorization"] = f"Basic {encoded}" if ":" in auth else f"Bearer {auth}"
        request = urllib.request.Request(self.url + path, data=data, method=method, headers=sent)
        try:
            with urllib.request.urlopen(request, timeout=60) as response:
                return Answer(response.status, dict(response.headers), response.read())
        except urllib.error.HTTPError as error:
            with error:
                return Answer(error.code, dict(error.headers), error.read())

    def admin(self, method: str, path: str, body: Any = None, **options: Any) -> Answer:
        """Ask as the administrator."""
        return self.ask(method, path, body, auth=f"admin:{ADMIN_SECRET}", **options)

    def raw(self, data: bytes, timeout: float = 30.0) -> bytes:
        """Send bytes on a fresh connection and return all that comes back until it is closed."""
        received = b""
        with socket.create_connection(("127.0.0.1", self.port), timeout=timeout) as connection:
            try:
                connection.sendall(data)
                connection.shutdown(socket.SHUT_WR)
                while chunk := connection.recv(65536):
                    received += chunk
            except ConnectionError:
                pass  # a server that refuses early closes while we are still sending
        return received

    def log(self) -> list[dict[str, Any]]:
        """Return the decision log so far."""
        return [json.loads(line) for line in self.output().splitlines()]

    def records(self, *ids: str) -> list[dict[str, Any]]:
        """Return the records of these ids, in this order, as soon as all have been written: a thread does that."""

        def written() -> list[dict[str, Any]]:
            found = {record["id"]: record for record in self.log()}
            return [found[one] for one in ids] if found.keys() >= set(ids) else []

        return until(written, f"there are no records of all of {ids}")

    def output(self) -> str:
        """Return standard output so far, whole lines only."""
        return "".join(f"{line}\n" for line in whole_lines(self.folder / "stdout"))

    def errors(self) -> str:
        """Return standard error so far."""
        return (self.folder / "stderr").read_text()

    def stop(self, number: int = signal.SIGTERM) -> int:
        """End the process and return its exit status."""
        if self.process.poll() is None:
            self.process.send_signal(number)
        return self.process.wait(PATIENCE)


def environment(**more: str) -> dict[str, str]:
    """Return the environment of a service: ours, without settings that could leak into it."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("FALCONBOX_")}
    return {**kept, "FALCONBOX_ADMIN_SECRET": ADMIN_SECRET, **more}


def start(folder: Path, *arguments: str, environ: Mapping[str, str] | None = None, port: int | None = None) -> Box:
    """Start a service whose data, output and working directory are in a folder; return when it is ready."""
    folder.mkdir(parents=True, exist_ok=True)
    chosen = port if port is not None else free_port()
    command = [sys.executable, "-m", "falconbox", "serve", "--port", str(chosen), *arguments]
    with (folder / "stdout").open("ab") as out, (folder / "stderr").open("ab") as err:
        process = subprocess.Popen(command, cwd=folder, stdout=out, stderr=err, env=dict(environ or environment()))
    box = Box(process, chosen, folder)
    deadline = time.monotonic() + START_TIMEOUT
    while time.monotonic() < deadline:
        assert process.poll() is None, f"the service ended with {process.returncode}: {box.errors()}"
        try:
            if box.ask("GET", "/healthz").status == 200:
                return box
        except (urllib.error.URLError, ConnectionError):
            time.sleep(0.02)
    box.stop(signal.SIGKILL)
    raise AssertionError(f"the service is not up after {START_TIMEOUT} seconds: {box.errors()}")


@contextmanager
def running(folder: Path, *arguments: str, environ: Mapping[str, str] | None = None) -> Iterator[Box]:
    """Run a service for the length of a block."""
    box = start(folder, *arguments, environ=environ)
    try:
        yield box
    finally:
        box.stop()
