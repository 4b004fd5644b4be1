"""Schemathesis believes the description, and tries to catch the running service at something else."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

import serving
from falconbox.api import description
from falconbox.plugins import load_plugins
from serving import ADMIN_SECRET

pytestmark = pytest.mark.blackbox
HERE = Path(__file__).parent
METHODS = {"get", "head", "post", "put", "delete", "patch", "options", "trace"}
EXAMPLES = "20"
OPERATIONS = sum(len(item.keys() & METHODS) for item in description(load_plugins().engines)["paths"].values())


def test_the_service_does_what_its_description_says_and_nothing_else(tmp_path: Path) -> None:
    with serving.running(tmp_path) as box:
        done = subprocess.run(
            [
                sys.executable, "-m", "schemathesis.cli", "--config-file", str(HERE / "schemathesis.toml"), "run",
                f"{box.url}/openapi.json", "--auth", f"admin:{ADMIN_SECRET}", "--max-examples", EXAMPLES,
                "--generation-deterministic", "--no-color",
            ],
            cwd=tmp_path, capture_output=True, text=True, timeout=600,
            env={**os.environ, "SCHEMATHESIS_HOOKS": "schemathesis_hooks", "PYTHONPATH": str(HERE)},
        )  # fmt: skip
        assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-2000:]
        # It has got the description before, and does not try that operation.
        assert f"Tested: {OPERATIONS - 1}" in done.stdout
        assert box.process.poll() is None
        assert "Traceback" not in box.errors()
        assert box.admin("GET", "/Client").status == 200


def test_the_page_and_the_description_are_guarded_and_served(tmp_path: Path) -> None:
    with serving.running(tmp_path) as box:
        for path in ("/docs", "/openapi.json", "/docs/swagger-ui.css"):
            assert box.ask("GET", path).status == 401
            assert box.admin("GET", path).status == 200
        page = box.admin("GET", "/docs", headers={"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"})
        assert page.headers["content-type"] == "text/html; charset=utf-8"
        assert "script-src 'self'" in page.headers["content-security-policy"]
        assert "unsafe" not in page.headers["content-security-policy"]
        assert box.admin("GET", "/docs/../docs").status == 400
        assert box.admin("GET", "/docs/index.html").status == 404
