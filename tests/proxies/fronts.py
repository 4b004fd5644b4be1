"""Real proxies in the foreground, configured as the how-to pages say, in front of a service that tells what it gets."""

from __future__ import annotations

import contextlib
import dataclasses
import http.server
import os
import re
import shutil
import socket
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from conftest import wait_until_listening
from ports import free_port
from waiting import PATIENCE

PAGES = Path(__file__).parents[2] / "docs" / "how-to"
PROXIES = ("nginx", "caddy", "haproxy")
GLOBAL = {
    "nginx": "daemon off; master_process off; pid {folder}/pid; error_log stderr; events {{}}\n"
    "http {{ access_log off; client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy;"
    " fastcgi_temp_path {folder}/fastcgi; uwsgi_temp_path {folder}/uwsgi; scgi_temp_path {folder}/scgi;\n{page}\n}}\n",
    "caddy": "{{\n\tadmin off\n\tauto_https off\n}}\n{page}",
    "haproxy": "{page}",
}
"""What stands around the configuration of a page; it decides nothing."""

COMMANDS = {
    "nginx": ["nginx", "-p", "{folder}", "-e", "stderr", "-c", "{folder}/config"],
    "caddy": ["caddy", "run", "--adapter", "caddyfile", "--config", "{folder}/config"],
    "haproxy": ["haproxy", "-db", "-f", "{folder}/config"],
}


def program(name: str) -> str | None:
    """Return the path of a program; Debian keeps some where not everybody looks."""
    return shutil.which(name, path=f"{os.environ.get('PATH', '')}{os.pathsep}/usr/sbin")


def block(proxy: str, language: str) -> str:
    """Return the one block of a language on a proxy's page."""
    (found,) = re.findall(rf"^```{language}\n(.*?)^```$", (PAGES / f"{proxy}.md").read_text(), re.MULTILINE | re.DOTALL)
    return str(found)


def configuration(proxy: str, folder: Path, port: int, falconbox: int, service: int) -> str:
    """Return a page's configuration with the ports of the test in place of its own."""
    places = {
        "nginx": {"listen 80;": f"listen 127.0.0.1:{port};"},
        "caddy": {"http://:80 {": f"http://:{port} {{\n\tbind 127.0.0.1"},
        "haproxy": {"bind :80": f"bind 127.0.0.1:{port}", "/etc/haproxy/falconbox.lua": f"{folder}/falconbox.lua"},
    }[proxy]
    page = block(proxy, proxy)
    for old, new in {
        **places,
        "127.0.0.1:8080": f"127.0.0.1:{falconbox}",
        "127.0.0.1:9000": f"127.0.0.1:{service}",
    }.items():
        assert page.count(old) == 1, f"{old} stands once on the page"
        page = page.replace(old, new)
    return GLOBAL[proxy].format(folder=folder, page=page)


@dataclasses.dataclass(frozen=True)
class Seen:
    """A request as the service got it."""

    method: str
    target: str
    headers: list[tuple[str, str]]

    def values(self, name: str) -> list[str]:
        """Return the values of a header, whoever could take its name for another one."""
        wanted = name.lower().replace("_", "-")
        return [value for held, value in self.headers if held.lower().replace("_", "-") == wanted]


