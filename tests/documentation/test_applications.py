"""The applications of the how-to are run as they stand there, and decide as its policies say."""

from __future__ import annotations

import re
import subprocess
import sys
import time
import urllib.error
import urllib.request
from base64 import b64encode
from collections.abc import Iterator
from pathlib import Path

import pytest

import serving
from ports import free_port
from waiting import PATIENCE

PAGE = (Path(__file__).parents[2] / "docs" / "how-to" / "protect-an-application.md").read_text()
POLICIES = re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)
APPLICATIONS = dict(re.findall(r"^## (\w+)\n.*?```python\n(.*?)```", PAGE, re.DOTALL | re.MULTILINE))
SECRET = "a long secret"
pytestmark = pytest.mark.blackbox


@pytest.fixture(scope="module", params=sorted(APPLICATIONS))
def url(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """One of the page's applications, started as the page says."""
    folder = tmp_path_factory.mktemp(request.param)
    (folder / "policies").mkdir()
    (folder / "policies" / "orders.yaml").write_text(POLICIES[0])
    (folder / "application.py").write_text(APPLICATIONS[request.param])
    port = free_port()
    command = [sys.executable, "-m", "waitress", f"--listen=127.0.0.1:{port}", "application:application"]
    # What a process that is ended by a signal leaves in its temporary directory goes with the test's.
    environ = serving.environment(SHOP_SECRET=SECRET, TMPDIR=str(folder))
    with (folder / "output").open("wb") as output:
        process = subprocess.Popen(command, cwd=folder, env=environ, stdout=output, stderr=output)
    try:
        deadline = time.monotonic() + serving.START_TIMEOUT
        while time.monotonic() < deadline:
            assert process.poll() is None, (folder / "output").read_text()
            try:
                ask(f"http://127.0.0.1:{port}", "GET", "/orders")
                break
            except (urllib.error.URLError, ConnectionError):
                time.sleep(0.05)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(PATIENCE)


def ask(url: str, method: str, path: str, secret: str | None = None, body: str | None = None) -> tuple[int, str]:
    asked = urllib.request.Request(url + path, method=method, data=None if body is None else body.encode())
    if secret is not None:
        asked.add_header("Authorization", f"Basic {b64encode(f'shop:{secret}'.encode()).decode()}")
    if body is not None:
        asked.add_header("Content-Type", "application/json")
    try:
        with urllib.request.urlopen(asked, timeout=30) as answer:
            return answer.status, answer.read().decode().strip()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


def test_the_page_shows_three_frameworks_in_ten_lines_each() -> None:
    assert sorted(APPLICATIONS) == ["Django", "Falcon", "Flask"]
    for code in APPLICATIONS.values():
        assert sum(bool(line) for line in code.splitlines()) <= 10


def test_what_a_policy_allows_reaches_the_application_with_the_caller(url: str) -> None:
    assert ask(url, "GET", "/orders", SECRET) == (200, "orders of shop")


def test_a_body_that_a_policy_has_read_reaches_the_application_whole(url: str) -> None:
    status, text = ask(url, "POST", "/orders", SECRET, '{"amount": 5}')
    assert (status, text.replace(" ", "")) == (200, '{"amount":5}')


@pytest.mark.parametrize(
    ("method", "path", "secret", "body", "status"),
    [
        ("POST", "/orders", SECRET, '{"amount": 500}', 403), ("POST", "/orders", SECRET, '{"amount": 5,', 403),
        ("POST", "/orders", SECRET, '{"amount": 5, "amount": 5}', 403), ("DELETE", "/orders", SECRET, None, 403),
        ("GET", "/orders/", SECRET, None, 403), ("GET", "/", SECRET, None, 403), ("GET", "/orders", "wrong", None, 401),
        ("GET", "/orders", None, None, 401), ("GET", "//orders", SECRET, None, 400), ("GET", "/orders%2F", SECRET, None, 400),
        ("OPTIONS", "/orders", SECRET, None, 403), ("HEAD", "/orders", SECRET, None, 403),
    ],
)  # fmt: skip
def test_everything_else_is_refused_before_the_application_sees_it(
    url: str, method: str, path: str, secret: str | None, body: str | None, status: int
) -> None:
    assert ask(url, method, path, secret, body)[0] == status
