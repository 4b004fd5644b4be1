"""Run what was installed from the wheel, as somebody would who has never seen the repository."""

import json
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

folder = Path(sys.argv[1])
falconbox = str(folder / "venv" / "bin" / "falconbox")


def run(*arguments: str) -> str:
    """Return what a command prints; it must succeed."""
    return subprocess.run([falconbox, *arguments], cwd=folder, check=True, capture_output=True, text=True).stdout


def ask(port: int, path: str) -> int:
    """Return the status of a GET."""
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=30) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        return int(error.code)


print(run("--version").strip())
engines = {engine["name"]: engine["distribution"] for engine in json.loads(run("engines", "list", "-o", "json"))}
assert engines == dict.fromkeys(("allow", "complex", "json-schema", "matcho"), "falconbox"), engines
print(run("check", "policies").strip())
with socket.socket() as probe:
    probe.bind(("127.0.0.1", 0))
    port = probe.getsockname()[1]
with subprocess.Popen([falconbox, "serve", "--port", str(port), "--policies", "policies"], cwd=folder) as service:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and service.poll() is None:
        try:
            if ask(port, "/readyz") == 200:
                break
        except OSError:
            time.sleep(0.05)
    answers = {path: ask(port, path) for path in ("/healthz", "/readyz", "/Notice", "/Patient")}
    service.send_signal(signal.SIGTERM)
    status = service.wait(30)
assert answers == {"/healthz": 200, "/readyz": 200, "/Notice": 200, "/Patient": 401}, answers
assert status == 0, status
print("the wheel serves, decides and stops: ok")