class Service:
    """What stands behind the proxies: it answers everything with 200, and remembers what it was asked."""

    def __init__(self) -> None:
        self.seen: list[Seen] = []
        service = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def handle_one_request(self) -> None:
                self.raw_requestline = self.rfile.readline(65537)
                if not self.raw_requestline or not self.parse_request():
                    self.close_connection = True
                    return
                method, target, _ = self.raw_requestline.decode("latin-1").split(" ", 2)
                service.seen.append(Seen(method, target, self.headers.items()))
                self.rfile.read(int(self.headers.get("Content-Length", 0)))
                self.send_response(200)
                self.send_header("Content-Length", "7")
                self.end_headers()
                self.wfile.write(b"" if method == "HEAD" else b"service")

            def log_message(self, *_: Any) -> None:
                pass

        class Server(http.server.ThreadingHTTPServer):
            def handle_error(self, *_: Any) -> None:
                pass  # a proxy that goes away

        self._server = Server(("127.0.0.1", 0), Handler)
        self.port = self._server.server_address[1]
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05})
        self._thread.start()

    def close(self) -> None:
        """Stop."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(PATIENCE)


@dataclasses.dataclass(frozen=True)
class Answer:
    """What a caller got."""

    status: int
    headers: list[tuple[str, str]]
    body: bytes

    def values(self, name: str) -> list[str]:
        """Return the values of a header."""
        return [value for held, value in self.headers if held.lower() == name.lower()]


class Front:
    """A running proxy."""

    def __init__(self, name: str, port: int, service: Service) -> None:
        self.name = name
        self.port = port
        self.service = service

    def send(self, data: bytes, *, answers: int = 1) -> list[Answer]:
        """Send bytes on a new connection; return the answers, and no more than are awaited."""
        received = b""
        place = ("127.0.0.1", self.port)
        with socket.create_connection(place, PATIENCE) as connection, contextlib.suppress(ConnectionError):
            connection.sendall(data)
            while len(split(received)) < answers and (chunk := connection.recv(65536)):
                received += chunk
        return split(received)

    def ask(self, method: str, target: str, *lines: str, body: str = "", version: str = "1.1") -> Answer:
        """Send one request; `lines` are header lines."""
        head = [f"{method} {target} HTTP/{version}", *lines]
        if not any(line.lower().startswith("host:") for line in lines):
            head.append("Host: service.example")
        data = "\r\n".join([*head, "Connection: close", "", body]).encode("latin-1")
        (answer,) = self.send(data)
        return answer


def split(data: bytes) -> list[Answer]:
    """Return the answers in a stream that are whole: those to HEAD must be the last."""
    answers = []
    while (end := data.find(b"\r\n\r\n")) >= 0:
        line, *fields = data[:end].decode("latin-1").split("\r\n")
        headers = [(name, value.strip()) for name, _, value in (field.partition(":") for field in fields)]
        lengths = [int(value) for name, value in headers if name.lower() == "content-length"]
        stop = end + 4 + (lengths[0] if lengths else 0)
        answers.append(Answer(int(line.split()[1]), headers, data[end + 4 : stop]))
        data = data[stop:]
    return answers


@contextlib.contextmanager
def fronting(
    proxy: str, folder: Path, falconbox: int, service: Service, *, script: str | None = None
) -> Iterator[Front]:
    """Run a proxy for the length of a block; `script` stands in the place of its page's."""
    port = free_port()
    folder.mkdir(parents=True, exist_ok=True)
    if proxy == "haproxy":
        (folder / "falconbox.lua").write_text(script or block("haproxy", "lua"))
    with _running(proxy, folder, port, configuration(proxy, folder, port, falconbox, service.port)):
        yield Front(proxy, port, service)


@contextlib.contextmanager
def in_front_of_the_box(proxy: str, folder: Path, falconbox: int, service: Service) -> Iterator[Front]:
    """Run a proxy in front of falconbox itself, as the page on TLS says, but for the TLS."""
    port = free_port()
    page = re.sub(r"^ *ssl_.*\n", "", block("tls-in-front", proxy), flags=re.MULTILINE)
    page = page.replace("listen 443 ssl", f"listen 127.0.0.1:{port}").replace(
        "127.0.0.1:8080", f"127.0.0.1:{falconbox}"
    )
    page = page.replace("box.example.org {", f"http://:{port} {{\n\tbind 127.0.0.1")
    with _running(proxy, folder, port, GLOBAL[proxy].format(folder=folder, page=page)):
        yield Front(proxy, port, service)


@contextlib.contextmanager
def _running(proxy: str, folder: Path, port: int, configuration: str) -> Iterator[None]:
    (folder / "config").write_text(configuration)
    name, *arguments = COMMANDS[proxy]
    command = [str(program(name)), *(argument.format(folder=folder) for argument in arguments)]
    homes = dict.fromkeys(("HOME", "XDG_CONFIG_HOME", "XDG_DATA_HOME"), str(folder))
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(command, cwd=folder, stdout=log, stderr=log, env={**os.environ, **homes})
    try:
        wait_until_listening(process, port)
        yield
    finally:
        process.terminate()
        process.wait(PATIENCE)


@contextlib.contextmanager
def saying(data: bytes) -> Iterator[int]:
    """Run a server that says the same to everybody; yield its port."""
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def run() -> None:
            with contextlib.suppress(OSError):
                while True:
                    connection, _ = listening.accept()
                    with connection:
                        connection.recv(65536)
                        connection.sendall(data)

        thread = threading.Thread(target=run, daemon=True)
        thread.start()
        yield listening.getsockname()[1]
        listening.shutdown(socket.SHUT_RDWR)
    thread.join(PATIENCE)
