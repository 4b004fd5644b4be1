"""What tests share: how many run at once, and a server that speaks MongoDB's wire protocol."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from ports import free_port
from waiting import PATIENCE

# No example of a property is wrong for having taken long.
settings.register_profile("falconbox", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("falconbox")


def wait_until_listening(process: subprocess.Popen[bytes], port: int, seconds: float = 60.0) -> None:
    """Return when something listens on a port of this machine; fail when its process has ended."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        assert process.poll() is None, f"the server ended with {process.returncode}"
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.02)
    pytest.fail(f"nothing listens on port {port} after {seconds} seconds")


def pytest_xdist_auto_num_workers() -> int:
    """Two workers for each processor: tests of running services wait as long as they compute."""
    return 2 * (os.cpu_count() or 1)


@pytest.fixture(scope="session")
def nx_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a test server that speaks MongoDB's wire protocol."""
    folder: Path = tmp_path_factory.mktemp("nx")
    port = free_port()
    command = [sys.executable, "-m", "nx_27017.nx_27017", "--data-dir", str(folder / "data"), "--port", str(port),
               "--log-file", str(folder / "log"), "--pid-file", str(folder / "pid")]  # fmt: skip
    (folder / "data").mkdir()
    with (folder / "output").open("wb") as output:
        process = subprocess.Popen(command, stdout=output, stderr=output, cwd=folder)
        try:
            wait_until_listening(process, port)
            yield f"127.0.0.1:{port}"
        finally:
            process.terminate()
            process.wait(PATIENCE)


@pytest.fixture
def nx_mongo_uri(nx_server: str) -> str:
    """A URI of an empty database on that server."""
    return f"mongodb://{nx_server}/test{uuid.uuid4().hex[:12]}"
