"""A plugin is built, installed, and judges policies of a running service."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

import serving
from waiting import until

pytestmark = pytest.mark.blackbox
PLUGIN = Path(__file__).parents[2] / "plugins" / "falconbox-engine-network"


@pytest.fixture(scope="module")
def environ(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The environment of a service beside which the plugin's wheel is installed."""
    folder = tmp_path_factory.mktemp("plugin")
    pip = [sys.executable, "-m", "pip"]
    build = ["wheel", "--quiet", "--no-deps", "--no-build-isolation", "-w", str(folder), str(PLUGIN)]
    subprocess.run([*pip, *build], check=True)
    (wheel,) = folder.glob("*.whl")
    target = folder / "site"
    subprocess.run(
        [*pip, "install", "--quiet", "--no-deps", "--no-index", "--target", str(target), str(wheel)], check=True
    )
    path = os.pathsep.join(part for part in (str(target), os.environ.get("PYTHONPATH", "")) if part)
    return serving.environment(PYTHONPATH=path)


def test_an_installed_plugin_is_listed_with_its_distribution(environ: dict[str, str]) -> None:
    command = [sys.executable, "-m", "falconbox", "engines", "list", "-o", "json"]
    done = subprocess.run(command, env=environ, capture_output=True, check=True)
    assert {engine["name"]: engine["distribution"] for engine in json.loads(done.stdout)} == {
        "allow": "falconbox",
        "complex": "falconbox",
        "json-schema": "falconbox",
        "matcho": "falconbox",
        "network": "falconbox-engine-network",
    }


def test_policies_of_a_plugin_decide_and_fail_closed_when_it_is_gone(environ: dict[str, str], tmp_path: Path) -> None:
    allow = {"id": "from-here", "engine": "network", "inside": ["127.0.0.0/8"], "link": [{"reference": "Client/me"}]}
    me = "me:my-own-secret"
    with serving.running(tmp_path, environ=environ) as box:
        box.admin("POST", "/Client", {"id": "me", "secret": "my-own-secret", "grant_types": ["basic"]})
        assert box.ask("GET", "/Patient", auth=me).status == 403
        assert box.admin("POST", "/AccessPolicy", allow).status == 201
        assert box.ask("GET", "/Patient", auth=me).status == 200
        wrong = box.admin("POST", "/AccessPolicy", {"id": "x", "engine": "network", "inside": ["nowhere"]})
        assert (wrong.status, wrong.json["errors"][0]["pointer"]) == (422, "/inside/0")
    with serving.running(tmp_path) as box:
        assert box.ask("GET", "/Patient", auth=me).status == 403
        ready = box.ask("GET", "/readyz")
        assert (ready.status, ready.json["checks"]["policies"]["broken"]) == (503, 1)
    deny = {"engine": "network", "effect": "deny", "outside": ["127.0.0.0/8"]}
    with serving.running(tmp_path, environ=environ) as box:
        assert box.admin("PUT", "/AccessPolicy/only-from-here", deny).status == 201
        assert box.ask("GET", "/Patient", auth=me).status == 200
    with serving.running(tmp_path) as box:
        # What the deny policy would have said is not known, so it denies everybody.
        assert box.ask("GET", "/Patient", auth=me).status == 403
        assert box.admin("GET", "/Patient").status == 403
        until(lambda: sum(record.get("policies") == ["only-from-here"] for record in box.log()) == 2)
