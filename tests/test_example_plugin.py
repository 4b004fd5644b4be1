"""The example plugin, built and installed as a stranger would: its engine is found, and judges."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PLUGIN = ROOT / "plugins" / "falconbox-engine-network"

PROGRAM = """
import json
from falconbox.admission import Admission
from falconbox.compiling import PolicyCompiler
from falconbox.errors import Invalid
from falconbox.plugins import load_plugins

plugins = load_plugins()
admission = Admission(plugins.engines)
policy = admission.policy({"id": "office", "engine": "network", "inside": ["192.0.2.0/24"]}, lambda _: True)
evaluator = PolicyCompiler(plugins.engines).compile(policy)
try:
    admission.policy({"id": "office", "engine": "network", "inside": ["192.0.2.7/24"], "outsied": []}, lambda _: True)
except Invalid as error:
    refused = [problem.pointer for problem in error.problems]
print(json.dumps({
    "engines": sorted(plugins.engines),
    "origin": str(plugins.origins["network"]),
    "answers": [evaluator.evaluate({"remote-addr": address}) for address in ("192.0.2.7", "192.0.3.7")],
    "why": evaluator.explain({"remote-addr": "192.0.3.7"}).reasons[0].policy_pointer,
    "refused": refused,
}))
"""


def run(*command: str, **environment: str) -> str:
    done = subprocess.run(
        [sys.executable, *command], check=False, capture_output=True, text=True, timeout=300, env=environment or None
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with nothing in it but the installed plugin."""
    folder = tmp_path_factory.mktemp("plugin")
    pip = ("-m", "pip", "--disable-pip-version-check", "--quiet")
    run(*pip, "wheel", "--no-deps", "--no-build-isolation", "--wheel-dir", str(folder), str(PLUGIN))
    (wheel,) = folder.glob("falconbox_engine_network-*.whl")
    run(*pip, "install", "--no-deps", "--no-index", "--target", str(folder / "site"), str(wheel))
    return folder / "site"


def test_the_example_plugin_is_found_with_its_distribution_and_judges_policies_that_name_it(installed: Path) -> None:
    assert json.loads(run("-c", PROGRAM, PYTHONPATH=str(installed))) == {
        "engines": ["allow", "complex", "json-schema", "matcho", "network"],
        "origin": "falconbox-engine-network 0.1.0",
        "answers": [True, False],
        "why": "/inside",
        "refused": ["/outsied", "/inside/0"],
    }


def test_the_example_plugin_is_one_module_and_a_few_lines(installed: Path) -> None:
    assert sorted(path.name for path in installed.iterdir() if path.suffix != ".dist-info") == [
        "__pycache__",
        "falconbox_engine_network.py",
    ]
    assert len((PLUGIN / "falconbox_engine_network.py").read_text().splitlines()) <= 120


def test_the_how_to_shows_the_plugin_as_it_is() -> None:
    page = (ROOT / "docs" / "how-to" / "write-an-engine.md").read_text()
    (shown,) = re.findall(r"```toml\n(.+?)```", page, re.DOTALL)
    actual = tomllib.loads((PLUGIN / "pyproject.toml").read_text())["project"]
    project = tomllib.loads(shown)["project"]
    assert project == {key: actual[key] for key in project}
    hook = re.findall(r"```python\n(.+?)```", page, re.DOTALL)[0]
    assert hook in (PLUGIN / "falconbox_engine_network.py").read_text()
